/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay puts before lines, and whose lines it shows. */
#include "launch/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "launch/channels.h"

static void
test_a_tag_has_the_rank_and_on_wish_a_color(void **state)
{
	char text[SBN_RELAY_PREFIX];

	(void)state;
	sbn_relay_tag(7, false, text);
	assert_string_equal(text, "[7] ");
	sbn_relay_tag(1023, true, text);
	assert_string_equal(text, "\033[34m[1023]\033[0m ");
}

static void
test_a_time_is_local_and_has_milliseconds(void **state)
{
	char text[SBN_RELAY_PREFIX];

	(void)state;
	setenv("TZ", "EST5", 1);
	tzset();
	sbn_relay_time(1700000000, 7999999, text);
	assert_string_equal(text, "2023-11-14 17:13:20.007 ");
}

/* Hides the list's ranks of four; gives the status, and in text the ranks that are shown. */
static syncbn_status_t
hide(const char *list, char text[5])
{
	bool shown[4] = { true, true, true, true };
	syncbn_status_t status = sbn_channels_hide(list, 4, shown);
	size_t used = 0;

	for (size_t rank = 0; rank < 4; rank++)
		if (shown[rank])
			text[used++] = (char)('0' + rank);
	text[used] = '\0';
	return status;
}

static void
test_a_list_hides_its_ranks(void **state)
{
	char shown[5];

	(void)state;
	assert_int_equal(hide("1,3", shown), SYNCBN_OK);
	assert_string_equal(shown, "02");
	assert_int_equal(hide("0-2", shown), SYNCBN_OK);
	assert_string_equal(shown, "3");
	assert_int_equal(hide("1-", shown), SYNCBN_OK);
	assert_string_equal(shown, "0");
	assert_int_equal(hide("0,9-", shown), SYNCBN_OK);
	assert_string_equal(shown, "123");
}

static void
test_what_is_no_list_of_these_ranks_is_refused(void **state)
{
	static const char *const bad[] = { "", "-", "4", "1-4", "3-1", "x", "1,", "1--", "-1" };
	char shown[5];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(hide(bad[i], shown), SYNCBN_ERR_INVALID);
		assert_string_equal(shown, "0123");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_tag_has_the_rank_and_on_wish_a_color),
		cmocka_unit_test(test_a_time_is_local_and_has_milliseconds),
		cmocka_unit_test(test_a_list_hides_its_ranks),
		cmocka_unit_test(test_what_is_no_list_of_these_ranks_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
