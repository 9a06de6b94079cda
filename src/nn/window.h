/* SPDX-License-Identifier: Apache-2.0 */
/* One call's stretch of channels: what this rank says of them, and what all ranks say. */
#ifndef SBN_NN_WINDOW_H
#define SBN_NN_WINDOW_H

#include "nn/chunks.h"
#include "nn/pass.h"
#include "nn/stopwatch.h"

struct sbn_window {
	struct sbn_pass *pass;
	uint32_t first, n_channels;
	uint32_t n_lanes;
	uint32_t n_sharing; /* threads that share each channel's blocks; 0: none, but lanes */
	struct sbn_chunks chunks;
	bool beside;                  /* one chunk is summed while another is written */
	struct sbn_running_call call; /* with exchange */
	struct sbn_pair *own;         /* this rank's row: private, though published too */
};

/* A lane's chunk as the pass sees it. */
struct sbn_range sbn_window_range(const struct sbn_window *w, const struct sbn_range *chunk);

/* This rank's sums of a chunk, from w->own. */
void sbn_window_publish(struct sbn_window *w, uint32_t lane, const struct sbn_range *chunk);

/* Waits for everybody's sums of a chunk. */
syncbn_status_t sbn_window_await(struct sbn_window *w, uint32_t lane, const struct sbn_range *chunk,
				 struct sbn_stopwatch *watch);

/*
 * After that, who takes part and where their sums are, which is the same for all chunks; row, low
 * and count are the caller's arrays, [size of the group].
 */
void sbn_window_pairs(const struct sbn_window *w, struct sbn_pairs *pairs);

/* Makes pass->merge of what was awaited; false: there is nothing to write from it. */
bool sbn_window_merge(const struct sbn_window *w, const struct sbn_range *chunk,
		      const struct sbn_pairs *pairs, struct sbn_stopwatch *watch);

/*
 * Whether everybody's sums of a later chunk are there, which need not be awaited then: they are on
 * their way here when this returns. A line takes its time from one CPU to another, so first come
 * hints, for the looks that follow.
 */
void sbn_window_hint(const struct sbn_window *w);
bool sbn_window_fetch(const struct sbn_window *w, const struct sbn_range *later);

/* Samples a channel of all ranks that take part. */
double sbn_window_total(const struct sbn_window *w);

#endif
