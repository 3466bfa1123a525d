# SPDX-License-Identifier: Apache-2.0
"""Where things are in the checkout and in the build."""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("FANGS_BIN_DIR", ROOT / "build" / "release" / "bin"))
SCRIPTS = ROOT / "scripts"
FIXTURES = ROOT / "tests" / "integration" / "fixtures"
