/* SPDX-License-Identifier: Apache-2.0 */
/* "syncbn-perf bn --openmp": whether the library's team and the program's OpenMP disturb. */
#ifndef SYNCBN_PERF_BN_OPENMP_H
#define SYNCBN_PERF_BN_OPENMP_H

#include "perf_bn_options.h"
#include "perf_machine.h"

/*
 * Collective: every shape's layer by itself, an OpenMP region by itself, and both alternating, in
 * turns. UNSUPPORTED: built without OpenMP.
 */
syncbn_status_t perf_bn_openmp(const struct perf_bn_options *options, struct syncbn_group *group,
			       syncbn_group_t *alone, const struct perf_machine *machine);

#endif
