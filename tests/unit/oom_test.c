/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what the kernel says of cgroups and of kills for want of memory. */
#include "launch/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_a_count_is_that_of_its_whole_key(void **state)
{
	const char *events = "low 0\nhigh 5\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n";

	(void)state;
	assert_int_equal(sbn_oom_count(events, "oom_kill"), 2);
	assert_int_equal(sbn_oom_count(events, "oom"), 3);
	assert_int_equal(sbn_oom_count(events, "low"), 0);
	assert_int_equal(sbn_oom_count("oom_kill_disable 0\nunder_oom 0\noom_kill 7\n", "oom_kill"),
			 7);
	assert_int_equal(sbn_oom_count("oom_kill_disable 4\n", "oom_kill"), 0);
	assert_int_equal(sbn_oom_count("", "oom_kill"), 0);
}

static void
test_the_cgroup_of_version_2_is_that_without_a_name(void **state)
{
	char path[PATH_MAX];

	(void)state;
	assert_true(sbn_oom_cgroup("9:name=systemd:/x\n4:memory:/v1\n0::/user.slice/a:b\n", false,
				   path));
	assert_string_equal(path, "/user.slice/a:b");
	assert_true(sbn_oom_cgroup("0::/\n", false, path));
	assert_string_equal(path, "/");
	assert_false(sbn_oom_cgroup("4:memory:/v1\n", false, path));
}

static void
test_the_cgroup_of_version_1_is_that_of_the_memory_controller(void **state)
{
	char path[PATH_MAX];

	(void)state;
	assert_true(sbn_oom_cgroup("8:pids:/\n4:cpu,memory:/job 7\n0::/\n", true, path));
	assert_string_equal(path, "/job 7");
	assert_false(sbn_oom_cgroup("4:memory_not:/x\n3:hugememory:/y\n0::/\n", true, path));
	assert_false(sbn_oom_cgroup("", true, path));
	assert_false(sbn_oom_cgroup("garbage\n:\n", true, path));
}

static void
test_nothing_is_put_down_to_a_count_that_stands(void **state)
{
	struct sbn_oom oom;

	(void)state;
	sbn_oom_open(&oom);
	oom.in_cgroup = oom.in_system = UINT64_MAX; /* whatever else this machine does meanwhile */
	assert_int_equal(sbn_oom_take(&oom), SBN_OOM_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_count_is_that_of_its_whole_key),
		cmocka_unit_test(test_the_cgroup_of_version_2_is_that_without_a_name),
		cmocka_unit_test(test_the_cgroup_of_version_1_is_that_of_the_memory_controller),
		cmocka_unit_test(test_nothing_is_put_down_to_a_count_that_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
