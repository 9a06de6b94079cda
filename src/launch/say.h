/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher's own words. */
#ifndef SBN_LAUNCH_SAY_H
#define SBN_LAUNCH_SAY_H

/*
 * Writes "syncbn-run: ", the text and a newline to standard error in one write, so that the ranks'
 * lines do not cut it in two. Where standard error is gone, nobody is told.
 */
void sbn_say(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

#endif
