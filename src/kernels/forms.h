/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pass is asked for. The bodies take the form as a constant, so that each has loops of its
 * own without a branch.
 */
#ifndef SBN_KERNELS_FORMS_H
#define SBN_KERNELS_FORMS_H

#include "kernels/block.h"

enum sbn_form {
	SBN_FORM_ACT = 1, /* there is an activation */
	SBN_FORM_Z = 2,   /* and a residual */
	SBN_FORM_DY = 4,  /* backward */
	SBN_FORM_OUT = 8,
	SBN_FORM_DZ = 16,
	SBN_FORM_STREAM = 32, /* the outputs' whole lines go past the caches */
	SBN_FORM_X_IS_Y = 64, /* backward from y in the place of x, whatever the activation */
	SBN_FORM_FEW = 128,   /* dx in double; only at run time */
	SBN_FORM_FLAT = 256,  /* dx of g alone; only at run time */
	SBN_FORM_Y = SBN_FORM_OUT,
	SBN_FORM_SUMS = SBN_FORM_DY,
	SBN_FORM_DX = SBN_FORM_DY | SBN_FORM_OUT
};

static inline int
sbn_forward_form(const struct sbn_operands *at, const struct sbn_coefficients *k)
{
	return SBN_FORM_Y | (k->activation != SBN_ACT_NONE ? SBN_FORM_ACT : 0) |
	       (at->z.data != NULL ? SBN_FORM_Z : 0);
}

/* Without an activation nothing depends on z, unless y holds it. */
static inline int
sbn_sums_form(const struct sbn_operands *at, const struct sbn_coefficients *k)
{
	if (k->x_is_y)
		return SBN_FORM_DY | SBN_FORM_X_IS_Y | (at->z.data != NULL ? SBN_FORM_Z : 0);
	return SBN_FORM_DY | (k->activation != SBN_ACT_NONE ? SBN_FORM_ACT : 0) |
	       (k->activation != SBN_ACT_NONE && at->z.data != NULL ? SBN_FORM_Z : 0);
}

static inline int
sbn_dx_form(const struct sbn_operands *at, const struct sbn_coefficients *k)
{
	return sbn_sums_form(at, k) | (at->out.data != NULL ? SBN_FORM_OUT : 0) |
	       (at->out.data != NULL && k->few ? SBN_FORM_FEW : 0) |
	       (at->out.data != NULL && k->flat ? SBN_FORM_FLAT : 0) |
	       (at->dz.data != NULL ? SBN_FORM_DZ : 0);
}

/* What networks do. All else shares copies with branches: each takes a second to compile. */
static inline bool
sbn_form_is_usual(int form)
{
	switch (form & ~SBN_FORM_STREAM) {
	case SBN_FORM_Y:
	case SBN_FORM_Y | SBN_FORM_ACT:
	case SBN_FORM_Y | SBN_FORM_ACT | SBN_FORM_Z:
	case SBN_FORM_DX:
	case SBN_FORM_DX | SBN_FORM_ACT:
	case SBN_FORM_DX | SBN_FORM_DZ | SBN_FORM_ACT | SBN_FORM_Z:
		return true;
	default:
		return false;
	}
}

#ifdef SBN_FORMS_AT_RUN_TIME

#define SBN_SWITCH_FORWARD(form, function, ...) function(__VA_ARGS__, form)
#define SBN_SWITCH_SUMS(form, function, ...) function(__VA_ARGS__, form)
#define SBN_SWITCH_DX(form, function, ...) function(__VA_ARGS__, form)
#define SBN_SWITCH_FORWARD_USUAL(form, function, ...) function(__VA_ARGS__, form)
#define SBN_SWITCH_DX_USUAL(form, function, ...) function(__VA_ARGS__, form)
#define SBN_SWITCH_FORWARD_STREAM(form, function, ...) function(__VA_ARGS__, form)
#define SBN_SWITCH_DX_STREAM(form, function, ...) function(__VA_ARGS__, form)
#define SBN_SWITCH_FORWARD_BESIDE(form, function, ...) function(__VA_ARGS__, form)
#define SBN_SWITCH_DX_BESIDE(form, function, ...) function(__VA_ARGS__, form)

#else

/* Calls function(arguments, form) with the form as a constant. */
#define SBN_FORM_CASE(constant, function, ...)          \
	case (constant):                                \
		function(__VA_ARGS__, (int)(constant)); \
		break

#define SBN_FORM_STREAMED(constant, ...) SBN_FORM_CASE((constant) | SBN_FORM_STREAM, __VA_ARGS__)

#define SBN_FORM_CASES(constant, ...)         \
	SBN_FORM_CASE(constant, __VA_ARGS__); \
	SBN_FORM_STREAMED(constant, __VA_ARGS__)

/* All that is not usual: one copy, which knows its form at run time. */
#define SBN_FORM_OTHERS(form, function, ...)   \
	default:                               \
		function(__VA_ARGS__, (form)); \
		break

#define SBN_CASES_FORWARD(cases, ...)                  \
	cases(SBN_FORM_Y, __VA_ARGS__);                \
	cases(SBN_FORM_Y | SBN_FORM_ACT, __VA_ARGS__); \
	cases(SBN_FORM_Y | SBN_FORM_ACT | SBN_FORM_Z, __VA_ARGS__)

#define SBN_SWITCH_FORWARD(form, ...)                           \
	switch (form) {                                         \
		SBN_CASES_FORWARD(SBN_FORM_CASES, __VA_ARGS__); \
		SBN_FORM_OTHERS(form, __VA_ARGS__);             \
	}

/* For usual forms. */
#define SBN_SWITCH_FORWARD_USUAL(form, ...)                     \
	switch (form) {                                         \
		SBN_CASES_FORWARD(SBN_FORM_CASES, __VA_ARGS__); \
	}

/* For usual forms with SBN_FORM_STREAM. */
#define SBN_SWITCH_FORWARD_STREAM(form, ...)                       \
	switch (form) {                                            \
		SBN_CASES_FORWARD(SBN_FORM_STREAMED, __VA_ARGS__); \
	}

#define SBN_SWITCH_SUMS(form, ...)                                                     \
	switch (form) {                                                                \
		SBN_FORM_CASE(SBN_FORM_SUMS, __VA_ARGS__);                             \
		SBN_FORM_CASE(SBN_FORM_SUMS | SBN_FORM_ACT, __VA_ARGS__);              \
		SBN_FORM_CASE(SBN_FORM_SUMS | SBN_FORM_ACT | SBN_FORM_Z, __VA_ARGS__); \
		SBN_FORM_OTHERS(form, __VA_ARGS__);                                    \
	}

#define SBN_CASES_DX(cases, ...)                        \
	cases(SBN_FORM_DX, __VA_ARGS__);                \
	cases(SBN_FORM_DX | SBN_FORM_ACT, __VA_ARGS__); \
	cases(SBN_FORM_DX | SBN_FORM_DZ | SBN_FORM_ACT | SBN_FORM_Z, __VA_ARGS__)

#define SBN_SWITCH_DX(form, ...)                           \
	switch (form) {                                    \
		SBN_CASES_DX(SBN_FORM_CASES, __VA_ARGS__); \
		SBN_FORM_OTHERS(form, __VA_ARGS__);        \
	}

/* For usual forms. */
#define SBN_SWITCH_DX_USUAL(form, ...)                     \
	switch (form) {                                    \
		SBN_CASES_DX(SBN_FORM_CASES, __VA_ARGS__); \
	}

/* For usual forms with SBN_FORM_STREAM. */
#define SBN_SWITCH_DX_STREAM(form, ...)                       \
	switch (form) {                                       \
		SBN_CASES_DX(SBN_FORM_STREAMED, __VA_ARGS__); \
	}

/* For usual forms with SBN_FORM_STREAM, without a residual. */
#define SBN_SWITCH_FORWARD_BESIDE(form, ...)                               \
	switch (form) {                                                    \
		SBN_FORM_STREAMED(SBN_FORM_Y, __VA_ARGS__);                \
		SBN_FORM_STREAMED(SBN_FORM_Y | SBN_FORM_ACT, __VA_ARGS__); \
	}

#define SBN_SWITCH_DX_BESIDE(form, ...)                                     \
	switch (form) {                                                     \
		SBN_FORM_STREAMED(SBN_FORM_DX, __VA_ARGS__);                \
		SBN_FORM_STREAMED(SBN_FORM_DX | SBN_FORM_ACT, __VA_ARGS__); \
	}

#endif
#endif
