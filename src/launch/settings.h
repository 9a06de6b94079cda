/* SPDX-License-Identifier: Apache-2.0 */
/* Options from elsewhere than the command line: a file, and SYNCBN_RUN_* variables. */
#ifndef SBN_LAUNCH_SETTINGS_H
#define SBN_LAUNCH_SETTINGS_H

#include <syncbn/status.h>

#include "launch/options.h"

/*
 * Reads "key = value" lines into the options, which keep the texts. INVALID, with the file's name
 * and the line: what cannot be read, is no setting, or stands there twice.
 */
syncbn_status_t sbn_settings_read_file(const char *path, struct sbn_options *options);

/*
 * Takes the SYNCBN_RUN_* among the variables (as environ), which must live as long as the options;
 * empty ones count as unset. INVALID: one is no setting; a misspelt one must not pass in silence.
 */
syncbn_status_t sbn_settings_read_env(char *const *env, struct sbn_options *options);

#endif
