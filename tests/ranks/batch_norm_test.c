/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layer over real ranks against one process in double, and the promise of equal bits: on all
 * ranks, instruction sets, thread counts and chunk sizes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernels/kernels.h"
#include "one_batch.h"
#include "oracle.h"
#include "unit/near.h"

static double
worst_error(const float *actual, const double *expected, size_t n)
{
	double worst = 0;

	for (size_t i = 0; i < n; i++) {
		double error = fabs((double)actual[i] - expected[i]) / (1 + fabs(expected[i]));

		if (!(error <= worst)) /* a NaN is the worst */
			worst = error;
	}
	return worst;
}

static void
check_parameters(const struct job *job, const struct oracle *o)
{
	double count = (double)(o->n * o->spatial);

	for (size_t c = 0; c < o->channels; c++) {
		double dgamma = 0, dbeta = 0;

		for (int rank = 0; rank < job->n_ranks; rank++) {
			const float *own = params_of(job, rank);

			dgamma += (double)own[c];
			dbeta += (double)own[o->channels + c];
			assert_near(own[2 * o->channels + c], 0.1 * o->mean[c],
				    1e-6 * (1 + fabs(o->mean[c])));
			assert_near_relative(own[3 * o->channels + c],
					     0.9 + 0.1 * o->var[c] * count / (count - 1), 1e-6);
		}
		/* a sum of floats is as good as the size of its terms, not of their sum */
		assert_near(dgamma, o->sum_dy_xhat[c], 1e-7 * o->sum_abs[c]);
		assert_near(dbeta, o->sum_dy[c], 1e-7 * o->sum_abs[c]);
	}
}

static void
check_against_oracle(const struct job *job)
{
	struct oracle o = {
		.n = images_of(job),
		.channels = (size_t)job->shape->channels,
		.spatial = spatial_of(job->shape),
		.eps = 1e-5,
		.x = job->x,
		.dy = job->dy,
		.gamma = job->gamma,
		.beta = job->beta,
	};

	oracle_allocate(&o);
	oracle_run(&o);
	assert_true(worst_error(job->result->data, o.y, elements_of(job)) <= 1e-6);
	assert_true(worst_error(job->result->data + elements_of(job), o.dx, elements_of(job)) <=
		    3e-6);
	check_parameters(job, &o);
	oracle_free(&o);
}

static const int worlds[] = { 1, 2, 3, 4, 8 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
test_ranks_together_equal_one_process_in_double(void **state)
{
	(void)state;
	for (size_t s = 0; s < n_shapes; s++)
		for (size_t w = 0; w < COUNT(worlds); w++) {
			struct job job;

			prepare(&job, &shapes[s], worlds[w]);
			assert_int_equal(run_ranks_failures(worlds[w], train_once, &job), 0);
			check_against_oracle(&job);
			discard(&job);
		}
}

static void
test_all_ranks_hold_the_same_statistics_bit_for_bit(void **state)
{
	(void)state;
	for (size_t s = 0; s < n_shapes; s++) {
		struct job job;

		prepare(&job, &shapes[s], 4);
		assert_int_equal(run_ranks_failures(4, train_once, &job), 0);
		for (int rank = 1; rank < 4; rank++)
			assert_int_equal(job.result->statistics[rank], job.result->statistics[0]);
		discard(&job);
	}
}

static void
test_sets_threads_chunks_and_stores_give_the_same_bits(void **state)
{
	static const char *const threads[] = { "1", "2", "5", "8" };
	static const char *const chunks[] = { "", "1", "5000", "300" };
	static const char *const stores[] = { "ordinary", "streaming", "streaming", "auto" };

	(void)state;
	for (size_t s = 0; s < n_shapes; s++) {
		struct job job;
		uint64_t expected = 0;

		prepare(&job, &shapes[s], 2);
		for (const char *const *isa = sbn_kernels_names; *isa != NULL; isa++) {
			const struct sbn_kernels *kernels;

			if (sbn_kernels_choose(*isa, &kernels) != SYNCBN_OK)
				continue; /* not on this CPU */
			for (size_t i = 0; i < COUNT(threads); i++) {
				job.isa = *isa;
				job.threads = threads[i];
				job.chunk_bytes = chunks[i];
				job.stores = stores[i];
				if (expected == 0)
					expected = run_and_hash(&job);
				assert_int_not_equal(expected, 0);
				assert_int_equal(run_and_hash(&job), expected);
			}
		}
		discard(&job);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranks_together_equal_one_process_in_double),
		cmocka_unit_test(test_all_ranks_hold_the_same_statistics_bit_for_bit),
		cmocka_unit_test(test_sets_threads_chunks_and_stores_give_the_same_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
