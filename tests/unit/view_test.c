/* SPDX-License-Identifier: Apache-2.0 */
/* How tensors lie: every element of a view is where the layout's definition puts it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/math.h"
#include "nn/view.h"

enum { MAX_ELEMENTS = 4096 };

static float elements[MAX_ELEMENTS];

/* Counted from the first element; h x w positions. */
static size_t
offset_in_layout(const syncbn_tensor_t *t, size_t n, size_t c, size_t position, size_t positions)
{
	const size_t channels = (size_t)t->shape[1];
	size_t width;

	if (t->layout == SYNCBN_CHANNELS_FIRST)
		return (n * channels + c) * positions + position;
	if (t->layout == SYNCBN_CHANNELS_LAST)
		return (n * positions + position) * channels + c;
	width = t->layout == SYNCBN_BLOCKED_8 ? 8 : 16;
	return ((n * sbn_ceil_div(channels, width) + c / width) * positions + position) * width +
	       c % width;
}

static void
check_every_element(const syncbn_tensor_t *t, size_t positions)
{
	const struct sbn_geometry g = sbn_geometry_of(t);
	const struct sbn_view view = sbn_view_of(t);
	const size_t of_image = positions == 1 ? g.n * g.spatial : g.spatial;

	assert_int_equal(sbn_geometry_elements(&g),
			 (size_t)t->shape[0] * (size_t)t->shape[1] * positions);
	for (size_t n = 0; n < (size_t)t->shape[0]; n++)
		for (size_t c = 0; c < g.channels; c++)
			for (size_t s = 0; s < positions; s++) {
				const size_t i = n * positions + s;
				const unsigned char *at =
					sbn_view_at(&view, &g, c, i / of_image, i % of_image);

				assert_ptr_equal(at, elements + offset_in_layout(t, n, c, s,
										 positions));
			}
}

static void
test_every_element_is_where_its_layout_puts_it(void **state)
{
	static const syncbn_layout_t layouts[] = { SYNCBN_CHANNELS_FIRST, SYNCBN_CHANNELS_LAST,
						   SYNCBN_BLOCKED_8, SYNCBN_BLOCKED_16 };
	static const int64_t channels[] = { 1, 2, 8, 17 }, heights[] = { 1, 3 };

	(void)state;
	for (size_t i = 0; i < 32; i++) {
		syncbn_tensor_t t = syncbn_tensor_nchw(elements, 5, channels[i / 4 % 4],
						       heights[i / 16], heights[i / 16] * 2 - 1);

		t.layout = layouts[i % 4];
		check_every_element(&t, (size_t)(t.shape[2] * t.shape[3]));
	}
}

static void
check_order(int64_t channels, int64_t height, syncbn_layout_t layout, enum sbn_order order)
{
	syncbn_tensor_t t = syncbn_tensor_nchw(elements, 5, channels, height, 1);

	t.layout = layout;
	assert_int_equal(sbn_view_of(&t).order, order);
}

static void
test_the_order_is_the_one_with_long_stretches(void **state)
{
	(void)state;
	check_order(3, 4, SYNCBN_CHANNELS_FIRST, SBN_PLANES);
	check_order(3, 4, SYNCBN_CHANNELS_LAST, SBN_ROWS);
	check_order(3, 4, SYNCBN_BLOCKED_8, SBN_BLOCKS);
	check_order(3, 1, SYNCBN_CHANNELS_FIRST, SBN_ROWS);
	check_order(3, 1, SYNCBN_CHANNELS_LAST, SBN_ROWS);
	check_order(1, 4, SYNCBN_CHANNELS_LAST, SBN_PLANES);
	check_order(1, 1, SYNCBN_CHANNELS_FIRST, SBN_PLANES);
	check_order(1, 1, SYNCBN_CHANNELS_LAST, SBN_PLANES);
	check_order(1, 4, SYNCBN_BLOCKED_16, SBN_BLOCKS);
}

static void
test_what_has_no_elements_has_no_images(void **state)
{
	const syncbn_tensor_t none[] = {
		syncbn_tensor_nchw(NULL, 0, 3, 4, 4),
		syncbn_tensor_nchw(NULL, 2, 3, 0, 4),
		syncbn_tensor_nc(NULL, 0, 3),
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct sbn_geometry g = sbn_geometry_of(&none[i]);

		assert_int_equal(g.n, 0);
		assert_int_equal(g.channels, 3);
		assert_int_equal(sbn_geometry_elements(&g), 0);
	}
	assert_null(sbn_view_of(NULL).data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_element_is_where_its_layout_puts_it),
		cmocka_unit_test(test_the_order_is_the_one_with_long_stretches),
		cmocka_unit_test(test_what_has_no_elements_has_no_images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
