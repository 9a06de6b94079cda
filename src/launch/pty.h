/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pseudo terminals in the place of pipes, where what a rank writes ends on a terminal: so the rank
 * sees one, writes its colors, and its lines as soon as they are whole. They pass bytes on as they
 * are, and nobody is controlled by them.
 */
#ifndef SBN_LAUNCH_PTY_H
#define SBN_LAUNCH_PTY_H

#include <syncbn/status.h>

/* fds[0] to read from, fds[1] for the rank; of the size of `terminal`. */
syncbn_status_t sbn_pty_open(int terminal, int fds[2]);

/* The size of `terminal` has changed: gives it to a pseudo terminal's reading side. */
void sbn_pty_resize(int terminal, int fd);

#endif
