/* SPDX-License-Identifier: Apache-2.0 */
/* A stranger's text as it stands in an error: short, and on one line. */
#ifndef SBN_BASE_SHOW_H
#define SBN_BASE_SHOW_H

#include <stddef.h>

enum { SBN_SHOWN = 80, SBN_SHOWN_PATH = 320 };

/* At most 79 bytes, control characters as '?'. Returns out. */
const char *sbn_show(const char *text, size_t n, char out[SBN_SHOWN]);

/* The same of a path; of a long one the middle is left out: "/the/fir...t/part". */
const char *sbn_show_path(const char *path, char out[SBN_SHOWN_PATH]);

#endif
