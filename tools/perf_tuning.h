/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_PERF_TUNING_H
#define SYNCBN_PERF_TUNING_H

#include <stdio.h>

#include "comm/tuning.h"

/* "rows fetched first never, past the caches never, reduce-scatter from 16384 bytes" */
void perf_tuning_print(FILE *file, struct sbn_tuning tuning);

#endif
