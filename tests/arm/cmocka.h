/* SPDX-License-Identifier: Apache-2.0 */
/* As much of cmocka as the tests of src/sync need, for builds where its library is missing. */
#ifndef SBN_TESTS_ARM_CMOCKA_H
#define SBN_TESTS_ARM_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>

struct CMUnitTest {
	const char *name;
	void (*run)(void **state);
};

#define cmocka_unit_test(function) { #function, function }

#define assert_true(condition)                                                     \
	do {                                                                       \
		if (!(condition)) {                                                \
			printf("%s:%d: not %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                   \
		}                                                                  \
	} while (0)
#define assert_false(condition) assert_true(!(condition))
#define assert_null(pointer) assert_true((pointer) == NULL)
#define assert_non_null(pointer) assert_true((pointer) != NULL)
#define assert_int_equal(a, b) assert_true((a) == (b))
#define assert_in_range(value, low, high) assert_true((value) >= (low) && (value) <= (high))

#define cmocka_run_group_tests(tests, setup, teardown) \
	run_tests(tests, sizeof(tests) / sizeof((tests)[0]))

static inline int
run_tests(const struct CMUnitTest *tests, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		void *state = NULL;

		printf("%s\n", tests[i].name);
		fflush(stdout);
		tests[i].run(&state);
	}
	return 0;
}

#endif
