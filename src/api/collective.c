/* SPDX-License-Identifier: Apache-2.0 */
#include <syncbn/collective.h>

#include <stdint.h>

#include "api/check.h"
#include "comm/collective.h"
#include "train/flight.h"
#include "train/reduce.h"

static syncbn_status_t
check_reduce(const void *data, size_t count, syncbn_dtype_t dtype, syncbn_reduce_t op)
{
	if (dtype != SYNCBN_FLOAT32 && dtype != SYNCBN_FLOAT64 && dtype != SYNCBN_BFLOAT16)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"dtype is %d, not SYNCBN_FLOAT32, FLOAT64 or BFLOAT16", (int)dtype);
	if (op != SYNCBN_SUM && op != SYNCBN_MEAN)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"unknown operation %d; it is SYNCBN_SUM or SYNCBN_MEAN", (int)op);
	if (count > PTRDIFF_MAX / sizeof(double))
		return sbn_fail(SYNCBN_ERR_INVALID, "count is %zu: more than memory can hold",
				count);
	if ((uintptr_t)data % sbn_dtype_bytes(dtype) != 0)
		return sbn_fail(SYNCBN_ERR_INVALID, "data is not aligned to its elements");
	return SYNCBN_OK;
}

syncbn_status_t
syncbn_all_reduce(syncbn_group_t *group, void *data, size_t count, syncbn_dtype_t dtype,
		  syncbn_reduce_t op)
{
	static const char here[] = "syncbn_all_reduce";
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "group", group)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "data", data)) != SYNCBN_OK)
		return status;
	status = check_reduce(data, count, dtype, op);
	if (status == SYNCBN_OK)
		status = sbn_all_reduce(group, data, count, dtype, op);
	return sbn_named(here, status);
}

syncbn_status_t
syncbn_all_reduce_begin(syncbn_group_t *group, void *data, size_t count, syncbn_dtype_t dtype,
			syncbn_reduce_t op, syncbn_request_t **request)
{
	static const char here[] = "syncbn_all_reduce_begin";
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "request", request)) != SYNCBN_OK)
		return status;
	*request = NULL;
	if ((status = sbn_check_call(here, "group", group)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "data", data)) != SYNCBN_OK)
		return status;
	status = check_reduce(data, count, dtype, op);
	if (status == SYNCBN_OK)
		status = sbn_all_reduce_begin(group, data, count, dtype, op, request);
	return sbn_named(here, status);
}

syncbn_status_t
syncbn_all_reduce_end(syncbn_request_t **request)
{
	static const char here[] = "syncbn_all_reduce_end";
	syncbn_status_t status = sbn_check_call(here, "request", request);

	if (status != SYNCBN_OK)
		return status;
	if (*request == NULL)
		return sbn_named(here, sbn_fail(SYNCBN_ERR_INVALID,
						"*request is NULL: it has been ended, or was not "
						"begun by syncbn_all_reduce_begin"));
	status = sbn_all_reduce_end(*request);
	*request = NULL;
	return sbn_named(here, status);
}

syncbn_status_t
syncbn_progress(syncbn_group_t *group)
{
	syncbn_status_t status = sbn_check_call("syncbn_progress", "group", group);

	return status != SYNCBN_OK ? status : sbn_named("syncbn_progress", sbn_progress(group));
}

syncbn_status_t
syncbn_broadcast(syncbn_group_t *group, void *data, size_t bytes, int root)
{
	static const char here[] = "syncbn_broadcast";
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "group", group)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "data", data)) != SYNCBN_OK)
		return status;
	if (root < 0 || (uint32_t)root >= group->size)
		status = sbn_fail(SYNCBN_ERR_INVALID, "root is %d, not 0 to %d", root,
				  (int)group->size - 1);
	else
		status = sbn_broadcast(group, data, bytes, (uint32_t)root);
	return sbn_named(here, status);
}

syncbn_status_t
syncbn_all_gather(syncbn_group_t *group, const void *own, size_t bytes, void *all)
{
	static const char here[] = "syncbn_all_gather";
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "group", group)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "own", own)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "all", all)) != SYNCBN_OK)
		return status;
	if (bytes > PTRDIFF_MAX / group->size)
		status = sbn_fail(SYNCBN_ERR_INVALID, "bytes is %zu: more than memory can hold",
				  bytes);
	else
		status = sbn_all_gather(group, own, bytes, all);
	return sbn_named(here, status);
}

syncbn_status_t
syncbn_reduce_scatter(syncbn_group_t *group, const void *data, size_t count, syncbn_dtype_t dtype,
		      syncbn_reduce_t op, void *out)
{
	static const char here[] = "syncbn_reduce_scatter";
	syncbn_status_t status;

	if ((status = sbn_check_call(here, "group", group)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "data", data)) != SYNCBN_OK ||
	    (status = sbn_check_call(here, "out", out)) != SYNCBN_OK)
		return status;
	status = check_reduce(data, count, dtype, op);
	if (status == SYNCBN_OK)
		status = check_reduce(out, count, dtype, op);
	if (status == SYNCBN_OK && count > PTRDIFF_MAX / sizeof(double) / group->size)
		status = sbn_fail(SYNCBN_ERR_INVALID, "count is %zu: more than memory can hold",
				  count);
	if (status == SYNCBN_OK)
		status = sbn_reduce_scatter(group, data, count, dtype, op, out);
	return sbn_named(here, status);
}
