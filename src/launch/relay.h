/* SPDX-License-Identifier: Apache-2.0 */
/* What the relay of output.h does: pipes in, tagged lines out. */
#ifndef SBN_LAUNCH_RELAY_H
#define SBN_LAUNCH_RELAY_H

#include <stdint.h>

#include "launch/output.h"

/* Returns the process's exit code, when the socket's peer has closed and all is written. */
int sbn_relay(const struct sbn_output_pipes *reads, uint32_t n_ranks, int socket);

#endif
