/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stacks of a process whose threads stand still. unwind_dw.c is made of elfutils' libdw;
 * unwind_none.c takes its place where that is not there, and gives none.
 */
#ifndef SBN_LAUNCH_UNWIND_H
#define SBN_LAUNCH_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { SBN_FRAMES_MAX = 32, SBN_FRAME_BYTES = 200 };

struct sbn_unwinder;

struct sbn_stack {
	uint64_t address[SBN_FRAMES_MAX]; /* innermost first; of callers, within the call */
	size_t n;
	bool more; /* than these */
};

/* NULL: not possible. Reads the process's map of files; its threads may run. */
struct sbn_unwinder *sbn_unwind_open(pid_t pid);

/* Whether this program can unwind at all. */
extern const bool sbn_unwind_is_built_in;

/* The stack of a thread that stands; n is 0 when it cannot be read. */
void sbn_unwind_thread(struct sbn_unwinder *unwinder, pid_t thread, struct sbn_stack *stack);

/* "sbn_wait at wait.c:230", "cblas_sgemm in libopenblas.so.0", "0x7f.. in train": what is known. */
void sbn_unwind_name(struct sbn_unwinder *unwinder, uint64_t address, char text[SBN_FRAME_BYTES]);

void sbn_unwind_close(struct sbn_unwinder *unwinder);

#endif
