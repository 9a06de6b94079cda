/* SPDX-License-Identifier: Apache-2.0 */
#include "shm/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "shm/control.h"

enum { N_PAGES = 3, N_WORLDS = 4 };

static const size_t pages[N_PAGES] = { 4096, 16384, 65536 };
static const uint32_t worlds[N_WORLDS] = { 1, 2, 3, SBN_MAX_RANKS };

static void
check_control(uint32_t world_size, size_t page)
{
	struct sbn_control_layout layout;

	sbn_control_layout(world_size, page, &layout);
	assert_true(layout.rank_offset >= sizeof(struct sbn_control_head));
	assert_true(layout.rank_stride >= sizeof(struct sbn_rank_block));
	assert_int_equal(layout.rank_offset % page, 0);
	assert_int_equal(layout.rank_stride % page, 0);
	assert_int_equal(layout.bytes, layout.rank_offset + world_size * layout.rank_stride);
}

static void
test_header_and_blocks_have_pages_of_their_own(void **state)
{
	(void)state;
	for (int w = 0; w < N_WORLDS; w++)
		for (int p = 0; p < N_PAGES; p++)
			check_control(worlds[w], pages[p]);
}

static void
test_a_block_wastes_less_than_a_page(void **state)
{
	struct sbn_control_layout layout;

	(void)state;
	for (int p = 0; p < N_PAGES; p++) {
		sbn_control_layout(1, pages[p], &layout);
		assert_true(layout.rank_offset - sizeof(struct sbn_control_head) < pages[p]);
		assert_true(layout.rank_stride - sizeof(struct sbn_rank_block) < pages[p]);
	}
}

/* Offsets that ranks of different builds must agree on fall on lines whatever comes before them. */
static void
test_each_writer_has_lines_of_its_own(void **state)
{
	static const size_t offsets[] = {
		offsetof(struct sbn_control_head, abort),
		offsetof(struct sbn_control_head, clock_paused),
		offsetof(struct sbn_control_head, extents_end),
		offsetof(struct sbn_rank_block, life),
		offsetof(struct sbn_rank_block, now),
		offsetof(struct sbn_rank_block, sleepers),
		offsetof(struct sbn_rank_block, cpus),
		offsetof(struct sbn_rank_block, doorbells),
		offsetof(struct sbn_rank_block, trace),
		offsetof(struct sbn_rank_block, layer_names),
		offsetof(struct sbn_rank_block, bootstrap),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
		assert_int_equal(offsets[i] % SBN_LINE, 0);
}

static void
check_extent(uint32_t n_ranks, uint64_t slice_bytes, size_t page)
{
	struct sbn_extent_layout layout;

	sbn_extent_layout(n_ranks, slice_bytes, page, &layout);
	assert_true(layout.slice_stride >= slice_bytes);
	assert_true(layout.slice_stride - slice_bytes < page);
	assert_int_equal(layout.slice_stride % page, 0);
	assert_int_equal(layout.guard_offset / n_ranks, layout.slice_stride);
	assert_int_equal(layout.guard_offset % n_ranks, 0);
	assert_int_equal(layout.bytes, layout.guard_offset + page);
}

static void
test_slices_are_disjoint_and_the_guard_page_is_behind_them(void **state)
{
	static const uint64_t sizes[] = { 1, 127, 4095, 4096, 4097, 65536, 65537, 123456789 };

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (int w = 0; w < N_WORLDS; w++)
			for (int p = 0; p < N_PAGES; p++)
				check_extent(worlds[w], sizes[s], pages[p]);
}

/* 2^62 bytes over all ranks: what the public functions let through. */
static void
test_the_largest_slices_of_1024_ranks_do_not_overflow(void **state)
{
	uint64_t slice = PTRDIFF_MAX / 2 / SBN_MAX_RANKS;
	struct sbn_extent_layout layout;

	(void)state;
	for (int p = 0; p < N_PAGES; p++) {
		check_extent(SBN_MAX_RANKS, slice, pages[p]);
		sbn_extent_layout(SBN_MAX_RANKS, slice, pages[p], &layout);
		assert_true(layout.bytes <= INT64_MAX);
	}
}

static void
test_an_empty_slice_needs_the_guard_page_only(void **state)
{
	struct sbn_extent_layout layout;

	(void)state;
	sbn_extent_layout(7, 0, 4096, &layout);
	assert_int_equal(layout.slice_stride, 0);
	assert_int_equal(layout.guard_offset, 0);
	assert_int_equal(layout.bytes, 4096);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_and_blocks_have_pages_of_their_own),
		cmocka_unit_test(test_a_block_wastes_less_than_a_page),
		cmocka_unit_test(test_each_writer_has_lines_of_its_own),
		cmocka_unit_test(test_slices_are_disjoint_and_the_guard_page_is_behind_them),
		cmocka_unit_test(test_the_largest_slices_of_1024_ranks_do_not_overflow),
		cmocka_unit_test(test_an_empty_slice_needs_the_guard_page_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
