/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fail.h"
#include "state/archive.h"

/* Opens a file with this header and data_bytes behind it, in memory of just its size. */
static syncbn_status_t
open_text(const char *header, size_t data_bytes, struct sbn_archive *archive, char **bytes)
{
	uint64_t length = strlen(header);
	size_t n = 8 + length + data_bytes;

	*bytes = calloc(1, n);
	memcpy(*bytes, &length, 8);
	memcpy(*bytes + 8, header, length);
	return sbn_archive_open(*bytes, n, archive);
}

static void
assert_refused(const char *header, size_t data_bytes, const char *words)
{
	struct sbn_archive archive;
	char *bytes;

	assert_int_equal(open_text(header, data_bytes, &archive, &bytes), SYNCBN_ERR_INVALID);
	free(bytes);
	if (strstr(sbn_last_error(), words) == NULL)
		fail_msg("%.60s: \"%s\" does not say \"%s\"", header, sbn_last_error(), words);
}

#define F32(name, size, begin, end) \
	"\"" name "\":{\"dtype\":\"F32\",\"shape\":[" size "],\"data_offsets\":[" begin "," end "]}"

static void
test_arrays_and_metadata_are_found(void **state)
{
	static const char header[] =
		"{" F32("w", "3", "8",
			"20") ",\"__metadata__\":{\"k\":\"v\"},\"n\":"
			      "{\"data_offsets\":[0,8],\"shape\":[],\"dtype\":\"I64\"}}   ";
	struct sbn_archive archive;
	char *bytes;

	(void)state;
	assert_int_equal(open_text(header, 20, &archive, &bytes), SYNCBN_OK);
	assert_int_equal(archive.n, 2);
	assert_string_equal(archive.format->metadata(&archive, "k"), "v");
	assert_null(archive.format->metadata(&archive, "w"));
	assert_null(sbn_archive_find(&archive, "__metadata__"));
	assert_int_equal(sbn_archive_find(&archive, "n")->array.type, SBN_NPY_I64);
	assert_int_equal(sbn_archive_find(&archive, "n")->array.ndim, 0);
	assert_int_equal(sbn_archive_find(&archive, "w")->array.shape[0], 3);
	assert_ptr_equal(sbn_archive_find(&archive, "n")->array.data,
			 bytes + strlen(bytes + 8) + 8);
	sbn_archive_close(&archive);
	free(bytes);
}

static void
test_arrays_of_other_types_are_passed_over(void **state)
{
	static const char *const headers[] = {
		"{\"x\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[0,12]}}",
		"{\"x\":{\"dtype\":\"F6_E2M3\",\"shape\":[16],\"data_offsets\":[0,12]}}",
		"{\"x\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,12],\"data_offsets\":[0,12]}}",
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct sbn_archive archive;
		char *bytes;

		assert_int_equal(open_text(headers[i], 12, &archive, &bytes), SYNCBN_OK);
		assert_int_equal(archive.entries[0].array.type, SBN_NPY_OTHER);
		sbn_archive_close(&archive);
		free(bytes);
	}
}

static void
test_the_arrays_must_cover_the_data(void **state)
{
	(void)state;
	assert_refused("{}", 4, "after the last");
	assert_refused("{" F32("a", "3", "0", "12") "}", 16, "after the last");
	assert_refused("{" F32("a", "3", "4", "16") "}", 16, "hole");
	assert_refused("{" F32("a", "1", "0", "4") "," F32("b", "1", "8", "12") "}", 12, "hole");
	assert_refused("{" F32("a", "2", "0", "8") "," F32("b", "2", "4", "12") "}", 12, "overlap");
	assert_refused("{" F32("a", "1", "0", "4") "," F32("b", "1", "0", "4") "}", 4, "overlap");
	assert_refused("{" F32("a", "3", "0", "12") "," F32("b", "1", "4", "8") "}", 12, "overlap");
	assert_refused("{" F32("a", "2", "0", "8") "," F32("b", "0", "4", "4") "}", 8, "overlap");
}

static void
test_offsets_must_lie_in_the_file_and_fit_the_shape(void **state)
{
	(void)state;
	assert_refused("{" F32("a", "3", "0", "12") "}", 11, "outside");
	assert_refused("{" F32("a", "3", "12", "0") "}", 12, "outside");
	assert_refused("{" F32("a", "3", "-12", "0") "}", 12, "outside");
	assert_refused("{" F32("a", "3", "0", "12.0") "}", 12, "outside");
	assert_refused("{" F32("a", "3", "0", "\"12\"") "}", 12, "outside");
	assert_refused("{" F32("a", "3", "9223372036854775796", "9223372036854775807") "}", 12,
		       "outside");
	assert_refused("{" F32("a", "3", "0", "18446744073709551628") "}", 12, "JSON");
	assert_refused("{" F32("a", "2", "0", "12") "}", 12, "do not fit");
	assert_refused("{" F32("a", "-3", "0", "12") "}", 12, "sizes");
	assert_refused("{" F32("a", "true", "0", "12") "}", 12, "sizes");
	assert_refused("{" F32("a", "4611686018427387907", "0", "12") "}", 12, "overflows");
	assert_refused("{" F32("a", "4294967296,4294967296,0", "0", "0") "}", 0, "overflows");
}

static void
test_a_malformed_header_is_refused(void **state)
{
	(void)state;
	assert_refused("{", 0, "JSON");
	assert_refused("{}x", 0, "JSON");
	assert_refused("{} {}", 0, "JSON");
	assert_refused(" {}", 0, "neither");
	assert_refused("[]", 0, "neither");
	assert_refused("{\"a\":1}", 0, "does not have");
	assert_refused("{\"a\":{}}", 0, "does not have");
	assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}", 0, "does not have");
	assert_refused("{\"a\":{\"dtype\":1,\"shape\":[],\"data_offsets\":[0,4]}}", 4, "not have");
	assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", 4,
		       "not have");
	assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4,4]}}", 4,
		       "not have");
	assert_refused("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"x\":0}}", 4,
		       "not have");
	assert_refused("{" F32("a", "1", "0", "4") "," F32("a", "1", "0", "4") "}", 4, "duplicate");
	assert_refused("{" F32("a", "1", "0", "4") "," F32("\\u0061", "1", "4", "8") "}", 8,
		       "duplicate");
	assert_refused("{" F32("\\u0000", "1", "0", "4") "}", 4, "JSON");
	assert_refused("{" F32("\xff", "1", "0", "4") "}", 4, "JSON");
	assert_refused("{\"__metadata__\":[]}", 0, "no JSON object");
	assert_refused("{\"__metadata__\":{\"a\":1}}", 0, "no string");
}

static void
test_a_strangers_text_keeps_the_error_one_line(void **state)
{
	(void)state;
	assert_refused("{\"a\\nb\\u001b[31m\":1}", 0, "\"a?b?[31m\"");
	assert_refused("{\"a\":\x01\n}", 0, "JSON");
	assert_null(strchr(sbn_last_error(), '\n'));
}

static void
test_a_header_length_is_not_trusted(void **state)
{
	static const uint64_t lengths[] = { 3,          4,          100000001,
					    1ull << 32, 1ull << 63, UINT64_MAX - 7,
					    UINT64_MAX };
	char bytes[10] = "........{}";
	struct sbn_archive archive;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memcpy(bytes, &lengths[i], 8);
		assert_int_equal(sbn_archive_open(bytes, 10, &archive), SYNCBN_ERR_INVALID);
		assert_non_null(strstr(sbn_last_error(), "cut off"));
	}
}

static void *
open_nested(void *text)
{
	struct sbn_archive archive;
	char *bytes;
	syncbn_status_t status = open_text(text, 0, &archive, &bytes);

	free(bytes);
	return status == SYNCBN_ERR_INVALID ? text : NULL;
}

/* On a stack an eighth of the usual size. */
static void
test_deep_nesting_is_refused_without_a_deep_stack(void **state)
{
	enum { DEEP = 4 << 20, STACK = 1 << 20 };
	char *text = malloc(DEEP + 1);
	pthread_attr_t small;
	pthread_t thread;
	void *refused;

	(void)state;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	for (int i = 0; i < 2; i++) {
		memset(text, i == 0 ? '[' : '{', DEEP);
		memcpy(text, "{\"a\":", 5);
		for (size_t at = 5; i == 1 && at + 5 <= DEEP; at += 5)
			memcpy(text + at, "{\"a\":", 5);
		text[DEEP] = '\0';
		assert_int_equal(pthread_create(&thread, &small, open_nested, text), 0);
		pthread_join(thread, &refused);
		assert_non_null(refused);
	}
	pthread_attr_destroy(&small);
	free(text);
}

static void
test_what_is_written_is_aligned_and_read_again(void **state)
{
	static const int64_t two = 2;
	static const float w[3] = { 1, 2, 3 };
	const struct sbn_archive_item items[] = {
		{ "w \"\\\n", { SBN_NPY_F32, 1, { 3 }, w, 12 }, false },
		{ "n", { SBN_NPY_I64, 0, { 0 }, &two, 8 }, false },
		{ "version", { SBN_NPY_I64, 0, { 0 }, &two, 8 }, true },
	};
	struct sbn_archive_bytes bytes;
	struct sbn_archive archive;
	const char *n;

	(void)state;
	assert_int_equal(sbn_safetensors.write(items, 3, &bytes), SYNCBN_OK);
	assert_int_equal(sbn_archive_open(bytes.data, bytes.n, &archive), SYNCBN_OK);
	assert_int_equal(archive.n, 2);
	n = sbn_archive_find(&archive, "n")->array.data;
	assert_int_equal((n - (char *)bytes.data) % 8, 0);
	assert_memory_equal(n, &two, 8);
	assert_memory_equal(sbn_archive_find(&archive, "w \"\\\n")->array.data, w, 12);
	assert_string_equal(archive.format->metadata(&archive, "version"), "2");
	assert_string_equal(archive.format->metadata(&archive, "format"), "pt");
	sbn_archive_close(&archive);
	free(bytes.data);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arrays_and_metadata_are_found),
		cmocka_unit_test(test_arrays_of_other_types_are_passed_over),
		cmocka_unit_test(test_the_arrays_must_cover_the_data),
		cmocka_unit_test(test_offsets_must_lie_in_the_file_and_fit_the_shape),
		cmocka_unit_test(test_a_malformed_header_is_refused),
		cmocka_unit_test(test_a_strangers_text_keeps_the_error_one_line),
		cmocka_unit_test(test_a_header_length_is_not_trusted),
		cmocka_unit_test(test_deep_nesting_is_refused_without_a_deep_stack),
		cmocka_unit_test(test_what_is_written_is_aligned_and_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
