/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors behind strides, as frameworks have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/world_of_one.h"

static float data[1];

struct strided {
	int ndim;
	int64_t shape[6], strides[6];
};

static syncbn_status_t
take(const struct strided *s, syncbn_tensor_t *tensor)
{
	return syncbn_tensor_from_strides(data, SYNCBN_BFLOAT16, s->ndim, s->shape, s->strides,
					  tensor);
}

static void
check_layout(const struct strided *s, syncbn_layout_t layout)
{
	syncbn_tensor_t t;

	memset(&t, 0xee, sizeof(t));
	assert_ok(take(s, &t));
	assert_ptr_equal(t.data, data);
	assert_int_equal(t.dtype, SYNCBN_BFLOAT16);
	assert_int_equal(t.layout, layout);
	assert_int_equal(t.ndim, s->ndim);
	for (int i = 0; i < s->ndim; i++)
		assert_int_equal(t.shape[i], s->shape[i]);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
test_contiguous_is_channels_first(void **state)
{
	static const struct strided table[] = {
		{ 2, { 4, 3 }, { 3, 1 } },
		{ 3, { 4, 3, 5 }, { 15, 5, 1 } },
		{ 4, { 4, 3, 5, 6 }, { 90, 30, 6, 1 } },
		{ 5, { 4, 3, 2, 5, 6 }, { 180, 60, 30, 6, 1 } },
		{ 4, { 1, 1, 1, 1 }, { 1, 1, 1, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		check_layout(&table[i], SYNCBN_CHANNELS_FIRST);
}

static void
test_channels_last_is_known(void **state)
{
	static const struct strided table[] = {
		{ 3, { 4, 3, 5 }, { 15, 1, 3 } },
		{ 4, { 4, 3, 5, 6 }, { 90, 1, 18, 3 } },
		{ 5, { 4, 3, 2, 5, 6 }, { 180, 1, 90, 18, 3 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		check_layout(&table[i], SYNCBN_CHANNELS_LAST);
}

static void
test_strides_of_size_1_do_not_matter(void **state)
{
	static const struct strided first[] = {
		{ 4, { 1, 3, 5, 6 }, { -7, 30, 6, 1 } },
		{ 4, { 4, 3, 1, 1 }, { 3, 1, 3, 3 } }, /* torch's channels_last of such a shape */
		{ 4, { 4, 3, 1, 1 }, { 3, 1, 0, INT64_MIN } },
		{ 4, { 4, 1, 5, 6 }, { 30, 1, 6, 1 } }, /* one channel: both at once */
		{ 2, { 1, 3 }, { 0, 1 } },
	};
	static const struct strided last[] = {
		{ 4, { 1, 3, 5, 6 }, { 1000, 1, 18, 3 } },
		{ 4, { 4, 3, 1, 6 }, { 18, 1, 77, 3 } },
		{ 4, { 4, 3, 6, 1 }, { 18, 1, 3, -1 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(first); i++)
		check_layout(&first[i], SYNCBN_CHANNELS_FIRST);
	for (size_t i = 0; i < COUNT(last); i++)
		check_layout(&last[i], SYNCBN_CHANNELS_LAST);
}

static void
test_no_stride_of_an_empty_tensor_matters(void **state)
{
	static const struct strided table[] = {
		{ 4, { 0, 3, 5, 6 }, { 1, 2, 3, 4 } },
		{ 4, { 4, 3, 0, 6 }, { -1, 0, 0, -9 } },
		{ 2, { 0, 3 }, { 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		check_layout(&table[i], SYNCBN_CHANNELS_FIRST);
}

static void
test_other_strides_are_named_and_refused(void **state)
{
	static const struct {
		struct strided strided;
		const char *words;
	} table[] = {
		{ { 4, { 4, 3, 5, 6 }, { 90, 30, 1, 5 } }, "(90, 30, 1, 5)" },   /* transposed */
		{ { 4, { 4, 3, 5, 6 }, { 180, 30, 6, 1 } }, "(180, 30, 6, 1)" }, /* a slice */
		{ { 4, { 4, 3, 5, 6 }, { 96, 32, 6, 1 } }, "(96, 32, 6, 1)" },   /* gaps */
		{ { 4, { 4, 3, 5, 6 }, { 120, 1, 24, 4 } }, "(120, 1, 24, 4)" }, /* 3 of 4 */
		{ { 4, { 4, 3, 5, 6 }, { 90, 30, -6, 1 } }, "(90, 30, -6, 1)" }, /* flipped */
		{ { 4, { 4, 3, 5, 6 }, { 0, 30, 6, 1 } }, "(0, 30, 6, 1)" },     /* expanded */
		{ { 2, { 4, 3 }, { 1, 4 } }, "(1, 4)" },
		{ { 5, { 2, 2, 2, 2, 2 }, { INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, 7 } },
		  "(-9223372036854775808, -9223372036854775808, -9223372036854775808, "
		  "-9223372036854775808, 7)" },
	};
	syncbn_tensor_t t;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		assert_status(take(&table[i].strided, &t), SYNCBN_ERR_UNSUPPORTED, table[i].words);
}

static void
test_shapes_out_of_range_are_refused(void **state)
{
	static const struct {
		struct strided strided;
		const char *words;
	} table[] = {
		{ { 1, { 4 }, { 1 } }, "1 dimensions" },
		{ { 0, { 4 }, { 1 } }, "0 dimensions" },
		{ { -1, { 4 }, { 1 } }, "-1 dimensions" },
		{ { 6, { 1, 1, 1, 1, 1, 1 }, { 1, 1, 1, 1, 1, 1 } }, "6 dimensions" },
		{ { 4, { 4, -3, 5, 6 }, { 90, 30, 6, 1 } }, "shape[1] is -3" },
		{ { 4, { 4, 0, 5, 6 }, { 90, 30, 6, 1 } }, "no channels" },
		{ { 3, { INT64_MAX, 3, INT64_MAX }, { 1, 1, 1 } }, "more elements" },
	};
	syncbn_tensor_t t;

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		assert_invalid(take(&table[i].strided, &t), table[i].words);
}

static void
test_null_arguments_and_unknown_types_are_named(void **state)
{
	static const int64_t two[2] = { 1, 1 };
	syncbn_tensor_t t;

	(void)state;
	assert_invalid(syncbn_tensor_from_strides(data, SYNCBN_FLOAT32, 2, NULL, two, &t), "shape");
	assert_invalid(syncbn_tensor_from_strides(data, SYNCBN_FLOAT32, 2, two, NULL, &t),
		       "strides");
	assert_invalid(syncbn_tensor_from_strides(data, SYNCBN_FLOAT32, 2, two, two, NULL),
		       "tensor");
	assert_invalid(syncbn_tensor_from_strides(data, (syncbn_dtype_t)5, 2, two, two, &t),
		       "dtype 5");
	assert_ok(syncbn_tensor_from_strides(NULL, SYNCBN_FLOAT16, 2, two, two, &t));
}

static void
test_the_short_forms_say_what_they_mean(void **state)
{
	syncbn_tensor_t nc = syncbn_tensor_nc(data, 2, 3), ncl = syncbn_tensor_ncl(data, 2, 3, 4);
	syncbn_tensor_t nchw = syncbn_tensor_nchw(data, 2, 3, 4, 5);
	syncbn_tensor_t nhwc = syncbn_tensor_nhwc(data, 2, 3, 4, 5);
	syncbn_tensor_t ncdhw = syncbn_tensor_ncdhw(data, 2, 3, 4, 5, 6);

	(void)state;
	assert_true(nc.ndim == 2 && nc.shape[1] == 3 && nc.layout == SYNCBN_CHANNELS_FIRST);
	assert_true(ncl.ndim == 3 && ncl.shape[2] == 4 && ncl.dtype == SYNCBN_FLOAT32);
	assert_true(nchw.ndim == 4 && nchw.shape[3] == 5 && nchw.layout == SYNCBN_CHANNELS_FIRST);
	assert_true(nhwc.ndim == 4 && nhwc.shape[1] == 3 && nhwc.layout == SYNCBN_CHANNELS_LAST);
	assert_true(ncdhw.ndim == 5 && ncdhw.shape[2] == 4 && ncdhw.shape[4] == 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contiguous_is_channels_first),
		cmocka_unit_test(test_channels_last_is_known),
		cmocka_unit_test(test_strides_of_size_1_do_not_matter),
		cmocka_unit_test(test_no_stride_of_an_empty_tensor_matters),
		cmocka_unit_test(test_other_strides_are_named_and_refused),
		cmocka_unit_test(test_shapes_out_of_range_are_refused),
		cmocka_unit_test(test_null_arguments_and_unknown_types_are_named),
		cmocka_unit_test(test_the_short_forms_say_what_they_mean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
