/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of "syncbn-perf exchange", "allreduce", "barrier" and "overlap". */
#ifndef SYNCBN_PERF_OPTIONS_H
#define SYNCBN_PERF_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <syncbn/collective.h>
#include <syncbn/status.h>

#include "perf_peer.h"

enum perf_command { PERF_EXCHANGE, PERF_ALLREDUCE, PERF_BARRIER, PERF_OVERLAP, PERF_COMMANDS };

extern const char *const perf_command_names[PERF_COMMANDS];

enum { PERF_MAX_SIZES = 64, PERF_PAIR_BYTES = 16 /* a channel's two doubles */ };

struct perf_options {
	enum perf_command command;
	uint64_t n_ranks; /* 0: the launcher's choice */
	bool oversubscribe;
	size_t bytes[PERF_MAX_SIZES]; /* what a rank gives; barrier: 0 */
	size_t n_sizes;
	size_t unit;         /* sizes are multiples of it: a channel or a value */
	bool rounded;        /* a size that was asked for was none */
	uint64_t warmup;     /* calls before each round */
	uint64_t iterations; /* calls a round; 0: as many as fill the time */
	uint64_t rounds;
	bool arena;                     /* all-reduce in the segment; overlap: always */
	uint64_t n_buckets, compute_us; /* overlap's */
	syncbn_dtype_t dtype;
	syncbn_reduce_t reduce;
	const char *json; /* NULL: none */
	bool peers[PERF_PEERS];
	bool help;
};

/* argv[0] is the command. INVALID: the detail names the option and offers the nearest word. */
syncbn_status_t perf_options_parse(int argc, char **argv, struct perf_options *options);

/* The text of --help: fits a screen of 80 columns. */
extern const char perf_options_help[];

/* "float32", "sum". */
const char *perf_dtype_name(syncbn_dtype_t dtype);
const char *perf_reduce_name(syncbn_reduce_t reduce);

#endif
