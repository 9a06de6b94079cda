/* SPDX-License-Identifier: Apache-2.0 */
/* A stranger's text as it stands in an error: short, and on one line. */
#ifndef SBN_BASE_SHOW_H
#define SBN_BASE_SHOW_H

#include <stddef.h>

enum { SBN_SHOWN = 80 };

/* At most 79 bytes, control characters as '?'. Returns out. */
const char *sbn_show(const char *text, size_t n, char out[SBN_SHOWN]);

#endif
