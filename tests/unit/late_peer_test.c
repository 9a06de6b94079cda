/* SPDX-License-Identifier: Apache-2.0 */
/* When a peer is late: worked ahead of, instead of waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "comm/wait.h"

enum { NS = 20 * 1000 };

static int looks, comes_at;

/* Comes at the look of that number; 0: never. */
static bool
comes(const struct sbn_wait *wait)
{
	(void)wait;
	return ++looks == comes_at;
}

static bool
is_late(bool may_spin, uint32_t n_in_flight, int at)
{
	static struct syncbn_group group;
	struct sbn_wait wait = { .group = &group, .lane = 1, .ready = comes };

	group.may_spin = may_spin;
	group.n_in_flight = n_in_flight;
	looks = 0;
	comes_at = at;
	return sbn_is_late(&wait, NS);
}

static void
test_who_does_not_come_in_time_is_late(void **state)
{
	uint64_t begin = sbn_now_ns();

	(void)state;
	assert_true(is_late(true, 0, 0));
	assert_true(sbn_now_ns() - begin >= NS);
	assert_true(looks > 1);
}

static void
test_who_comes_is_not(void **state)
{
	(void)state;
	assert_false(is_late(true, 0, 1));
	assert_int_equal(looks, 1);
	assert_false(is_late(true, 0, 3));
	assert_int_equal(looks, 3);
}

static void
test_who_may_wait_for_this_rank_is_not(void **state)
{
	(void)state;
	assert_false(is_late(false, 0, 0));
	assert_false(is_late(true, 1, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_does_not_come_in_time_is_late),
		cmocka_unit_test(test_who_comes_is_not),
		cmocka_unit_test(test_who_may_wait_for_this_rank_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
