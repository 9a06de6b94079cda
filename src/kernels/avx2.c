/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/half_avx2.h"
#include "kernels/v16_avx2.h"
#include "kernels/w16_avx2.h"

#include "kernels/every_type.h"
#include "kernels/sets.h"

SBN_KERNELS_DEFINE(avx2);
