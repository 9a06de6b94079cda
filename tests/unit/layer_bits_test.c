/* SPDX-License-Identifier: Apache-2.0 */
/* float32 and float64 layers have the same bits on every way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/same_bits.h"

static void
test_float32(void **state)
{
	static const syncbn_layout_t blocks_of_8 = SYNCBN_BLOCKED_8;

	(void)state;
	check_bits_of_shapes(SYNCBN_FLOAT32);
	/* of so many positions blocks of rows are longer, and the last one shorter */
	check_bits(SYNCBN_FLOAT32, syncbn_tensor_nchw(NULL, 2, 24, 91, 101));
	/* blocks of 8 channels, of which a cache of 2 MB does not hold two */
	check_bits_in(SYNCBN_FLOAT32, syncbn_tensor_nchw(NULL, 8, 40, 66, 66), &blocks_of_8);
}

static void
test_float64(void **state)
{
	(void)state;
	check_bits_of_shapes(SYNCBN_FLOAT64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_float32),
		cmocka_unit_test(test_float64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
