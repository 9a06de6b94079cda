/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fail.h"

static char path[] = "/tmp/syncbn-settings-XXXXXX";

static int
make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static syncbn_status_t
read_text(const char *text, struct sbn_options *options)
{
	FILE *out = fopen(path, "w");

	*options = (struct sbn_options){ .grace_s = 5 };
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
	return sbn_settings_read_file(path, options);
}

/* detail: what stands behind the file's name */
static void
assert_refused(const char *text, const char *detail)
{
	struct sbn_options options;

	assert_int_equal(read_text(text, &options), SYNCBN_ERR_INVALID);
	assert_memory_equal(sbn_last_error(), path, strlen(path));
	assert_string_equal(sbn_last_error() + strlen(path), detail);
	sbn_options_free(&options);
}

static void
test_a_file_sets_options(void **state)
{
	struct sbn_options options;

	(void)state;
	assert_int_equal(
		read_text("# ours\n[syncbn-run]\nn = 4\nmap=list:0-1/2-3\nmem = bind ; why\n"
			  "tag = yes\njson = off\ngrace = 2.5\nsvg = my plan.svg\n",
			  &options),
		SYNCBN_OK);
	assert_int_equal(options.n_ranks, 4);
	assert_int_equal(options.map, SBN_MAP_LIST);
	assert_string_equal(options.map_list, "0-1/2-3");
	assert_int_equal(options.mem, SBN_MEM_BIND);
	assert_true(options.tag && !options.json && options.grace_s == 2.5);
	assert_string_equal(options.svg, "my plan.svg");
	sbn_options_free(&options);
}

static void
test_a_wrong_line_is_named(void **state)
{
	(void)state;
	assert_refused("\ndomain = 1\n", ":2: unknown setting \"domain\"; did you mean domains?");
	assert_refused("N = 2\n", ":1: unknown setting \"N\"; did you mean n?");
	assert_refused("nn = 1\n", ":1: unknown setting \"nn\"; did you mean n?");
	assert_refused("Domain = 1\n", ":1: unknown setting \"Domain\"; did you mean domains?");
	assert_refused("qq = 1\n", ":1: unknown setting \"qq\"; --help lists the options");
	assert_refused("qqqqqqqqqqq = 1\n",
		       ":1: unknown setting \"qqqqqqqqqqq\"; --help lists the options");
	assert_refused("n = 0\n", ":1: n: \"0\" is not a whole number from 1 to 1024");
	assert_refused("tag = 2\n",
		       ":1: tag: unknown \"2\"; one of: no, yes, off, on, false, true, "
		       "0, 1");
	assert_refused("tag\n", ":1: \"tag\" is not of the form key = value");
	assert_refused("n = 1\r\n\nno tag \r\nsmt = no",
		       ":3: \"no tag \" is not of the form key = value");
	assert_refused("n = 1\n[syncbn-run", ":2: \"[syncbn-run\" is not of the form key = value");
	assert_refused("n = 1\nn = 2\n", ":2: n is set twice");
	assert_refused("[torchrun]\nn = 1\n", ":2: section [torchrun]; there is [syncbn-run] only");
	assert_refused("config = other\n", ":1: config: a file names no other file");
	assert_refused("help = yes\n", ":1: unknown setting \"help\"; --help lists the options");
	assert_refused("svg =\n", ":1: svg: empty value");
}

static void
test_a_line_that_would_be_cut_is_refused(void **state)
{
	char line[300] = "map = list:0";

	(void)state;
	memset(line + strlen(line), '0', 250);
	line[262] = '\0';
	assert_refused(line, ":1: more than 190 letters in a line");
}

static void
test_what_is_no_file_is_refused(void **state)
{
	struct sbn_options options = { 0 };

	(void)state;
	assert_int_equal(sbn_settings_read_file("/no/such", &options), SYNCBN_ERR_INVALID);
	assert_string_equal(
		sbn_last_error(),
		"the file of settings /no/such: No such file or directory; check its name");
	assert_int_equal(sbn_settings_read_file("/", &options), SYNCBN_ERR_INVALID);
	assert_int_equal(sbn_settings_read_file("/dev/zero", &options), SYNCBN_ERR_INVALID);
}

static void
test_variables_set_options(void **state)
{
	static char *env[] = {
		"PATH=/bin",          "SYNCBN_RUN_MAP=l3",  "SYNCBN_RUN_TAG=1",
		"SYNCBN_RUN_GRACE=",  "SYNCBN_RUN_N=3",     "SYNCBN_RUN_NO_ADOPT=yes",
		"SYNCBN_RUN_ID=0123", "SYNCBN_THREADS=odd", NULL
	};
	struct sbn_options options = { .grace_s = 5 };

	(void)state;
	assert_int_equal(sbn_settings_read_env(env, &options), SYNCBN_OK);
	assert_int_equal(options.map, SBN_MAP_L3);
	assert_true(options.tag && options.no_adopt && options.grace_s == 5);
	assert_int_equal(options.n_ranks, 3);
}

static void
test_wrong_variables_are_refused(void **state)
{
	static char *unknown[] = { "SYNCBN_RUN_DOMIANS=1", NULL };
	static char *wrong[] = { "SYNCBN_RUN_SMT=maybe", NULL };
	struct sbn_options options = { 0 };

	(void)state;
	assert_int_equal(sbn_settings_read_env(unknown, &options), SYNCBN_ERR_INVALID);
	assert_string_equal(sbn_last_error(),
			    "unknown setting SYNCBN_RUN_DOMIANS; did you mean SYNCBN_RUN_DOMAINS?");
	assert_int_equal(sbn_settings_read_env(wrong, &options), SYNCBN_ERR_INVALID);
	assert_string_equal(sbn_last_error(), "SYNCBN_RUN_SMT: unknown \"maybe\"; one of: yes, no");
}

static void
test_the_command_line_counts_most_and_the_file_least(void **state)
{
	char *argv[] = { "syncbn-run", "--config", path, "--no-tag", "-n", "2", "prog", NULL };
	struct sbn_options options;

	(void)state;
	assert_int_equal(read_text("n = 7\nmap = l3\nmem = bind\ntag = yes\n", &options),
			 SYNCBN_OK);
	sbn_options_free(&options);
	setenv("SYNCBN_RUN_N", "5", 1);
	setenv("SYNCBN_RUN_MAP", "core", 1);
	assert_int_equal(sbn_options_parse(7, argv, &options), SYNCBN_OK);
	assert_int_equal(options.n_ranks, 2);
	assert_int_equal(options.map, SBN_MAP_CORE);
	assert_int_equal(options.mem, SBN_MEM_BIND);
	assert_false(options.tag);
	sbn_options_free(&options);
	unsetenv("SYNCBN_RUN_N");
	unsetenv("SYNCBN_RUN_MAP");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file_sets_options),
		cmocka_unit_test(test_a_wrong_line_is_named),
		cmocka_unit_test(test_a_line_that_would_be_cut_is_refused),
		cmocka_unit_test(test_what_is_no_file_is_refused),
		cmocka_unit_test(test_variables_set_options),
		cmocka_unit_test(test_wrong_variables_are_refused),
		cmocka_unit_test(test_the_command_line_counts_most_and_the_file_least),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
