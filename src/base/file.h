/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files, read and replaced. */
#ifndef SBN_BASE_FILE_H
#define SBN_BASE_FILE_H

#include <stddef.h>

#include <syncbn/status.h>

/*
 * Reads a regular file of at most max_bytes into memory that the caller frees; never waits as a
 * FIFO would let it. SYSTEM: it cannot be opened or read, or is something else; the detail names
 * path and step. INVALID: it is larger. NO_MEMORY.
 */
syncbn_status_t sbn_file_read(const char *path, size_t max_bytes, void **bytes, size_t *n);

/*
 * Makes the n bytes the contents of path, all or nothing: they go to a file of another name in the
 * same directory (.syncbn-XXXXXXXXXXXXXXXX), onto the disk, and are renamed to path. Whoever opens
 * path finds the old file or the new one, also after a crash; a killed process can leave the file
 * of the other name behind.
 *
 * A file that is there gives the new one its permissions and, where that is allowed, its owner; it
 * must be a regular file. Of a symbolic link the target is replaced and the link stays. A new file
 * has the permissions that the umask leaves. SYSTEM: the detail names path and step.
 */
syncbn_status_t sbn_file_replace(const char *path, const void *bytes, size_t n);

/* Whether it could: makes the file of another name, and removes it. Otherwise as above. */
syncbn_status_t sbn_file_can_be_replaced(const char *path);

#endif
