/* SPDX-License-Identifier: Apache-2.0 */
/* What "syncbn-perf bn" has measured, as a table and as JSON. */
#ifndef SYNCBN_PERF_BN_RESULTS_H
#define SYNCBN_PERF_BN_RESULTS_H

#include "perf_bn_options.h"
#include "perf_bn_work.h"
#include "perf_print.h"

/* Where a call of ours spends its time on rank 0's calling thread, microseconds. */
struct perf_bn_phases {
	double moments, exchange, wait, normalize;
};

/* One shape in one place. */
struct perf_bn_result {
	const struct perf_bn_shape *shape;
	enum perf_bn_place place;
	uint64_t calls; /* in all rounds together */
	size_t bytes;   /* that the floor moves on all ranks */
	bool there[PERF_BN_VARIANTS];
	struct perf_stats us[PERF_BN_VARIANTS];
	struct perf_bn_phases phases;
	uint64_t wrong;
	struct perf_peer_result peers[PERF_PEERS];
};

struct perf_bn_table {
	const struct perf_bn_options *options;
	const struct perf_machine *machine;
	uint32_t n_ranks;
	int n_threads;
	const bool *peers; /* [PERF_PEERS] that take part */
	struct perf_bn_result rows[PERF_BN_MAX_SHAPES * PERF_BN_PLACES];
	size_t n_rows;
};

/* Our time by the variant's; 0: not measured. */
double perf_bn_multiple(const struct perf_bn_result *row, enum perf_bn_variant variant);

/* GB/s of what the floor moves. */
double perf_bn_bandwidth(const struct perf_bn_result *row);

/* Lines that begin with #: the machine, the columns. */
void perf_bn_table_head(const struct perf_bn_table *results);
void perf_bn_table_row(const struct perf_bn_table *results, const struct perf_bn_result *row);

/* The whole file or nothing. */
syncbn_status_t perf_bn_json_write(const char *path, const struct perf_bn_table *results);

#endif
