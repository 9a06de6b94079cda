/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/report.h"

#include "machine.h"

/* What is told of n ranks on a machine; write: one of the three functions below. */
static void
assert_told(const char *source, unsigned n, bool refused,
	    syncbn_status_t (*write)(const struct sbn_report *report, FILE *out),
	    const char *expected)
{
	struct machine machine;
	struct sbn_plan plan;
	struct sbn_report report = { .domains = &machine.domains,
				     .plan = &plan,
				     .mem = SBN_MEM_PREFERRED,
				     .memory = refused ? SBN_MEMORY_REFUSED : SBN_MEMORY_AS_ASKED };
	char *text;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	machine_open(&machine, source, SBN_MAP_NUMA);
	assert_int_equal(sbn_plan_make(&machine.topology, &machine.domains, n, true, &plan),
			 SYNCBN_OK);
	assert_int_equal(write(&report, out), SYNCBN_OK);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
	sbn_plan_free(&plan);
	machine_close(&machine);
}

static syncbn_status_t
write_line(const struct sbn_report *report, FILE *out)
{
	char *line;
	syncbn_status_t status = sbn_report_line(report, &line);

	if (status != SYNCBN_OK)
		return status;
	fputs(line, out);
	free(line);
	return SYNCBN_OK;
}

static void
test_the_line_says_how_many_ranks_run_where(void **state)
{
	(void)state;
	assert_told("core:2 pu:1", 2, false, write_line,
		    "2 ranks on 1 domain (1 core each), memory preferred");
	assert_told("core:2 pu:1", 1, false, write_line,
		    "1 rank on 1 domain (2 cores), memory preferred");
	assert_told("uneven.xml", 0, false, write_line,
		    "3 ranks on 3 domains (1 to 3 cores each), memory preferred");
}

static void
test_the_line_names_idle_domains(void **state)
{
	(void)state;
	assert_told("pack:2 numa:2 core:2 pu:1", 2, false, write_line,
		    "2 ranks on 2 domains (2 cores each), memory preferred; idle: domains 1, 3");
	assert_told("pack:2 numa:2 core:2 pu:1", 3, false, write_line,
		    "3 ranks on 3 domains (2 cores each), memory preferred; idle: domain 3");
	assert_told("pack:2 numa:4 core:4 pu:2", 1, false, write_line,
		    "1 rank on 1 domain (4 cores), memory preferred; idle: domains 1-7");
}

static void
test_the_line_says_what_is_not_as_it_should_be(void **state)
{
	(void)state;
	assert_told(
		"core:2 pu:1", 3, false, write_line,
		"3 ranks on 1 domain (1 core each), memory preferred; oversubscribed: they share 2 "
		"processing units");
	assert_told("core:2 pu:1", 1, true, write_line,
		    "1 rank on 1 domain (2 cores), memory preferred (not allowed here: first touch "
		    "decides)");
	assert_told("disjoint.xml", 0, false, write_line,
		    "1 rank on 1 domain (2 cores), memory preferred; no local memory node found "
		    "for these CPUs: all of them are one domain");
}

static void
test_the_table_has_a_line_a_rank(void **state)
{
	(void)state;
	assert_told("hbm.xml", 0, false, sbn_report_table,
		    "rank  domain  package  CPUs  cores   PUs  memory  policy\n"
		    "   0       0        0  0-1       2     2  0,2     preferred\n"
		    "   1       1        1  2-3       2     2  1,3     preferred\n");
	assert_told("disjoint.xml", 0, false, sbn_report_table,
		    "rank  domain  package  CPUs  cores   PUs  memory  policy\n"
		    "   0       0        0  0-1       2     2  -       first-touch\n");
}

static void
test_json_uses_the_systems_numbers(void **state)
{
	(void)state;
	assert_told(
		"coreless.xml", 0, false, sbn_report_json,
		"{\"domains\": 2, \"memory\": \"preferred\", \"map\": \"numa\", \"bound\": true, "
		"\"ranks\": [\n"
		"  {\"rank\": 0, \"domain\": 0, \"cpuset\": \"0,2\", \"cores\": 2, \"pus\": 2, "
		"\"node\": 0, \"package\": 0, \"nodes\": [0]},\n"
		"  {\"rank\": 1, \"domain\": 1, \"cpuset\": \"4,6\", \"cores\": 2, \"pus\": 2, "
		"\"node\": 1, \"package\": 1, \"nodes\": [1]}\n"
		"]}\n");
	assert_told(
		"disjoint.xml", 0, false, sbn_report_json,
		"{\"domains\": 1, \"memory\": \"preferred\", \"map\": \"numa\", \"bound\": true, "
		"\"ranks\": [\n"
		"  {\"rank\": 0, \"domain\": 0, \"cpuset\": \"0-1\", \"cores\": 2, \"pus\": 2, "
		"\"node\": -1, \"package\": 0, \"nodes\": []}\n"
		"]}\n");
}

static void
test_json_has_all_memory_nodes_and_the_policy_that_holds(void **state)
{
	(void)state;
	assert_told(
		"hbm.xml", 0, true, sbn_report_json,
		"{\"domains\": 2, \"memory\": \"first-touch\", \"map\": \"numa\", \"bound\": true, "
		"\"ranks\": [\n"
		"  {\"rank\": 0, \"domain\": 0, \"cpuset\": \"0-1\", \"cores\": 2, \"pus\": 2, "
		"\"node\": 0, \"package\": 0, \"nodes\": [0, 2]},\n"
		"  {\"rank\": 1, \"domain\": 1, \"cpuset\": \"2-3\", \"cores\": 2, \"pus\": 2, "
		"\"node\": 1, \"package\": 1, \"nodes\": [1, 3]}\n"
		"]}\n");
}

static void
test_more_threads_than_cores_are_told(void **state)
{
	struct sbn_plan_rank ranks[2] = { { .n_cores = 4 }, { .n_cores = 1 } };
	const struct sbn_plan plan = { .rank = ranks, .n_ranks = 2 };
	char line[256];

	(void)state;
	assert_false(sbn_report_threads(&plan, NULL, line, sizeof(line)));
	assert_false(sbn_report_threads(&plan, "", line, sizeof(line)));
	assert_false(sbn_report_threads(&plan, "1", line, sizeof(line)));
	assert_true(sbn_report_threads(&plan, "4,2", line, sizeof(line)));
	assert_string_equal(line, "OMP_NUM_THREADS is set to 4, more than the 1 core of rank 1: "
				  "threads will share cores; unset it, and each rank gets a thread "
				  "a core");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_line_says_how_many_ranks_run_where),
		cmocka_unit_test(test_the_line_names_idle_domains),
		cmocka_unit_test(test_the_line_says_what_is_not_as_it_should_be),
		cmocka_unit_test(test_the_table_has_a_line_a_rank),
		cmocka_unit_test(test_json_uses_the_systems_numbers),
		cmocka_unit_test(test_json_has_all_memory_nodes_and_the_policy_that_holds),
		cmocka_unit_test(test_more_threads_than_cores_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
