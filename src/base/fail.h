/* SPDX-License-Identifier: Apache-2.0 */
/* The thread's last error: one line that says what, why, and what to do. */
#ifndef SBN_BASE_FAIL_H
#define SBN_BASE_FAIL_H

#include <syncbn/status.h>

/*
 * Records the detail and returns status, so that `return sbn_fail(...)` reads well. With
 * SYNCBN_ERR_SYSTEM and SYNCBN_ERR_NO_MEMORY the text of errno (when not 0) is added. Keeps errno.
 */
syncbn_status_t sbn_fail(syncbn_status_t status, const char *format, ...)
	__attribute__((format(printf, 2, 3), cold));

/* Puts "what: " before the detail that is recorded. */
void sbn_fail_prefix(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

/* Records a detail that was kept, or that another thread left, word for word. */
void sbn_fail_adopt(const char *detail);

/* The thread's last detail, or "": what syncbn_last_error() gives. */
const char *sbn_last_error(void);

#endif
