/* SPDX-License-Identifier: Apache-2.0 */
/* Planes of short rows: what is mapped in strips has the bits of what is mapped plane by plane. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernels_cases.h"
#include "kernels_sets.h"

enum { CHANNELS = 32, MOST_IMAGES = 3, MOST_SPATIAL = 512 };
enum { SIZE = CHANNELS * MOST_IMAGES * MOST_SPATIAL + 64 };
_Static_assert(SIZE + SIZE / 2 + SIZE <= CASE_POOL, "the inputs end in the pool");

/* Images of CHANNELS planes, of which some are mapped, and forward the others summed. */
struct strips_case {
	const struct sbn_type_kernels *kernels;
	enum sbn_type type;
	enum case_data data;
	size_t spatial, n, n_mapped, margin;
	struct sbn_coefficients k;
	bool has_z, lockstep;
};

struct outputs {
	_Alignas(64) double out[SIZE], dz[SIZE]; /* room for elements of any type */
	struct sbn_pair sums[CHANNELS];
	double low[CHANNELS];
};

static struct outputs in_strips, by_planes;

/* Elements of an output, and some behind them. */
static size_t
size_of(const struct strips_case *t)
{
	return CHANNELS * t->spatial * t->n + 64;
}

static struct sbn_operands
operands_of(const struct strips_case *t, bool backward, struct outputs *to)
{
	const size_t stride = CHANNELS * t->spatial;
	const void *pool = case_pool[t->type][t->data];
	struct sbn_operands at = {
		.x = { element_at(t->type, pool, 3), stride },
		.out = { element_at(t->type, to->out, t->margin), stride },
	};

	memset(to->out, 0xa5, size_of(t) * sbn_type_bytes(t->type));
	memset(to->dz, 0xa5, size_of(t) * sbn_type_bytes(t->type));
	memset(to->sums, 0xa5, sizeof(to->sums));
	memset(to->low, 0xa5, sizeof(to->low));
	if (t->has_z)
		at.z = (struct sbn_in){ element_at(t->type, pool, SIZE), stride };
	if (backward)
		at.dy = (struct sbn_in){ element_at(t->type, pool, SIZE + SIZE / 2), stride };
	if (backward && t->has_z)
		at.dz = (struct sbn_out){ element_at(t->type, to->dz, t->margin), stride };
	return at;
}

static struct sbn_operands
behind(const struct strips_case *t, const struct sbn_operands *at, size_t planes)
{
	return (struct sbn_operands){
		.x = elements_behind(t->type, at->x, planes * t->spatial),
		.z = elements_behind(t->type, at->z, planes * t->spatial),
		.dy = elements_behind(t->type, at->dy, planes * t->spatial),
	};
}

static void
run_in_strips(const struct strips_case *t, bool backward)
{
	struct sbn_operands at = operands_of(t, backward, &in_strips);
	const struct sbn_operands next = behind(t, &at, t->n_mapped);
	const struct sbn_beside beside = { &next, CHANNELS - t->n_mapped, in_strips.sums,
					   in_strips.low, 0 };

	at.stream = true;
	at.lockstep = t->lockstep;
	at.beyond = 1000 * t->margin;
	if (backward)
		t->kernels->planes_dx(&at, t->n, t->spatial, &t->k, 2, t->n_mapped);
	else
		t->kernels->planes_normalize_beside(&beside, &at, t->n, t->spatial, &t->k, 2,
						    t->n_mapped);
	sbn_stream_end();
}

/* One image at a time, which is never in strips, and one channel. */
static void
run_by_planes(const struct strips_case *t, bool backward)
{
	const struct sbn_operands at = operands_of(t, backward, &by_planes);

	for (size_t image = 0; image < t->n; image++) {
		const size_t i = image * at.x.stride;
		struct sbn_operands one = behind(t, &at, image * CHANNELS);

		one.out.data = element_at(t->type, at.out.data, i);
		one.dz.data = at.dz.data == NULL ? NULL : element_at(t->type, at.dz.data, i);
		if (backward)
			t->kernels->planes_dx(&one, 1, t->spatial, &t->k, 2, t->n_mapped);
		else
			t->kernels->planes_normalize(&one, 1, t->spatial, &t->k, 2, t->n_mapped);
	}
	for (size_t c = 0; c < CHANNELS - t->n_mapped && !backward; c++) {
		const struct sbn_operands next = behind(t, &at, t->n_mapped + c);
		struct sbn_moments moments;

		t->kernels->plane_moments(&next, t->n, t->spatial, &moments);
		by_planes.sums[c] = (struct sbn_pair){ moments.mean, moments.m2 };
		if (t->type == SBN_F64)
			by_planes.low[c] = moments.low;
	}
}

static void
assert_same_both_ways(const struct strips_case *t, bool backward)
{
	const size_t n_sums = CHANNELS - t->n_mapped, size = size_of(t);

	run_in_strips(t, backward);
	run_by_planes(t, backward);
	assert_int_equal(element_first_diff(t->type, in_strips.out, by_planes.out, size), size);
	assert_int_equal(element_first_diff(t->type, in_strips.dz, by_planes.dz, size), size);
	if (backward) /* nothing is summed beside */
		return;
	assert_int_equal(element_first_diff(SBN_F64, in_strips.sums, by_planes.sums, 2 * n_sums),
			 2 * n_sums);
	assert_int_equal(element_first_diff(SBN_F64, in_strips.low, by_planes.low, n_sums), n_sums);
}

static void
run_every_size(struct strips_case *t)
{
	static const size_t spatials[] = { 1,   2,   3,   7,   8,   9,   15, 16,  17,
					   24,  25,  31,  36,  40,  49,  64, 100, 127,
					   128, 143, 196, 255, 257, 511, 512 };
	static const size_t mapped[] = { 0, 1, 16, 31 }, margins[] = { 0, 5 };

	for (size_t number = 0; number < CASE_COUNT(spatials) * CASE_COUNT(mapped) * 2 * 2 * 2 * 2;
	     number++) {
		size_t rest = number;

		t->spatial = spatials[case_digit(&rest, CASE_COUNT(spatials))];
		t->n_mapped = mapped[case_digit(&rest, CASE_COUNT(mapped))];
		t->margin = margins[case_digit(&rest, CASE_COUNT(margins))];
		t->n = 2 + case_digit(&rest, 2);
		/* whose blocks are summed once, and, some of them, again */
		t->data = case_digit(&rest, 2) == 0 ? DATA_PLAIN : DATA_SPECIAL;
		t->lockstep = case_digit(&rest, 2) == 1;
		assert_same_both_ways(t, false);
		if (!t->lockstep) /* it is for what is summed beside */
			assert_same_both_ways(t, true);
	}
}

static void
test_strips_have_the_bits_of_planes(void **state)
{
	struct strips_case t;
	size_t next = 0;

	(void)state;
	case_prepare();
	while ((t.kernels = next_kernels(&next, &t.type)) != NULL) {
		t.has_z = false;
		t.k = case_coefficients(t.type, SBN_ACT_NONE, 0, 1);
		run_every_size(&t);
		t.k = case_coefficients(t.type, SBN_ACT_LEAKY_RELU, 0.25, 1);
		run_every_size(&t);
		t.has_z = true;
		t.k = case_coefficients(t.type, SBN_ACT_RELU, 0, 1);
		run_every_size(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strips_have_the_bits_of_planes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
