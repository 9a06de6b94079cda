/* SPDX-License-Identifier: Apache-2.0 */
/* A recorded case: what case.txt says, and its arrays, all widened to double. */
#ifndef SBN_GOLDEN_CASE_H
#define SBN_GOLDEN_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <syncbn/syncbn.h>

enum { GOLDEN_RANKS = 64, GOLDEN_STEPS = 64, GOLDEN_NAME = 96 };

/* How the inputs were made, as far as tolerances ask for it. */
enum golden_kind { GOLDEN_ORDINARY, GOLDEN_OFFSET, GOLDEN_CONST, GOLDEN_HUGE };

/* Which of s{k}_rv_*. */
enum golden_var { GOLDEN_UNBIASED, GOLDEN_BIASED };

struct golden_step {
	int64_t ns[GOLDEN_RANKS];
	int64_t begin[GOLDEN_RANKS + 1]; /* each rank's first sample; [world]: all samples */
	double *x, *dy, *z;              /* [samples, C, spatial] z: NULL without a residual */
	double *y, *dx, *dz;
	double *gw, *gb;          /* [world, C] */
	double *mean, *var;       /* [units, C] */
	double *count;            /* [units] */
	double *rm, *rv[2], *nbt; /* [units, C], [units, C], [units] */
};

struct golden_case {
	char name[GOLDEN_NAME];
	const char *directory;
	int64_t world, n_steps, n_channels;
	int n_spatial;
	int64_t spatial[3];
	int64_t values; /* of one sample and channel: the product of spatial */
	int n_lists;    /* of groups, as syncbn_group_split takes them */
	int n_ranks[GOLDEN_RANKS];
	int ranks[GOLDEN_RANKS];
	int group[GOLDEN_RANKS]; /* rank -> list, or -1 */
	int unit[GOLDEN_RANKS];
	int n_units;
	syncbn_dtype_t dtype;
	double eps;
	bool cumulative;
	double momentum_torch, momentum_mindspore;
	bool affine, track, training;
	syncbn_activation_t activation;
	bool adds; /* a residual */
	double slope;
	enum golden_kind kind;
	double *weight, *bias; /* [C]; NULL without affine */
	double *rm0, *rv0;     /* [C]; NULL without running statistics */
	struct golden_step *step;
};

/*
 * Reads directory/case.txt. INVALID: malformed; the detail says what. Whatever it returns,
 * golden_case_free may follow.
 */
syncbn_status_t golden_case_read(const char *directory, struct golden_case *c);

/* Reads the arrays, and checks their shapes and that they fit case.txt. */
syncbn_status_t golden_case_load(struct golden_case *c);

void golden_case_free(struct golden_case *c);

/* Whether running statistics normalize. */
static inline bool
golden_by_running(const struct golden_case *c)
{
	return !c->training && c->track;
}

/* Elements from sample to sample. */
static inline size_t
golden_sample(const struct golden_case *c)
{
	return (size_t)(c->n_channels * c->values);
}

#endif
