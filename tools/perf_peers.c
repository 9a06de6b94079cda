/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

static void
say_left_out(struct perf_peers *peers, int number)
{
	fprintf(stderr, "syncbn-perf: peer %s is left out: %s\n", perf_peer_names[number],
		sbn_last_error());
	peers->there[number] = false;
}

void
perf_peers_leave_out(struct perf_peers *peers, int number)
{
	say_left_out(peers, number);
	perf_peer_stop(&peers->peer[number]);
}

/* All ranks' CPUs as one place. */
static char *
join_places(const char *places)
{
	char *joined = strdup(places);

	for (char *at = joined; at != NULL && *at != '\0'; at++)
		if (*at == '/')
			*at = ',';
	return joined;
}

static syncbn_status_t
start_whole(int number, const struct perf_machine *machine, int n_threads, struct perf_peer *peer)
{
	char *place = join_places(machine->places);
	syncbn_status_t status;

	if (place == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a place");
	status = perf_peer_start(number, 1, place, false, n_threads, peer);
	free(place);
	return status;
}

void
perf_peers_start(struct perf_peers *peers, const bool *wanted, const struct perf_machine *machine,
		 uint32_t n_ranks, int n_threads)
{
	for (int i = 0; i < PERF_PEERS; i++) {
		syncbn_status_t status;

		if (!wanted[i])
			continue;
		peers->there[i] = true;
		/* plain torch has no batch norm over processes: one has all threads */
		if (i == PERF_TORCH)
			status = start_whole(i, machine, (int)n_ranks * n_threads, &peers->peer[i]);
		else
			status = perf_peer_start(i, n_ranks, machine->places,
						 n_ranks > machine->n_cpus, n_threads,
						 &peers->peer[i]);
		if (status != SYNCBN_OK)
			say_left_out(peers, i);
	}
}

void
perf_peers_stop(struct perf_peers *peers)
{
	for (int i = 0; i < PERF_PEERS; i++)
		if (peers->there[i])
			perf_peer_stop(&peers->peer[i]);
}
