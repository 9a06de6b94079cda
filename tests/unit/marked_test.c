/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a run's mark in the environment of a process. */
#include "launch/marked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char mark[] = "SYNCBN_RUN_ID=00ff";

#define HAS(environment) sbn_marked_has(environment, sizeof(environment), mark)

static void
test_a_whole_entry_is_found_wherever_it_stands(void **state)
{
	(void)state;
	assert_true(HAS("SYNCBN_RUN_ID=00ff"));
	assert_true(HAS("A=1\0SYNCBN_RUN_ID=00ff\0B=2"));
	assert_true(HAS("A=1\0\0SYNCBN_RUN_ID=00ff"));
}

static void
test_an_entry_that_begins_or_ends_otherwise_is_another(void **state)
{
	(void)state;
	assert_false(HAS("SYNCBN_RUN_ID=00ff0"));
	assert_false(HAS("XSYNCBN_RUN_ID=00ff"));
	assert_false(HAS("SYNCBN_RUN_ID=00f"));
	assert_false(HAS("A=SYNCBN_RUN_ID=00ff"));
	assert_false(HAS(""));
}

static void
test_an_entry_may_lack_its_end(void **state)
{
	const char environment[] = { 'A', '=', '1', '\0', 'B', '=', '2' };

	(void)state;
	assert_true(sbn_marked_has(environment, sizeof(environment), "B=2"));
	assert_false(sbn_marked_has(environment, sizeof(environment), "B=22"));
	assert_false(sbn_marked_has(environment, 0, "A=1"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_whole_entry_is_found_wherever_it_stands),
		cmocka_unit_test(test_an_entry_that_begins_or_ends_otherwise_is_another),
		cmocka_unit_test(test_an_entry_may_lack_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
