/* SPDX-License-Identifier: Apache-2.0 */
#include <syncbn/status.h>
#include <syncbn/version.h>

#include "base/fail.h"

const char *
syncbn_version(void)
{
	return SYNCBN_VERSION;
}

const char *
syncbn_last_error(void)
{
	return sbn_last_error();
}

const char *
syncbn_strerror(syncbn_status_t status)
{
	switch (status) {
	case SYNCBN_OK:
		return "ok";
	case SYNCBN_ERR_INVALID:
		return "invalid argument";
	case SYNCBN_ERR_UNSUPPORTED:
		return "unsupported";
	case SYNCBN_ERR_NO_MEMORY:
		return "out of memory";
	case SYNCBN_ERR_SYSTEM:
		return "system error";
	case SYNCBN_ERR_TIMEOUT:
		return "timeout";
	case SYNCBN_ERR_MISMATCH:
		return "mismatch";
	case SYNCBN_ERR_PEER_LOST:
		return "peer lost";
	}
	return "unknown status";
}
