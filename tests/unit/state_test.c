/* SPDX-License-Identifier: Apache-2.0 */
/* Names, and what a load takes and refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "state/archive.h"
#include "unit/state_files.h"

static const syncbn_state_format_t formats[] = { SYNCBN_STATE_SAFETENSORS, SYNCBN_STATE_NPZ };

/* A file of these items, decoded into one layer with everything, "p.", C = 2. */
struct one_layer {
	float values[SBN_STATE_ARRAYS][2];
	struct sbn_state_layer layer;
};

static void
make_one(struct one_layer *one)
{
	*one = (struct one_layer){ .layer = { "p.", SBN_NPY_F32, 2, { 0 }, 77 } };
	for (int i = 0; i < SBN_STATE_ARRAYS; i++) {
		one->values[i][0] = 90;
		one->values[i][1] = 91;
		one->layer.array[i] = one->values[i];
	}
}

static const float numbers[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
static const int64_t two = 2, five = 5, below = -1;

#define F32_2(name, i)                                                       \
	{                                                                    \
		name, { SBN_NPY_F32, 1, { 2 }, numbers + 2 * (i), 8 }, false \
	}
#define I64(name, value)                                            \
	{                                                           \
		name, { SBN_NPY_I64, 0, { 0 }, &(value), 8 }, false \
	}
#define VERSION_OF(name, value)                                    \
	{                                                          \
		name, { SBN_NPY_I64, 0, { 0 }, &(value), 8 }, true \
	}
#define TORCH_ARRAYS                                                          \
	F32_2("p.weight", 0), F32_2("p.bias", 1), F32_2("p.running_mean", 2), \
		F32_2("p.running_var", 3)
#define MINDSPORE_ARRAYS                                                    \
	F32_2("p.gamma", 0), F32_2("p.beta", 1), F32_2("p.moving_mean", 2), \
		F32_2("p.moving_variance", 3)
#define N_OF(items) (sizeof(items) / sizeof((items)[0]))

static syncbn_status_t
decode_items(const struct sbn_archive_item *items, size_t n, int format, unsigned flags,
	     struct one_layer *one)
{
	const struct sbn_archive_format *writer = format == 0 ? &sbn_safetensors : &sbn_npz;
	struct sbn_archive_bytes bytes;
	syncbn_status_t status;

	make_one(one);
	assert_int_equal(writer->write(items, n, &bytes), SYNCBN_OK);
	status = sbn_state_decode(bytes.data, bytes.n, &one->layer, 1, flags);
	free(bytes.data);
	return status;
}

/* In both formats; an error leaves the layer alone. */
static void
refuse_items(const struct sbn_archive_item *items, size_t n, unsigned flags, const char *words)
{
	struct one_layer one, before;

	make_one(&before);
	for (int format = 0; format < 2; format++) {
		assert_int_equal(decode_items(items, n, format, flags, &one), SYNCBN_ERR_INVALID);
		if (strstr(sbn_last_error(), words) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", sbn_last_error(), words);
		assert_memory_equal(one.values, before.values, sizeof(one.values));
		assert_int_equal(one.layer.batches_tracked, 77);
	}
}

static void
accept_items(const struct sbn_archive_item *items, size_t n, unsigned flags, int64_t batches)
{
	struct one_layer one;

	for (int format = 0; format < 2; format++) {
		if (decode_items(items, n, format, flags, &one) != SYNCBN_OK)
			fail_msg("%s", sbn_last_error());
		assert_memory_equal(one.values, numbers, sizeof(one.values));
		assert_int_equal(one.layer.batches_tracked, batches);
	}
}

static void
test_what_is_saved_is_loaded(void **state)
{
	for (int f = 0; f < 2; f++) {
		for (int names = SYNCBN_STATE_TORCH; names <= SYNCBN_STATE_MINDSPORE; names++) {
			const char *path = in_folder(state, "round trip");
			struct state_layers saved, loaded;

			make_layers(&saved, 3);
			make_layers(&loaded, 20);
			assert_int_equal(sbn_state_save(path, formats[f],
							(syncbn_state_names_t)names, saved.layer,
							N_LAYERS),
					 SYNCBN_OK);
			assert_int_equal(sbn_state_load(path, loaded.layer, N_LAYERS, 0),
					 SYNCBN_OK);
			if (names == SYNCBN_STATE_MINDSPORE)
				saved.layer[0].batches_tracked = saved.layer[1].batches_tracked = 0;
			assert_true(same_layers(&saved, &loaded));
		}
	}
}

static void
test_equal_states_are_equal_files(void **state)
{
	struct state_layers layers;

	make_layers(&layers, 3);
	for (int f = 0; f < 2; f++) {
		size_t n, m;
		void *a = encode_layers(state, &layers, formats[f], SYNCBN_STATE_TORCH, &n);
		void *b = encode_layers(state, &layers, formats[f], SYNCBN_STATE_TORCH, &m);

		assert_int_equal(n, m);
		assert_memory_equal(a, b, n);
		free(a);
		free(b);
	}
}

static void
test_either_frameworks_names_are_read(void **state)
{
	const struct sbn_archive_item torch[] = { TORCH_ARRAYS,
						  I64("p.num_batches_tracked", five) };
	const struct sbn_archive_item mindspore[] = { MINDSPORE_ARRAYS };

	(void)state;
	accept_items(torch, N_OF(torch), 0, 5);
	accept_items(mindspore, N_OF(mindspore), 0, 0);
}

static void
test_a_layer_has_one_frameworks_names(void **state)
{
	const struct sbn_archive_item mixed[] = { F32_2("p.gamma", 0), F32_2("p.bias", 1),
						  F32_2("p.running_mean", 2),
						  F32_2("p.running_var", 3) };
	const struct sbn_archive_item both[] = { TORCH_ARRAYS, MINDSPORE_ARRAYS };
	const struct sbn_archive_item count[] = { MINDSPORE_ARRAYS,
						  I64("p.num_batches_tracked", five) };

	(void)state;
	refuse_items(mixed, N_OF(mixed), 0, "torch's and under MindSpore's");
	refuse_items(both, N_OF(both), SYNCBN_STATE_PARTIAL, "torch's and under MindSpore's");
	refuse_items(count, N_OF(count), 0, "p.num_batches_tracked");
}

static void
test_batches_may_be_missing_below_version_2_only(void **state)
{
	static const int64_t one = 1;
	const struct sbn_archive_item none[] = { TORCH_ARRAYS };
	const struct sbn_archive_item old[] = { TORCH_ARRAYS, VERSION_OF("p.version", one) };
	const struct sbn_archive_item new[] = { TORCH_ARRAYS, VERSION_OF("p.version", two) };
	const struct sbn_archive_item whole[] = { TORCH_ARRAYS, VERSION_OF("p.version", two),
						  I64("p.num_batches_tracked", five) };

	(void)state;
	accept_items(none, N_OF(none), 0, 0);
	accept_items(old, N_OF(old), 0, 0);
	refuse_items(new, N_OF(new), 0, "p.num_batches_tracked");
	accept_items(whole, N_OF(whole), 0, 5);
}

static void
test_a_missing_array_is_named(void **state)
{
	const struct sbn_archive_item torch[] = { F32_2("p.weight", 0), F32_2("p.bias", 1),
						  F32_2("p.running_mean", 2) };
	const struct sbn_archive_item mindspore[] = { F32_2("p.gamma", 0),
						      F32_2("p.moving_mean", 1),
						      F32_2("p.moving_variance", 1) };
	const struct sbn_archive_item other[] = { F32_2("module.p.weight", 0) };

	(void)state;
	refuse_items(torch, N_OF(torch), 0, "\"p.running_var\"");
	refuse_items(mindspore, N_OF(mindspore), SYNCBN_STATE_PARTIAL, "\"p.beta\"");
	refuse_items(other, N_OF(other), 0, "the first one is \"module.p.weight\"");
	refuse_items(NULL, 0, 0, "\"p.weight\", nor any other");
}

static void
test_unknown_arrays_are_refused_unless_partial(void **state)
{
	const struct sbn_archive_item more[] = { TORCH_ARRAYS, I64("p.num_batches_tracked", five),
						 F32_2("q.weight", 0) };

	(void)state;
	refuse_items(more, N_OF(more), 0, "\"q.weight\"");
	accept_items(more, N_OF(more), SYNCBN_STATE_PARTIAL, 5);
}

static void
test_another_type_or_shape_is_named(void **state)
{
	static const double doubles[2];
	struct sbn_archive_item items[] = { TORCH_ARRAYS, I64("p.num_batches_tracked", five) };

	(void)state;
	items[1].array = (struct sbn_npy){ SBN_NPY_F64, 1, { 2 }, doubles, 16 };
	refuse_items(items, N_OF(items), 0, "array \"p.bias\": it is of float64, not of float32");
	items[1].array = (struct sbn_npy){ SBN_NPY_F32, 1, { 1 }, numbers, 4 };
	refuse_items(items, N_OF(items), 0, "array \"p.bias\": its shape is [1], not [2]");
	items[1].array = (struct sbn_npy){ SBN_NPY_F32, 2, { 2, 1 }, numbers, 8 };
	refuse_items(items, N_OF(items), 0, "array \"p.bias\": its shape is [2, 1], not [2]");
	items[1].array = (struct sbn_npy){ SBN_NPY_F32, 0, { 0 }, numbers, 4 };
	refuse_items(items, N_OF(items), 0, "array \"p.bias\": its shape is [], not [2]");
	items[1] = items[0];
	items[1].name = "p.bias";
	items[4].array = (struct sbn_npy){ SBN_NPY_I64, 1, { 1 }, &five, 8 };
	refuse_items(items, N_OF(items), 0, "its shape is [1], not []");
	items[4].array = (struct sbn_npy){ SBN_NPY_F64, 0, { 0 }, doubles, 8 };
	refuse_items(items, N_OF(items), 0, "of float64, not of int64");
	items[4].array = (struct sbn_npy){ SBN_NPY_I64, 0, { 0 }, &below, 8 };
	refuse_items(items, N_OF(items), 0, "-1, below 0");
}

/* A safetensors file with this header and two floats, as the running statistics of C = 1. */
static syncbn_status_t
decode_header(const char *metadata)
{
	char bytes[256] = { 0 };
	float values[2];
	struct sbn_state_layer layer = { "", SBN_NPY_F32, 1, { 0, 0, values, values + 1 }, 1 };
	int n = sprintf(bytes + 8,
			"{\"__metadata__\":{%s},\"running_mean\":{\"dtype\":\"F32\",\"shape\":[1],"
			"\"data_offsets\":[0,4]},\"running_var\":{\"dtype\":\"F32\",\"shape\":[1],"
			"\"data_offsets\":[4,8]}}",
			metadata);

	bytes[0] = (char)n;
	return sbn_state_decode(bytes, 8 + (size_t)n + 8, &layer, 1, 0);
}

static void
test_a_version_is_a_whole_number_of_its_layer(void **state)
{
	(void)state;
	assert_int_equal(decode_header(""), SYNCBN_OK);
	assert_int_equal(decode_header("\"version\":\"1\""), SYNCBN_OK);
	assert_int_equal(decode_header("\"other.version\":\"2\""), SYNCBN_OK);
	assert_int_equal(decode_header("\"version\":\"3\""), SYNCBN_ERR_INVALID);
	assert_non_null(strstr(sbn_last_error(), "num_batches_tracked"));
	assert_int_equal(decode_header("\"version\":\"two\""), SYNCBN_ERR_INVALID);
	assert_non_null(strstr(sbn_last_error(), "version: \"two\""));
}

static void
test_prefixes_are_checked(void **state)
{
	static const char *const wrong[] = { "\xff.", "a\xc3", "\xed\xa0\x80" };
	const char *path = in_folder(state, "never written");
	struct state_layers l;
	char longest[SBN_STATE_PREFIX + 2];

	make_layers(&l, 1);
	memset(longest, 'x', sizeof(longest));
	longest[SBN_STATE_PREFIX + 1] = '\0';
	for (int i = 0; i < 4; i++) {
		l.layer[1].prefix = i == 3 ? longest : wrong[i];
		assert_int_equal(sbn_state_save(path, SYNCBN_STATE_NPZ, SYNCBN_STATE_TORCH, l.layer,
						N_LAYERS),
				 SYNCBN_ERR_INVALID);
		assert_non_null(strstr(sbn_last_error(), "layers[1].prefix"));
		assert_int_equal(access(path, F_OK), -1);
	}
	longest[SBN_STATE_PREFIX] = '\0';
	for (int f = 0; f < 2; f++) {
		assert_int_equal(sbn_state_save(path, formats[f], SYNCBN_STATE_TORCH, l.layer,
						N_LAYERS),
				 SYNCBN_OK);
		assert_int_equal(sbn_state_load(path, l.layer, N_LAYERS, 0), SYNCBN_OK);
	}
}

static void
test_two_arrays_of_one_name_are_not_saved(void **state)
{
	const char *path = in_folder(state, "twins");
	struct state_layers l;

	make_layers(&l, 1);
	l.layer[1].prefix = "a.";
	assert_int_equal(sbn_state_save(path, SYNCBN_STATE_SAFETENSORS, SYNCBN_STATE_MINDSPORE,
					l.layer, N_LAYERS),
			 SYNCBN_ERR_INVALID);
	assert_non_null(strstr(sbn_last_error(), "two arrays would be named \"a.moving_mean\""));
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_a_file_far_too_large_is_not_read(void **state)
{
	const char *path = in_folder(state, "sparse");
	struct state_layers l;

	make_layers(&l, 1);
	fclose(fopen(path, "w"));
	for (int bits = 21; bits <= 40; bits++) {
		assert_int_equal(truncate(path, (off_t)1 << bits), 0);
		assert_int_equal(sbn_state_load(path, l.layer, N_LAYERS, 0), SYNCBN_ERR_INVALID);
		assert_non_null(strstr(sbn_last_error(), "more than"));
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_saved_is_loaded),
		cmocka_unit_test(test_equal_states_are_equal_files),
		cmocka_unit_test(test_either_frameworks_names_are_read),
		cmocka_unit_test(test_a_layer_has_one_frameworks_names),
		cmocka_unit_test(test_batches_may_be_missing_below_version_2_only),
		cmocka_unit_test(test_a_missing_array_is_named),
		cmocka_unit_test(test_unknown_arrays_are_refused_unless_partial),
		cmocka_unit_test(test_another_type_or_shape_is_named),
		cmocka_unit_test(test_a_version_is_a_whole_number_of_its_layer),
		cmocka_unit_test(test_prefixes_are_checked),
		cmocka_unit_test(test_two_arrays_of_one_name_are_not_saved),
		cmocka_unit_test(test_a_file_far_too_large_is_not_read),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
