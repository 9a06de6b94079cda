/* SPDX-License-Identifier: Apache-2.0 */
/* The sums of a plane's blocks, each for itself, are those that the plane's sums are made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernels/block.h"
#include "kernels/merge.h"
#include "kernels_cases.h"
#include "kernels_sets.h"

enum { MOST_BLOCKS = 64 };

static const struct shape {
	size_t n, spatial;
} shapes[] = {
	{ 1, 1 },    { 130, 1 },  { 300, 7 },  { 50, 49 },  { 33, 100 },  { 21, 127 },
	{ 16, 128 }, { 20, 196 }, { 9, 255 },  { 17, 256 }, { 30, 784 },  { 3, 2047 },
	{ 5, 2048 }, { 5, 2049 }, { 4, 2304 }, { 9, 3136 }, { 2, 12544 }, { 1, 40000 },
};

/* x and dy of a shape, from a place that is not the edge of a line. */
static struct sbn_operands
operands_of(enum sbn_type type, enum case_data data, const struct shape *shape)
{
	const char *pool = (const char *)case_pool[type][data];
	const size_t stride = shape->spatial + 3;

	return (struct sbn_operands){
		.x = { pool + 5 * sbn_type_bytes(type), stride },
		.dy = { pool + 1000 * sbn_type_bytes(type), stride },
	};
}

static size_t
count_blocks(const struct shape *shape)
{
	struct sbn_block block = sbn_blocks_begin();
	size_t n = 0;

	while (sbn_blocks_next(&block, shape->n, shape->spatial))
		n++;
	return n;
}

static void
check_moments(const struct sbn_type_kernels *kernels, enum sbn_type type,
	      const struct sbn_operands *at, const struct shape *shape)
{
	struct sbn_moments of_blocks[MOST_BLOCKS], whole, merged = { 0 };
	const size_t n = count_blocks(shape);

	assert_true(n <= MOST_BLOCKS);
	kernels->plane_moments(at, shape->n, shape->spatial, &whole);
	kernels->blocks_moments(at, shape->n, shape->spatial, of_blocks);
	for (size_t i = 0; i < n; i++)
		sbn_moments_add(&merged, &of_blocks[i], type == SBN_F64);
	assert_memory_equal(&merged, &whole, sizeof(whole));
}

static void
check_sums(const struct sbn_type_kernels *kernels, const struct sbn_operands *at,
	   const struct shape *shape, const struct sbn_coefficients *k)
{
	struct sbn_pair of_blocks[MOST_BLOCKS];
	const size_t n = count_blocks(shape);
	double whole[2] = { 0, 0 }, added[2] = { 0, 0 };

	kernels->plane_sums(at, shape->n, shape->spatial, k, 3, whole);
	kernels->blocks_sums(at, shape->n, shape->spatial, k, 3, of_blocks);
	for (size_t i = 0; i < n; i++) {
		added[0] += of_blocks[i].a;
		added[1] += of_blocks[i].b;
	}
	assert_memory_equal(added, whole, sizeof(whole));
}

static void
test_a_planes_sums_are_those_of_its_blocks(void **state)
{
	static const enum case_data data[] = { DATA_PLAIN, DATA_LARGE, DATA_FAINT, DATA_DEAD };
	const struct sbn_type_kernels *kernels;
	enum sbn_type type;
	size_t next = 0;

	(void)state;
	case_prepare();
	while ((kernels = next_kernels(&next, &type)) != NULL) {
		for (size_t i = 0; i < CASE_COUNT(shapes) * CASE_COUNT(data); i++) {
			const struct shape *shape = &shapes[i / CASE_COUNT(data)];
			const struct sbn_operands at =
				operands_of(type, data[i % CASE_COUNT(data)], shape);
			const enum sbn_activation activation =
				i % 2 == 0 ? SBN_ACT_NONE : SBN_ACT_LEAKY_RELU;
			const struct sbn_coefficients k =
				case_coefficients(type, activation, 0.25, 0);

			check_moments(kernels, type, &at, shape);
			check_sums(kernels, &at, shape, &k);
		}
	}
}

/* A block's sums do not depend on the blocks that are summed with it. */
static void
test_blocks_may_be_summed_a_part_at_a_time(void **state)
{
	const struct shape shape = { 30, 784 }, part = { 12, 784 };
	const struct sbn_type_kernels *kernels;
	enum sbn_type type;
	size_t next = 0;

	(void)state;
	case_prepare();
	while ((kernels = next_kernels(&next, &type)) != NULL) {
		struct sbn_operands at = operands_of(type, DATA_PLAIN, &shape);
		struct sbn_moments all[MOST_BLOCKS], some[MOST_BLOCKS];

		kernels->blocks_moments(&at, shape.n, shape.spatial, all);
		at.x.data = (const char *)at.x.data + 6 * at.x.stride * sbn_type_bytes(type);
		kernels->blocks_moments(&at, part.n, part.spatial, some);
		assert_memory_equal(some, all + 3, count_blocks(&part) * sizeof(some[0]));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_planes_sums_are_those_of_its_blocks),
		cmocka_unit_test(test_blocks_may_be_summed_a_part_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
