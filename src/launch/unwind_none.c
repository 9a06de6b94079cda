/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/unwind.h"

const bool sbn_unwind_is_built_in = false;

struct sbn_unwinder *
sbn_unwind_open(pid_t pid)
{
	(void)pid;
	return NULL;
}

void
sbn_unwind_thread(struct sbn_unwinder *unwinder, pid_t thread, struct sbn_stack *stack)
{
	(void)unwinder;
	(void)thread;
	stack->n = 0;
}

void
sbn_unwind_name(struct sbn_unwinder *unwinder, uint64_t address, char text[SBN_FRAME_BYTES])
{
	(void)unwinder;
	(void)address;
	text[0] = '\0';
}

void
sbn_unwind_close(struct sbn_unwinder *unwinder)
{
	(void)unwinder;
}
