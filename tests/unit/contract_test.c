/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fail.h"
#include "shm/contract.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RUN_ID "0123456789abcdeffedcba9876543210"

static const char *const variables[] = {
	SBN_ENV_CONTRACT, SBN_ENV_RANK, SBN_ENV_WORLD_SIZE,     SBN_ENV_SEGMENT_FD, SBN_ENV_RUN_ID,
	SBN_ENV_MEM,      "WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE",
};

static int
clear(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	return 0;
}

static int
set_contract(void **state)
{
	clear(state);
	setenv(SBN_ENV_CONTRACT, SBN_CONTRACT_VERSION, 1);
	setenv(SBN_ENV_RANK, "2", 1);
	setenv(SBN_ENV_WORLD_SIZE, "4", 1);
	setenv(SBN_ENV_SEGMENT_FD, "5", 1);
	setenv(SBN_ENV_RUN_ID, RUN_ID, 1);
	return 0;
}

/* Reading fails, and the detail names the variable and its value. */
static void
assert_refused(syncbn_status_t expected, const char *name, const char *value)
{
	struct sbn_contract contract;

	assert_int_equal(sbn_contract_read(&contract), expected);
	assert_false(contract.present);
	assert_non_null(strstr(sbn_last_error(), name));
	assert_non_null(strstr(sbn_last_error(), value));
}

static void
test_a_whole_contract_is_read(void **state)
{
	struct sbn_contract contract;

	(void)state;
	assert_int_equal(sbn_contract_read(&contract), SYNCBN_OK);
	assert_true(contract.present);
	assert_int_equal(contract.rank, 2);
	assert_int_equal(contract.world_size, 4);
	assert_int_equal(contract.segment_fd, 5);
	assert_true(contract.run_id[0] == 0x0123456789abcdef);
	assert_true(contract.run_id[1] == 0xfedcba9876543210);
	assert_false(contract.first_touch);
}

static void
test_a_contract_stands_above_other_launchers_variables(void **state)
{
	struct sbn_contract contract;

	(void)state;
	setenv("OMPI_COMM_WORLD_SIZE", "8", 1);
	setenv("WORLD_SIZE", "4", 1);
	assert_int_equal(sbn_contract_read(&contract), SYNCBN_OK);
	assert_int_equal(contract.world_size, 4);
}

static void
test_every_variable_must_be_there(void **state)
{
	static const char *const needed[] = { SBN_ENV_RANK, SBN_ENV_WORLD_SIZE, SBN_ENV_SEGMENT_FD,
					      SBN_ENV_RUN_ID };

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		set_contract(state);
		unsetenv(needed[i]);
		assert_refused(SYNCBN_ERR_INVALID, needed[i], "");
	}
}

static void
test_malformed_numbers_are_refused(void **state)
{
	static const struct {
		const char *name, *value;
	} cases[] = {
		{ SBN_ENV_RANK, "" },
		{ SBN_ENV_RANK, "-1" },
		{ SBN_ENV_RANK, "4" },
		{ SBN_ENV_RANK, " 1" },
		{ SBN_ENV_RANK, "1 " },
		{ SBN_ENV_RANK, "1x" },
		{ SBN_ENV_RANK, "0x1" },
		{ SBN_ENV_RANK, "1.0" },
		{ SBN_ENV_RANK, "one" },
		{ SBN_ENV_WORLD_SIZE, "" },
		{ SBN_ENV_WORLD_SIZE, "0" },
		{ SBN_ENV_WORLD_SIZE, "-4" },
		{ SBN_ENV_WORLD_SIZE, "2" },
		{ SBN_ENV_WORLD_SIZE, "1025" },
		{ SBN_ENV_WORLD_SIZE, "4294967300" }, /* 4 in 32 bits */
		{ SBN_ENV_WORLD_SIZE, "99999999999999999999" },
		{ SBN_ENV_SEGMENT_FD, "" },
		{ SBN_ENV_SEGMENT_FD, "-1" },
		{ SBN_ENV_SEGMENT_FD, "2147483648" },
		{ SBN_ENV_SEGMENT_FD, "5,6" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_contract(state);
		setenv(cases[i].name, cases[i].value, 1);
		/* a world that is too small is found at the rank, which then lies outside */
		assert_refused(SYNCBN_ERR_INVALID,
			       strcmp(cases[i].value, "2") == 0 ? SBN_ENV_RANK : cases[i].name,
			       cases[i].value);
	}
}

static void
test_malformed_run_ids_are_refused(void **state)
{
	static const char *const ids[] = {
		"",
		"0",
		"0123456789abcdeffedcba987654321",
		"0123456789abcdeffedcba98765432100",
		"0123456789ABCDEFFEDCBA9876543210",
		"0123456789abcdeffedcba987654321g",
		"0x23456789abcdeffedcba9876543210",
		" 123456789abcdeffedcba9876543210",
		"0123456789abcdef-edcba9876543210",
	};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		set_contract(state);
		setenv(SBN_ENV_RUN_ID, ids[i], 1);
		assert_refused(SYNCBN_ERR_INVALID, SBN_ENV_RUN_ID, ids[i]);
	}
}

static void
test_another_version_is_a_mismatch(void **state)
{
	static const char *const versions[] = { "", "0", "2", "1 ", "01", "one" };

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		set_contract(state);
		setenv(SBN_ENV_CONTRACT, versions[i], 1);
		assert_refused(SYNCBN_ERR_MISMATCH, SBN_ENV_CONTRACT, versions[i]);
	}
}

static void
test_first_touch_is_told_apart(void **state)
{
	static const char *const others[] = { "preferred", "bind" };
	struct sbn_contract contract;

	(void)state;
	setenv(SBN_ENV_MEM, "first-touch", 1);
	assert_int_equal(sbn_contract_read(&contract), SYNCBN_OK);
	assert_true(contract.first_touch);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		setenv(SBN_ENV_MEM, others[i], 1);
		assert_int_equal(sbn_contract_read(&contract), SYNCBN_OK);
		assert_false(contract.first_touch);
	}
	setenv(SBN_ENV_MEM, "first_touch", 1);
	assert_int_equal(sbn_contract_read(&contract), SYNCBN_ERR_INVALID);
	assert_non_null(strstr(sbn_last_error(), "first-touch"));
}

static void
assert_alone(void)
{
	struct sbn_contract contract;

	assert_int_equal(sbn_contract_read(&contract), SYNCBN_OK);
	assert_false(contract.present);
	assert_int_equal(contract.rank, 0);
	assert_int_equal(contract.world_size, 1);
	assert_int_equal(contract.segment_fd, -1);
}

static void
test_no_contract_is_a_world_of_one(void **state)
{
	static const char *const harmless[] = { "1", "0", "", "-3", "none", "0.45" };

	(void)state;
	assert_alone();
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		setenv("WORLD_SIZE", harmless[i], 1);
		setenv("PMI_SIZE", harmless[i], 1);
		assert_alone();
	}
	setenv(SBN_ENV_RANK, "3", 1); /* without SYNCBN_CONTRACT it means nothing */
	assert_alone();
}

static void
test_other_launchers_ranks_are_refused(void **state)
{
	static const char *const names[] = { "WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE" };
	static const char *const sizes[] = { "2", "1024", "4294967297", "99999999999999999999" };

	for (size_t n = 0; n < 3; n++)
		for (size_t s = 0; s < 4; s++) {
			clear(state);
			setenv(names[n], sizes[s], 1);
			assert_refused(SYNCBN_ERR_INVALID, names[n], sizes[s]);
			assert_non_null(strstr(sbn_last_error(), "syncbn-run"));
		}
}

static void
test_a_run_id_survives_the_environment(void **state)
{
	uint64_t ids[][2] = { { 0, 0 }, { 1, UINT64_MAX }, { UINT64_C(1) << 63, 0xabc } };
	struct sbn_contract contract;
	char text[33];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		sbn_contract_format_run_id(ids[i], text);
		assert_int_equal(strlen(text), 32);
		setenv(SBN_ENV_RUN_ID, text, 1);
		assert_int_equal(sbn_contract_read(&contract), SYNCBN_OK);
		assert_memory_equal(contract.run_id, ids[i], sizeof(ids[i]));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_whole_contract_is_read, set_contract),
		cmocka_unit_test_setup(test_a_contract_stands_above_other_launchers_variables,
				       set_contract),
		cmocka_unit_test(test_every_variable_must_be_there),
		cmocka_unit_test(test_malformed_numbers_are_refused),
		cmocka_unit_test(test_malformed_run_ids_are_refused),
		cmocka_unit_test(test_another_version_is_a_mismatch),
		cmocka_unit_test_setup(test_first_touch_is_told_apart, set_contract),
		cmocka_unit_test_setup(test_no_contract_is_a_world_of_one, clear),
		cmocka_unit_test(test_other_launchers_ranks_are_refused),
		cmocka_unit_test_setup(test_a_run_id_survives_the_environment, set_contract),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
