/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which way of doing a collective is the fastest on this machine: measured when the world is made,
 * the same for all its ranks and for the groups within it. No choice changes a bit of a result.
 */
#ifndef SBN_COMM_TUNING_H
#define SBN_COMM_TUNING_H

#include <stdint.h>

#include <syncbn/status.h>

struct syncbn_group;

enum { SBN_NEVER = INT32_MAX };

struct sbn_tuning {
	uint32_t take_from;    /* bytes from which rows are fetched for writing; or never */
	uint32_t stream_from;  /* bytes from which rows are copied past the caches; or never */
	uint32_t scatter_from; /* bytes from which an all-reduce is a reduce-scatter and an
				* all-gather; or never */
};

/*
 * Decides for the world, by measuring or by rank 0's SYNCBN_CALIBRATE, SYNCBN_TAKE_FROM,
 * SYNCBN_STREAM_FROM and SYNCBN_SCATTER_FROM. The data stream is as if nothing had travelled on it;
 * nobody uses it before all have returned. Collective.
 */
syncbn_status_t sbn_tuning_choose(struct syncbn_group *world);

/* INVALID: a value of the environment is malformed, which a world of one does not use. */
syncbn_status_t sbn_tuning_check(void);

/* The world's choice for a group of fewer ranks. */
struct sbn_tuning sbn_tuning_within(struct sbn_tuning world, uint32_t world_size, uint32_t size);

/*
 * From the times of each size, [n] of them: the first size from which on `other` is faster by a
 * margin in percent; SBN_NEVER where the largest is not.
 */
uint32_t sbn_tuning_crossing(const uint64_t *usual, const uint64_t *other, const uint32_t *sizes,
			     int n, uint32_t margin);

#endif
