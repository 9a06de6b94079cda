/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of "syncbn-perf bn". */
#ifndef SYNCBN_PERF_BN_OPTIONS_H
#define SYNCBN_PERF_BN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <syncbn/status.h>

#include "perf_bn_data.h"
#include "perf_bn_shapes.h"
#include "perf_peer.h"

enum perf_bn_op { PERF_BN_FWD, PERF_BN_BWD, PERF_BN_STEP, PERF_BN_EVAL, PERF_BN_OPS };
enum perf_bn_place { PERF_BN_COLD, PERF_BN_HOT, PERF_BN_PLACES };

struct perf_bn_options {
	uint64_t n_ranks; /* 0: the launcher's choice */
	bool oversubscribe;
	uint64_t threads; /* of a rank; 0: its cores */
	enum perf_bn_op op;
	struct perf_bn_shapes shapes; /* of the whole batch */
	syncbn_layout_t layout;
	syncbn_dtype_t dtype;
	enum perf_bn_act act;
	enum perf_bn_numbers numbers;
	bool numerics, openmp; /* instead of the usual table */
	const char *executor;  /* whose threads run the layer, as SYNCBN_EXECUTOR has it; or NULL */
	bool places[PERF_BN_PLACES];
	uint64_t warmup;     /* calls before each round */
	uint64_t iterations; /* calls a round; 0: as many as fill the time */
	uint64_t rounds;
	const char *json; /* NULL: none */
	bool peers[PERF_PEERS];
	bool help;
};

/*
 * Whether the activation is measured as a pass of its own, too: forward, and of float32. The
 * library has no pass of an activation alone.
 */
static inline bool
perf_bn_has_apart(const struct perf_bn_options *options)
{
	return options->act != PERF_BN_NONE && options->op == PERF_BN_FWD &&
	       options->dtype == SYNCBN_FLOAT32;
}

/* argv[0] is the command. INVALID: the detail names the option and offers the nearest word. */
syncbn_status_t perf_bn_options_parse(int argc, char **argv, struct perf_bn_options *options);

/* The text of --help: fits a screen of 80 columns. */
extern const char perf_bn_help[];

extern const char *const perf_bn_op_names[PERF_BN_OPS];
extern const char *const perf_bn_place_names[PERF_BN_PLACES];
extern const char *const perf_bn_act_names[PERF_BN_ACTS];

/* "nchw", "f32". */
const char *perf_bn_layout_name(syncbn_layout_t layout);
const char *perf_bn_dtype_name(syncbn_dtype_t dtype);

#endif
