/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zip.h>

#include "base/fail.h"
#include "state/archive.h"

enum { HEADER = 128, ROOM = 1 << 20 };

/* A zip file that libzip makes of entries. */
struct made {
	zip_source_t *source;
	zip_t *zip;
	unsigned char *bytes;
	size_t n;
};

static void
begin(struct made *m)
{
	m->source = zip_source_buffer_create(NULL, 0, 0, NULL);
	m->zip = zip_open_from_source(m->source, ZIP_TRUNCATE, NULL);
	assert_non_null(m->zip);
	zip_source_keep(m->source);
}

/* Adds n zero elements of float32 as [shape]. */
static zip_uint64_t
add_zeros(struct made *m, const char *name, size_t shape, size_t n, int method)
{
	const struct sbn_npy array = { SBN_NPY_F32, 1, { shape }, NULL, shape * 4 };
	char *data = calloc(1, SBN_NPY_HEADER_BYTES + n * 4);
	size_t head = sbn_npy_write_header(&array, data);
	zip_int64_t index =
		zip_file_add(m->zip, name, zip_source_buffer(m->zip, data, head + n * 4, 1),
			     ZIP_FL_ENC_UTF_8);

	assert_true(index >= 0);
	zip_set_file_compression(m->zip, (zip_uint64_t)index, method, 0);
	return (zip_uint64_t)index;
}

static void
end(struct made *m)
{
	assert_int_equal(zip_close(m->zip), 0);
	m->bytes = malloc(ROOM);
	assert_int_equal(zip_source_open(m->source), 0);
	m->n = (size_t)zip_source_read(m->source, m->bytes, ROOM);
	zip_source_free(m->source);
}

/* Replaces every occurrence of the n bytes `from`; returns how many. */
static int
patch(struct made *m, const void *from, const void *to, size_t n)
{
	int found = 0;

	for (size_t i = 0; i + n <= m->n; i++) {
		if (memcmp(m->bytes + i, from, n) != 0)
			continue;
		memcpy(m->bytes + i, to, n);
		found++;
	}
	return found;
}

/* The file opens; fetching "w" as an array of max_bytes fails and says words. */
static void
assert_fetch_refused(struct made *m, size_t max_bytes, const char *words)
{
	struct sbn_archive archive;
	struct sbn_archive_entry *entry;

	assert_int_equal(sbn_archive_open(m->bytes, m->n, &archive), SYNCBN_OK);
	entry = sbn_archive_find(&archive, "w");
	assert_non_null(entry);
	assert_int_equal(archive.format->fetch(&archive, entry, max_bytes), SYNCBN_ERR_INVALID);
	if (strstr(sbn_last_error(), words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", sbn_last_error(), words);
	sbn_archive_close(&archive);
	free(m->bytes);
}

static void
test_stored_and_deflated_entries_are_read(void **state)
{
	struct sbn_archive archive;
	struct made m;

	(void)state;
	begin(&m);
	add_zeros(&m, "w.npy", 3, 3, ZIP_CM_STORE);
	add_zeros(&m, "a/b.npy", 100, 100, ZIP_CM_DEFLATE);
	end(&m);
	assert_int_equal(sbn_archive_open(m.bytes, m.n, &archive), SYNCBN_OK);
	assert_int_equal(archive.n, 2);
	for (size_t i = 0; i < 2; i++) {
		struct sbn_archive_entry *entry = &archive.entries[i];

		assert_int_equal(archive.format->fetch(&archive, entry, 400), SYNCBN_OK);
		assert_int_equal(entry->array.shape[0], i == 0 ? 100 : 3);
		assert_int_equal(((const char *)entry->array.data)[11], 0);
	}
	assert_non_null(sbn_archive_find(&archive, "a/b"));
	sbn_archive_close(&archive);
	free(m.bytes);
}

static void
test_an_entry_larger_than_its_array_is_not_inflated(void **state)
{
	struct made m;

	(void)state;
	begin(&m);
	add_zeros(&m, "w.npy", 16 << 20, 16 << 20, ZIP_CM_DEFLATE);
	end(&m);
	assert_true(m.n < 100000);
	assert_fetch_refused(&m, 12, "the array needs 12");
}

static void
test_a_size_that_lies_is_found(void **state)
{
	const uint32_t real = HEADER + 100000 * 4, smaller = HEADER + 12, larger = real + 4;
	struct made m;

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(&m);
		add_zeros(&m, "w.npy", 3, 100000, ZIP_CM_DEFLATE);
		end(&m);
		assert_int_equal(patch(&m, &real, i == 0 ? &smaller : &larger, 4), 2);
		assert_fetch_refused(&m, 400004, "its zip entry");
	}
}

static void
test_a_wrong_checksum_is_found(void **state)
{
	struct made m;

	(void)state;
	begin(&m);
	add_zeros(&m, "w.npy", 1, 1, ZIP_CM_STORE);
	end(&m);
	assert_true(patch(&m, "\n\0\0\0\0PK", "\n\0\0\1\0PK", 7) == 1);
	assert_fetch_refused(&m, 4, "CRC");
}

static void
test_two_entries_of_one_name_are_refused(void **state)
{
	struct sbn_archive archive;
	struct made m;

	(void)state;
	begin(&m);
	add_zeros(&m, "w.npy", 1, 1, ZIP_CM_STORE);
	add_zeros(&m, "v.npy", 1, 1, ZIP_CM_STORE);
	end(&m);
	assert_int_equal(patch(&m, "v.npy", "w.npy", 5), 2);
	assert_int_equal(sbn_archive_open(m.bytes, m.n, &archive), SYNCBN_ERR_INVALID);
	assert_non_null(strstr(sbn_last_error(), "\"w\" stands there twice"));
	free(m.bytes);
}

static void
test_encrypted_and_exotic_entries_are_refused(void **state)
{
	struct made m;

	(void)state;
	begin(&m);
	zip_file_set_encryption(m.zip, add_zeros(&m, "w.npy", 1, 1, ZIP_CM_STORE),
				ZIP_EM_TRAD_PKWARE, "secret");
	end(&m);
	assert_fetch_refused(&m, 4, "encrypted");
	if (!zip_compression_method_supported(ZIP_CM_BZIP2, 1))
		return;
	begin(&m);
	add_zeros(&m, "w.npy", 1, 1, ZIP_CM_BZIP2);
	end(&m);
	assert_fetch_refused(&m, 4, "deflated");
}

static void
test_an_entry_that_is_no_array_is_refused_when_it_is_wanted(void **state)
{
	struct made m;

	(void)state;
	begin(&m);
	add_zeros(&m, "w", 1, 1, ZIP_CM_STORE);
	end(&m);
	assert_fetch_refused(&m, 4, ".npy");
	begin(&m);
	zip_file_add(m.zip, "w.npy", zip_source_buffer(m.zip, "text", 4, 0), 0);
	end(&m);
	assert_fetch_refused(&m, 4, "does not begin as a .npy");
}

static void
test_no_arrays_are_a_file_too(void **state)
{
	struct sbn_archive_bytes bytes;
	struct sbn_archive archive;

	(void)state;
	assert_int_equal(sbn_npz.write(NULL, 0, &bytes), SYNCBN_OK);
	assert_int_equal(sbn_archive_open(bytes.data, bytes.n, &archive), SYNCBN_OK);
	assert_int_equal(archive.n, 0);
	assert_null(sbn_archive_find(&archive, "w"));
	sbn_archive_close(&archive);
	free(bytes.data);
}

static void
test_what_is_written_is_read_again(void **state)
{
	static const double w[2] = { 1, -2 };
	const struct sbn_archive_item item = { "\xc3\xa4/w", { SBN_NPY_F64, 1, { 2 }, w, 16 }, 0 };
	struct sbn_archive_bytes bytes, again;
	struct sbn_archive archive;

	(void)state;
	assert_int_equal(sbn_npz.write(&item, 1, &bytes), SYNCBN_OK);
	assert_int_equal(sbn_archive_open(bytes.data, bytes.n, &archive), SYNCBN_OK);
	assert_non_null(sbn_archive_find(&archive, item.name));
	assert_int_equal(archive.format->fetch(&archive, &archive.entries[0], 16), SYNCBN_OK);
	assert_int_equal(archive.entries[0].array.type, SBN_NPY_F64);
	assert_memory_equal(archive.entries[0].array.data, w, 16);
	sbn_archive_close(&archive);
	assert_int_equal(sbn_npz.write(&item, 1, &again), SYNCBN_OK);
	assert_int_equal(again.n, bytes.n);
	assert_memory_equal(again.data, bytes.data, bytes.n);
	free(bytes.data);
	free(again.data);
}

static void
test_a_name_that_a_zip_file_cannot_have_is_shown(void **state)
{
	static const float w[1];
	const struct sbn_archive_item items[] = {
		{ "a.w", { SBN_NPY_F32, 1, { 1 }, w, 4 }, 0 },
		{ "b\1.w", { SBN_NPY_F32, 1, { 1 }, w, 4 }, 0 },
	};
	struct sbn_archive_bytes bytes;

	(void)state;
	errno = ENOENT;
	assert_int_equal(sbn_npz.write(items, 2, &bytes), SYNCBN_ERR_INVALID);
	assert_non_null(strstr(sbn_last_error(), "cannot have the name \"b?.w.npy\""));
	errno = 0;
	assert_int_equal(sbn_safetensors.write(items, 2, &bytes), SYNCBN_OK);
	free(bytes.data);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stored_and_deflated_entries_are_read),
		cmocka_unit_test(test_an_entry_larger_than_its_array_is_not_inflated),
		cmocka_unit_test(test_a_size_that_lies_is_found),
		cmocka_unit_test(test_a_wrong_checksum_is_found),
		cmocka_unit_test(test_two_entries_of_one_name_are_refused),
		cmocka_unit_test(test_encrypted_and_exotic_entries_are_refused),
		cmocka_unit_test(test_an_entry_that_is_no_array_is_refused_when_it_is_wanted),
		cmocka_unit_test(test_no_arrays_are_a_file_too),
		cmocka_unit_test(test_what_is_written_is_read_again),
		cmocka_unit_test(test_a_name_that_a_zip_file_cannot_have_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
