/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/half_scalar.h"
#include "kernels/v16_scalar.h"
#include "kernels/w16_scalar.h"

#include "kernels/every_type.h"
#include "kernels/sets.h"

SBN_KERNELS_DEFINE(scalar);
