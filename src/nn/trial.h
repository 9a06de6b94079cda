/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of some ways a layer's pass goes through memory, where caches that nothing tells about
 * decide it; the bits are the same. The first calls go each way in turns: by the second shortest of
 * each, as one may be shorter by chance, such as when a peer leaves all of the memory to it. More
 * go those ways that took nearly as long as the shortest, forth and back, as peers may have turns
 * of their own by then; and the others the way whose median is the shortest. After many calls it is
 * tried again, as memory changes its speed, and other programs come and go; sooner where that is
 * seen (pace.h).
 */
#ifndef SBN_NN_TRIAL_H
#define SBN_NN_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SBN_TRIES = 4,       /* calls of each way, */
	SBN_CLOSE_TRIES = 8, /* and more, where two or more took nearly as long */
	SBN_MOST_WAYS = 5,
	SBN_TRIAL_LASTS = 1000, /* calls that go the shortest way */
	SBN_TRIAL_KEPT = (SBN_TRIES + SBN_CLOSE_TRIES) / 2
};

/* Begins as zeros. */
struct sbn_trial {
	uint64_t work;                                    /* of the calls that are compared */
	uint64_t shortest[SBN_MOST_WAYS][SBN_TRIAL_KEPT]; /* calls of each way, ascending */
	uint32_t calls, ways;
	uint32_t close; /* a bit for each way that nearly is the shortest; 0: not known yet */
	uint32_t since; /* calls since it was over */
};

/*
 * The way of a call with so much work: 0 .. ways - 1, of 2 or more. A call of other work, or with
 * other ways, begins an open trial anew, and one after SBN_TRIAL_LASTS any.
 */
unsigned sbn_trial_way(struct sbn_trial *trial, unsigned ways, uint64_t work);

/* The shortest one, of an open trial so far; the call does not count. */
unsigned sbn_trial_shortest(const struct sbn_trial *trial, unsigned ways);

/* Whether calls go the shortest way. */
bool sbn_trial_is_over(const struct sbn_trial *trial);

/* All ways are tried out again, from the next call on. */
void sbn_trial_again(struct sbn_trial *trial);

/* How long that call took. */
void sbn_trial_took(struct sbn_trial *trial, uint64_t ticks);

#endif
