/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fail.h"
#include "state/npy.h"

enum { ROOM = 512 };

/* A .npy file with this dict and n bytes of data in memory of just its size: sanitizers look. */
static unsigned char *
make(int version, const char *dict, size_t data_bytes, size_t *n)
{
	size_t head = version == 1 ? 10 : 12, length = strlen(dict);
	unsigned char *bytes = calloc(1, head + length + data_bytes);

	memcpy(bytes, "\x93NUMPY", 6);
	bytes[6] = (unsigned char)version;
	bytes[8] = (unsigned char)(length & 0xff);
	bytes[9] = (unsigned char)(length >> 8);
	memcpy(bytes + head, dict, length);
	*n = head + length + data_bytes;
	return bytes;
}

static syncbn_status_t
parse(const char *dict, size_t data_bytes, struct sbn_npy *out)
{
	size_t n;
	unsigned char *bytes = make(1, dict, data_bytes, &n);
	syncbn_status_t status = sbn_npy_parse(bytes, n, "x.npy", out);

	free(bytes);
	return status;
}

static void
test_numpys_own_spelling_is_read(void **state)
{
	struct sbn_npy array;

	(void)state;
	assert_int_equal(parse("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n",
			       24, &array),
			 SYNCBN_OK);
	assert_int_equal(array.type, SBN_NPY_F32);
	assert_int_equal(array.ndim, 2);
	assert_int_equal(array.shape[0], 2);
	assert_int_equal(array.shape[1], 3);
	assert_int_equal(array.bytes, 24);
}

static void
test_python_allows_other_spellings(void **state)
{
	static const char *const same[] = {
		"{'descr':'<i8','fortran_order':False,'shape':(2,)}\n",
		"{\"shape\": ( 2 , ), \"fortran_order\": False, \"descr\": \"<i8\"}\n",
		"{ 'shape': (2,),\n 'fortran_order': False,\n 'descr': '<i8',\n}\n",
	};
	struct sbn_npy array;

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_int_equal(parse(same[i], 16, &array), SYNCBN_OK);
		assert_int_equal(array.type, SBN_NPY_I64);
		assert_int_equal(array.ndim, 1);
		assert_int_equal(array.bytes, 16);
	}
}

static void
test_version_2_is_read(void **state)
{
	struct sbn_npy array;
	size_t n;
	unsigned char *bytes =
		make(2, "{'descr': '<u2', 'fortran_order': False, 'shape': (), }\n", 2, &n);

	(void)state;
	assert_int_equal(sbn_npy_parse(bytes, n, "x.npy", &array), SYNCBN_OK);
	assert_int_equal(array.ndim, 0);
	assert_int_equal(array.bytes, 2);
	bytes[11] = 0x7f; /* 2 GB of header */
	assert_int_equal(sbn_npy_parse(bytes, n, "x.npy", &array), SYNCBN_ERR_INVALID);
	free(bytes);
}

static void
test_anything_else_is_refused_with_the_reason(void **state)
{
#define HEAD "{'descr': '<f4', 'fortran_order': False, 'shape': "
	static const struct {
		const char *dict, *words;
	} cases[] = {
		{ "", "no dict" },
		{ "{", "no dict" },
		{ "{}\n", "lacks" },
		{ "{'descr", "no dict" },
		{ "{'descr'", "no dict" },
		{ "{'descr': ", "descr is no string" },
		{ "{'descr': '<f4'", "no dict" },
		{ HEAD, "no tuple" },
		{ HEAD "(", "malformed" },
		{ HEAD "(3,)", "no dict" },
		{ HEAD "(3,)}", "end" },
		{ HEAD "(3,)}\nx", "end" },
		{ HEAD "(3,)} }\n", "end" },
		{ HEAD "(3)}\n", "no tuple" },
		{ HEAD "3}\n", "no tuple" },
		{ HEAD "[3]}\n", "no tuple" },
		{ HEAD "(,)}\n", "malformed" },
		{ HEAD "(3,,)}\n", "malformed" },
		{ HEAD "(3 4)}\n", "malformed" },
		{ HEAD "(-3,)}\n", "malformed" },
		{ HEAD "(+3,)}\n", "malformed" },
		{ HEAD "(3.0,)}\n", "malformed" },
		{ HEAD "(3L,)}\n", "malformed" },
		{ HEAD "(0x3,)}\n", "malformed" },
		{ HEAD "(99999999999999999999,)}\n", "malformed" },
		{ HEAD "(4611686018427387904,)}\n", "overflows" },
		{ HEAD "(4294967296, 4294967296)}\n", "overflows" },
		{ HEAD "(4294967296, 4294967296, 0)}\n", "overflows" },
		{ HEAD "(1,1,1,1,1,1,1,1,1)}\n", "8 dimensions" },
		{ HEAD "(3,), 'x': 1}\n", "unknown key" },
		{ HEAD "(3,), 'shape': (3,)}\n", "twice" },
		{ HEAD "(4,)}\n", "12 bytes, not 16" },
		{ HEAD "(2,)}\n", "12 bytes, not 8" },
		{ "{'descr': '>f4', 'fortran_order': False, 'shape': (3,)}\n", "descr" },
		{ "{'descr': '|O', 'fortran_order': False, 'shape': (3,)}\n", "descr" },
		{ "{'descr': '<f4\\'', 'fortran_order': False, 'shape': (3,)}\n", "descr" },
		{ "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}\n", "records" },
		{ "{'descr': '<f4', 'fortran_order': True, 'shape': (3,)}\n", "C order" },
		{ "{'descr': '<f4', 'fortran_order': 0, 'shape': (3,)}\n", "C order" },
	};
	struct sbn_npy array;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].dict, 12, &array), SYNCBN_ERR_INVALID);
		assert_non_null(strstr(sbn_last_error(), "x.npy: "));
		if (strstr(sbn_last_error(), cases[i].words) == NULL)
			fail_msg("%s: %s", cases[i].dict, sbn_last_error());
	}
}

static void
test_what_is_written_is_read_again(void **state)
{
	const struct sbn_npy cases[] = {
		{ SBN_NPY_F32, 1, { 3 }, NULL, 12 },
		{ SBN_NPY_F64, 2, { 3, 2 }, NULL, 48 },
		{ SBN_NPY_I64, 0, { 0 }, NULL, 8 },
		{ SBN_NPY_F16, 3, { 1, 0, 9 }, NULL, 0 },
		{ SBN_NPY_U16, 8, { 1, 1, 1, 1, 2, 1, 1, 1 }, NULL, 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned char bytes[ROOM] = { 0 };
		size_t head = sbn_npy_write_header(&cases[i], (char *)bytes);
		struct sbn_npy array;

		assert_int_equal(head % 64, 0);
		assert_int_equal(sbn_npy_parse(bytes, head + cases[i].bytes, "x", &array),
				 SYNCBN_OK);
		assert_ptr_equal(array.data, bytes + head);
		assert_int_equal(array.type, cases[i].type);
		assert_int_equal(array.ndim, cases[i].ndim);
		assert_memory_equal(array.shape, cases[i].shape,
				    sizeof(size_t) * (size_t)array.ndim);
	}
}

static void
test_the_longest_header_has_room(void **state)
{
	struct sbn_npy array = { .type = SBN_NPY_F64, .ndim = SBN_NPY_DIMS };
	char header[SBN_NPY_HEADER_BYTES];

	(void)state;
	for (int i = 0; i < SBN_NPY_DIMS; i++)
		array.shape[i] = SIZE_MAX;
	assert_int_equal(sbn_npy_write_header(&array, header), SBN_NPY_HEADER_BYTES);
}

static void
test_every_truncation_is_refused(void **state)
{
	const struct sbn_npy written = { SBN_NPY_F32, 1, { 3 }, NULL, 12 };
	unsigned char bytes[ROOM] = { 0 };
	size_t whole = sbn_npy_write_header(&written, (char *)bytes) + written.bytes;

	(void)state;
	for (size_t n = 0; n < whole; n++) {
		unsigned char *cut = malloc(n + (n == 0));
		struct sbn_npy array;

		memcpy(cut, bytes, n);
		assert_int_equal(sbn_npy_parse(cut, n, "x", &array), SYNCBN_ERR_INVALID);
		free(cut);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numpys_own_spelling_is_read),
		cmocka_unit_test(test_python_allows_other_spellings),
		cmocka_unit_test(test_version_2_is_read),
		cmocka_unit_test(test_anything_else_is_refused_with_the_reason),
		cmocka_unit_test(test_what_is_written_is_read_again),
		cmocka_unit_test(test_the_longest_header_has_room),
		cmocka_unit_test(test_every_truncation_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
