/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's log callback; the library itself never prints. */
#ifndef SBN_BASE_LOG_H
#define SBN_BASE_LOG_H

#include <syncbn/group.h>

void sbn_log_to(syncbn_log_fn log, void *context);

void sbn_log(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

#endif
