/* SPDX-License-Identifier: Apache-2.0 */
/* All-reduces that have begun and travel while the program computes. */
#ifndef SBN_TRAIN_FLIGHT_H
#define SBN_TRAIN_FLIGHT_H

#include <syncbn/collective.h>

#include "comm/group.h"

/* What the public functions do; arguments that are wrong on this rank alone are found before. */
syncbn_status_t sbn_all_reduce_begin(struct syncbn_group *group, void *data, size_t count,
				     syncbn_dtype_t dtype, syncbn_reduce_t op,
				     struct syncbn_request **request);
syncbn_status_t sbn_all_reduce_end(struct syncbn_request *request);
syncbn_status_t sbn_progress(struct syncbn_group *group);

#endif
