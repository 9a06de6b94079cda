/* SPDX-License-Identifier: Apache-2.0 */
/* Where a rank is in its work, told by hooks that exist in the test's program only. */
#ifndef SBN_TESTS_FAULTS_HOOKS_H
#define SBN_TESTS_FAULTS_HOOKS_H

#include <stdbool.h>

enum phase {
	START,      /* before syncbn_init */
	MOMENTS,    /* in the kernel that sums a batch */
	PUBLISH,    /* the sums are written, the watermark is not raised yet */
	WAIT,       /* about to look for a peer's sums */
	REDUCE,     /* in the kernel that merges all ranks' sums */
	NORMALIZE,  /* in the kernel that writes y */
	GRADIENTS,  /* in the kernel that sums the gradients of all ranks */
	CHECKPOINT, /* a state file is written, and has not taken its name yet */
	EXIT,       /* after syncbn_finalize */
	N_PHASES
};

static const char *const phase_names[N_PHASES]
	__attribute__((unused)) = { "start",     "moments",   "publish",    "wait", "reduce",
				    "normalize", "gradients", "checkpoint", "exit" };

/* The phase that is waited for, and whether the training has come far enough. */
extern enum phase hooks_phase;
extern bool hooks_armed;

enum phase hooks_phase_of(const char *name);

/* By the program: called in each phase while the hooks are armed, from whatever thread is there. */
void reached(enum phase phase);

#endif
