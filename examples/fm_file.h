/* SPDX-License-Identifier: Apache-2.0 */
/* A file that takes another's place when it is whole, and leaves that one alone when it is not. */
#ifndef FM_FILE_H
#define FM_FILE_H

#include <stdio.h>

struct fm_file {
	FILE *stream;
	char *path; /* whose place it is to take */
	char *name; /* what it is called until then, in the same directory */
};

/*
 * Begins the file. Each function returns 0, or -1 with errno; after a failure nothing is left of
 * the new file and the old one is as it was.
 */
int fm_file_begin(const char *path, struct fm_file *file);

/* Puts it onto the disk and in its place. */
int fm_file_finish(struct fm_file *file);

/* Gives it up. */
void fm_file_discard(struct fm_file *file);

#endif
