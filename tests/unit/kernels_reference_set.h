/* SPDX-License-Identifier: Apache-2.0 */
/* The reference as a set of kernels. */
#ifndef SBN_TESTS_UNIT_KERNELS_REFERENCE_SET_H
#define SBN_TESTS_UNIT_KERNELS_REFERENCE_SET_H

#include "kernels_reference.h"
#include "kernels_reference_coefficients.h"

#define REFERENCE_MAP(name, type, map)                                          \
	static void name(const struct sbn_operands *at, size_t n, size_t width, \
			 const struct sbn_coefficients *k, size_t c)            \
	{                                                                       \
		reference_map(type, at, n, width, k, c, map);                   \
	}

#define REFERENCE_PLANES(name, type, map)                                               \
	static void name(const struct sbn_operands *at, size_t n, size_t spatial,       \
			 const struct sbn_coefficients *k, size_t c, size_t n_channels) \
	{                                                                               \
		reference_planes(type, at, n, spatial, k, c, n_channels, map);          \
	}

/* One after the other. */
#define REFERENCE_BESIDE(name, type)                                                           \
	static void planes_moments_##name(const struct sbn_beside *beside, size_t n,           \
					  size_t spatial)                                      \
	{                                                                                      \
		for (size_t i = 0; i < beside->n_channels; i++) {                              \
			struct sbn_in x = elements_behind(type, beside->at->x, i * spatial);   \
			struct sbn_moments sum;                                                \
                                                                                               \
			reference_plane_moments(type, x, n, spatial, &sum);                    \
			beside->sums[i] = (struct sbn_pair){ sum.mean, sum.m2 };               \
			if (type == SBN_F64)                                                   \
				beside->low[i] = sum.low;                                      \
		}                                                                              \
	}                                                                                      \
	static void planes_normalize_beside_##name(const struct sbn_beside *beside,            \
						   const struct sbn_operands *at, size_t n,    \
						   size_t spatial,                             \
						   const struct sbn_coefficients *k, size_t c, \
						   size_t n_channels)                          \
	{                                                                                      \
		planes_moments_##name(beside, n, spatial);                                     \
		planes_normalize_##name(at, n, spatial, k, c, n_channels);                     \
	}                                                                                      \
	static void planes_dx_beside_##name(const struct sbn_beside *beside,                   \
					    const struct sbn_operands *at, size_t n,           \
					    size_t spatial, const struct sbn_coefficients *k,  \
					    size_t c, size_t n_channels)                       \
	{                                                                                      \
		memset(beside->sums, 0, beside->n_channels * sizeof(*beside->sums));           \
		planes_sums_##name(beside->at, n, spatial, k, beside->c, beside->n_channels,   \
				   beside->sums);                                              \
		planes_dx_##name(at, n, spatial, k, c, n_channels);                            \
	}

#define REFERENCE_ROWS_BESIDE(name)                                                             \
	static void rows_normalize_beside_##name(const struct sbn_rows_beside *beside,          \
						 const struct sbn_operands *at, size_t n_rows,  \
						 size_t n_channels,                             \
						 const struct sbn_coefficients *k, size_t c)    \
	{                                                                                       \
		rows_moments_##name(beside->at, n_rows, n_channels, beside->sums[0],            \
				    beside->sums[1], beside->sums[2]);                          \
		rows_normalize_##name(at, n_rows, n_channels, k, c);                            \
	}                                                                                       \
	static void rows_dx_beside_##name(const struct sbn_rows_beside *beside,                 \
					  const struct sbn_operands *at, size_t n_rows,         \
					  size_t n_channels, const struct sbn_coefficients *k,  \
					  size_t c)                                             \
	{                                                                                       \
		rows_sums_##name(beside->at, n_rows, n_channels, k, beside->c, beside->sums[0], \
				 beside->sums[1]);                                              \
		rows_dx_##name(at, n_rows, n_channels, k, c);                                   \
	}

#define REFERENCE_SUMS(name, type)                                                              \
	static void planes_sums_##name(const struct sbn_operands *at, size_t n, size_t spatial, \
				       const struct sbn_coefficients *k, size_t c,              \
				       size_t n_channels, struct sbn_pair *sums)                \
	{                                                                                       \
		for (size_t i = 0; i < n_channels; i++) {                                       \
			struct sbn_operands of = *at;                                           \
			double two[2] = { sums[i].a, sums[i].b };                               \
                                                                                                \
			of.x = elements_behind(type, at->x, i * spatial);                       \
			of.z = elements_behind(type, at->z, i * spatial);                       \
			of.dy = elements_behind(type, at->dy, i * spatial);                     \
			reference_plane_sums(type, &of, n, spatial, k, c + i, two);             \
			sums[i] = (struct sbn_pair){ two[0], two[1] };                          \
		}                                                                               \
	}

#define REFERENCE_TYPE(name, type)                                                                \
	static void plane_moments_##name(const struct sbn_operands *at, size_t n, size_t spatial, \
					 struct sbn_moments *out)                                 \
	{                                                                                         \
		reference_plane_moments(type, at->x, n, spatial, out);                            \
	}                                                                                         \
	static void plane_sums_##name(const struct sbn_operands *at, size_t n, size_t spatial,    \
				      const struct sbn_coefficients *k, size_t c, double sums[2]) \
	{                                                                                         \
		reference_plane_sums(type, at, n, spatial, k, c, sums);                           \
	}                                                                                         \
	REFERENCE_SUMS(name, type)                                                                \
	static void rows_moments_##name(const struct sbn_operands *at, size_t n_rows,             \
					size_t n_channels, double *mean, double *m2, double *low) \
	{                                                                                         \
		reference_rows_moments(type, at, n_rows, n_channels, mean, m2, low);              \
	}                                                                                         \
	static void rows_sums_##name(const struct sbn_operands *at, size_t n_rows,                \
				     size_t n_channels, const struct sbn_coefficients *k,         \
				     size_t c, double *sum_g, double *sum_g_xmu)                  \
	{                                                                                         \
		reference_rows_sums(type, at, n_rows, n_channels, k, c, sum_g, sum_g_xmu);        \
	}                                                                                         \
	REFERENCE_PLANES(planes_normalize_##name, type, reference_normalize)                      \
	REFERENCE_PLANES(planes_dx_##name, type, reference_dx)                                    \
	REFERENCE_BESIDE(name, type)                                                              \
	REFERENCE_MAP(rows_normalize_##name, type, reference_normalize)                           \
	REFERENCE_MAP(rows_dx_##name, type, reference_dx)                                         \
	REFERENCE_ROWS_BESIDE(name)

REFERENCE_TYPE(f32, SBN_F32)
REFERENCE_TYPE(f64, SBN_F64)
REFERENCE_TYPE(bf16, SBN_BF16)
REFERENCE_TYPE(f16, SBN_F16)

static inline void
reference_sum_f32(float *const *dst, size_t n_dst, const float *const *src, size_t n_src,
		  size_t count, float divisor)
{
	for (size_t i = 0; i < count; i++) {
		float sum = src[0][i];

		for (size_t s = 1; s < n_src; s++)
			sum += src[s][i];
		for (size_t d = 0; d < n_dst; d++)
			dst[d][i] = sum / divisor;
	}
}

static inline void
reference_sum_f64(double *const *dst, size_t n_dst, const double *const *src, size_t n_src,
		  size_t count, double divisor)
{
	for (size_t i = 0; i < count; i++) {
		double sum = src[0][i];

		for (size_t s = 1; s < n_src; s++)
			sum += src[s][i];
		for (size_t d = 0; d < n_dst; d++)
			dst[d][i] = sum / divisor;
	}
}

static inline void
reference_sum_bf16(uint16_t *const *dst, size_t n_dst, const uint16_t *const *src, size_t n_src,
		   size_t count, float divisor)
{
	for (size_t i = 0; i < count; i++) {
		float sum = (float)element_get(SBN_BF16, src[0], i);

		for (size_t s = 1; s < n_src; s++)
			sum += (float)element_get(SBN_BF16, src[s], i);
		for (size_t d = 0; d < n_dst; d++)
			element_set(SBN_BF16, dst[d], i, (double)(sum / divisor));
	}
}

static inline void
reference_merge_moments(struct sbn_pair *sum, const struct sbn_pair *const *row,
			const double *count, size_t n_rows, size_t n_channels)
{
	for (size_t c = 0; c < n_channels; c++) {
		struct sbn_moments into = { 0 };

		for (size_t r = 0; r < n_rows; r++) {
			struct sbn_moments part = { count[r], row[r][c].a, row[r][c].b, 0 };

			sbn_moments_merge(&into, &part);
		}
		sum[c] = (struct sbn_pair){ into.mean, into.m2 };
	}
}

/* Without blocks' sums: those of planes are made of them, as kernels_blocks_test.c says. */
#define REFERENCE_TABLE(name)                                                                     \
	{                                                                                         \
		plane_moments_##name, planes_moments_##name, planes_normalize_##name,             \
			plane_sums_##name, planes_sums_##name, NULL, NULL, planes_dx_##name,      \
			planes_normalize_beside_##name, planes_dx_beside_##name,                  \
			rows_moments_##name, rows_normalize_##name, rows_normalize_beside_##name, \
			rows_sums_##name, rows_dx_##name, rows_dx_beside_##name                   \
	}

static const struct sbn_kernels reference_kernels = {
	.name = "reference",
	.of = { [SBN_F32] = REFERENCE_TABLE(f32),
		[SBN_F64] = REFERENCE_TABLE(f64),
		[SBN_BF16] = REFERENCE_TABLE(bf16),
		[SBN_F16] = REFERENCE_TABLE(f16) },
	.sum_f32 = reference_sum_f32,
	.sum_f64 = reference_sum_f64,
	.sum_bf16 = reference_sum_bf16,
	.merge_moments = reference_merge_moments,
	.use_moments = reference_use_moments,
	.use_saved = reference_use_saved,
	.use_gradients = reference_use_gradients,
};

#endif
