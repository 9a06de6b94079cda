/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
spin_until(uint64_t ns)
{
	while (sbn_now_ns() < ns)
		;
}

static void
test_a_sum_of_ticks_never_becomes_fewer_nanoseconds(void **state)
{
	const uint64_t ticks = UINT64_C(1) << 50;
	uint64_t first, start_ns;

	(void)state;
	sbn_ticks_start();
	first = sbn_ticks_to_ns(ticks);
	start_ns = sbn_now_ns();
	for (int i = 0; i < 20; i++) {
		spin_until(start_ns + (uint64_t)i * 1000 * 1000);
		assert_int_equal(sbn_ticks_to_ns(ticks), first);
	}
	sbn_ticks_start();
	assert_int_equal(sbn_ticks_to_ns(ticks), first);
}

/* Within a tenth: a busy machine may put this process aside between two readings. */
static void
test_a_span_is_as_long_by_both_clocks(void **state)
{
	uint64_t start_ns = sbn_now_ns(), start = sbn_ticks(), ns, span;

	(void)state;
	spin_until(start_ns + UINT64_C(200) * 1000 * 1000);
	span = sbn_ticks_to_ns(sbn_ticks() - start);
	ns = sbn_now_ns() - start_ns;
	assert_in_range(span, ns - ns / 10, ns + ns / 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sum_of_ticks_never_becomes_fewer_nanoseconds),
		cmocka_unit_test(test_a_span_is_as_long_by_both_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
