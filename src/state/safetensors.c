/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors: the header's length in 8 bytes, the header as JSON, then the arrays' bytes, which
 * the header's offsets must cover without holes or overlaps.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/fail.h"
#include "base/math.h"
#include "state/archive.h"
#include "state/safetensors_header.h"

enum { LENGTH_BYTES = SBN_SAFETENSORS_LENGTH_BYTES };

#define METADATA "__metadata__"

/* OTHER: sizes are checked, the array cannot be a layer's. */
static const struct {
	const char *name;
	enum sbn_npy_type type;
	size_t bytes;
} dtypes[] = {
	{ "F32", SBN_NPY_F32, 4 },       { "F64", SBN_NPY_F64, 8 },
	{ "I64", SBN_NPY_I64, 8 },       { "F16", SBN_NPY_F16, 2 },
	{ "U16", SBN_NPY_U16, 2 },       { "BF16", SBN_NPY_OTHER, 2 },
	{ "I32", SBN_NPY_OTHER, 4 },     { "U32", SBN_NPY_OTHER, 4 },
	{ "U64", SBN_NPY_OTHER, 8 },     { "I16", SBN_NPY_OTHER, 2 },
	{ "I8", SBN_NPY_OTHER, 1 },      { "U8", SBN_NPY_OTHER, 1 },
	{ "BOOL", SBN_NPY_OTHER, 1 },    { "F8_E4M3", SBN_NPY_OTHER, 1 },
	{ "F8_E5M2", SBN_NPY_OTHER, 1 }, { "C64", SBN_NPY_OTHER, 8 },
};

enum { N_DTYPES = sizeof(dtypes) / sizeof(dtypes[0]) };

/* Bytes an element; 0 where the type is newer than this table. */
static size_t
read_dtype(const char *name, struct sbn_npy *array)
{
	for (size_t i = 0; i < N_DTYPES; i++) {
		if (strcmp(dtypes[i].name, name) == 0) {
			array->type = dtypes[i].type;
			return dtypes[i].bytes;
		}
	}
	array->type = SBN_NPY_OTHER;
	return 0;
}

static bool
read_size(const json_t *value, size_t *out)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*out = (size_t)json_integer_value(value);
	return true;
}

/* *bytes: of an element at first, then of the array. */
static const char *
read_shape(const json_t *shape, struct sbn_npy *array, size_t *bytes)
{
	size_t ndim = json_array_size(shape);

	for (size_t i = 0; i < ndim; i++) {
		size_t size;

		if (!read_size(json_array_get(shape, i), &size))
			return "its shape is no list of sizes";
		if (__builtin_mul_overflow(*bytes, size, bytes))
			return "its shape overflows";
		if (i < SBN_NPY_DIMS)
			array->shape[i] = size;
	}
	if (ndim > SBN_NPY_DIMS)
		array->type = SBN_NPY_OTHER;
	array->ndim = (int)SBN_MIN(ndim, SBN_NPY_DIMS);
	return NULL;
}

static const char *
read_array(const json_t *value, const struct sbn_safetensors_part *data, struct sbn_npy *array)
{
	const json_t *dtype = json_object_get(value, "dtype");
	const json_t *shape = json_object_get(value, "shape");
	const json_t *offsets = json_object_get(value, "data_offsets");
	size_t begin, end, item_bytes, bytes;
	const char *wrong;

	if (!json_is_string(dtype) || !json_is_array(shape) || json_array_size(offsets) != 2 ||
	    json_object_size(value) != 3)
		return "it does not have just dtype, shape and two data_offsets";
	if (!read_size(json_array_get(offsets, 0), &begin) ||
	    !read_size(json_array_get(offsets, 1), &end) || begin > end || end > data->n)
		return "its data_offsets lie outside the file, or are none";
	item_bytes = bytes = read_dtype(json_string_value(dtype), array);
	wrong = read_shape(shape, array, &bytes);
	if (wrong != NULL)
		return wrong;
	if (item_bytes != 0 && bytes != end - begin)
		return "its data_offsets do not fit its dtype and shape";
	array->data = data->bytes + begin;
	array->bytes = end - begin;
	return NULL;
}

static syncbn_status_t
check_metadata(const json_t *metadata)
{
	const char *key;
	json_t *value;

	if (!json_is_object(metadata))
		return sbn_fail(SYNCBN_ERR_INVALID, METADATA " is no JSON object");
	json_object_foreach(
		(json_t *)metadata, key,
		value) if (!json_is_string(value)) return sbn_fail(SYNCBN_ERR_INVALID, METADATA
								   " holds what is no string");
	return SYNCBN_OK;
}

static syncbn_status_t
read_entries(const struct sbn_safetensors_part *data, struct sbn_archive *archive)
{
	char shown[SBN_SHOWN];
	const char *key, *wrong;
	json_t *value;

	json_object_foreach((json_t *)archive->source, key, value)
	{
		struct sbn_archive_entry *entry = &archive->entries[archive->n];

		if (strcmp(key, METADATA) == 0)
			continue;
		entry->name = key;
		entry->name_bytes = strlen(key);
		entry->is_array = true;
		wrong = read_array(value, data, &entry->array);
		if (wrong != NULL)
			return sbn_fail(SYNCBN_ERR_INVALID, "array \"%s\": %s",
					sbn_show(key, strlen(key), shown), wrong);
		archive->n++;
	}
	return SYNCBN_OK;
}

static int
by_place(const void *a, const void *b)
{
	const struct sbn_npy *x = &((const struct sbn_archive_entry *)a)->array;
	const struct sbn_npy *y = &((const struct sbn_archive_entry *)b)->array;

	if (x->data != y->data)
		return (const char *)x->data < (const char *)y->data ? -1 : 1;
	return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

/* Every byte belongs to one array. */
static syncbn_status_t
check_cover(const struct sbn_safetensors_part *data, struct sbn_archive *archive)
{
	const char *at = data->bytes;
	char shown[SBN_SHOWN];

	if (archive->n > 0)
		qsort(archive->entries, archive->n, sizeof(archive->entries[0]), by_place);
	for (size_t i = 0; i < archive->n; i++) {
		const struct sbn_archive_entry *entry = &archive->entries[i];

		if (entry->array.data != at)
			return sbn_fail(SYNCBN_ERR_INVALID,
					"array \"%s\" overlaps another, or leaves a hole before it",
					sbn_show(entry->name, entry->name_bytes, shown));
		at += entry->array.bytes;
	}
	if (at != data->bytes + data->n)
		return sbn_fail(SYNCBN_ERR_INVALID, "%td bytes after the last array",
				data->bytes + data->n - at);
	return SYNCBN_OK;
}

static syncbn_status_t
parse_header(const struct sbn_safetensors_part *header, json_t **root)
{
	char shown[SBN_SHOWN];
	json_error_t error;

	*root = json_loadb(header->bytes, header->n, JSON_REJECT_DUPLICATES, &error);
	if (*root != NULL)
		return SYNCBN_OK;
	if (json_error_code(&error) == json_error_out_of_memory)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "its header of %zu bytes", header->n);
	return sbn_fail(SYNCBN_ERR_INVALID, "its header is no JSON, at byte %d: %s", error.position,
			sbn_show(error.text, strlen(error.text), shown));
}

/* Not more than the header has objects: read_entries stops at what is none. */
static size_t
count_objects(json_t *root)
{
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach(root, key, value)
		n += json_is_object(value);
	return n;
}

static syncbn_status_t
safetensors_open(const void *bytes, size_t n, struct sbn_archive *archive)
{
	const json_t *metadata;
	struct sbn_safetensors_part header, data;
	json_t *root;
	syncbn_status_t status = sbn_safetensors_split(bytes, n, &header, &data);

	if (status == SYNCBN_OK)
		status = parse_header(&header, &root);
	if (status != SYNCBN_OK)
		return status;
	archive->source = root;
	metadata = json_object_get(root, METADATA);
	if (metadata != NULL && (status = check_metadata(metadata)) != SYNCBN_OK)
		return status;
	archive->entries = calloc(count_objects(root) + 1, sizeof(archive->entries[0]));
	if (archive->entries == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a list of its arrays");
	status = read_entries(&data, archive);
	return status != SYNCBN_OK ? status : check_cover(&data, archive);
}

static syncbn_status_t
safetensors_fetch(struct sbn_archive *archive, struct sbn_archive_entry *entry, size_t max_bytes)
{
	(void)archive, (void)entry, (void)max_bytes; /* it lies in the file's bytes */
	return SYNCBN_OK;
}

static const char *
safetensors_metadata(const struct sbn_archive *archive, const char *key)
{
	return json_string_value(json_object_get(json_object_get(archive->source, METADATA), key));
}

static void
safetensors_close(struct sbn_archive *archive)
{
	json_decref(archive->source);
}

/* Adds the item to the header; its data begins at *at, which moves behind it. */
static bool
describe(json_t *root, const struct sbn_archive_item *item, size_t *at)
{
	json_t *shape = json_array();
	const char *dtype = NULL;
	size_t begin = *at;

	for (size_t i = N_DTYPES; i-- > 0;)
		if (dtypes[i].type == item->array.type)
			dtype = dtypes[i].name;
	for (int i = 0; i < item->array.ndim; i++)
		json_array_append_new(shape, json_integer((json_int_t)item->array.shape[i]));
	*at += item->array.bytes;
	/* the pack takes shape, also when it fails */
	return json_object_set_new(root, item->name,
				   json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype, "shape", shape,
					     "data_offsets", (json_int_t)begin, (json_int_t)*at)) ==
	       0;
}

/* The versions, and the word by which other readers know that they and the names are torch's. */
static bool
set_metadata(json_t *root, const struct sbn_archive_item *items, size_t n)
{
	json_t *metadata = json_object();
	bool ok = json_object_set_new(root, METADATA, metadata) == 0;

	for (size_t i = 0; i < n && ok; i++) {
		int64_t version;
		char text[24];

		if (!items[i].is_version)
			continue;
		memcpy(&version, items[i].array.data, sizeof(version));
		snprintf(text, sizeof(text), "%" PRId64, version);
		ok = json_object_set_new(metadata, "format", json_string("pt")) == 0 &&
		     json_object_set_new(metadata, items[i].name, json_string(text)) == 0;
	}
	return ok;
}

/* Wider elements first: then all are aligned, which some readers need. */
static const size_t widths[] = { 8, 4, 2 };

enum { N_WIDTHS = sizeof(widths) / sizeof(widths[0]) };

static bool
is_of_width(const struct sbn_archive_item *item, size_t width)
{
	return !item->is_version && sbn_npy_item_bytes(item->array.type) == width;
}

/* The header as text that the caller frees, and how many bytes of data follow it. */
static char *
make_header(const struct sbn_archive_item *items, size_t n, size_t *data_bytes)
{
	json_t *root = json_object();
	bool ok = set_metadata(root, items, n);
	char *text = NULL;

	*data_bytes = 0;
	for (size_t w = 0; w < N_WIDTHS; w++)
		for (size_t i = 0; i < n && ok; i++)
			if (is_of_width(&items[i], widths[w]))
				ok = describe(root, &items[i], data_bytes);
	if (ok)
		text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

static void
copy_data(const struct sbn_archive_item *items, size_t n, char *to)
{
	for (size_t w = 0; w < N_WIDTHS; w++) {
		for (size_t i = 0; i < n; i++) {
			if (!is_of_width(&items[i], widths[w]))
				continue;
			memcpy(to, items[i].array.data, items[i].array.bytes);
			to += items[i].array.bytes;
		}
	}
}

/* *out: the length, the header, and room for data_bytes behind them; where that begins, or NULL. */
static char *
begin_file(const char *header, size_t data_bytes, struct sbn_archive_bytes *out)
{
	size_t length = strlen(header);
	uint64_t padded = sbn_align_up(length, LENGTH_BYTES);
	char *bytes;

	out->n = LENGTH_BYTES + padded + data_bytes;
	out->data = bytes = malloc(out->n);
	if (bytes == NULL)
		return NULL;
	memcpy(bytes, &padded, LENGTH_BYTES);
	memset(bytes + LENGTH_BYTES, ' ', padded);
	memcpy(bytes + LENGTH_BYTES, header, length);
	return bytes + LENGTH_BYTES + padded;
}

static syncbn_status_t
safetensors_write(const struct sbn_archive_item *items, size_t n, struct sbn_archive_bytes *out)
{
	size_t data_bytes;
	char *header = make_header(items, n, &data_bytes), *data = NULL;
	syncbn_status_t status = SYNCBN_OK;

	if (header != NULL)
		status = sbn_safetensors_check_written(strlen(header));
	if (header != NULL && status == SYNCBN_OK)
		data = begin_file(header, data_bytes, out);
	free(header);
	if (status != SYNCBN_OK)
		return status;
	if (data == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a safetensors file of %zu bytes",
				data_bytes);
	copy_data(items, n, data);
	return SYNCBN_OK;
}

const struct sbn_archive_format sbn_safetensors = {
	.open = safetensors_open,
	.fetch = safetensors_fetch,
	.metadata = safetensors_metadata,
	.close = safetensors_close,
	.write = safetensors_write,
};
