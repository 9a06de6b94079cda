/* SPDX-License-Identifier: Apache-2.0 */
/* Variables of the environment whose names begin with SYNCBN_, and who reads them. */
#ifndef SBN_LAUNCH_VARIABLES_H
#define SBN_LAUNCH_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The next such variable that is not empty, from *at on, which it moves behind it: "NAME=value".
 * Neither the launcher's options (SYNCBN_RUN_*) nor what it tells ranks. NULL: there are no more.
 */
const char *sbn_variables_next(char *const *env, size_t *at);

/* Whether the library reads it (syncbn/group.h). */
bool sbn_variable_is_setting(const char *entry);

/*
 * Of one that nobody reads the name, and what follows it: "; did you mean SYNCBN_X" or "". The name
 * alone, in letters that can be seen: nobody has checked what it holds.
 */
struct sbn_unread_variable {
	char name[64], hint[64];
};

struct sbn_unread_variable sbn_variable_unread(const char *entry);

#endif
