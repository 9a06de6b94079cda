/* SPDX-License-Identifier: Apache-2.0 */
/* How a measurement begins and ends, whatever it measures. */
#ifndef SYNCBN_PERF_END_H
#define SYNCBN_PERF_END_H

#include <stdint.h>

#include <syncbn/group.h>
#include <syncbn/status.h>

/* Prints the last error; the exit code that goes with it. */
int perf_tell(syncbn_status_t status);

/* code, or a failure where standard output could not be written. */
int perf_end_stdout(int code);

/* INVALID where the launcher has started another number of ranks than n_ranks; 0: any will do. */
syncbn_status_t perf_check_ranks(const syncbn_group_t *group, uint64_t n_ranks);

#endif
