/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_SHARD_H
#define SYNCBN_SHARD_H

#include <stddef.h>

#include <syncbn/group.h>
#include <syncbn/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The contiguous part of n items that belongs to this rank: items *first to *first + *count - 1.
 * Parts differ by at most one item, the earlier ranks have the larger ones. Local.
 * INVALID: NULL.
 */
syncbn_status_t syncbn_shard(const syncbn_group_t *group, size_t n, size_t *first, size_t *count);

#ifdef __cplusplus
}
#endif
#endif
