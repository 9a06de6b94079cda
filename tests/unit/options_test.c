/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fail.h"
#include "launch/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_WORDS = 40 };

/* The words of a line, as a shell would cut it. */
struct line {
	char text[512];
	char *argv[MAX_WORDS + 1];
	int argc;
};

static syncbn_status_t
parse(const char *text, struct line *line, struct sbn_options *options)
{
	char *rest = line->text;

	snprintf(line->text, sizeof(line->text), "syncbn-run %s", text);
	line->argc = 0;
	while (line->argc < MAX_WORDS &&
	       (line->argv[line->argc] = strtok_r(rest, " ", &rest)) != NULL)
		line->argc++;
	line->argv[line->argc] = NULL;
	return sbn_options_parse(line->argc, line->argv, options);
}

static void
assert_refused(const char *text, const char *detail)
{
	struct sbn_options options;
	struct line line;

	assert_int_equal(parse(text, &line, &options), SYNCBN_ERR_INVALID);
	assert_string_equal(sbn_last_error(), detail);
}

static void
test_defaults_stand_where_nothing_is_said(void **state)
{
	struct sbn_options options;
	struct line line;

	(void)state;
	assert_int_equal(parse("prog", &line, &options), SYNCBN_OK);
	assert_int_equal(options.n_ranks, 0);
	assert_int_equal(options.map, SBN_MAP_NUMA);
	assert_int_equal(options.mem, SBN_MEM_PREFERRED);
	assert_true(options.grace_s == 5 && options.timeout_s == 0);
	assert_null(options.topology);
	assert_false(options.report || options.json || options.dry_run || options.tag);
	assert_string_equal(options.program[0], "prog");
}

static void
test_every_option_lands_in_its_field(void **state)
{
	struct sbn_options options;
	struct line line;

	(void)state;
	assert_int_equal(
		parse("-n 4 --map l3 --mem=bind --report --json --dry-run --topology=core:4 "
		      "--oversubscribe --timeout 2.5 --grace=0 --tag --per-domain=2 --domains 0,2 "
		      "--smt no --cores performance --malloc tuned --shared --no-adopt "
		      "--svg=m.svg prog",
		      &line, &options),
		SYNCBN_OK);
	assert_int_equal(options.n_ranks, 4);
	assert_int_equal(options.map, SBN_MAP_L3);
	assert_int_equal(options.mem, SBN_MEM_BIND);
	assert_true(options.report && options.json && options.dry_run && options.tag);
	assert_true(options.oversubscribe);
	assert_string_equal(options.topology, "core:4");
	assert_true(options.timeout_s == 2.5 && options.grace_s == 0);
	assert_int_equal(options.per_domain, 2);
	assert_string_equal(options.domains, "0,2");
	assert_true(options.smt == SBN_SMT_NO && options.cores == SBN_CORES_PERFORMANCE);
	assert_true(options.malloc == SBN_MALLOC_TUNED && options.shared && options.no_adopt);
	assert_string_equal(options.svg, "m.svg");
}

static void
test_words_of_other_launchers_are_understood(void **state)
{
	struct sbn_options options;
	struct line line;

	(void)state;
	assert_int_equal(parse("--bind-to numa --report-bindings prog", &line, &options),
			 SYNCBN_OK);
	assert_true(options.bind == SBN_BIND_NUMA && options.report);
	assert_int_equal(options.mem, SBN_MEM_PREFERRED);
	assert_int_equal(parse("--bind-to none prog", &line, &options), SYNCBN_OK);
	assert_int_equal(options.bind, SBN_BIND_NONE);
	assert_int_equal(options.mem, SBN_MEM_NONE);
}

static void
test_a_map_may_be_a_list(void **state)
{
	struct sbn_options options;
	struct line line;

	(void)state;
	assert_int_equal(parse("--map list:0-3/4,6 prog", &line, &options), SYNCBN_OK);
	assert_int_equal(options.map, SBN_MAP_LIST);
	assert_string_equal(options.map_list, "0-3/4,6");
	assert_int_equal(parse("--map list:0 --map numa prog", &line, &options), SYNCBN_OK);
	assert_int_equal(options.map, SBN_MAP_NUMA);
	assert_refused("--map list p",
		       "--map: unknown \"list\"; did you mean list:CPUS? (one of: numa, l3, "
		       "package, core, list:CPUS)");
}

static void
test_a_flag_can_be_taken_back(void **state)
{
	struct sbn_options options;
	struct line line;

	(void)state;
	assert_int_equal(parse("--tag --no-tag --no-adopt --adopt prog", &line, &options),
			 SYNCBN_OK);
	assert_false(options.tag || options.no_adopt);
	assert_refused("--no-mem p", "unknown option --no-mem; --help lists them");
}

static void
test_the_number_of_ranks_has_many_spellings(void **state)
{
	static const char *const spellings[] = { "-n 3",
						 "-n3",
						 "-np 3",
						 "--nproc-per-node 3",
						 "--nproc-per-node=3",
						 "--nproc_per_node=3" };

	(void)state;
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		struct sbn_options options;
		struct line line;
		char text[64];

		snprintf(text, sizeof(text), "%s prog", spellings[i]);
		assert_int_equal(parse(text, &line, &options), SYNCBN_OK);
		assert_int_equal(options.n_ranks, 3);
	}
}

static void
test_the_programs_own_options_are_left_to_it(void **state)
{
	struct sbn_options options;
	struct line line;

	(void)state;
	assert_int_equal(parse("-n 2 prog -n 5 --bogus", &line, &options), SYNCBN_OK);
	assert_int_equal(options.n_ranks, 2);
	assert_string_equal(options.program[0], "prog");
	assert_string_equal(options.program[3], "--bogus");
	assert_null(options.program[4]);
	assert_int_equal(parse("-n 2 -- --odd-name -x", &line, &options), SYNCBN_OK);
	assert_string_equal(options.program[0], "--odd-name");
}

static void
test_help_and_version_need_no_program(void **state)
{
	struct sbn_options options;
	struct line line;

	(void)state;
	assert_int_equal(parse("--help", &line, &options), SYNCBN_OK);
	assert_true(options.help);
	assert_int_equal(parse("--version", &line, &options), SYNCBN_OK);
	assert_true(options.version);
}

static void
test_unknown_words_are_refused_and_the_nearest_is_offered(void **state)
{
	(void)state;
	assert_refused("--tpology=x p", "unknown option --tpology; did you mean --topology?");
	assert_refused("--dryrun p", "unknown option --dryrun; did you mean --dry-run?");
	assert_refused("-nx p", "unknown option -nx; --help lists them");
	assert_refused("--n=4 p", "unknown option --n; did you mean -n?");
	assert_refused("--over p", "unknown option --over; did you mean --oversubscribe?");
	assert_refused("--qqqqqqqqqqqqqqqqqqqqq p",
		       "unknown option --qqqqqqqqqqqqqqqqqqqqq; --help lists them");
	assert_refused("--map numb p",
		       "--map: unknown \"numb\"; did you mean numa? (one of: numa, l3, "
		       "package, core, list:CPUS)");
}

static void
test_a_guess_that_would_mislead_is_not_made(void **state)
{
	(void)state;
	assert_refused("--nnodes p", "unknown option --nnodes; --help lists them");
	assert_refused("--map socket p",
		       "--map: unknown \"socket\"; one of: numa, l3, package, core, list:CPUS");
	assert_refused("--map l1 p",
		       "--map: unknown \"l1\"; one of: numa, l3, package, core, list:CPUS");
}

static void
test_values_are_parsed_strictly(void **state)
{
	(void)state;
	assert_refused("-n 0 p", "-n: \"0\" is not a whole number from 1 to 1024");
	assert_refused("-n4x p", "-n: \"4x\" is not a whole number from 1 to 1024");
	assert_refused("-np 1025 p", "-np: \"1025\" is not a whole number from 1 to 1024");
	assert_refused("--grace soon p",
		       "--grace: \"soon\" is not a number of seconds from 0 to 1000000");
	assert_refused("--timeout 0 p",
		       "--timeout: \"0\" is not a number of seconds from 0.001 to 1000000");
	assert_refused("--topology= p", "--topology: empty value");
	assert_refused("--tag=yes p", "--tag takes no value");
}

static void
test_what_does_not_go_together_is_refused(void **state)
{
	(void)state;
	assert_refused("--topology core:2 p",
		       "--topology shows another machine: it needs --dry-run");
	assert_refused("--json p", "--json needs --dry-run or --report");
	assert_refused("-n", "-n: its value is missing");
	assert_refused("", "no program is given; usage: syncbn-run [options] [--] program args...");
	assert_refused("-n 2 --",
		       "no program is given; usage: syncbn-run [options] [--] program args...");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_stand_where_nothing_is_said),
		cmocka_unit_test(test_every_option_lands_in_its_field),
		cmocka_unit_test(test_words_of_other_launchers_are_understood),
		cmocka_unit_test(test_a_map_may_be_a_list),
		cmocka_unit_test(test_a_flag_can_be_taken_back),
		cmocka_unit_test(test_the_number_of_ranks_has_many_spellings),
		cmocka_unit_test(test_the_programs_own_options_are_left_to_it),
		cmocka_unit_test(test_help_and_version_need_no_program),
		cmocka_unit_test(test_unknown_words_are_refused_and_the_nearest_is_offered),
		cmocka_unit_test(test_a_guess_that_would_mislead_is_not_made),
		cmocka_unit_test(test_values_are_parsed_strictly),
		cmocka_unit_test(test_what_does_not_go_together_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
