/* SPDX-License-Identifier: Apache-2.0 */
/* What was measured, as a table and as JSON. */
#ifndef SYNCBN_PERF_RESULTS_H
#define SYNCBN_PERF_RESULTS_H

#include <stdio.h>

#include "perf_machine.h"
#include "perf_options.h"
#include "perf_print.h"
#include "perf_stats.h"

/* One size. */
struct perf_result {
	size_t bytes;
	uint64_t calls; /* in all rounds together */
	struct perf_stats us;
	double beside_us; /* the floor, or overlap: the blocking calls; 0: there is none */
	uint64_t wrong;
	struct perf_trip trip; /* after it was measured */
	struct perf_peer_result peers[PERF_PEERS];
};

struct perf_results {
	const struct perf_options *options;
	const struct perf_machine *machine;
	uint32_t n_ranks;
	const bool *peers; /* [PERF_PEERS] that take part */
	struct perf_result rows[PERF_MAX_SIZES];
	size_t n_rows;
};

/*
 * GB/s; 0 for a barrier, and for overlap, which computes too. As nccl-tests count: of an exchange,
 * all ranks' bytes.
 */
double perf_algbw(const struct perf_results *results, const struct perf_result *row);
double perf_busbw(const struct perf_results *results, const struct perf_result *row);

/* Our time by the floor's; of overlap, as of a peer, the blocking calls' time by ours. */
double perf_beside(const struct perf_results *results, const struct perf_result *row);

/* Lines that begin with #: the machine, the columns. */
void perf_table_head(const struct perf_results *results);
void perf_table_row(const struct perf_results *results, const struct perf_result *row);

/* The whole file or nothing. */
syncbn_status_t perf_json_write(const char *path, const struct perf_results *results);

#endif
