/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of CPUs and of memory nodes as plain bits: what the kernel's calls and the segment take. */
#ifndef SBN_PLATFORM_NODES_H
#define SBN_PLATFORM_NODES_H

#include <stdbool.h>
#include <stdint.h>

enum { SBN_MAX_CPUS = 8192, SBN_MAX_NODES = 1024 };

/* bit i = the operating system's number of a processing unit */
struct sbn_cpus {
	uint64_t bits[SBN_MAX_CPUS / 64];
};

/* bit i = the operating system's number of a memory node */
struct sbn_nodes {
	uint64_t bits[SBN_MAX_NODES / 64];
};

static inline void
sbn_cpus_add(struct sbn_cpus *cpus, unsigned cpu)
{
	cpus->bits[cpu / 64] |= UINT64_C(1) << cpu % 64;
}

static inline bool
sbn_cpus_has(const struct sbn_cpus *cpus, unsigned cpu)
{
	return cpus->bits[cpu / 64] >> cpu % 64 & 1;
}

static inline unsigned
sbn_cpus_count(const struct sbn_cpus *cpus)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SBN_MAX_CPUS / 64; i++)
		n += (unsigned)__builtin_popcountll(cpus->bits[i]);
	return n;
}

static inline void
sbn_cpus_unite(struct sbn_cpus *into, const struct sbn_cpus *other)
{
	for (unsigned i = 0; i < SBN_MAX_CPUS / 64; i++)
		into->bits[i] |= other->bits[i];
}

/* Whether the two have a unit in common. */
static inline bool
sbn_cpus_meet(const struct sbn_cpus *a, const struct sbn_cpus *b)
{
	for (unsigned i = 0; i < SBN_MAX_CPUS / 64; i++)
		if ((a->bits[i] & b->bits[i]) != 0)
			return true;
	return false;
}

static inline void
sbn_nodes_add(struct sbn_nodes *nodes, unsigned node)
{
	nodes->bits[node / 64] |= UINT64_C(1) << node % 64;
}

static inline unsigned
sbn_nodes_count(const struct sbn_nodes *nodes)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SBN_MAX_NODES / 64; i++)
		n += (unsigned)__builtin_popcountll(nodes->bits[i]);
	return n;
}

/* The lowest node alone; nodes must not be empty. */
static inline struct sbn_nodes
sbn_nodes_first(const struct sbn_nodes *nodes)
{
	struct sbn_nodes first = { { 0 } };
	unsigned i = 0;

	while (nodes->bits[i] == 0)
		i++;
	first.bits[i] = nodes->bits[i] & -nodes->bits[i];
	return first;
}

static inline bool
sbn_nodes_empty(const struct sbn_nodes *nodes)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < SBN_MAX_NODES / 64; i++)
		any |= nodes->bits[i];
	return any == 0;
}

#endif
