/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of the 16-bit types have the same bits on every way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/same_bits.h"

static void
test_bfloat16(void **state)
{
	(void)state;
	check_bits_of_shapes(SYNCBN_BFLOAT16);
}

static void
test_float16(void **state)
{
	(void)state;
	check_bits_of_shapes(SYNCBN_FLOAT16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bfloat16),
		cmocka_unit_test(test_float16),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
