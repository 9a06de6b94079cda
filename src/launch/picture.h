/* SPDX-License-Identifier: Apache-2.0 */
/* The picture of --svg: a card a domain, a square a processing unit, a color a rank. */
#ifndef SBN_LAUNCH_PICTURE_H
#define SBN_LAUNCH_PICTURE_H

#include <stdio.h>

#include <syncbn/status.h>

#include "launch/report.h"
#include "platform/topology.h"

/* Writes SVG. NO_MEMORY. */
syncbn_status_t sbn_picture_write(const struct sbn_topology *topology,
				  const struct sbn_report *report, FILE *out);

/* The same into a file. SYSTEM: it cannot be written. */
syncbn_status_t sbn_picture_save(const struct sbn_topology *topology,
				 const struct sbn_report *report, const char *path);

#endif
