/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_PERF_START_H
#define SYNCBN_PERF_START_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Starts this program with the same words as every rank and waits for all; an exit code.
 * n_ranks 0: one a NUMA domain.
 */
int perf_start(uint64_t n_ranks, bool oversubscribe, int argc, char **argv);

#endif
