/* SPDX-License-Identifier: Apache-2.0 */
/* Every instruction set does what the specification says, bit by bit. */
#include "base/fail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels_cases.h"
#include "kernels_reference_set.h"
#include "kernels_sets.h"
#include "near.h"

static struct outcome expected, actual;

/* A sanitizer sees in some of the cases what it would see in all; 7 is in step with no list. */
#ifdef __SANITIZE_ADDRESS__
enum { CASE_STEP = 7 };
#else
enum { CASE_STEP = 1 };
#endif

static void
assert_same_outcome(const struct sbn_kernels *a, const struct sbn_kernels *b, size_t number)
{
	static const char *const outputs[] = { "y", "dx", "dz" };
	enum sbn_type type = expected.type;
	size_t value = sbn_first_diff_f64(expected.values, actual.values, expected.n_values);

	if (value < expected.n_values)
		fail_msg("%s and %s, %s, case %zu: value %zu is %a and %a", a->name, b->name,
			 element_names[type], number, value, expected.values[value],
			 actual.values[value]);
	for (size_t i = 0; i < N_CASE_OUTPUTS; i++) {
		const void *one = expected.out[i], *other = actual.out[i];
		size_t at = element_first_diff(type, one, other, expected.n_elements);

		if (at < expected.n_elements)
			fail_msg("%s and %s, %s, case %zu: %s[%zu] is %a and %a", a->name, b->name,
				 element_names[type], number, outputs[i], at,
				 element_get(type, one, at), element_get(type, other, at));
	}
}

static void
assert_same_sweep(const struct sbn_kernels *a, const struct sbn_kernels *b, enum sbn_type type)
{
	for (size_t i = 0; i < CASE_COUNT(case_kinds); i++) {
		size_t number = 0;

		for (; case_kinds[i](a, type, number, &expected); number += CASE_STEP) {
			assert_true(case_kinds[i](b, type, number, &actual));
			assert_same_outcome(a, b, number);
		}
		assert_true(number > 50 || (case_kinds[i] == case_sum && type > SBN_BF16) ||
			    (case_kinds[i] == case_use && type != SBN_F32));
	}
}

static void
test_scalar_does_what_the_specification_says(void **state)
{
	(void)state;
	for (int type = 0; type < SBN_TYPES; type++)
		assert_same_sweep(&reference_kernels, set_named("scalar"), (enum sbn_type)type);
}

static void
test_every_set_gives_the_bits_of_scalar(void **state)
{
	const struct sbn_kernels *set, *scalar = set_named("scalar");
	size_t next = 0;

	(void)state;
	while ((set = next_set(&next)) != NULL) {
		for (int type = 0; set != scalar && type < SBN_TYPES; type++)
			assert_same_sweep(scalar, set, (enum sbn_type)type);
	}
}

static void
test_every_listed_name_is_known(void **state)
{
	const struct sbn_kernels *set;

	(void)state;
	assert_string_equal(sbn_kernels_names[0], "scalar");
	for (size_t i = 0; sbn_kernels_names[i] != NULL; i++) {
		if (sbn_kernels_choose(sbn_kernels_names[i], &set) == SYNCBN_OK)
			assert_string_equal(set->name, sbn_kernels_names[i]);
		else
			assert_non_null(strstr(sbn_last_error(), "this CPU"));
	}
}

/* Whether a line of /proc/cpuinfo that begins with key has this word. */
static bool
cpu_has(const char *key, const char *word)
{
	char line[8192];
	bool has = false;
	FILE *file = fopen("/proc/cpuinfo", "r");

	while (!has && file != NULL && fgets(line, sizeof(line), file) != NULL)
		for (char *at = line; strncmp(line, key, strlen(key)) == 0 && !has;) {
			char *next = strsep(&at, " \t\n");

			if (next == NULL)
				break;
			has = strcmp(next, word) == 0;
		}
	if (file != NULL)
		fclose(file);
	return has;
}

static void
test_no_name_gives_the_best_set_of_this_cpu(void **state)
{
	const bool is_intel = cpu_has("vendor_id", "GenuineIntel");
	const struct sbn_kernels *set, *best = NULL, *chosen = set_named(NULL);
	size_t next = 0;

	(void)state;
	while ((set = next_set(&next)) != NULL)
		best = set;
	assert_ptr_equal(set_named(""), chosen);
	if (strcmp(best->name, "avx512") != 0 || !is_intel || cpu_has("flags", "avx_vnni")) {
		assert_ptr_equal(chosen, best);
		return;
	}
	if (chosen != best) /* a kernel may not know the flag yet */
		assert_string_equal(chosen->name, "avx2+avx512");
	/* Skylake to Cooper Lake, and Ice Lake, of servers */
	if (cpu_has("model\t", "85") || cpu_has("model\t", "106"))
		assert_string_equal(chosen->name, "avx2+avx512");
}

static void
test_beside_avx512_there_is_a_narrower_set(void **state)
{
	const struct sbn_kernels *chosen = set_named(NULL), *narrower = sbn_kernels_narrower(NULL);

	(void)state;
	assert_null(sbn_kernels_narrower("avx512"));
	assert_null(sbn_kernels_narrower("scalar"));
	assert_ptr_equal(sbn_kernels_narrower(""), narrower);
	if (strcmp(chosen->name, "avx512") == 0 && cpu_has("flags", "avx2"))
		assert_ptr_equal(narrower, set_named("avx2"));
	else
		assert_null(narrower);
}

static void
test_avx512_may_be_for_16_bit_types_only(void **state)
{
	const struct sbn_kernels *both, *avx2, *avx512;

	(void)state;
	if (sbn_kernels_choose("avx2+avx512", &both) != SYNCBN_OK) {
		if (sbn_kernels_choose("avx512", &avx512) != SYNCBN_OK)
			skip();
		fail_msg("%s", sbn_last_error());
	}
	avx2 = set_named("avx2");
	avx512 = set_named("avx512");
	assert_string_equal(both->name, "avx2+avx512");
	for (enum sbn_type type = SBN_F32; type < SBN_TYPES; type++) {
		const bool is_half = type == SBN_BF16 || type == SBN_F16;

		assert_memory_equal(&both->of[type], &(is_half ? avx512 : avx2)->of[type],
				    sizeof(both->of[type]));
	}
	assert_ptr_equal(both->sum_bf16, avx512->sum_bf16);
	assert_ptr_equal(both->sum_f32, avx2->sum_f32);
	assert_ptr_equal(both->merge_moments, avx2->merge_moments);
}

static void
test_an_unknown_name_offers_the_nearest(void **state)
{
	const struct sbn_kernels *set = NULL;

	(void)state;
	assert_int_equal(sbn_kernels_choose("scaler", &set), SYNCBN_ERR_INVALID);
	assert_null(set);
	assert_non_null(strstr(sbn_last_error(), "\"scaler\"; did you mean scalar?"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalar_does_what_the_specification_says),
		cmocka_unit_test(test_every_set_gives_the_bits_of_scalar),
		cmocka_unit_test(test_every_listed_name_is_known),
		cmocka_unit_test(test_no_name_gives_the_best_set_of_this_cpu),
		cmocka_unit_test(test_beside_avx512_there_is_a_narrower_set),
		cmocka_unit_test(test_avx512_may_be_for_16_bit_types_only),
		cmocka_unit_test(test_an_unknown_name_offers_the_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
