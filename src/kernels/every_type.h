/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of all element types, in the vocabularies that were included before. */
#ifndef SBN_KERNELS_EVERY_TYPE_H
#define SBN_KERNELS_EVERY_TYPE_H

#include "kernels/types.h"

/* Not sorted: the sums use what comes before them. */
#define SBN_TYPE f32
#include "kernels/order_body.h"
#include "kernels/typed_body.h"

#include "kernels/sum_body.h"
#undef SBN_TYPE

#define SBN_TYPE f64
#include "kernels/order_body.h"
#include "kernels/typed_body.h"

#include "kernels/coefficients_body.h"
#include "kernels/merge_body.h"
#include "kernels/sum_body.h"
#undef SBN_TYPE

#define SBN_TYPE bf16
#ifndef SBN_BF16_HAS_AN_ORDER
#include "kernels/order_body.h"
#endif
#include "kernels/typed_body.h"

#include "kernels/sum_body.h"
#undef SBN_TYPE

#define SBN_TYPE f16
#include "kernels/order_body.h"
#include "kernels/typed_body.h"
#undef SBN_TYPE

#endif
