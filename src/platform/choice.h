/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the allowed CPUs are wanted: kinds of cores, and hardware threads of one core. */
#ifndef SBN_PLATFORM_CHOICE_H
#define SBN_PLATFORM_CHOICE_H

#include <syncbn/status.h>

#include "platform/topology.h"

enum sbn_cores { SBN_CORES_ALL, SBN_CORES_PERFORMANCE };
enum sbn_smt { SBN_SMT_YES, SBN_SMT_NO };

/* The words of --cores and --smt, indexed by the enums. */
extern const char *const sbn_cores_names[2];
extern const char *const sbn_smt_names[2];

/*
 * Takes CPUs out of topology->allowed. PERFORMANCE: all but the fastest kind of cores, where the
 * machine tells kinds apart and some fast one is allowed; else nothing. SMT_NO: all but the first
 * allowed processing unit of each core. NO_MEMORY.
 */
syncbn_status_t sbn_topology_choose(struct sbn_topology *topology, enum sbn_cores cores,
				    enum sbn_smt smt);

/*
 * Writes the CPUs of the fastest kind into fast: all of them where kinds are not told apart. The
 * kinds that bear the same name (CoreType) as the fastest are one with it: favoured cores of equal
 * make differ by a few hundred MHz.
 */
syncbn_status_t sbn_topology_fast_cpus(const struct sbn_topology *topology, hwloc_bitmap_t fast);

#endif
