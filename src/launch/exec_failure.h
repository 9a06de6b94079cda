/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBN_LAUNCH_EXEC_FAILURE_H
#define SBN_LAUNCH_EXEC_FAILURE_H

#include <stdbool.h>

/* Records why exec answered `error` for a program; gives the exit code that a shell has for it. */
int sbn_exec_failure(const char *program, int error);

#endif
