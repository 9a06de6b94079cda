/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties that hold for any shape, split of samples, type, layouts and activation, tried on many
 * that are drawn at random: the ranks together are one process over the whole batch, all of them
 * hold the same bits of statistics, and which rank has which sample does not matter. A failure
 * names the seed it can be repeated with. In float64, dx is also held against finite differences.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/hash.h"
#include "harness.h"
#include "unit/passes.h"

enum { MAX_RANKS = 4, MAX_IMAGES = 16, SEEDS = 60, SECONDS = 8 };

/* What the ranks leave for the parent. */
struct results {
	double *y, *dx, *dz;  /* of all images, in the order of the batch */
	double *params;       /* [rank][dgamma, dbeta][channel] */
	uint64_t *statistics; /* [rank]: a hash of saved and running statistics */
};

struct plan {
	unsigned seed;
	int n_ranks;
	int n[MAX_RANKS];                /* images of each rank */
	size_t order[MAX_IMAGES];        /* the ranks' images, one rank after the other */
	struct passes passes[MAX_RANKS]; /* layouts, and the shape but for the images */
	char threads[24], chunk_bytes[24];
	const char *stores;
	const char *fetch;
	const char *split;
	const char *images;
	const char *fences;
	struct reference r;
	syncbn_batch_norm_config_t config;
	struct results results;
	void *shared;
	size_t shared_bytes;
};

/* ---- drawing a plan ---- */

static int
draw_images(struct plan *plan, uint64_t *random)
{
	int total = 0;

	plan->n_ranks = 1 + (int)sbn_random_below(random, MAX_RANKS);
	for (int rank = 0; rank < plan->n_ranks; rank++) {
		bool empty = sbn_random_below(random, 4) == 0;

		plan->n[rank] = empty ? 0 : 1 + (int)sbn_random_below(random, 4);
		total += plan->n[rank];
	}
	while (total < 2) { /* one value is refused; none has nothing to compare */
		plan->n[plan->n_ranks - 1]++;
		total++;
	}
	for (size_t i = 0; i < (size_t)total; i++)
		plan->order[i] = i;
	return total;
}

static syncbn_tensor_t
draw_shape(int images, uint64_t *random)
{
	int64_t channels = 1 + (int64_t)sbn_random_below(random, 40);
	syncbn_tensor_t t = syncbn_tensor_nc(NULL, images, channels);

	t.ndim = 2 + (int)sbn_random_below(random, 4);
	for (int i = 2; i < t.ndim; i++)
		t.shape[i] = 1 + (int64_t)sbn_random_below(random, 6);
	t.dtype = sbn_all_dtypes[sbn_random_below(random, 4)];
	return t;
}

static void
draw_layer(struct plan *plan, syncbn_dtype_t dtype, uint64_t *random)
{
	static const char *const images[] = { "abreast", "single", "pairs" };
	static const double slopes[] = { 0.01, 0.2, -0.5 };

	plan->r.activation = (syncbn_activation_t)(1 + sbn_random_below(random, 3));
	plan->r.negative_slope = slopes[sbn_random_below(random, 3)];
	plan->config = draw_config(&plan->r, dtype);
	plan->config.param_grad_mode = (syncbn_param_grad_mode_t)(1 + sbn_random_below(random, 3));
	snprintf(plan->threads, sizeof(plan->threads), "%zu", 1 + sbn_random_below(random, 3));
	snprintf(plan->chunk_bytes, sizeof(plan->chunk_bytes), "%zu",
		 (size_t)1 << sbn_random_below(random, 20));
	plan->stores = sbn_random_below(random, 2) == 0 ? "ordinary" : "streaming";
	plan->fetch = sbn_random_below(random, 2) == 0 ? "chunks" : "lines";
	plan->split = sbn_random_below(random, 2) == 0 ? "channels" : "blocks";
	plan->images = images[sbn_random_below(random, 3)];
	plan->fences = sbn_random_below(random, 2) == 0 ? "full" : "light";
}

static syncbn_layout_t
draw_layout(uint64_t *random)
{
	return sbn_all_layouts[sbn_random_below(random, N_LAYOUTS)];
}

/* Every rank has layouts of its own, half of them one for all tensors. */
static void
draw_layouts(struct plan *plan, syncbn_tensor_t like, uint64_t *random)
{
	for (int rank = 0; rank < plan->n_ranks; rank++) {
		struct passes *p = &plan->passes[rank];
		syncbn_layout_t same = draw_layout(random);

		*p = (struct passes){ .like = like, .want = SYNCBN_WANT_ALL };
		p->like.shape[0] = plan->n[rank];
		p->in.x = p->in.z = p->in.y = p->in.dy = p->in.dx = p->in.dz = same;
		if (sbn_random_below(random, 2) == 0)
			continue;
		p->in.x = draw_layout(random), p->in.z = draw_layout(random);
		p->in.y = draw_layout(random), p->in.dy = draw_layout(random);
		p->in.dx = draw_layout(random), p->in.dz = draw_layout(random);
	}
}

static void
share_results(struct plan *plan)
{
	size_t elements = reference_elements(&plan->r), params = 2 * plan->r.channels;

	plan->shared_bytes = (3 * elements + MAX_RANKS * (params + 1)) * sizeof(double);
	plan->shared = shared_memory(plan->shared_bytes);
	plan->results.y = plan->shared;
	plan->results.dx = plan->results.y + elements;
	plan->results.dz = plan->results.dx + elements;
	plan->results.params = plan->results.dz + elements;
	plan->results.statistics = (uint64_t *)(plan->results.params + MAX_RANKS * params);
}

static void
open_plan(struct plan *plan, unsigned seed)
{
	uint64_t random = seed;
	struct draw draw = { .mean = 0.5, .sd = 2, .seed = seed };

	memset(plan, 0, sizeof(*plan));
	plan->seed = seed;
	draw.like = draw_shape(draw_images(plan, &random), &random);
	draw.has_z = sbn_random_below(&random, 2) == 1;
	plan->r = draw_reference(&draw);
	draw_layer(plan, draw.like.dtype, &random);
	draw_layouts(plan, draw.like, &random);
	share_results(plan);
}

static void
close_plan(struct plan *plan)
{
	munmap(plan->shared, plan->shared_bytes);
	draw_free(&plan->r);
}

/* ---- what a rank does ---- */

/* Between the batch and a rank's part of it. */
static void
move_images(const struct plan *plan, int rank, double *batch, double *part, bool take)
{
	size_t an_image = plan->r.channels * plan->r.spatial, first = 0;

	for (int before = 0; before < rank; before++)
		first += (size_t)plan->n[before];
	for (size_t i = 0; i < (size_t)plan->n[rank] && batch != NULL; i++) {
		double *of_batch = batch + plan->order[first + i] * an_image;
		double *of_part = part + i * an_image;

		memcpy(take ? of_part : of_batch, take ? of_batch : of_part,
		       an_image * sizeof(double));
	}
}

static uint64_t
hash_statistics(const struct plan *plan, syncbn_batch_norm_t *bn, const syncbn_saved_t *saved)
{
	size_t bytes = plan->r.channels * sbn_dtype_bytes(plan->config.dtype);
	syncbn_statistics_t s = { 0 };
	uint64_t hash = SBN_HASH_START;

	syncbn_saved_statistics(saved, &s);
	hash = sbn_hash(hash, s.mean, plan->r.channels * sizeof(double));
	hash = sbn_hash(hash, s.invstd, plan->r.channels * sizeof(double));
	hash = sbn_hash(hash, &s.count, sizeof(s.count));
	hash = sbn_hash(hash, syncbn_batch_norm_param(bn, SYNCBN_RUNNING_MEAN), bytes);
	return sbn_hash(hash, syncbn_batch_norm_param(bn, SYNCBN_RUNNING_VAR), bytes);
}

static void
leave_results(const struct plan *plan, int rank, const struct passes *p, syncbn_batch_norm_t *bn,
	      const syncbn_saved_t *saved)
{
	size_t channels = plan->r.channels;
	double *params = plan->results.params + (size_t)rank * 2 * channels;
	const void *dgamma = syncbn_batch_norm_param(bn, SYNCBN_DGAMMA);
	const void *dbeta = syncbn_batch_norm_param(bn, SYNCBN_DBETA);

	move_images(plan, rank, plan->results.y, p->y, false);
	move_images(plan, rank, plan->results.dx, p->dx, false);
	move_images(plan, rank, plan->results.dz, p->dz, false);
	for (size_t c = 0; c < channels; c++) {
		params[c] = sbn_element_get(plan->config.dtype, dgamma, c);
		params[channels + c] = sbn_element_get(plan->config.dtype, dbeta, c);
	}
	plan->results.statistics[rank] = hash_statistics(plan, bn, saved);
}

static int
train(const struct plan *plan, int rank, struct passes *p)
{
	syncbn_group_t *world;
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	const char *error;

	setenv("SYNCBN_THREADS", plan->threads, 1);
	setenv("SYNCBN_CHUNK_BYTES", plan->chunk_bytes, 1);
	setenv("SYNCBN_STORES", plan->stores, 1);
	setenv("SYNCBN_FETCH", plan->fetch, 1);
	setenv("SYNCBN_SPLIT", rank % 2 == 0 ? plan->split : "auto", 1); /* a rank's own affair */
	setenv("SYNCBN_IMAGES", plan->images, 1);
	setenv("SYNCBN_FENCES", plan->fences, 1);
	EXPECT(syncbn_init(NULL, &world) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_new(world, &plan->config, &bn) == SYNCBN_OK);
	EXPECT(syncbn_saved_new(bn, &saved) == SYNCBN_OK);
	error = passes_run(p, bn, saved);
	if (error != NULL)
		fprintf(stderr, "seed %u, rank %d: %s\n", plan->seed, rank, error);
	EXPECT(error == NULL);
	leave_results(plan, rank, p, bn, saved);
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
	EXPECT(syncbn_finalize(world) == SYNCBN_OK);
	return 0;
}

static int
take_part(int rank, void *argument)
{
	const struct plan *plan = argument;
	struct passes p = plan->passes[rank];
	size_t mine = (size_t)plan->n[rank] * plan->r.channels * plan->r.spatial;
	double *part = calloc(6 * mine + 1, sizeof(double));
	int code;

	EXPECT(part != NULL);
	move_images(plan, rank, (double *)plan->r.x, part, true);
	move_images(plan, rank, (double *)plan->r.dy, part + mine, true);
	move_images(plan, rank, (double *)plan->r.z, part + 2 * mine, true);
	p.x = part, p.dy = part + mine;
	p.z = plan->r.z == NULL ? NULL : part + 2 * mine;
	p.y = part + 3 * mine, p.dx = part + 4 * mine, p.dz = part + 5 * mine;
	code = train(plan, rank, &p);
	free(part);
	return code;
}

/* ---- what the parent sees ---- */

static void
run_plan(struct plan *plan)
{
	if (run_ranks_failures(plan->n_ranks, take_part, plan) != 0)
		fail_msg("seed %u: a rank failed", plan->seed);
}

static void
check_values(const struct plan *plan, const char *what, const double *actual,
	     const double *expected)
{
	static const double tolerance[] = { 0, 3e-6, 1e-11, 4e-3, 5e-4 };
	double e = tolerance[plan->passes[0].like.dtype];
	const struct reference *r = &plan->r;

	for (size_t i = 0; i < reference_elements(r); i++) {
		size_t c = i / r->spatial % r->channels;
		/* a channel of few values may have hardly any spread: then dx has large terms */
		double unit = 1 + (expected == r->dx) * reference_invstd(r, c) * fabs(r->gamma[c]);

		if (r->activation != SYNCBN_ACTIVATION_NONE && fabs(r->v[i]) < 10 * e)
			continue; /* either side of the kink will do */
		if (!(fabs(actual[i] - expected[i]) <= e * (unit + fabs(expected[i]))))
			fail_msg("seed %u: %s[%zu] is %.17g, not %.17g", plan->seed, what, i,
				 actual[i], expected[i]);
	}
}

static double
param_of(const struct plan *plan, int rank, size_t i)
{
	return plan->results.params[(size_t)rank * 2 * plan->r.channels + i];
}

/* LOCAL: the ranks' parts of the sum; SUM and MEAN: the same on every rank. */
static void
check_params(const struct plan *plan)
{
	bool is_local = plan->config.param_grad_mode == SYNCBN_PARAM_GRAD_LOCAL;
	bool is_mean = plan->config.param_grad_mode == SYNCBN_PARAM_GRAD_MEAN;
	const struct reference *r = &plan->r;

	for (size_t i = 0; i < 2 * r->channels; i++) {
		double sum = 0, terms = r->terms[i % r->channels];
		double expected = i < r->channels ? r->dgamma[i] : r->dbeta[i - r->channels];

		for (int rank = 0; rank < plan->n_ranks; rank++) {
			sum += param_of(plan, rank, i);
			if (!is_local && param_of(plan, rank, i) != param_of(plan, 0, i))
				fail_msg("seed %u: gradients differ between ranks", plan->seed);
		}
		if (!is_local)
			sum = param_of(plan, 0, i) * (is_mean ? plan->n_ranks : 1);
		if (!(fabs(sum - expected) <= 1e-6 * (1 + terms)))
			fail_msg("seed %u: gradient %zu is %.9g, not %.9g", plan->seed, i, sum,
				 expected);
	}
}

static void
check_statistics(const struct plan *plan)
{
	for (int rank = 1; rank < plan->n_ranks; rank++)
		if (plan->results.statistics[rank] != plan->results.statistics[0])
			fail_msg("seed %u: ranks 0 and %d hold other bits", plan->seed, rank);
}

static void
check_plan(const struct plan *plan)
{
	check_values(plan, "y", plan->results.y, plan->r.y);
	check_values(plan, "dx", plan->results.dx, plan->r.dx);
	if (plan->r.z != NULL)
		check_values(plan, "dz", plan->results.dz, plan->r.g);
	check_statistics(plan);
}

/* The whole batch's loss, sum y * dy, of which dx is the slope; at x[i] + step. */
static double
loss_at(struct reference *r, size_t i, double step)
{
	double *x = (double *)r->x, was = x[i], sum = 0;

	x[i] = was + step;
	reference_run(r);
	for (size_t k = 0; k < reference_elements(r); k++)
		sum += r->y[k] * r->dy[k];
	x[i] = was;
	return sum;
}

/* Both sides of a kink have slopes of their own. */
static bool
has_kink(const struct reference *r, size_t c)
{
	for (size_t i = 0; i < r->n * r->spatial; i++)
		if (fabs(r->v[reference_at(r, c, i)]) < 1e-3)
			return true;
	return false;
}

/* dx of some elements against finite differences; leaves other results in the reference. */
static void
check_slopes(struct plan *plan)
{
	struct reference *r = &plan->r;
	uint64_t random = plan->seed + 2000;

	for (int k = 0; k < 8 && plan->config.dtype == SYNCBN_FLOAT64; k++) {
		size_t i = sbn_random_below(&random, reference_elements(r));
		size_t c = i / r->spatial % r->channels;
		double step = 1e-5 / fmax(1, reference_invstd(r, c)), slope;

		reference_run(r);
		if (has_kink(r, c))
			continue;
		slope = (loss_at(r, i, step) - loss_at(r, i, -step)) / (2 * step);
		if (!(fabs(plan->results.dx[i] - slope) <=
		      1e-6 * (1 + reference_invstd(r, c) + fabs(slope))))
			fail_msg("seed %u: dx[%zu] is %.17g, the slope there %.17g", plan->seed, i,
				 plan->results.dx[i], slope);
	}
}

/* Fisher and Yates. */
static void
shuffle(struct plan *plan)
{
	uint64_t random = plan->seed + 1000;

	for (size_t i = plan->r.n - 1; i > 0; i--) {
		size_t j = sbn_random_below(&random, i + 1), swap = plan->order[i];

		plan->order[i] = plan->order[j];
		plan->order[j] = swap;
	}
}

static void
test_ranks_are_one_process_and_any_rank_may_have_any_sample(void **state)
{
	uint64_t end = sbn_now_ns() + SECONDS * SBN_NS_PER_S;

	(void)state;
	for (unsigned seed = 1; seed <= SEEDS && (seed <= 10 || sbn_now_ns() < end); seed++) {
		struct plan plan;

		open_plan(&plan, seed);
		reference_run(&plan.r);
		run_plan(&plan);
		check_plan(&plan);
		check_params(&plan);
		shuffle(&plan);
		run_plan(&plan);
		check_plan(&plan);
		check_slopes(&plan);
		close_plan(&plan);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranks_are_one_process_and_any_rank_may_have_any_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
