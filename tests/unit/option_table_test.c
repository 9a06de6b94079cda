/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options, and that help, man page and completion tell of the same ones. */
#include "launch/option_table.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_BYTES = 1 << 16 };

static char text[TEXT_BYTES];

static void
read_source(const char *path)
{
	const char *tree = getenv("SRC");
	char name[4096];
	FILE *in;
	size_t n;

	snprintf(name, sizeof(name), "%s/%s", tree != NULL ? tree : ".", path);
	in = fopen(name, "r");
	assert_non_null(in);
	n = fread(text, 1, sizeof(text) - 1, in);
	text[n] = '\0';
	fclose(in);
}

static void
read_help(void)
{
	FILE *out = fmemopen(text, sizeof(text) - 1, "w");

	memset(text, 0, sizeof(text));
	sbn_option_help(out);
	fclose(out);
}

static bool
belongs_to_a_name(char letter)
{
	return isalnum((unsigned char)letter) || letter == '-' || letter == '_';
}

/* Whether the text has the word, not within another one. */
static bool
has_word(const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strstr(at, word)) != NULL; at += length)
		if ((at == text || !belongs_to_a_name(at[-1])) && !belongs_to_a_name(at[length]))
			return true;
	return false;
}

/* Every row, with its value's and its words' names where those are expected. */
static void
assert_told(bool aliases, bool words)
{
	for (size_t i = 0; i < SBN_N_OPTIONS; i++) {
		const struct sbn_option *option = &sbn_option_table[i];

		if (option->help == NULL && !aliases)
			continue;
		if (!has_word(option->name))
			fail_msg("%s is not told", option->name);
		for (size_t k = 0; words && option->help != NULL && k < option->n_words; k++)
			if (strchr(option->words[k], ':') == NULL && !has_word(option->words[k]))
				fail_msg("%s %s is not told", option->name, option->words[k]);
	}
}

/* Nothing that looks like an option is told but those of the table, and what is taken back. */
static void
assert_no_others(void)
{
	for (const char *at = text; (at = strstr(at, "--")) != NULL;) {
		size_t length = 2;

		while (belongs_to_a_name(at[length]))
			length++;
		if (isalpha((unsigned char)at[2]) && (at == text || !belongs_to_a_name(at[-1])) &&
		    strncmp(at, "--no-tag", length) != 0 && strncmp(at, "--adopt", length) != 0 &&
		    strncmp(at, "--cpu-bind", length) != 0 && sbn_option_find(at, length) == NULL)
			fail_msg("%.*s is told, but no option", (int)length, at);
		at += length;
	}
}

static void
test_every_row_has_a_name_and_a_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < SBN_N_OPTIONS; i++) {
		const struct sbn_option *option = &sbn_option_table[i];

		assert_non_null(option->name);
		assert_int_equal(option->name[0], '-');
		assert_ptr_equal(sbn_option_find(option->name, strlen(option->name)), option);
		if (option->help == NULL)
			assert_int_equal(option->offset < sizeof(struct sbn_options), 1);
		else
			assert_int_equal(option->value == NULL, option->kind == SBN_OPTION_FLAG);
	}
}

static void
test_keys_and_variables_follow_from_names(void **state)
{
	const struct sbn_option *option = sbn_option_find_key("per-domain");
	char name[SBN_OPTION_NAME];

	(void)state;
	assert_non_null(option);
	sbn_option_variable(option, name);
	assert_string_equal(name, "SYNCBN_RUN_PER_DOMAIN");
	sbn_option_key(option, name);
	assert_string_equal(name, "per-domain");
	assert_null(sbn_option_find_key("help"));
	assert_null(sbn_option_find_key("report-bindings"));
}

static void
test_help_tells_every_option_in_fifty_lines(void **state)
{
	size_t n_lines = 0;

	(void)state;
	read_help();
	assert_told(false, true);
	assert_no_others();
	for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		assert_in_range(end - line, 0, 80);
		n_lines++;
	}
	assert_in_range(n_lines, 20, 50);
}

static void
test_the_man_page_tells_every_option_and_word_and_no_other(void **state)
{
	(void)state;
	read_source("doc/syncbn-run.1.scd");
	assert_told(true, true);
	assert_no_others();
}

static void
test_completion_offers_every_option_and_word_and_no_other(void **state)
{
	(void)state;
	read_source("tools/syncbn-run.bash");
	assert_told(true, true);
	assert_no_others();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_has_a_name_and_a_place),
		cmocka_unit_test(test_keys_and_variables_follow_from_names),
		cmocka_unit_test(test_help_tells_every_option_in_fifty_lines),
		cmocka_unit_test(test_the_man_page_tells_every_option_and_word_and_no_other),
		cmocka_unit_test(test_completion_offers_every_option_and_word_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
