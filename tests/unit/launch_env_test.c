/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/launch_env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct sbn_launch_env rank_2_of_4 = {
	.rank = 2,
	.world_size = 4,
	.n_cores = 12,
	.segment_fd = 7,
	.run_id = { 0x0123456789abcdef, 0xfedcba9876543210 },
	.mem = SBN_MEM_PREFERRED,
	.timeout_s = 0,
	.master_port = 4321,
};

static const char *
value_of(char *const *env, const char *name)
{
	size_t length = strlen(name);

	for (; *env != NULL; env++)
		if (strncmp(*env, name, length) == 0 && (*env)[length] == '=')
			return *env + length + 1;
	return "(unset)";
}

static size_t
count(char *const *env, const char *name)
{
	size_t length = strlen(name);
	size_t n = 0;

	for (; *env != NULL; env++)
		n += strncmp(*env, name, length) == 0 && (*env)[length] == '=';
	return n;
}

static void
check(char *const *env, const char *const (*expected)[2], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(value_of(env, expected[i][0]), expected[i][1]);
		assert_int_equal(count(env, expected[i][0]), 1);
	}
}

#define CHECK(env, ...)                                                                        \
	do {                                                                                   \
		static const char *const expected[][2] = { __VA_ARGS__ };                      \
		check(env, expected, sizeof(expected) / sizeof(expected[0]));                  \
	} while (0)

static void
test_a_rank_finds_the_contract(void **state)
{
	char *none[] = { NULL };
	char **env = sbn_launch_env_new(&rank_2_of_4, none);

	(void)state;
	CHECK(env, { "SYNCBN_CONTRACT", "1" }, { "SYNCBN_RANK", "2" }, { "SYNCBN_WORLD_SIZE", "4" },
	      { "SYNCBN_SEGMENT_FD", "7" }, { "SYNCBN_MEM", "preferred" });
	assert_int_equal(strlen(value_of(env, "SYNCBN_RUN_ID")), 32);
	assert_string_equal(value_of(env, "SYNCBN_TIMEOUT"), "(unset)");
	sbn_launch_env_free(env);
}

static void
test_a_rank_finds_what_other_frameworks_read(void **state)
{
	char *none[] = { NULL };
	char **env = sbn_launch_env_new(&rank_2_of_4, none);

	(void)state;
	CHECK(env, { "RANK", "2" }, { "LOCAL_RANK", "2" }, { "RANK_ID", "2" },
	      { "WORLD_SIZE", "4" }, { "LOCAL_WORLD_SIZE", "4" }, { "RANK_SIZE", "4" },
	      { "MS_WORKER_NUM", "4" },
	      { "GROUP_RANK", "0" }, { "MASTER_ADDR", "127.0.0.1" }, { "MASTER_PORT", "4321" },
	      { "OMP_NUM_THREADS", "12" });
	sbn_launch_env_free(env);
}

static void
test_what_the_caller_chose_stays(void **state)
{
	char *inherited[] = { "PATH=/bin",	     "MASTER_ADDR=10.0.0.1",
			      "MASTER_PORT=1",	     "OMP_NUM_THREADS=3",
			      "OMP_PROC_BIND=close", "SYNCBN_TIMEOUT=9",
			      NULL };
	char **env = sbn_launch_env_new(&rank_2_of_4, inherited);

	(void)state;
	CHECK(env, { "PATH", "/bin" }, { "MASTER_ADDR", "10.0.0.1" }, { "MASTER_PORT", "1" },
	      { "OMP_NUM_THREADS", "3" }, { "OMP_PROC_BIND", "close" }, { "SYNCBN_TIMEOUT", "9" });
	sbn_launch_env_free(env);
}

static void
test_an_empty_value_is_no_choice(void **state)
{
	char *inherited[] = { "MASTER_PORT=", "OMP_NUM_THREADS=", NULL };
	char **env = sbn_launch_env_new(&rank_2_of_4, inherited);

	(void)state;
	CHECK(env, { "MASTER_PORT", "4321" }, { "OMP_NUM_THREADS", "12" });
	sbn_launch_env_free(env);
}

/* Idle threads would spin where a peer waits to run. */
static void
test_openmps_threads_sleep_where_ranks_share_cpus(void **state)
{
	char *none[] = { NULL }, *chosen[] = { "OMP_WAIT_POLICY=active", NULL };
	struct sbn_launch_env wanted = rank_2_of_4;
	char **env = sbn_launch_env_new(&wanted, none);

	(void)state;
	assert_int_equal(count(env, "OMP_WAIT_POLICY"), 0);
	sbn_launch_env_free(env);
	wanted.oversubscribed = true;
	env = sbn_launch_env_new(&wanted, none);
	CHECK(env, { "OMP_WAIT_POLICY", "passive" });
	sbn_launch_env_free(env);
	env = sbn_launch_env_new(&wanted, chosen);
	CHECK(env, { "OMP_WAIT_POLICY", "active" });
	sbn_launch_env_free(env);
}

static void
test_another_runs_rank_is_replaced(void **state)
{
	char *inherited[] = { "RANK=0",	       "WORLD_SIZE=2",	       "SYNCBN_RANK=0",
			      "RANKING=first", "SYNCBN_SEGMENT_FD=99", NULL };
	char **env = sbn_launch_env_new(&rank_2_of_4, inherited);

	(void)state;
	CHECK(env, { "RANK", "2" }, { "WORLD_SIZE", "4" }, { "SYNCBN_RANK", "2" },
	      { "RANKING", "first" }, { "SYNCBN_SEGMENT_FD", "7" });
	sbn_launch_env_free(env);
}

static void
test_a_run_within_a_run_has_a_port_of_its_own(void **state)
{
	char *inherited[] = { "SYNCBN_CONTRACT=1", "MASTER_PORT=1", NULL };
	char **env = sbn_launch_env_new(&rank_2_of_4, inherited);

	(void)state;
	CHECK(env, { "MASTER_PORT", "4321" });
	sbn_launch_env_free(env);
}

static void
test_openmp_is_never_told_to_bind(void **state)
{
	char *none[] = { NULL };
	char **env = sbn_launch_env_new(&rank_2_of_4, none);

	(void)state;
	CHECK(env, { "RANK", "2" });
	assert_int_equal(count(env, "OMP_PROC_BIND"), 0);
	assert_int_equal(count(env, "GOMP_CPU_AFFINITY"), 0);
	sbn_launch_env_free(env);
}

static void
test_timeout_and_port_are_set_only_when_there_are_any(void **state)
{
	char *none[] = { NULL };
	struct sbn_launch_env wanted = rank_2_of_4;
	char **env;

	(void)state;
	wanted.timeout_s = 2.5;
	wanted.master_port = 0;
	env = sbn_launch_env_new(&wanted, none);
	CHECK(env, { "SYNCBN_TIMEOUT", "2.5" });
	assert_int_equal(count(env, "MASTER_PORT"), 0);
	sbn_launch_env_free(env);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_rank_finds_the_contract),
		cmocka_unit_test(test_a_rank_finds_what_other_frameworks_read),
		cmocka_unit_test(test_what_the_caller_chose_stays),
		cmocka_unit_test(test_an_empty_value_is_no_choice),
		cmocka_unit_test(test_openmps_threads_sleep_where_ranks_share_cpus),
		cmocka_unit_test(test_another_runs_rank_is_replaced),
		cmocka_unit_test(test_a_run_within_a_run_has_a_port_of_its_own),
		cmocka_unit_test(test_openmp_is_never_told_to_bind),
		cmocka_unit_test(test_timeout_and_port_are_set_only_when_there_are_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
