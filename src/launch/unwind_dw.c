/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/unwind.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const bool sbn_unwind_is_built_in = true;

struct sbn_unwinder {
	Dwfl_Callbacks callbacks;
	Dwfl *dwfl;
};

struct sbn_unwinder *
sbn_unwind_open(pid_t pid)
{
	struct sbn_unwinder *unwinder = calloc(1, sizeof(*unwinder));

	if (unwinder == NULL)
		return NULL;
	unwinder->callbacks.find_elf = dwfl_linux_proc_find_elf;
	/* by build id and on this machine: the standard one may ask servers on the network */
	unwinder->callbacks.find_debuginfo = dwfl_build_id_find_debuginfo;
	unwinder->dwfl = dwfl_begin(&unwinder->callbacks);
	if (unwinder->dwfl == NULL || dwfl_linux_proc_report(unwinder->dwfl, pid) != 0 ||
	    dwfl_report_end(unwinder->dwfl, NULL, NULL) != 0 ||
	    dwfl_linux_proc_attach(unwinder->dwfl, pid, true) != 0) {
		sbn_unwind_close(unwinder);
		return NULL;
	}
	return unwinder;
}

static int
take_frame(Dwfl_Frame *frame, void *arg)
{
	struct sbn_stack *stack = arg;
	Dwarf_Addr pc;
	bool exact; /* the innermost frame, or one that a signal interrupted */

	if (!dwfl_frame_pc(frame, &pc, &exact))
		return DWARF_CB_ABORT;
	if (stack->n == SBN_FRAMES_MAX) {
		stack->more = true;
		return DWARF_CB_ABORT;
	}
	/* where a call returns to may be another line, even another function */
	stack->address[stack->n++] = exact ? pc : pc - 1;
	return DWARF_CB_OK;
}

void
sbn_unwind_thread(struct sbn_unwinder *unwinder, pid_t thread, struct sbn_stack *stack)
{
	*stack = (struct sbn_stack){ .n = 0 };
	/* an error ends the stack where it ends; what was found counts */
	dwfl_getthread_frames(unwinder->dwfl, thread, take_frame, stack);
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

void
sbn_unwind_name(struct sbn_unwinder *unwinder, uint64_t address, char text[SBN_FRAME_BYTES])
{
	Dwfl_Module *module = dwfl_addrmodule(unwinder->dwfl, address);
	Dwfl_Line *line = module == NULL ? NULL : dwfl_module_getsrc(module, address);
	const char *file, *symbol = NULL;
	char number[24];
	GElf_Off offset;
	GElf_Sym unused;
	int row;

	if (module != NULL)
		symbol = dwfl_module_addrinfo(module, address, &offset, &unused, NULL, NULL, NULL);
	if (symbol == NULL) {
		snprintf(number, sizeof(number), "%#" PRIx64, address);
		symbol = number;
	}
	file = line == NULL ? NULL : dwfl_lineinfo(line, NULL, &row, NULL, NULL, NULL);
	if (file != NULL) {
		snprintf(text, SBN_FRAME_BYTES, "%s at %s:%d", symbol, base_name(file), row);
		return;
	}
	file = module == NULL ? NULL :
				dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
	snprintf(text, SBN_FRAME_BYTES, "%s%s%s", symbol, file == NULL ? "" : " in ",
		 file == NULL ? "" : base_name(file));
}

void
sbn_unwind_close(struct sbn_unwinder *unwinder)
{
	if (unwinder != NULL && unwinder->dwfl != NULL)
		dwfl_end(unwinder->dwfl);
	free(unwinder);
}
