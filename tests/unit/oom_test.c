/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what the kernel says of kills for want of memory. */
#include "launch/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_nothing_is_put_down_to_a_count_that_stands(void **state)
{
	struct sbn_oom oom;

	(void)state;
	sbn_oom_open(&oom);
	oom.in_cgroup = oom.in_system = UINT64_MAX; /* whatever else this machine does meanwhile */
	assert_int_equal(sbn_oom_take(&oom), SBN_OOM_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_put_down_to_a_count_that_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
