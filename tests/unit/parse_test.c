/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fail.h"
static void
test_a_whole_number_in_its_range_is_taken(void **state)
{
	int64_t value = 0;

	(void)state;
	assert_int_equal(sbn_parse_int("-n", "8", 1, 8, &value), SYNCBN_OK);
	assert_int_equal(value, 8);
	assert_int_equal(sbn_parse_int("-n", "-3", -3, 8, &value), SYNCBN_OK);
	assert_int_equal(value, -3);
}

static void
test_anything_else_is_refused_and_keeps_the_value(void **state)
{
	static const char *const bad[] = { "",   " 8",  "8 ",
					   "8x", "0x8", "8.0",
					   "0",  "9",   "99999999999999999999" };
	int64_t value = 5;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(sbn_parse_int("-n", bad[i], 1, 8, &value), SYNCBN_ERR_INVALID);
		assert_int_equal(value, 5);
	}
}

static void
test_the_error_names_the_option_the_value_and_the_range(void **state)
{
	int64_t value;

	(void)state;
	sbn_parse_int("--grace", "soon", 0, 60, &value);
	assert_string_equal(sbn_last_error(),
			    "--grace: \"soon\" is not a whole number from 0 to 60");
	sbn_parse_int("--grace", "5\n", 0, 60, &value);
	assert_string_equal(sbn_last_error(),
			    "--grace: \"5?\" is not a whole number from 0 to 60");
}

static void
test_nan_and_infinity_are_no_numbers_of_a_range(void **state)
{
	double value = 1.5;

	(void)state;
	assert_int_equal(sbn_parse_double("--lr", "nan", 0, 1, &value), SYNCBN_ERR_INVALID);
	assert_int_equal(sbn_parse_double("--lr", "inf", 0, 1, &value), SYNCBN_ERR_INVALID);
	assert_int_equal(sbn_parse_double("--lr", "1e999", 0, 1, &value), SYNCBN_ERR_INVALID);
	assert_true(value == 1.5);
	assert_int_equal(sbn_parse_double("--lr", "0.25", 0, 1, &value), SYNCBN_OK);
	assert_true(value == 0.25);
}

static const char *const maps[] = { "numa", "l3", "package", "core" };

static void
test_a_word_gives_its_index(void **state)
{
	size_t index = 9;

	(void)state;
	assert_int_equal(sbn_parse_word("--map", "package", maps, 4, &index), SYNCBN_OK);
	assert_int_equal(index, 2);
}

static void
test_an_unknown_word_is_offered_the_nearest(void **state)
{
	size_t index = 9;

	(void)state;
	assert_int_equal(sbn_parse_word("--map", "pakage", maps, 4, &index), SYNCBN_ERR_INVALID);
	assert_non_null(strstr(sbn_last_error(), "did you mean package?"));
	assert_int_equal(index, 9);
}

static void
test_a_word_far_from_all_is_offered_none(void **state)
{
	(void)state;
	assert_null(sbn_nearest_word("hyperthreading", maps, 4));
	assert_null(sbn_nearest_word("socket", maps, 4));
	assert_null(sbn_nearest_word("l1", maps, 4));
	assert_null(sbn_nearest_word("", maps, 4));
}

static void
test_a_beginning_or_more_than_the_word_is_near(void **state)
{
	static const char *const names[] = { "-n", "--nproc-per-node" };

	(void)state;
	assert_string_equal(sbn_nearest_word("pack", maps, 4), "package");
	assert_string_equal(sbn_nearest_word("cores", maps, 4), "core");
	assert_string_equal(sbn_nearest_word("numa-node", maps, 4), "numa");
	assert_string_equal(sbn_nearest_word("--nproc", names, 2), "--nproc-per-node");
	assert_string_equal(sbn_nearest_word("--n", names, 2), "-n");
	assert_string_equal(sbn_nearest_word("-N", names, 1), "-n");
	assert_string_equal(sbn_nearest_word("-nn", names, 1), "-n");
	assert_null(sbn_nearest_word("-nx", names, 1));
	assert_null(sbn_nearest_word("-nnn", names, 1));
	assert_string_equal(sbn_nearest_word("L3", maps, 4), "l3");
	assert_string_equal(sbn_nearest_word("PAKAGE", maps, 4), "package");
}

static void
test_a_range_is_written_out(void **state)
{
	double value = 0;

	(void)state;
	sbn_parse_double("--lr", "x", 0.001, 1e6, &value);
	assert_string_equal(sbn_last_error(), "--lr: \"x\" is not a number from 0.001 to 1000000");
	assert_int_equal(sbn_parse_seconds("--grace", "0x10", 0, 60, &value), SYNCBN_ERR_INVALID);
	sbn_parse_seconds("--grace", "x", 0, 60, &value);
	assert_string_equal(sbn_last_error(),
			    "--grace: \"x\" is not a number of seconds from 0 to 60");
}

static void
test_an_unset_or_empty_variable_keeps_the_value(void **state)
{
	int64_t value = 7;

	(void)state;
	unsetenv("SYNCBN_TEST_NUMBER");
	assert_int_equal(sbn_env_int("SYNCBN_TEST_NUMBER", 1, 9, &value), SYNCBN_OK);
	setenv("SYNCBN_TEST_NUMBER", "", 1);
	assert_int_equal(sbn_env_int("SYNCBN_TEST_NUMBER", 1, 9, &value), SYNCBN_OK);
	assert_int_equal(value, 7);
	setenv("SYNCBN_TEST_NUMBER", "10", 1);
	assert_int_equal(sbn_env_int("SYNCBN_TEST_NUMBER", 1, 9, &value), SYNCBN_ERR_INVALID);
	setenv("SYNCBN_TEST_NUMBER", "3", 1);
	assert_int_equal(sbn_env_int("SYNCBN_TEST_NUMBER", 1, 9, &value), SYNCBN_OK);
	assert_int_equal(value, 3);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_whole_number_in_its_range_is_taken),
		cmocka_unit_test(test_anything_else_is_refused_and_keeps_the_value),
		cmocka_unit_test(test_the_error_names_the_option_the_value_and_the_range),
		cmocka_unit_test(test_nan_and_infinity_are_no_numbers_of_a_range),
		cmocka_unit_test(test_a_word_gives_its_index),
		cmocka_unit_test(test_an_unknown_word_is_offered_the_nearest),
		cmocka_unit_test(test_a_word_far_from_all_is_offered_none),
		cmocka_unit_test(test_a_beginning_or_more_than_the_word_is_near),
		cmocka_unit_test(test_a_range_is_written_out),
		cmocka_unit_test(test_an_unset_or_empty_variable_keeps_the_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
