/* SPDX-License-Identifier: Apache-2.0 */
/* The instruction sets of this build, and the table that each of their sources defines. */
#ifndef SBN_KERNELS_SETS_H
#define SBN_KERNELS_SETS_H

#include "kernels/kernels.h"

extern const struct sbn_kernels sbn_kernels_scalar;
extern const struct sbn_kernels sbn_kernels_avx2;
extern const struct sbn_kernels sbn_kernels_avx512;

/* A source includes a v16_*.h and the bodies, and ends with this. */
#define SBN_KERNELS_DEFINE(isa)                        \
	const struct sbn_kernels sbn_kernels_##isa = { \
		.name = #isa,                          \
		.plane_moments = plane_moments,        \
		.plane_normalize = plane_normalize,    \
		.plane_sums = plane_sums,              \
		.plane_dx = plane_dx,                  \
		.rows_moments = rows_moments,          \
		.rows_normalize = rows_normalize,      \
		.rows_sums = rows_sums,                \
		.rows_dx = rows_dx,                    \
		.sum_f32 = sum_f32,                    \
		.sum_f64 = sum_f64,                    \
	}

#endif
