/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <syncbn/status.h>
#include <syncbn/version.h>

static void
test_every_status_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(syncbn_strerror(SYNCBN_OK), "ok");
	for (int status = -1; status >= SYNCBN_ERR_PEER_LOST; status--)
		assert_string_not_equal(syncbn_strerror((syncbn_status_t)status), "unknown status");
	assert_string_equal(syncbn_strerror((syncbn_status_t)-99), "unknown status");
}

static void
test_the_version_is_that_of_the_headers(void **state)
{
	(void)state;
	assert_string_equal(syncbn_version(), SYNCBN_VERSION);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_status_has_a_name),
		cmocka_unit_test(test_the_version_is_that_of_the_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
