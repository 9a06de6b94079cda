/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_PERF_START_H
#define SYNCBN_PERF_START_H

#include "perf_options.h"

/* Starts this program with the same words as every rank and waits for all; an exit code. */
int perf_start(const struct perf_options *options, int argc, char **argv);

#endif
