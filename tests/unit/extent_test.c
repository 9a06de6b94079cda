/* SPDX-License-Identifier: Apache-2.0 */
/* Data extents: growing the segment, claiming and giving back, also where /dev/shm is small. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fail.h"
#include "shm/segment.h"
#include "unit/random.h"

enum { GROWERS = 4, GROWTHS = 100, MIB = 1 << 20, SKIPPED = 77 };

struct piece {
	uint64_t offset, bytes;
};

static struct sbn_segment segment;
static uint64_t page;

static int
set_up(void **state)
{
	(void)state;
	page = (uint64_t)sysconf(_SC_PAGESIZE);
	return sbn_segment_create(2, NULL, &segment) == SYNCBN_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	sbn_segment_close(&segment);
	return 0;
}

static struct stat
stat_of(int fd)
{
	struct stat stat = { 0 };

	fstat(fd, &stat);
	return stat;
}

static uint64_t
blocks(void)
{
	return (uint64_t)stat_of(segment.fd).st_blocks * 512;
}

static void
test_an_extent_lies_behind_the_control_extent(void **state)
{
	uint64_t first, second;

	(void)state;
	assert_int_equal(sbn_segment_grow(&segment, 3 * page, &first), SYNCBN_OK);
	assert_int_equal(first, segment.control_bytes);
	assert_int_equal(sbn_segment_grow(&segment, page, &second), SYNCBN_OK);
	assert_int_equal(second, first + 3 * page);
	assert_int_equal(stat_of(segment.fd).st_size, second + page);
}

/* Each grower has pieces of its own; the file must hold each piece as soon as it is there. */
static int
grow_often(struct piece *pieces, uint64_t seed)
{
	for (int i = 0; i < GROWTHS; i++) {
		pieces[i].bytes = page * (1 + sbn_random_below(&seed, 50));
		if (sbn_segment_grow(&segment, pieces[i].bytes, &pieces[i].offset) != SYNCBN_OK)
			return 1;
		if ((uint64_t)stat_of(segment.fd).st_size < pieces[i].offset + pieces[i].bytes)
			return 2;
	}
	return 0;
}

static int
by_offset(const void *a, const void *b)
{
	const struct piece *left = a, *right = b;

	return left->offset < right->offset ? -1 : left->offset > right->offset;
}

static void
assert_disjoint(struct piece *pieces, size_t n)
{
	uint64_t end = segment.control_bytes;

	qsort(pieces, n, sizeof(*pieces), by_offset);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(pieces[i].offset, end);
		end += pieces[i].bytes;
	}
	assert_int_equal(stat_of(segment.fd).st_size, end);
}

static void *
grower(void *pieces)
{
	return (void *)(intptr_t)grow_often(pieces, (uintptr_t)pieces);
}

static void
test_threads_that_grow_at_once_get_disjoint_extents(void **state)
{
	static struct piece pieces[GROWERS][GROWTHS];
	pthread_t threads[GROWERS];
	void *failed;

	(void)state;
	for (int i = 0; i < GROWERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, grower, pieces[i]), 0);
	for (int i = 0; i < GROWERS; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_disjoint(pieces[0], GROWERS * GROWTHS);
}

/* The exit code of work, in a child. */
static int
in_a_child(int (*work)(void *), void *argument)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(work(argument));
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int
grow_beside_a_child(void *argument)
{
	struct piece *pieces = argument;
	int status = -1, own;
	pid_t child = fork();

	if (child == 0)
		_exit(grow_often(pieces, 1));
	own = grow_often(pieces + GROWTHS, 2);
	waitpid(child, &status, 0);
	return own != 0 ? own : WEXITSTATUS(status);
}

static void
test_processes_that_grow_at_once_get_disjoint_extents(void **state)
{
	size_t bytes = 2 * GROWTHS * sizeof(struct piece);
	struct piece *pieces =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(pieces != MAP_FAILED);
	assert_int_equal(in_a_child(grow_beside_a_child, pieces), 0);
	assert_disjoint(pieces, 2 * GROWTHS);
	munmap(pieces, bytes);
}

static void
test_growth_beyond_what_a_file_can_hold_leaves_the_end_where_it_was(void **state)
{
	uint64_t most = INT64_MAX / page * page, offset = 1;

	(void)state;
	for (int i = 0; i < 5; i++) { /* three of them would wrap 64 bits */
		assert_int_equal(sbn_segment_grow(&segment, most, &offset), SYNCBN_ERR_NO_MEMORY);
		assert_int_equal(offset, 1);
	}
	assert_int_equal(sbn_segment_grow(&segment, page, &offset), SYNCBN_OK);
	assert_int_equal(offset, segment.control_bytes);
}

static void
test_two_mappings_show_the_same_extent(void **state)
{
	struct sbn_extent a, b;
	uint64_t offset;

	(void)state;
	assert_int_equal(sbn_segment_grow(&segment, 4 * page, &offset), SYNCBN_OK);
	assert_int_equal(sbn_extent_map(&segment, offset, 4 * page, &a), SYNCBN_OK);
	assert_int_equal(sbn_extent_map(&segment, offset, 4 * page, &b), SYNCBN_OK);
	assert_int_equal(sbn_extent_claim(&segment, &a, page, page, NULL), SYNCBN_OK);
	a.base[page] = 42;
	assert_int_equal(b.base[page], 42);
	assert_int_equal(b.base[page + 1], 0);
	sbn_extent_unmap(&a);
	assert_null(a.base);
	assert_int_equal(b.base[page], 42);
	sbn_extent_unmap(&b);
}

static void
test_a_slice_is_reserved_and_given_back(void **state)
{
	struct sbn_nodes nodes = { { 1 } };
	uint64_t offset, before, bytes = 9 * MIB; /* more than one reservation, with a rest */
	struct sbn_extent extent;

	(void)state;
	assert_int_equal(sbn_segment_grow(&segment, bytes + page, &offset), SYNCBN_OK);
	assert_int_equal(sbn_extent_map(&segment, offset, bytes + page, &extent), SYNCBN_OK);
	before = blocks();
	assert_int_equal(sbn_extent_claim(&segment, &extent, 0, bytes, &nodes), SYNCBN_OK);
	assert_true(blocks() >= before + bytes);
	memset(extent.base, 1, bytes);
	sbn_extent_discard(&segment, &extent, 0, bytes);
	assert_true(blocks() <= before);
	assert_int_equal(extent.base[0], 0); /* still mapped, and empty */
	assert_int_equal(stat_of(segment.fd).st_size, offset + bytes + page);
	sbn_extent_unmap(&extent);
}

/* ---- with a small /dev/shm, in a mount namespace of a child ---- */

static int
make_shm_small(const char *size)
{
	if (unshare(CLONE_NEWNS) != 0)
		return SKIPPED;
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, size) != 0)
		return SKIPPED;
	return 0;
}

static int
says(const char *words)
{
	return strstr(sbn_last_error(), words) != NULL;
}

static int
claim_too_much(void *unused)
{
	struct sbn_segment small;
	struct sbn_extent extent;
	uint64_t offset, bytes = 100 * MIB;
	blkcnt_t before;

	(void)unused;
	if (make_shm_small("size=66m") != 0)
		return SKIPPED;
	if (sbn_segment_create(1, NULL, &small) != SYNCBN_OK ||
	    sbn_segment_grow(&small, bytes + page, &offset) != SYNCBN_OK ||
	    sbn_extent_map(&small, offset, bytes + page, &extent) != SYNCBN_OK)
		return 1;
	before = stat_of(small.fd).st_blocks;
	if (sbn_extent_claim(&small, &extent, 0, bytes, NULL) != SYNCBN_ERR_NO_MEMORY)
		return 2;
	if (!says("--shm-size") || !says("104857600 more bytes") || !says("No space left"))
		return 3;
	if (stat_of(small.fd).st_blocks != before)
		return 5; /* some of it was taken, which somebody else may need */
	if (sbn_extent_claim(&small, &extent, 0, MIB / 2, NULL) != SYNCBN_OK)
		return 4;
	memset(extent.base, 1, MIB / 2);
	return 0;
}

static int
grow_when_full(void *unused)
{
	struct sbn_segment small;
	struct sbn_extent extent;
	uint64_t offset, at = 0;

	(void)unused;
	if (make_shm_small("size=66m") != 0)
		return SKIPPED;
	if (sbn_segment_create(1, NULL, &small) != SYNCBN_OK ||
	    sbn_segment_grow(&small, 80 * MIB, &offset) != SYNCBN_OK ||
	    sbn_extent_map(&small, offset, 80 * MIB, &extent) != SYNCBN_OK)
		return 1;
	for (uint64_t step = MIB; step >= page; step /= 2)
		while (sbn_extent_claim(&small, &extent, at, step, NULL) == SYNCBN_OK)
			at += step;
	if (sbn_segment_grow(&small, page, &offset) != SYNCBN_ERR_NO_MEMORY)
		return 2;
	return says("--shm-size") ? 0 : 3;
}

static int
create_without_room(void *size)
{
	struct sbn_segment small, attached;
	struct sbn_extent extent;
	uint64_t offset;

	if (make_shm_small(size) != 0)
		return SKIPPED;
	if (sbn_segment_create(4, NULL, &small) != SYNCBN_OK)
		return 1;
	if ((stat_of(small.fd).st_mode & 0777) != 0600 || stat_of(small.fd).st_nlink != 0)
		return 2;
	/* it cannot be cut short under its users, nor sealed against growing */
	if (ftruncate(small.fd, 0) == 0 || errno != EPERM ||
	    fcntl(small.fd, F_ADD_SEALS, F_SEAL_GROW) == 0 || errno != EPERM)
		return 3;
	if (sbn_segment_attach(dup(small.fd), small.run_id, 4, &attached) != SYNCBN_OK)
		return 4;
	/* its extents have more room than /dev/shm has */
	if (sbn_segment_grow(&small, 80 * MIB, &offset) != SYNCBN_OK ||
	    sbn_extent_map(&attached, offset, 80 * MIB, &extent) != SYNCBN_OK ||
	    sbn_extent_claim(&attached, &extent, 0, 80 * MIB - page, NULL) != SYNCBN_OK)
		return 5;
	return 0;
}

static void
run_with_a_small_shm(int (*work)(void *), char *size)
{
	int code = in_a_child(work, size);

	if (code == SKIPPED) {
		print_message("skipped: a mount namespace needs root\n");
		skip();
	}
	assert_int_equal(code, 0);
}

static void
test_a_claim_beyond_the_room_is_an_error_not_a_signal(void **state)
{
	(void)state;
	run_with_a_small_shm(claim_too_much, NULL);
}

static void
test_growth_without_room_for_the_guard_page_is_an_error(void **state)
{
	(void)state;
	run_with_a_small_shm(grow_when_full, NULL);
}

static void
test_without_room_the_segment_is_a_memfd(void **state)
{
	(void)state;
	run_with_a_small_shm(create_without_room, "size=16k");
}

static void
test_with_little_room_for_extents_it_is_one_too(void **state)
{
	(void)state;
	run_with_a_small_shm(create_without_room, "size=64m");
}

/* ---- offsets and words that another process has spoilt ---- */

static void
test_an_extent_where_none_can_be_is_never_mapped(void **state)
{
	struct sbn_extent extent;
	uint64_t offset, end;

	(void)state;
	assert_int_equal(sbn_segment_grow(&segment, 4 * page, &offset), SYNCBN_OK);
	end = offset + 4 * page;
	const uint64_t wrong[][2] = {
		{ 0, page },
		{ segment.control_bytes - page, page },
		{ offset + 1, page },
		{ offset + page / 2, page },
		{ offset + page, 4 * page },
		{ end, page },
		{ end - page, UINT64_MAX },
		{ UINT64_MAX - page + 1, page },
		{ UINT64_MAX, UINT64_MAX },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(sbn_extent_map(&segment, wrong[i][0], wrong[i][1], &extent),
				 SYNCBN_ERR_MISMATCH);
		assert_true(says("no extent can be at"));
	}
}

static void
test_a_spoilt_end_of_the_segment_gives_no_extent_over_others(void **state)
{
	static const uint64_t ends[] = { 0, 1, 4096, 0x5a5a5a5a5a5a5a5a, UINT64_MAX - 4095 };
	uint64_t offset;

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		atomic_store_explicit(&segment.control.head->extents_end, ends[i],
				      memory_order_relaxed);
		assert_int_not_equal(sbn_segment_grow(&segment, page, &offset), SYNCBN_OK);
	}
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		fresh(test_an_extent_lies_behind_the_control_extent),
		fresh(test_threads_that_grow_at_once_get_disjoint_extents),
		fresh(test_processes_that_grow_at_once_get_disjoint_extents),
		fresh(test_growth_beyond_what_a_file_can_hold_leaves_the_end_where_it_was),
		fresh(test_two_mappings_show_the_same_extent),
		fresh(test_a_slice_is_reserved_and_given_back),
		fresh(test_a_claim_beyond_the_room_is_an_error_not_a_signal),
		fresh(test_growth_without_room_for_the_guard_page_is_an_error),
		fresh(test_without_room_the_segment_is_a_memfd),
		fresh(test_with_little_room_for_extents_it_is_one_too),
		fresh(test_an_extent_where_none_can_be_is_never_mapped),
		fresh(test_a_spoilt_end_of_the_segment_gives_no_extent_over_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
