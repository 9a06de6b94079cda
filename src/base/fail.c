/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DETAIL_BYTES = 1024 };

static _Thread_local char last_detail[DETAIL_BYTES];

/* Adds what fits. */
static void
append(const char *text)
{
	size_t used = strlen(last_detail);
	size_t n = strnlen(text, DETAIL_BYTES - 1 - used);

	memcpy(last_detail + used, text, n);
	last_detail[used + n] = '\0';
}

static void
append_errno(int saved_errno)
{
	char text[128];

	append(": ");
	/* the GNU strerror_r: thread-safe, may return static text */
	append(strerror_r(saved_errno, text, sizeof(text)));
}

syncbn_status_t
sbn_fail(syncbn_status_t status, const char *format, ...)
{
	int saved_errno = errno;
	va_list args;

	va_start(args, format);
	vsnprintf(last_detail, DETAIL_BYTES, format, args);
	va_end(args);
	if ((status == SYNCBN_ERR_SYSTEM || status == SYNCBN_ERR_NO_MEMORY) && saved_errno != 0)
		append_errno(saved_errno);
	errno = saved_errno;
	return status;
}

void
sbn_fail_prefix(const char *format, ...)
{
	char old[DETAIL_BYTES];
	va_list args;

	memcpy(old, last_detail, DETAIL_BYTES);
	va_start(args, format);
	vsnprintf(last_detail, DETAIL_BYTES, format, args);
	va_end(args);
	append(": ");
	append(old);
}

void
sbn_fail_adopt(const char *detail)
{
	if (detail != last_detail)
		snprintf(last_detail, DETAIL_BYTES, "%s", detail);
}

const char *
sbn_last_error(void)
{
	return last_detail;
}
