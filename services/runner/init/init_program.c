// SPDX-License-Identifier: Apache-2.0
#include "init/init_program.h"

/* The assembler reads the file that the build has made before this one. */
__asm__(".section .rodata\n"
        ".balign 16\n"
        "sandbox_init_begin:\n"
        ".incbin \"" SANDBOX_INIT_FILE "\"\n"
        "sandbox_init_end:\n"
        ".byte 0\n"
        ".previous\n");

extern const char sandbox_init_begin[], sandbox_init_end[];

struct view init_program(void)
{
	return view_of(sandbox_init_begin, (size_t)(sandbox_init_end - sandbox_init_begin));
}
