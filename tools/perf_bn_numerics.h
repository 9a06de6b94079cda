/* SPDX-License-Identifier: Apache-2.0 */
/* "syncbn-perf bn --numerics": errors instead of times. */
#ifndef SYNCBN_PERF_BN_NUMERICS_H
#define SYNCBN_PERF_BN_NUMERICS_H

#include "perf_bn_errors.h"
#include "perf_bn_options.h"
#include "perf_machine.h"
#include "perf_peers.h"

struct perf_bn_numerics_row {
	struct perf_bn_shape shape;
	enum perf_bn_numbers numbers;
	bool there[PERF_PEERS];
	double ours[PERF_BN_ERRORS], peers[PERF_PEERS][PERF_BN_ERRORS];
};

/* Collective: every kind of numbers in every shape; rank 0 prints the table and writes the file. */
syncbn_status_t perf_bn_numerics(const struct perf_bn_options *options, struct syncbn_group *group,
				 syncbn_group_t *alone, const struct perf_machine *machine,
				 struct perf_peers *peers);

#endif
