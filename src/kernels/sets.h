/* SPDX-License-Identifier: Apache-2.0 */
/* The instruction sets of this build, and the table that each of their sources defines. */
#ifndef SBN_KERNELS_SETS_H
#define SBN_KERNELS_SETS_H

#include "kernels/kernels.h"

extern const struct sbn_kernels sbn_kernels_scalar;
extern const struct sbn_kernels sbn_kernels_avx2;
extern const struct sbn_kernels sbn_kernels_avx512;
extern const struct sbn_kernels sbn_kernels_neon;

/* In the order of struct sbn_type_kernels. */
#define SBN_TYPE_KERNELS(type)                                                                \
	{                                                                                     \
		plane_moments_##type, planes_moments_##type, planes_normalize_##type,         \
			plane_sums_##type, planes_sums_##type, blocks_moments_##type,         \
			blocks_sums_##type, planes_dx_##type, planes_normalize_beside_##type, \
			planes_dx_beside_##type, rows_moments_##type, rows_normalize_##type,  \
			rows_normalize_beside_##type, rows_sums_##type, rows_dx_##type,       \
			rows_dx_beside_##type                                                 \
	}

/* A source includes its vocabularies and every_type.h, and ends with this. */
#define SBN_KERNELS_DEFINE(isa)                              \
	const struct sbn_kernels sbn_kernels_##isa = {       \
		.name = #isa,                                \
		.of = { [SBN_F32] = SBN_TYPE_KERNELS(f32),   \
			[SBN_F64] = SBN_TYPE_KERNELS(f64),   \
			[SBN_BF16] = SBN_TYPE_KERNELS(bf16), \
			[SBN_F16] = SBN_TYPE_KERNELS(f16) }, \
		.sum_f32 = sum_f32,                          \
		.sum_f64 = sum_f64,                          \
		.sum_bf16 = sum_bf16,                        \
		.merge_moments = merge_moments,              \
		.use_moments = use_moments,                  \
		.use_saved = use_saved,                      \
		.use_gradients = use_gradients,              \
	}

#endif
