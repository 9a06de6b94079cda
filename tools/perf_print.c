/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/math.h"
#include "perf_peer.h"
#include "perf_settings.h"
#include "perf_tuning.h"

enum { US_COLUMNS = 10 };

static void
print_round_trip(const struct perf_machine *machine)
{
	if (machine->trip.near_ns <= 0) {
		printf("no two ranks on different CPUs");
		return;
	}
	printf("cache line's round trip from rank 0 %.0f", machine->trip.near_ns);
	if (machine->trip.far_ns > machine->trip.near_ns)
		printf(" to %.0f", machine->trip.far_ns);
	printf(" ns");
	if (perf_machine_distance(machine->trip.far_ns)[0] != '\0')
		printf(" (%s)", perf_machine_distance(machine->trip.far_ns));
}

void
perf_print_machine(const struct perf_machine *machine, uint32_t n_ranks, int n_threads)
{
	bool crowded = machine->n_cpus < (uint64_t)n_ranks * (unsigned)n_threads;

	printf("# %s: %u rank%s on CPUs %s%s, kernels %s\n# ", machine->cpu, n_ranks,
	       n_ranks == 1 ? "" : "s", machine->places, crowded ? " (oversubscribed)" : "",
	       machine->isa);
	print_round_trip(machine);
	printf("\n# ");
	perf_tuning_print(stdout, machine->tuning);
	perf_settings_print(stdout, "\n# set: ");
	putchar('\n');
}

void
perf_print_us(double us)
{
	printf(" %*.*f", US_COLUMNS, us < 10 ? 3 : us < 100 ? 2 : us < 1000 ? 1 : 0, us);
}

/* A name may be longer than a time. */
static int
width_of(int peer)
{
	return SBN_MAX((int)strlen(perf_peer_names[peer]), US_COLUMNS);
}

void
perf_print_peer_names(const bool *there)
{
	for (int i = 0; i < PERF_PEERS; i++)
		if (there[i])
			printf(" %*s %6s", width_of(i), perf_peer_names[i], "ratio");
}

void
perf_print_peers(const bool *there, double own_us, const struct perf_peer_result *peers)
{
	for (int i = 0; i < PERF_PEERS; i++) {
		if (!there[i])
			continue;
		printf("%*s", width_of(i) - US_COLUMNS, "");
		if (peers[i].there) {
			perf_print_us(peers[i].us.p50);
			printf(" %6.2f", own_us > 0 ? peers[i].us.p50 / own_us : 0);
		} else {
			printf(" %*s %6s", US_COLUMNS, "-", "-");
		}
	}
}

bool
perf_print_wrong(const char *place, uint64_t wrong, const struct perf_peer_result *peers)
{
	if (wrong > 0)
		fprintf(stderr, "syncbn-perf: %s: %" PRIu64 " wrong values\n", place, wrong);
	for (int peer = 0; peer < PERF_PEERS; peer++)
		if (peers[peer].wrong > 0)
			fprintf(stderr,
				"syncbn-perf: %s: %" PRIu64
				" wrong values of peer %s, not of ours\n",
				place, peers[peer].wrong, perf_peer_names[peer]);
	return wrong == 0;
}
