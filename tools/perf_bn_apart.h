/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_PERF_BN_APART_H
#define SYNCBN_PERF_BN_APART_H

#include <stddef.h>

#include "perf_bn_data.h"

/*
 * The activation as a pass of its own over float32, on the library's team: y = act(y + z). z NULL:
 * none.
 */
void perf_bn_apart(enum perf_bn_act act, float *y, const float *z, size_t n);

#endif
