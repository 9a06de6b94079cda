/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of named arrays in memory, whatever its format. Each format is a file with the functions
 * of struct sbn_archive_format.
 */
#ifndef SBN_STATE_ARCHIVE_H
#define SBN_STATE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <syncbn/status.h>

#include "base/show.h"
#include "state/npy.h"

/* An array to write. */
struct sbn_archive_item {
	const char *name; /* UTF-8 */
	struct sbn_npy array;
	bool is_version; /* an int64 scalar, which a format may keep elsewhere than its arrays */
};

struct sbn_archive_bytes {
	void *data; /* malloc */
	size_t n;
};

/* An array that was found. */
struct sbn_archive_entry {
	const char *name; /* the archive's */
	size_t name_bytes;
	bool used; /* the caller's mark */
	bool is_array;
	struct sbn_npy array; /* npz: once it was fetched */
	uint64_t index;       /* npz: in the zip */
	void *inflated;       /* npz: what array.data lies in */
};

struct sbn_archive {
	const struct sbn_archive_format *format;
	struct sbn_archive_entry *entries; /* by name, each once */
	size_t n;
	void *source; /* the format's */
};

struct sbn_archive_format {
	/* The bytes must outlive the archive, which is closed even after an error. */
	syncbn_status_t (*open)(const void *bytes, size_t n, struct sbn_archive *archive);

	/* Fills entry->array, unless its data would be more than max_bytes. */
	syncbn_status_t (*fetch)(struct sbn_archive *archive, struct sbn_archive_entry *entry,
				 size_t max_bytes);

	/* A string that stands beside the arrays, or NULL. */
	const char *(*metadata)(const struct sbn_archive *archive, const char *key);

	void (*close)(struct sbn_archive *archive);

	syncbn_status_t (*write)(const struct sbn_archive_item *items, size_t n,
				 struct sbn_archive_bytes *out);
};

extern const struct sbn_archive_format sbn_safetensors;
extern const struct sbn_archive_format sbn_npz;

/*
 * Opens a file of either format. INVALID: malformed in any way that shows without the arrays'
 * bytes. NO_MEMORY. *archive is to be closed after OK only.
 */
syncbn_status_t sbn_archive_open(const void *bytes, size_t n, struct sbn_archive *archive);
void sbn_archive_close(struct sbn_archive *archive);

/* NULL: none of that name. */
struct sbn_archive_entry *sbn_archive_find(const struct sbn_archive *archive, const char *name);

#endif
