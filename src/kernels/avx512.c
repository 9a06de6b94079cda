/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/v16_avx512.h"

#include "kernels/plane_body.h"
#include "kernels/rows_body.h"
#include "kernels/sets.h"
#include "kernels/sum_body.h"

SBN_KERNELS_DEFINE(avx512);
