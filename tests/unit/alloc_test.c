/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/alloc.h"

#include <inttypes.h>
#include <numaif.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/mempolicy.h"

static bool
is_zero(const unsigned char *memory, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (memory[i] != 0)
			return false;
	return true;
}

static const size_t sizes[] = {
	1,
	127,
	128,
	129,
	4095,
	4096,
	4097,
	SBN_HUGE_PAGE - 1,
	SBN_HUGE_PAGE,
	SBN_HUGE_PAGE + 1,
	3 * SBN_HUGE_PAGE - 1,
};

enum { N_SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void
test_memory_is_zeroed_aligned_and_all_writable(void **state)
{
	(void)state;
	for (int i = 0; i < N_SIZES; i++) {
		unsigned char *memory = sbn_alloc(sizes[i], NULL);

		assert_non_null(memory);
		assert_int_equal((uintptr_t)memory % SBN_ALLOC_ALIGN, 0);
		assert_true(is_zero(memory, sizes[i]));
		memset(memory, 0xff, sizes[i]);
		sbn_free(memory);
	}
}

static void
test_large_memory_begins_at_a_huge_page(void **state)
{
	(void)state;
	for (int i = 0; i < N_SIZES; i++) {
		void *memory = sbn_alloc(sizes[i], NULL);

		assert_non_null(memory);
		if (sizes[i] >= SBN_HUGE_PAGE)
			assert_int_equal((uintptr_t)memory % SBN_HUGE_PAGE, 0);
		sbn_free(memory);
	}
}

static void
test_memory_that_was_used_before_is_zero_again(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++) {
		unsigned char *memory = sbn_alloc(100000, NULL);

		assert_non_null(memory);
		assert_true(is_zero(memory, 100000));
		memset(memory, i + 1, 100000);
		sbn_free(memory);
	}
}

static void
test_two_buffers_do_not_touch(void **state)
{
	unsigned char *a = sbn_alloc(5000, NULL), *b = sbn_alloc(5000, NULL);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	memset(a, 1, 5000);
	assert_true(is_zero(b, 5000));
	sbn_free(a);
	assert_true(is_zero(b, 5000));
	sbn_free(b);
}

static void
test_nothing_and_too_much_are_refused(void **state)
{
	static const size_t impossible[] = { 0,
					     SIZE_MAX,
					     SIZE_MAX - 127,
					     SIZE_MAX - SBN_HUGE_PAGE,
					     SIZE_MAX / 2,
					     PTRDIFF_MAX,
					     PTRDIFF_MAX / 2,
					     (size_t)1 << 60 };

	(void)state;
	for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++)
		assert_null(sbn_alloc(impossible[i], NULL));
}

/* Whether /proc/self/smaps has that flag for the mapping with this address. */
static bool
has_flag(const void *address, const char *flag)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	uintptr_t begin, end, at = (uintptr_t)address;
	char line[1024];
	bool within = false, has = false;

	assert_non_null(smaps);
	while (fgets(line, sizeof(line), smaps) != NULL) {
		/* "Anonymous:" begins with a number, too */
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2)
			within = begin <= at && at < end;
		if (within && strncmp(line, "VmFlags:", 8) == 0)
			has = strstr(line, flag) != NULL;
	}
	fclose(smaps);
	return has;
}

static void
test_huge_pages_are_advised_for_large_memory_alone(void **state)
{
	(void)state;
	if (access("/sys/kernel/mm/transparent_hugepage/enabled", F_OK) != 0)
		skip();
	for (int i = 0; i < N_SIZES; i++) {
		unsigned char *memory = sbn_alloc(sizes[i], NULL);
		bool large = sizes[i] >= SBN_HUGE_PAGE;

		assert_non_null(memory);
		assert_int_equal(has_flag(memory, " hg"), large);
		assert_int_equal(has_flag(memory + sizes[i] - 1, " hg"), large);
		sbn_free(memory);
	}
}

static void
assert_prefers(unsigned char *address, int node)
{
	unsigned long mask[SBN_MAX_NODES / (8 * sizeof(long))] = { 0 };
	int mode;

	assert_int_equal(get_mempolicy(&mode, mask, SBN_MAX_NODES, address, MPOL_F_ADDR), 0);
	assert_int_equal(mode, MPOL_PREFERRED);
	assert_int_equal(mask[(size_t)node / (8 * sizeof(long))],
			 1UL << (size_t)node % (8 * sizeof(long)));
}

static void
test_all_of_it_prefers_the_node_that_was_asked_for(void **state)
{
	int touched = 0, node = sbn_memory_node_of(&touched);
	struct sbn_nodes nodes = { { 0 } };

	(void)state;
	if (node < 0)
		skip(); /* no memory policies here */
	sbn_nodes_add(&nodes, (unsigned)node);
	for (int i = 0; i < N_SIZES; i++) {
		unsigned char *memory = sbn_alloc(sizes[i], &nodes);

		assert_non_null(memory);
		assert_prefers(memory, node);
		assert_prefers(memory + sizes[i] - 1, node);
		memory[0] = 1;
		assert_int_equal(sbn_memory_node_of(memory), node);
		sbn_free(memory);
	}
}

/* Where the system refuses memory policies the first touch decides; that is no failure. */
static void
test_nodes_are_a_wish(void **state)
{
	struct sbn_nodes none = { { 0 } }, first = { { 1 } }, absent = { { 0 } };
	const struct sbn_nodes *all[] = { &none, &first, &absent };

	(void)state;
	sbn_nodes_add(&absent, SBN_MAX_NODES - 1);
	for (int i = 0; i < 3; i++) {
		unsigned char *memory = sbn_alloc(SBN_HUGE_PAGE, all[i]);

		assert_non_null(memory);
		memory[0] = memory[SBN_HUGE_PAGE - 1] = 1;
		sbn_free(memory);
	}
}

static void
test_freeing_nothing_does_nothing(void **state)
{
	(void)state;
	sbn_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_zeroed_aligned_and_all_writable),
		cmocka_unit_test(test_large_memory_begins_at_a_huge_page),
		cmocka_unit_test(test_memory_that_was_used_before_is_zero_again),
		cmocka_unit_test(test_two_buffers_do_not_touch),
		cmocka_unit_test(test_nothing_and_too_much_are_refused),
		cmocka_unit_test(test_huge_pages_are_advised_for_large_memory_alone),
		cmocka_unit_test(test_all_of_it_prefers_the_node_that_was_asked_for),
		cmocka_unit_test(test_nodes_are_a_wish),
		cmocka_unit_test(test_freeing_nothing_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
