/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/place.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/affinity.h"

/* Runs work in a child, so that nothing of it stays; 0 is success. */
static int
in_a_child(int (*work)(void))
{
	int wait_status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(work());
	waitpid(child, &wait_status, 0);
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
}

static bool
is_the_mask(const struct sbn_cpus *cpus)
{
	hwloc_bitmap_t mask = hwloc_bitmap_alloc();
	bool equal = sbn_affinity_get(mask) == SYNCBN_OK;

	for (unsigned cpu = 0; cpu < SBN_MAX_CPUS; cpu++)
		equal = equal && sbn_cpus_has(cpus, cpu) == !!hwloc_bitmap_isset(mask, cpu);
	hwloc_bitmap_free(mask);
	return equal;
}

static void
test_the_place_is_what_the_mask_allows(void **state)
{
	static struct sbn_place place;

	(void)state;
	assert_int_equal(sbn_place_discover(&place), SYNCBN_OK);
	assert_true(is_the_mask(&place.cpus));
	assert_in_range(place.n_cores, 1, sbn_cpus_count(&place.cpus));
	for (int i = 0; i < place.n_cores; i++) {
		assert_true(sbn_cpus_has(&place.cpus, place.core_pu[i]));
		assert_true(i == 0 || place.core_pu[i] > place.core_pu[i - 1]);
	}
}

static int
find_place_on_one_cpu(void)
{
	static struct sbn_place place;
	hwloc_bitmap_t mask = hwloc_bitmap_alloc();
	cpu_set_t one;
	int cpu;

	if (sbn_affinity_get(mask) != SYNCBN_OK)
		return 1;
	cpu = hwloc_bitmap_first(mask);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) != 0)
		return 2;
	if (sbn_place_discover(&place) != SYNCBN_OK || place.n_cores != 1)
		return 3;
	return sbn_cpus_count(&place.cpus) == 1 && place.core_pu[0] == cpu ? 0 : 4;
}

static void
test_a_bound_process_sees_its_own_core_only(void **state)
{
	(void)state;
	assert_int_equal(in_a_child(find_place_on_one_cpu), 0);
}

static int
find_place_where_hwloc_shows_another_machine(void)
{
	static struct sbn_place place;

	setenv("HWLOC_SYNTHETIC", "pack:8 numa:4 core:16 pu:2", 1);
	if (sbn_place_discover(&place) != SYNCBN_OK || !is_the_mask(&place.cpus))
		return 1;
	if (place.n_cores != (int)sbn_cpus_count(&place.cpus))
		return 2;
	return sbn_nodes_empty(&place.nodes) ? 0 : 3;
}

static void
test_the_mask_alone_counts_where_hwloc_shows_another_machine(void **state)
{
	(void)state;
	assert_int_equal(in_a_child(find_place_where_hwloc_shows_another_machine), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_place_is_what_the_mask_allows),
		cmocka_unit_test(test_a_bound_process_sees_its_own_core_only),
		cmocka_unit_test(test_the_mask_alone_counts_where_hwloc_shows_another_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
