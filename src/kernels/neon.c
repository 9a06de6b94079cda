/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/half_neon.h"
#include "kernels/v16_neon.h"
#include "kernels/w16_neon.h"

#include "kernels/every_type.h"
#include "kernels/sets.h"

SBN_KERNELS_DEFINE(neon);
