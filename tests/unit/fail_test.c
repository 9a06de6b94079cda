/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fail.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
test_the_detail_is_kept_and_the_status_returned(void **state)
{
	(void)state;
	assert_int_equal(sbn_fail(SYNCBN_ERR_INVALID, "C is %d", 0), SYNCBN_ERR_INVALID);
	assert_string_equal(sbn_last_error(), "C is 0");
}

static void
test_a_system_error_adds_the_text_of_errno_and_keeps_errno(void **state)
{
	(void)state;
	errno = ENOENT;
	sbn_fail(SYNCBN_ERR_SYSTEM, "shm_open %s", "/x");
	assert_string_equal(sbn_last_error(), "shm_open /x: No such file or directory");
	assert_int_equal(errno, ENOENT);
	errno = 0;
}

static void
test_other_errors_do_not_mention_errno(void **state)
{
	(void)state;
	errno = ENOENT;
	sbn_fail(SYNCBN_ERR_TIMEOUT, "rank 1 is late");
	assert_string_equal(sbn_last_error(), "rank 1 is late");
	errno = 0;
}

static void
test_a_prefix_stands_before_the_detail(void **state)
{
	(void)state;
	sbn_fail(SYNCBN_ERR_INVALID, "eps is -1");
	sbn_fail_prefix("forward of %s", "bn2");
	assert_string_equal(sbn_last_error(), "forward of bn2: eps is -1");
}

static void
test_a_long_detail_is_cut_not_overrun(void **state)
{
	char text[4096];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	errno = ENOMEM;
	sbn_fail(SYNCBN_ERR_NO_MEMORY, "%s", text);
	sbn_fail_prefix("%s", text);
	assert_int_equal(strlen(sbn_last_error()), 1023);
	errno = 0;
}

static void *
fail_elsewhere(void *argument)
{
	(void)argument;
	sbn_fail(SYNCBN_ERR_INVALID, "another thread's");
	return NULL;
}

static void
test_each_thread_has_its_own_detail(void **state)
{
	pthread_t thread;

	(void)state;
	sbn_fail(SYNCBN_ERR_INVALID, "mine");
	assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_string_equal(sbn_last_error(), "mine");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_detail_is_kept_and_the_status_returned),
		cmocka_unit_test(test_a_system_error_adds_the_text_of_errno_and_keeps_errno),
		cmocka_unit_test(test_other_errors_do_not_mention_errno),
		cmocka_unit_test(test_a_prefix_stands_before_the_detail),
		cmocka_unit_test(test_a_long_detail_is_cut_not_overrun),
		cmocka_unit_test(test_each_thread_has_its_own_detail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
