/* SPDX-License-Identifier: Apache-2.0 */
/* Which images of long rows are summed and mapped first, and how many at a time, changes no bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/math.h"
#include "kernels/kernels.h"
#include "kernels/stream.h"
#include "random.h"

enum { CHANNELS = 2 };

/* A tensor of two channels, and the tensors of the same shape that passes make of it. */
struct planes {
	size_t n, spatial, elements;
	float *x, *dy, *y, *dx;
};

static float mean_hi[CHANNELS] = { 0.5f, -3 }, mean_lo[CHANNELS] = { 1e-9f, 0 };
static float scale[CHANNELS] = { 1.5f, 0.25f }, shift[CHANNELS] = { 0.125f, 7 };
static float dy_hi[CHANNELS] = { 0.01f, -0.5f }, dy_lo[CHANNELS] = { 1e-9f, 0 };
static float slope[CHANNELS] = { 0.75f, 0.1f };

static const struct sbn_coefficients coefficients = {
	.mean_hi = mean_hi,
	.mean_lo = mean_lo,
	.scale = scale,
	.shift = shift,
	.dy_hi = dy_hi,
	.dy_lo = dy_lo,
	.slope = slope,
};

static float *
floats(size_t n)
{
	float *p =
		aligned_alloc(SBN_STORE_LINE, sbn_align_up(n * sizeof(*p), (size_t)SBN_STORE_LINE));

	assert_non_null(p);
	return p;
}

/* Images are far from each other's mean, so that another order of merging would show. */
static struct planes
planes_of(size_t n, size_t spatial)
{
	const size_t elements = n * CHANNELS * spatial;
	struct planes p = { n,
			    spatial,
			    elements,
			    floats(elements),
			    floats(elements),
			    floats(elements),
			    floats(elements) };
	uint64_t seed = n + spatial;

	for (size_t i = 0; i < elements; i++) {
		p.x[i] = (float)(i / spatial % 7) * 3 + (float)sbn_random_normal(&seed);
		p.dy[i] = (float)(i / spatial % 5) + (float)sbn_random_normal(&seed);
	}
	return p;
}

static void
free_planes(struct planes *p)
{
	free(p->x);
	free(p->dy);
	free(p->y);
	free(p->dx);
}

/* order: odd ones: the last images first; 2 and 3: one image is written at a time; 4 and 5: two. */
static struct sbn_operands
operands_of(const struct planes *p, size_t channel, float *out, bool backward, int order)
{
	const size_t stride = CHANNELS * p->spatial;
	struct sbn_operands at = { .stream = true,
				   .last_first = order % 2 == 1,
				   .lockstep = order >= 2,
				   .pairs = order >= 4,
				   .near = order % 2 == 0 };

	at.x = (struct sbn_in){ p->x + channel * p->spatial, stride };
	if (backward)
		at.dy = (struct sbn_in){ p->dy + channel * p->spatial, stride };
	at.out = (struct sbn_out){ out + channel * p->spatial, stride };
	return at;
}

/* Everything that a pass makes of the planes: sums alone and beside maps, and what is mapped. */
struct results {
	struct sbn_moments moments;
	double sums[2];
	struct sbn_pair beside[2];
};

static struct results
run(const struct sbn_type_kernels *kernels, struct planes *p, int order)
{
	const struct sbn_operands forward = operands_of(p, 0, p->y, false, order);
	const struct sbn_operands backward = operands_of(p, 0, p->dx, true, order);
	const struct sbn_operands next = operands_of(p, 1, p->y, false, order);
	const struct sbn_operands next_back = operands_of(p, 1, p->dx, true, order);
	struct results r;

	memset(&r, 0, sizeof(r));
	memset(p->y, 0, p->elements * sizeof(*p->y));
	memset(p->dx, 0, p->elements * sizeof(*p->dx));
	kernels->plane_moments(&forward, p->n, p->spatial, &r.moments);
	kernels->plane_sums(&backward, p->n, p->spatial, &coefficients, 0, r.sums);
	kernels->planes_normalize_beside(&(struct sbn_beside){ &next, 1, &r.beside[0], NULL, 1 },
					 &forward, p->n, p->spatial, &coefficients, 0, 1);
	kernels->planes_dx_beside(&(struct sbn_beside){ &next_back, 1, &r.beside[1], NULL, 1 },
				  &backward, p->n, p->spatial, &coefficients, 0, 1);
	kernels->planes_normalize(&next, p->n, p->spatial, &coefficients, 1, 1);
	kernels->planes_dx(&next_back, p->n, p->spatial, &coefficients, 1, 1);
	sbn_stream_end();
	return r;
}

static void
assert_same_bits(size_t n, size_t spatial)
{
	struct planes first = planes_of(n, spatial), last = planes_of(n, spatial);
	const struct sbn_kernels *set = NULL;
	struct results a, b;

	assert_int_equal(sbn_kernels_choose(NULL, &set), SYNCBN_OK);
	a = run(&set->of[SBN_F32], &first, 0);
	for (int order = 1; order < 6; order++) {
		b = run(&set->of[SBN_F32], &last, order);
		assert_memory_equal(&a, &b, sizeof(a));
		assert_memory_equal(first.y, last.y, first.elements * sizeof(*first.y));
		assert_memory_equal(first.dx, last.dx, first.elements * sizeof(*first.dx));
	}
	free_planes(&first);
	free_planes(&last);
}

static void
test_few_images_in_either_order_have_the_same_bits(void **state)
{
	static const size_t spatials[] = { 256, 257, 700, 784, 2048, 2064, 4112 };

	(void)state;
	for (size_t i = 0; i < sizeof(spatials) / sizeof(spatials[0]); i++)
		for (size_t n = 1; n <= 13; n++)
			assert_same_bits(n, spatials[i]);
}

/* 512 blocks are remembered until they can be merged in their order. */
static void
test_so_many_blocks_as_are_kept_and_more_have_the_same_bits(void **state)
{
	(void)state;
	assert_same_bits(73, 12544);
	assert_same_bits(74, 12544);
	assert_same_bits(1021, 1024);
	assert_same_bits(1024, 1024);
	assert_same_bits(1025, 1024);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_images_in_either_order_have_the_same_bits),
		cmocka_unit_test(test_so_many_blocks_as_are_kept_and_more_have_the_same_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
