/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a layer's calls still take as long as they did behind the trials of its ways (trial.h).
 * A virtual machine's host moves its CPUs, memory has another speed then, and another way may be
 * the shortest.
 */
#ifndef SBN_NN_PACE_H
#define SBN_NN_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SBN_PACE_CALLS = 9,  /* whose median is what calls usually take */
	SBN_PACE_APART = 24, /* calls of more or less, as good as one after the other */
	SBN_PACE_LEAST = 500 /* calls between two trials, which cost some tens of longer ones */
};

/* Begins as zeros, and anew with every call of a trial. */
struct sbn_pace {
	uint64_t work;                  /* of the calls that are compared */
	uint64_t first[SBN_PACE_CALLS]; /* ascending */
	uint32_t calls, apart;
};

/*
 * A call of so much work has taken so long. True: for some time now all have taken a quarter longer
 * than usual, or a fifth less.
 */
bool sbn_pace_changed(struct sbn_pace *pace, uint64_t work, uint64_t ticks);

#endif
