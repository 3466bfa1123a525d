# SPDX-License-Identifier: Apache-2.0
"""Where things are in the checkout and in the build."""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("FANGS_BIN_DIR", ROOT / "build" / "release" / "bin"))
SCRIPTS = ROOT / "scripts"
FIXTURES = ROOT / "tests" / "integration" / "fixtures"


def let_others_enter(directory):
    """Servers and helpers run as users of their own."""
    for folder in [directory, *directory.parents]:
        mode = folder.stat().st_mode
        if mode & 0o011 != 0o011 and folder.stat().st_uid == os.getuid():
            folder.chmod(mode | 0o711)
    return directory
