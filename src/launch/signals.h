/* SPDX-License-Identifier: Apache-2.0 */
/* Signals to the launcher arrive in order through a descriptor; no handler ever runs. */
#ifndef SBN_LAUNCH_SIGNALS_H
#define SBN_LAUNCH_SIGNALS_H

#include <syncbn/status.h>

/*
 * Blocks what the launcher answers and opens the descriptor. A signal that the caller had ignored
 * (SIGHUP under nohup, SIGINT of a shell script's background job) never arrives.
 */
syncbn_status_t sbn_signals_open(int *fd);

/* The next signal, or 0 when none waits. */
int sbn_signals_next(int fd);

/* By a rank's process: nothing blocked, nothing ignored, except SIGHUP when it was (nohup). */
void sbn_signals_reset(void);

#endif
