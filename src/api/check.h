/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that many public functions share. */
#ifndef SBN_API_CHECK_H
#define SBN_API_CHECK_H

#include <stddef.h>

#include <syncbn/status.h>

#include "base/fail.h"
#include "comm/process.h"

/* INVALID in a forked child, or when an argument that must be there is NULL. */
static inline syncbn_status_t
sbn_check_call(const char *function, const char *argument, const void *value)
{
	syncbn_status_t status = sbn_process_check();

	if (status == SYNCBN_OK && value == NULL)
		status = sbn_fail(SYNCBN_ERR_INVALID, "%s is NULL", argument);
	if (status != SYNCBN_OK)
		sbn_fail_prefix("%s", function);
	return status;
}

/* Puts the function's name before the detail of an error. */
static inline syncbn_status_t
sbn_named(const char *function, syncbn_status_t status)
{
	if (status != SYNCBN_OK)
		sbn_fail_prefix("%s", function);
	return status;
}

#endif
