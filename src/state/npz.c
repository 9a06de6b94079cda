/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .npz: a zip file with an entry "NAME.npy" for each array, stored (numpy.savez) or deflated
 * (numpy.savez_compressed). An entry is inflated only when it is asked for, and only when the zip
 * file's directory promises no more bytes than its array can have.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <zip.h>

#include "base/fail.h"
#include "state/archive.h"

/* numpy's own limit of a header is 10000 */
enum { MAX_NPY_HEADER = 16384 };

#define SUFFIX ".npy"

enum { SUFFIX_BYTES = sizeof(SUFFIX) - 1 };

/* libzip's error as ours; `what` is what could not be done. */
static syncbn_status_t
zip_failed(zip_error_t *error, const char *what)
{
	int code = zip_error_code_zip(error);

	if (code == ZIP_ER_MEMORY)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%s", what);
	return sbn_fail(SYNCBN_ERR_INVALID, "%s: %s", what, zip_error_strerror(error));
}

/* ---- reading ---- */

static syncbn_status_t
open_zip(const void *bytes, size_t n, zip_t **zip)
{
	zip_source_t *source;
	zip_error_t error;
	syncbn_status_t status = SYNCBN_OK;

	zip_error_init(&error);
	*zip = NULL;
	source = zip_source_buffer_create(bytes, n, 0, &error);
	if (source != NULL)
		*zip = zip_open_from_source(source, ZIP_RDONLY, &error);
	if (*zip == NULL) {
		zip_source_free(source);
		status = zip_failed(&error, "its zip directory cannot be read");
	}
	zip_error_fini(&error);
	return status;
}

static void
name_entry(struct sbn_archive_entry *entry, const char *name)
{
	size_t n = strlen(name);

	entry->name = name;
	entry->is_array =
		n >= SUFFIX_BYTES && memcmp(name + n - SUFFIX_BYTES, SUFFIX, SUFFIX_BYTES) == 0;
	entry->name_bytes = entry->is_array ? n - SUFFIX_BYTES : n;
}

static syncbn_status_t
npz_open(const void *bytes, size_t n, struct sbn_archive *archive)
{
	zip_t *zip;
	zip_int64_t n_entries;
	syncbn_status_t status = open_zip(bytes, n, &zip);

	if (status != SYNCBN_OK)
		return status;
	archive->source = zip;
	n_entries = zip_get_num_entries(zip, 0);
	archive->entries = calloc((size_t)n_entries + 1, sizeof(archive->entries[0]));
	if (archive->entries == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a list of its entries");
	for (zip_int64_t i = 0; i < n_entries; i++) {
		struct sbn_archive_entry *entry = &archive->entries[i];
		const char *name = zip_get_name(zip, (zip_uint64_t)i, ZIP_FL_ENC_GUESS);

		if (name == NULL)
			return zip_failed(zip_get_error(zip), "an entry without a name");
		entry->index = (uint64_t)i;
		name_entry(entry, name);
		archive->n++;
	}
	return SYNCBN_OK;
}

/* How many bytes the entry will have; they are not many more than max_bytes. */
static syncbn_status_t
check_entry(zip_t *zip, const struct sbn_archive_entry *entry, size_t max_bytes, size_t *n)
{
	const zip_uint64_t needed =
		ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
	zip_stat_t is;

	if (!entry->is_array)
		return sbn_fail(SYNCBN_ERR_INVALID, "its entry's name does not end in " SUFFIX);
	if (zip_stat_index(zip, entry->index, 0, &is) != 0 || (is.valid & needed) != needed)
		return zip_failed(zip_get_error(zip), "its zip entry");
	if (is.encryption_method != ZIP_EM_NONE ||
	    (is.comp_method != ZIP_CM_STORE && is.comp_method != ZIP_CM_DEFLATE))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"its zip entry is encrypted, or neither stored nor deflated");
	if (is.size > max_bytes + MAX_NPY_HEADER)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"its zip entry has %" PRIu64 " bytes; the array needs %zu", is.size,
				max_bytes);
	*n = (size_t)is.size;
	return SYNCBN_OK;
}

/* Reads to the entry's end, where libzip compares the CRC; to: [n + 1], of which n are expected. */
static syncbn_status_t
inflate_entry(zip_t *zip, uint64_t index, char *to, size_t n)
{
	zip_file_t *file = zip_fopen_index(zip, index, 0);
	syncbn_status_t status = SYNCBN_OK;
	size_t done = 0;
	zip_int64_t got;

	if (file == NULL)
		return zip_failed(zip_get_error(zip), "its zip entry");
	while (done <= n && (got = zip_fread(file, to + done, n + 1 - done)) > 0)
		done += (size_t)got;
	if (done <= n && got < 0)
		status = zip_failed(zip_file_get_error(file), "its zip entry");
	else if (done != n)
		status = sbn_fail(SYNCBN_ERR_INVALID, "its zip entry is not %zu bytes long", n);
	zip_fclose(file);
	return status;
}

static syncbn_status_t
npz_fetch(struct sbn_archive *archive, struct sbn_archive_entry *entry, size_t max_bytes)
{
	size_t n = 0;
	syncbn_status_t status = check_entry(archive->source, entry, max_bytes, &n);

	if (status != SYNCBN_OK || entry->inflated != NULL)
		return status;
	entry->inflated = malloc(n + 1);
	if (entry->inflated == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a zip entry of %zu bytes", n);
	status = inflate_entry(archive->source, entry->index, entry->inflated, n);
	if (status == SYNCBN_OK)
		status = sbn_npy_parse(entry->inflated, n, "its zip entry", &entry->array);
	if (status != SYNCBN_OK) {
		free(entry->inflated);
		entry->inflated = NULL;
	}
	return status;
}

static const char *
npz_metadata(const struct sbn_archive *archive, const char *key)
{
	(void)archive, (void)key; /* there is nothing but arrays */
	return NULL;
}

static void
npz_close(struct sbn_archive *archive)
{
	for (size_t i = 0; i < archive->n; i++)
		free(archive->entries[i].inflated);
	if (archive->source != NULL)
		zip_discard(archive->source);
}

/* ---- writing ---- */

/* What numpy writes as every entry's time, too: equal states are equal files. */
enum { MIDNIGHT = 0, FIRST_OF_1980 = 1 << 5 | 1 };

/* libzip takes all of UTF-8 but some control characters. */
static syncbn_status_t
fail_entry(zip_t *zip, const char *name)
{
	zip_error_t *error = zip_get_error(zip);
	syncbn_status_t status;
	char shown[SBN_SHOWN];

	sbn_show(name, strlen(name), shown);
	if (zip_error_code_zip(error) == ZIP_ER_INVAL)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"a .npz file cannot have the name \"%s\": give a prefix without "
				"control characters, or save as SYNCBN_STATE_SAFETENSORS",
				shown);
	status = zip_failed(error, "its zip entry");
	sbn_fail_prefix("array \"%s\"", shown);
	return status;
}

static syncbn_status_t
add_bytes(zip_t *zip, const char *name, void *bytes, size_t n)
{
	zip_source_t *source = zip_source_buffer(zip, bytes, n, 1);
	zip_int64_t index;

	if (source == NULL) {
		free(bytes);
		return fail_entry(zip, name);
	}
	index = zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8);
	if (index < 0) {
		zip_source_free(source);
		return fail_entry(zip, name);
	}
	if (zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) != 0 ||
	    zip_file_set_dostime(zip, (zip_uint64_t)index, MIDNIGHT, FIRST_OF_1980, 0) != 0)
		return fail_entry(zip, name);
	return SYNCBN_OK;
}

static syncbn_status_t
add_item(zip_t *zip, const struct sbn_archive_item *item)
{
	char header[SBN_NPY_HEADER_BYTES];
	size_t header_bytes = sbn_npy_write_header(&item->array, header);
	char *bytes = malloc(header_bytes + item->array.bytes);
	size_t name_bytes = strlen(item->name);
	char *name = malloc(name_bytes + sizeof(SUFFIX));
	syncbn_status_t status;

	if (bytes == NULL || name == NULL) {
		free(bytes);
		free(name);
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a .npz file");
	}
	memcpy(bytes, header, header_bytes);
	memcpy(bytes + header_bytes, item->array.data, item->array.bytes);
	memcpy(name, item->name, name_bytes);
	memcpy(name + name_bytes, SUFFIX, sizeof(SUFFIX));
	status = add_bytes(zip, name, bytes, header_bytes + item->array.bytes);
	free(name);
	return status;
}

static syncbn_status_t
take_bytes(zip_source_t *source, struct sbn_archive_bytes *out)
{
	zip_stat_t is;

	if (zip_source_stat(source, &is) != 0 || zip_source_open(source) != 0)
		return zip_failed(zip_source_error(source), "a .npz file in memory");
	out->n = (size_t)is.size;
	out->data = malloc(out->n);
	if (out->data == NULL ||
	    zip_source_read(source, out->data, is.size) != (zip_int64_t)is.size) {
		free(out->data);
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a .npz file of %zu bytes", out->n);
	}
	zip_source_close(source);
	return SYNCBN_OK;
}

/* libzip writes no empty zip file, which is its directory's end alone. */
static syncbn_status_t
write_empty(struct sbn_archive_bytes *out)
{
	enum { END_BYTES = 22 };
	char *end = calloc(1, END_BYTES);

	if (end == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "an empty .npz file");
	memcpy(end, "PK\5\6", 4);
	*out = (struct sbn_archive_bytes){ end, END_BYTES };
	return SYNCBN_OK;
}

static syncbn_status_t
npz_write(const struct sbn_archive_item *items, size_t n, struct sbn_archive_bytes *out)
{
	zip_source_t *source;
	zip_t *zip = NULL;
	syncbn_status_t status = SYNCBN_OK;

	if (n == 0)
		return write_empty(out);
	source = zip_source_buffer_create(NULL, 0, 0, NULL);
	if (source != NULL)
		zip = zip_open_from_source(source, ZIP_CREATE | ZIP_TRUNCATE, NULL);
	if (zip == NULL) {
		zip_source_free(source);
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a .npz file");
	}
	zip_source_keep(source); /* zip_close and zip_discard let go of it */
	for (size_t i = 0; i < n && status == SYNCBN_OK; i++)
		status = add_item(zip, &items[i]);
	if (status != SYNCBN_OK) {
		zip_discard(zip);
	} else if (zip_close(zip) != 0) {
		status = zip_failed(zip_get_error(zip), "a .npz file in memory");
		zip_discard(zip);
	} else {
		status = take_bytes(source, out);
	}
	zip_source_free(source);
	return status;
}

const struct sbn_archive_format sbn_npz = {
	.open = npz_open,
	.fetch = npz_fetch,
	.metadata = npz_metadata,
	.close = npz_close,
	.write = npz_write,
};
