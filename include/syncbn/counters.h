/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_COUNTERS_H
#define SYNCBN_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include <syncbn/group.h>
#include <syncbn/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What this rank has done since it joined, counted in the segment. Times are nanoseconds on the
 * calling thread, so they add up to its wall time; bytes are those this rank published.
 */
typedef struct syncbn_counters {
	size_t size;             /* in: sizeof(syncbn_counters_t) */
	uint64_t exchange_calls; /* forward and backward moments that were exchanged */
	uint64_t exchange_bytes;
	uint64_t reduce_calls; /* all-reduce, broadcast, all-gather, reduce-scatter */
	uint64_t reduce_bytes;
	uint64_t barrier_calls;
	uint64_t moments_ns;   /* summing x, or, backward, dy and dy * xhat */
	uint64_t exchange_ns;  /* publishing and merging */
	uint64_t wait_ns;      /* waiting for peers, in layers, collectives and barriers */
	uint64_t normalize_ns; /* writing y, or dx, and what is summed in the same loop */
	uint64_t reduce_ns;    /* summing and copying in these; of up to 4 KB one in 8 is timed */
	uint64_t sleeps;       /* how often a wait gave up its CPU */
} syncbn_counters_t;

/* Local. INVALID: NULL, or size is not that of this library's struct. */
syncbn_status_t syncbn_counters_get(const syncbn_group_t *group, syncbn_counters_t *counters);

#ifdef __cplusplus
}
#endif
#endif
