/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another way through a window's channels: threads do not split the channels, but share the blocks
 * of each. For channels that are too few, or too large for the cache of one thread. A chunk is
 * written while the next one is summed, and then all threads meet.
 */
#ifndef SBN_NN_SHARE_H
#define SBN_NN_SHARE_H

#include "nn/window.h"

/* Whether the pass can be shared at all. */
bool sbn_share_is_possible(const struct sbn_pass *pass);

/* Whether n_lanes threads, each with channels of its own, would take much longer. */
bool sbn_share_suits(const struct sbn_pass *pass, uint32_t n_channels, uint32_t n_lanes,
		     int threads);

/* Whether sharing may be better, as a thread's cache does not hold two channels; else it is not. */
bool sbn_share_may_gain(const struct sbn_pass *pass, int threads);

/* Sets w->n_sharing, and the window's one lane and chunks. False, and nothing set: no memory. */
bool sbn_share_begin(struct sbn_window *w, int threads);

/* All of it; how an exchange failed is known by its end. */
void sbn_share_run(struct sbn_window *w, int threads);

#endif
