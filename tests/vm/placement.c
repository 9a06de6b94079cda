/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rank that looks where it is and where its memory is: its CPUs and the node of every page of its
 * block of the control extent, of its slice of the segment, of a sub group's, of an arena and of
 * syncbn_alloc. What is right it takes from /sys and not from the library: the node of the CPUs
 * that it may run on.
 *
 *	placement NODES CPUS	the memory nodes and the CPUs that the ranks may use: 0-1 0-3,7
 *
 * Prints "ok WHAT" or "FAIL WHAT", a line each; exit 1 after a FAIL.
 */
#include <errno.h>
#include <inttypes.h>
#include <numaif.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hwloc.h>
#include <syncbn/syncbn.h>

#include "comm/group.h"
#include "train/arena.h"

enum { MAX_NODES = 64, ARENA_BYTES = 3 << 20, SMALL = 100000, LARGE = 5 << 20 };

/* What each rank tells the others. */
struct place {
	int node;
	cpu_set_t cpus;
};

static int rank, n_ranks, failed;

static void
report(int good, const char *what, const char *detail)
{
	printf("%s rank %d: %s%s%s\n", good ? "ok" : "FAIL", rank, what, detail[0] ? ": " : "",
	       detail);
	failed |= !good;
}

static void
check(syncbn_status_t status, const char *what)
{
	if (status == SYNCBN_OK)
		return;
	printf("FAIL rank %d: %s: %s\n", rank, what, syncbn_last_error());
	exit(1);
}

/* ---- CPUs ---- */

static int
node_of_cpu(int cpu)
{
	char path[96];

	for (int node = 0; node < MAX_NODES; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/node%d", cpu, node);
		if (access(path, F_OK) == 0)
			return node;
	}
	return -1;
}

/* The one usable node that CPUs of this rank belong to; CPUs of unusable nodes are guests here. */
static int
find_node(const cpu_set_t *cpus, hwloc_const_bitmap_t usable)
{
	int found = -1, n = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int node = CPU_ISSET(cpu, cpus) ? node_of_cpu(cpu) : -1;

		if (node < 0 || node == found || !hwloc_bitmap_isset(usable, (unsigned)node))
			continue;
		found = node;
		n++;
	}
	report(n == 1, "its CPUs belong to one node", "");
	return found;
}

/* By the kernel's table, which lists the distances to all nodes that are online. */
static int
distance_between(int from, int to)
{
	char path[96];
	int distance = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/distance", from);
	file = fopen(path, "r");
	for (int node = 0; file != NULL && node <= to; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d", node);
		if (access(path, F_OK) == 0 && fscanf(file, "%d", &distance) != 1)
			exit(2);
	}
	if (file == NULL)
		exit(2);
	fclose(file);
	return distance;
}

/* CPUs without usable memory of their own are guests of the node that is nearest to them. */
static void
check_guests(const cpu_set_t *cpus, hwloc_const_bitmap_t usable, int host)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int own = CPU_ISSET(cpu, cpus) ? node_of_cpu(cpu) : -1;
		int nearer = 0;
		char what[64];
		int node;

		if (own < 0 || hwloc_bitmap_isset(usable, (unsigned)own))
			continue;
		hwloc_bitmap_foreach_begin(node, usable)
		{
			nearer += distance_between(own, node) < distance_between(own, host);
		}
		hwloc_bitmap_foreach_end();
		snprintf(what, sizeof(what), "no node is nearer to CPU %d of node %d", cpu, own);
		report(nearer == 0, what, "");
	}
}

/* The mask of a process keeps CPUs that have been taken offline. */
static void
find_usable_cpus(const char *allowed, hwloc_bitmap_t cpus)
{
	hwloc_bitmap_t online = hwloc_bitmap_alloc();
	char list[256] = "";
	FILE *file = fopen("/sys/devices/system/cpu/online", "r");

	if (file == NULL || fgets(list, sizeof(list), file) == NULL)
		exit(2);
	fclose(file);
	hwloc_bitmap_list_sscanf(online, list);
	hwloc_bitmap_list_sscanf(cpus, allowed);
	hwloc_bitmap_and(cpus, cpus, online);
	hwloc_bitmap_free(online);
}

static void
check_all_cpus(const struct place *places, const char *allowed)
{
	hwloc_bitmap_t all = hwloc_bitmap_alloc(), wanted = hwloc_bitmap_alloc();
	int twice = 0;

	for (int i = 0; i < n_ranks; i++)
		for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
			if (!CPU_ISSET(cpu, &places[i].cpus))
				continue;
			twice += hwloc_bitmap_isset(all, (unsigned)cpu);
			hwloc_bitmap_set(all, (unsigned)cpu);
		}
	find_usable_cpus(allowed, wanted);
	report(twice == 0, "no CPU belongs to two ranks", "");
	report(hwloc_bitmap_isequal(all, wanted), "the ranks have every allowed CPU", allowed);
	hwloc_bitmap_free(all);
	hwloc_bitmap_free(wanted);
}

/* ---- pages ---- */

/* move_pages tells no node of shared pages that this process has not touched itself. */
static void
read_all(const volatile unsigned char *memory, size_t bytes, size_t page)
{
	for (size_t at = 0; at < bytes; at += page)
		(void)memory[at];
}

static void
check_pages(const char *what, int owner, void *memory, size_t bytes, int node)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = bytes / page, wrong = 0;
	void **pages = calloc(n, sizeof(*pages));
	int *nodes = calloc(n, sizeof(*nodes));
	char title[96], detail[96];

	read_all(memory, n * page, page);
	for (size_t i = 0; i < n; i++)
		pages[i] = (unsigned char *)memory + i * page;
	if (move_pages(0, n, pages, NULL, nodes, 0) != 0)
		wrong = n;
	for (size_t i = 0; i < n; i++)
		wrong += nodes[i] != node;
	snprintf(title, sizeof(title), "%s of rank %d", what, owner);
	snprintf(detail, sizeof(detail), "%zu of %zu pages on node %d", n - wrong, n, node);
	report(n > 0 && wrong == 0, title, detail);
	free(pages);
	free(nodes);
}

/* Every rank looks at every slice: a policy counts for whoever maps the memory. */
static void
check_shared(const char *what, const struct sbn_shared *shared, const struct place *places)
{
	for (int owner = 0; owner < n_ranks; owner++)
		check_pages(what, owner, shared->base + (uint64_t)owner * shared->stride,
			    shared->slice_bytes, places[owner].node);
}

/* The pages that are a rank's own in the control extent. */
static void
check_control(const struct sbn_control *control, const struct place *places)
{
	for (int owner = 0; owner < n_ranks; owner++)
		check_pages("the control extent's block", owner,
			    sbn_control_rank(control, (uint32_t)owner), control->stride,
			    places[owner].node);
}

static void
check_private(size_t bytes, int node)
{
	unsigned char *memory = syncbn_alloc(bytes);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uintptr_t first = ((uintptr_t)memory + page - 1) / page * page;
	char what[64];

	if (memory == NULL)
		exit(1);
	memset(memory, 1, bytes);
	snprintf(what, sizeof(what), "%zu bytes of syncbn_alloc", bytes);
	check_pages(what, rank, (void *)first, bytes - (first - (uintptr_t)memory), node);
	syncbn_free(memory);
}

/* ---- one after the other ---- */

static void
check_memory(syncbn_group_t *world, const struct place *places)
{
	syncbn_arena_t *arena;
	syncbn_group_t *group;
	int *ranks = calloc((size_t)n_ranks, sizeof(*ranks));

	for (int i = 0; i < n_ranks; i++)
		ranks[i] = i;
	check(syncbn_arena_new(world, ARENA_BYTES, &arena), "syncbn_arena_new");
	check(syncbn_group_new(world, ranks, n_ranks, &group), "syncbn_group_new");
	if (n_ranks > 1) {
		check_control(&world->control, places);
		check_shared("the segment's slice", &world->shared, places);
		check_shared("the arena's slice", &arena->shared, places);
		check_shared("a group's slice", &group->shared, places);
	}
	check_private(SMALL, places[rank].node);
	check_private(LARGE, places[rank].node);
	check(syncbn_barrier(world), "syncbn_barrier");
	check(syncbn_group_free(group), "syncbn_group_free");
	syncbn_arena_free(arena);
	free(ranks);
}

int
main(int argc, char **argv)
{
	hwloc_bitmap_t usable = hwloc_bitmap_alloc();
	struct place own = { .node = -1 }, *places;
	syncbn_group_t *world;

	if (argc != 3 || hwloc_bitmap_list_sscanf(usable, argv[1]) != 0)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	sched_getaffinity(0, sizeof(own.cpus), &own.cpus);
	check(syncbn_init(NULL, &world), "syncbn_init");
	rank = syncbn_group_rank(world);
	n_ranks = syncbn_group_size(world);
	places = calloc((size_t)n_ranks, sizeof(*places));
	own.node = find_node(&own.cpus, usable);
	check_guests(&own.cpus, usable, own.node);
	check(syncbn_all_gather(world, &own, sizeof(own), places), "syncbn_all_gather");
	if (rank == 0)
		check_all_cpus(places, argv[2]);
	check_memory(world, places);
	check(syncbn_finalize(world), "syncbn_finalize");
	free(places);
	hwloc_bitmap_free(usable);
	return failed;
}
