/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bodies are templates over the element type: included once for each value of SBN_TYPE, they
 * define T(name), such as plane_moments_bf16, and compute with V(operation), such as v16_add, on
 * struct VECTOR, 16 numbers of type REAL. Of a type there are, for each instruction set,
 *
 *	T(load)(p), T(load_n)(p, n, rest), T(store)(p, v), T(store_n)(p, n, v), T(stream)(p, v)
 *
 * from and to ELEMENTs, and T(load_wide)(p), the elements as doubles. Those of the 16-bit types are
 * in half_*.h. Where the order of lanes does not matter, sets have one that costs less:
 *
 *	T(load_two)(p), T(store_two)(p, two), T(stream_two)(p, two)
 *		32 elements as a struct TWO, in any order; stream_two to the edge of a line
 *	T(load_addends)(p)
 *		load_two for sums of long rows, which are no slower where the line is read twice
 *	T(store_two_plain)(p, two), T(stream_two_plain)(p, two)
 *		the same of numbers that were computed of plain ones. A number is plain unless it is
 *		a NaN whose lower half is not 0: bfloat16 elements are, once widened, and others
 *		become so by T(plain_nans)(v); what is computed is quiet, too
 *	T(load_two_n)(p, n)
 *		of which the first n, 1 <= n < 32, are read, and the others are 0
 *	T(pairs_of_two)(two)
 *		a VECTOR: the sums of elements 0 and 1, 2 and 3, ..., in that order
 *	T(store_in_order)(p, two)
 *		32 numbers of a TWO as REALs in the elements' order
 *	T(blend_two)(n, two, v)
 *		of 32 elements in the order of load_two those from n <= 32 on are v's, all alike
 *	T(load_mixed)(p), T(load_n_mixed)(p, n, rest, wide_rest), T(store_mixed)(p, w)
 *		16 as doubles, in an order that store_mixed undoes; rest is one number, in all lanes
 *	T(tail_is_first)(n)
 *		whether load_n_mixed has the first n in the first W16_PART lanes
 *	T(tail_is_low)(n)
 *		whether load_n_mixed has the first n in the low half of the lanes
 *
 * The elements' own order is in order_body.h.
 */
#ifndef SBN_KERNELS_TYPES_H
#define SBN_KERNELS_TYPES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels/block.h"

#define SBN_JOIN_(a, b) a##_##b
#define SBN_JOIN(a, b) SBN_JOIN_(a, b)

#define T(name) SBN_JOIN(name, SBN_TYPE)
#define V(operation) SBN_JOIN(T(vector), operation)
#define V_WIDEN SBN_JOIN(widen, T(vector))
#define ELEMENT T(element)
#define REAL T(real)
#define IS_WIDE (sizeof(REAL) == sizeof(double))
#define IS_HALF (sizeof(ELEMENT) == sizeof(uint16_t))
/* Squares are exact in float, with digits to spare for sums of some: float_sums_body.h. */
#define HAS_FLOAT_SUMS T(has_float_sums)
#define VECTOR T(vector)
/* Elements that are summed, and as many that are mapped, in turns. */
#define TURN ((size_t)(IS_HALF ? 16 : 4) * SBN_LANES)
/* Of each image, where some are read or written abreast: some lines. */
#define ABREAST_TURN ((size_t)256 / sizeof(ELEMENT))
/*
 * Elements of rows that are summed and mapped in lockstep. Of shorter ones of 16-bit types
 * positions are summed; backward these types are not in lockstep, for it made them slower.
 */
#define LOCKSTEP_SPATIAL ((size_t)(IS_HALF ? SBN_ABREAST_SPATIAL : SBN_SHORT_SPATIAL))
#define TWO T(two)
#define LEAK V(leak)
#define COEFFICIENTS T(coefficients)
#define SHIFT T(shift)
#define ROW T(row)
#define RESULTS_OF_TWO T(results_of_two)
#define INPUTS T(inputs)
#define BEFORE T(before)
#define RESULTS T(results)
#define WALK T(walk)
#define ABREAST T(abreast)
#define GROUPS T(groups)
#define ASKED T(asked)
#define PLACES T(places)
#define SUMMED T(summed)
#define ADDED T(added)
#define MAPPED T(mapped)
#define LOCKSTEP T(lockstep_state)
#define MAPPING T(mapping)
#define SPREAD T(spread)
#define STRIPS T(strips)
#define ROWS_AND_STRIP T(rows_and_strip)
#define FLOATS T(floats)
#define POSITION T(position)
#define POSITIONS T(positions)
#define PIECE T(piece)
#define RUN T(run)
#define GRADIENT T(gradient)
#define GRADIENTS T(gradients)
#define GRADIENT_RUN T(gradient_run)
#define ROWS_MOMENTS T(rows_moments_sums)
#define ROWS_SUMS T(rows_sums_sums)
#define BESIDE_ROWS T(beside_rows)

typedef float element_f32, real_f32;
typedef double element_f64, real_f64;
typedef uint16_t element_bf16, element_f16;
typedef float real_bf16, real_f16;

/* What positions are summed in: positions_body.h. */
typedef double position_f32, position_f64, position_f16;
typedef float position_bf16;

#define has_float_sums_f32 0 /* for #if, too */
#define has_float_sums_f64 0
#define has_float_sums_bf16 1
#define has_float_sums_f16 0

#define vector_f32 v16
#define vector_f64 w16
#define vector_bf16 v16
#define vector_f16 v16

SBN_FORCE_INLINE struct w16
widen_v16(struct v16 v)
{
	return w16_of_v16(v);
}

SBN_FORCE_INLINE struct w16
widen_w16(struct w16 w)
{
	return w;
}

SBN_FORCE_INLINE struct v16
load_f32(const float *p)
{
	return v16_load(p);
}

SBN_FORCE_INLINE struct v16
load_n_f32(const float *p, size_t n, struct v16 rest)
{
	return v16_load_n(p, n, rest);
}

SBN_FORCE_INLINE void
store_f32(float *p, struct v16 v)
{
	v16_store(p, v);
}

SBN_FORCE_INLINE void
store_n_f32(float *p, size_t n, struct v16 v)
{
	v16_store_n(p, n, v);
}

SBN_FORCE_INLINE void
stream_f32(float *p, struct v16 v)
{
	v16_stream(p, v);
}

SBN_FORCE_INLINE struct w16
load_wide_f32(const float *p)
{
	return w16_of_floats(p);
}

SBN_FORCE_INLINE struct w16
load_f64(const double *p)
{
	return w16_load(p);
}

SBN_FORCE_INLINE struct w16
load_n_f64(const double *p, size_t n, struct w16 rest)
{
	return w16_load_n(p, n, rest);
}

SBN_FORCE_INLINE void
store_f64(double *p, struct w16 v)
{
	w16_store(p, v);
}

SBN_FORCE_INLINE void
store_n_f64(double *p, size_t n, struct w16 v)
{
	w16_store_n(p, n, v);
}

SBN_FORCE_INLINE void
stream_f64(double *p, struct w16 v)
{
	w16_stream(p, v);
}

SBN_FORCE_INLINE struct w16
load_wide_f64(const double *p)
{
	return w16_load(p);
}

#endif
