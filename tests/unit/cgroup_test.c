/* SPDX-License-Identifier: Apache-2.0 */
/* Memory cgroups: where they are, what they count, and what their limits leave. */
#include "platform/cgroup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void
test_a_count_is_that_of_its_whole_key(void **state)
{
	const char *events = "low 0\nhigh 5\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n";

	(void)state;
	assert_int_equal(sbn_cgroup_number(events, "oom_kill"), 2);
	assert_int_equal(sbn_cgroup_number(events, "oom"), 3);
	assert_int_equal(sbn_cgroup_number(events, "low"), 0);
	assert_int_equal(sbn_cgroup_number("oom_kill_disable 0\nunder_oom 0\noom_kill 7\n",
					   "oom_kill"),
			 7);
	assert_int_equal(sbn_cgroup_number("oom_kill_disable 4\n", "oom_kill"), 0);
	assert_int_equal(sbn_cgroup_number("", "oom_kill"), 0);
}

static void
test_the_cgroup_of_version_2_is_that_without_a_name(void **state)
{
	char path[PATH_MAX];

	(void)state;
	assert_true(sbn_cgroup_path("9:name=systemd:/x\n4:memory:/v1\n0::/user.slice/a:b\n", false,
				    path));
	assert_string_equal(path, "/user.slice/a:b");
	assert_true(sbn_cgroup_path("0::/\n", false, path));
	assert_string_equal(path, "/");
	assert_false(sbn_cgroup_path("4:memory:/v1\n", false, path));
}

static void
test_the_cgroup_of_version_1_is_that_of_the_memory_controller(void **state)
{
	char path[PATH_MAX];

	(void)state;
	assert_true(sbn_cgroup_path("8:pids:/\n4:cpu,memory:/job 7\n0::/\n", true, path));
	assert_string_equal(path, "/job 7");
	assert_false(sbn_cgroup_path("4:memory_not:/x\n3:hugememory:/y\n0::/\n", true, path));
	assert_false(sbn_cgroup_path("", true, path));
	assert_false(sbn_cgroup_path("garbage\n:\n", true, path));
}

/* ---- a tree as the kernel shows it: a mount, a cgroup in it, and one in that ---- */

static char mount[64];

static void
set(const char *directory, const char *file, const char *text)
{
	char path[PATH_MAX];
	FILE *out;

	snprintf(path, sizeof(path), "%s%s", mount, directory);
	(void)mkdir(path, 0755); /* or it is there */
	snprintf(path, sizeof(path), "%s%s/%s", mount, directory, file);
	out = fopen(path, "we");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static struct sbn_cgroup
at(const char *directory, bool v1)
{
	struct sbn_cgroup cgroup = { .mount = strlen(mount), .v1 = v1 };

	snprintf(cgroup.directory, sizeof(cgroup.directory), "%s%s", mount, directory);
	return cgroup;
}

static int
make_tree(void **state)
{
	(void)state;
	snprintf(mount, sizeof(mount), "%s/cgroup-test-XXXXXX", P_tmpdir);
	if (mkdtemp(mount) == NULL)
		return -1;
	set("/job", "memory.max", "1000000\n");
	set("/job", "memory.current", "700000\n");
	set("/job", "memory.stat", "anon 5\ninactive_file 200000\nactive_file 100000\n");
	set("/job/step", "memory.max", "max\n");
	set("/job/step", "memory.current", "600000\n");
	set("/job/small", "memory.max", "4096\n");
	set("/job/small", "memory.current", "8192\n");
	set("/old", "memory.limit_in_bytes", "5000\n");
	set("/old", "memory.usage_in_bytes", "3000\n");
	set("/old", "memory.stat", "inactive_file 7\ntotal_inactive_file 1000\n");
	set("/old/free", "memory.limit_in_bytes", "9223372036854771712\n");
	return 0;
}

static int
remove_tree(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", mount);
	return system(command);
}

static void
test_the_smallest_limit_above_counts(void **state)
{
	struct sbn_cgroup job = at("/job", false), step = at("/job/step", false);
	struct sbn_cgroup old = at("/old", true), unlimited = at("/old/free", true);
	struct sbn_cgroup top = at("", false);

	(void)state;
	assert_int_equal(sbn_cgroup_limit(&job), 1000000);
	assert_int_equal(sbn_cgroup_limit(&step), 1000000);
	assert_int_equal(sbn_cgroup_limit(&old), 5000);
	assert_int_equal(sbn_cgroup_limit(&unlimited), 5000);
	assert_true(sbn_cgroup_limit(&top) == UINT64_MAX);
}

static void
test_room_is_what_all_limits_above_leave(void **state)
{
	struct sbn_cgroup job = at("/job", false), step = at("/job/step", false);
	struct sbn_cgroup small = at("/job/small", false), top = at("", false);
	struct sbn_cgroup old = at("/old/free", true);

	(void)state;
	assert_int_equal(sbn_cgroup_room(&job), 600000); /* the cache of files is free */
	assert_int_equal(sbn_cgroup_room(&step), 600000);
	assert_int_equal(sbn_cgroup_room(&small), 0);
	assert_int_equal(sbn_cgroup_room(&old), 3000);
	assert_true(sbn_cgroup_room(&top) == UINT64_MAX);
}

static void
test_the_next_one_above_that_has_memory_is_found(void **state)
{
	struct sbn_cgroup found, job = at("/job", false);

	(void)state;
	set("/job", "memory.events", "oom_kill 0\n");
	assert_true(sbn_cgroup_below(&found, mount, "/job/step/leaf", false));
	assert_string_equal(found.directory, job.directory);
	assert_int_equal(sbn_cgroup_limit(&found), 1000000);
	assert_true(sbn_cgroup_below(&found, mount, "/job", false));
	assert_string_equal(found.directory, job.directory);
	assert_false(sbn_cgroup_below(&found, mount, "/elsewhere/leaf", false));
	assert_false(sbn_cgroup_below(&found, mount, "/job", true));
}

static void
test_this_process_has_some_room(void **state)
{
	struct sbn_cgroup own;

	(void)state;
	if (!sbn_cgroup_find(&own))
		skip();
	assert_int_equal(own.directory[0], '/');
	assert_true(sbn_cgroup_room(&own) > 0);
	assert_true(sbn_cgroup_room(&own) <= sbn_cgroup_limit(&own));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_count_is_that_of_its_whole_key),
		cmocka_unit_test(test_the_cgroup_of_version_2_is_that_without_a_name),
		cmocka_unit_test(test_the_cgroup_of_version_1_is_that_of_the_memory_controller),
		cmocka_unit_test(test_the_smallest_limit_above_counts),
		cmocka_unit_test(test_the_next_one_above_that_has_memory_is_found),
		cmocka_unit_test(test_room_is_what_all_limits_above_leave),
		cmocka_unit_test(test_this_process_has_some_room),
	};

	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
