/* SPDX-License-Identifier: Apache-2.0 */
#include "state/archive.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/math.h"

static int
compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
	int order = memcmp(a, b, SBN_MIN(a_bytes, b_bytes));

	return order != 0 ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

static int
by_name(const void *a, const void *b)
{
	const struct sbn_archive_entry *x = a, *y = b;

	return compare(x->name, x->name_bytes, y->name, y->name_bytes);
}

static syncbn_status_t
sort(struct sbn_archive *archive)
{
	char shown[SBN_SHOWN];

	if (archive->n > 0)
		qsort(archive->entries, archive->n, sizeof(archive->entries[0]), by_name);
	for (size_t i = 1; i < archive->n; i++) {
		const struct sbn_archive_entry *entry = &archive->entries[i];

		if (by_name(entry - 1, entry) == 0)
			return sbn_fail(SYNCBN_ERR_INVALID, "the name \"%s\" stands there twice",
					sbn_show(entry->name, entry->name_bytes, shown));
	}
	return SYNCBN_OK;
}

/*
 * A safetensors file has '{' at byte 8, where a zip file has a method of compression. A .npz file
 * begins with its first entry, or with the end of an empty directory.
 */
static const struct sbn_archive_format *
recognize(const char *bytes, size_t n)
{
	if (n > 8 && bytes[8] == '{')
		return &sbn_safetensors;
	if (n > 4 && (memcmp(bytes, "PK\3\4", 4) == 0 || memcmp(bytes, "PK\5\6", 4) == 0))
		return &sbn_npz;
	return NULL;
}

syncbn_status_t
sbn_archive_open(const void *bytes, size_t n, struct sbn_archive *archive)
{
	const struct sbn_archive_format *format = recognize(bytes, n);
	syncbn_status_t status;

	*archive = (struct sbn_archive){ .format = format };
	if (format == NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "it is neither a safetensors nor a .npz file, "
						    "or cut off in its first bytes");
	status = format->open(bytes, n, archive);
	if (status == SYNCBN_OK)
		status = sort(archive);
	if (status != SYNCBN_OK)
		sbn_archive_close(archive);
	return status;
}

void
sbn_archive_close(struct sbn_archive *archive)
{
	archive->format->close(archive);
	free(archive->entries);
	*archive = (struct sbn_archive){ 0 };
}

struct sbn_archive_entry *
sbn_archive_find(const struct sbn_archive *archive, const char *name)
{
	struct sbn_archive_entry key = { .name = name, .name_bytes = strlen(name) };

	if (archive->n == 0)
		return NULL;
	return bsearch(&key, archive->entries, archive->n, sizeof(key), by_name);
}
