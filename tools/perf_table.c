/* SPDX-License-Identifier: Apache-2.0 */
#include <syncbn/version.h>

#include "perf_results.h"
#include "perf_tuning.h"

#define GB 1e9

static double
bandwidth(const struct perf_results *results, const struct perf_result *row)
{
	double bytes = (double)row->bytes;

	if (results->options->command == PERF_OVERLAP)
		return 0;
	if (results->options->command == PERF_EXCHANGE)
		bytes *= results->n_ranks;
	return row->us.p50 > 0 ? bytes / (row->us.p50 * 1e-6) / GB : 0;
}

double
perf_algbw(const struct perf_results *results, const struct perf_result *row)
{
	return bandwidth(results, row);
}

double
perf_busbw(const struct perf_results *results, const struct perf_result *row)
{
	double ranks = results->n_ranks;
	double factor = (ranks - 1) / ranks;

	if (results->options->command == PERF_ALLREDUCE)
		factor *= 2;
	return bandwidth(results, row) * factor;
}

double
perf_beside(const struct perf_results *results, const struct perf_result *row)
{
	bool overlap = results->options->command == PERF_OVERLAP;
	double above = overlap ? row->beside_us : row->us.p50;
	double below = overlap ? row->us.p50 : row->beside_us;

	return below > 0 ? above / below : 0;
}

static void
print_round_trip(const struct perf_machine *machine)
{
	if (machine->near_ns <= 0) {
		printf("no two ranks on different CPUs");
		return;
	}
	printf("cache line's round trip from rank 0 %.0f", machine->near_ns);
	if (machine->far_ns > machine->near_ns)
		printf(" to %.0f", machine->far_ns);
	printf(" ns");
	if (perf_machine_distance(machine->far_ns)[0] != '\0')
		printf(" (%s)", perf_machine_distance(machine->far_ns));
}

static void
print_columns(const struct perf_results *results)
{
	printf("#%11s", "bytes");
	if (results->options->command == PERF_EXCHANGE)
		printf(" %8s", "channels");
	printf(" %10s %10s %10s %8s %8s %6s", "p50 us", "p90", "p99", "algbw", "busbw", "wrong");
	if (results->options->command == PERF_OVERLAP)
		printf(" %10s %6s", "blocking", "ratio");
	else if (results->options->arena)
		printf(" %10s %6s", "floor us", "x");
	for (int peer = 0; peer < PERF_PEERS; peer++)
		if (results->peers[peer])
			printf(" %10s %6s", perf_peer_names[peer], "ratio");
	putchar('\n');
}

void
perf_table_head(const struct perf_results *results)
{
	const struct perf_options *options = results->options;
	const struct perf_machine *machine = results->machine;

	printf("# syncbn-perf %s %s", SYNCBN_VERSION, perf_command_names[options->command]);
	if (options->command == PERF_ALLREDUCE)
		printf(" %s %s%s", perf_dtype_name(options->dtype),
		       perf_reduce_name(options->reduce), options->arena ? ", in an arena" : "");
	if (options->command == PERF_OVERLAP)
		printf(", %llu buckets, %llu us of computing for each",
		       (unsigned long long)options->n_buckets,
		       (unsigned long long)options->compute_us);
	printf("\n# %s: %u rank%s on CPUs %s%s, kernels %s\n# ", machine->cpu, results->n_ranks,
	       results->n_ranks == 1 ? "" : "s", machine->places,
	       machine->n_cpus < results->n_ranks ? " (oversubscribed)" : "", machine->isa);
	print_round_trip(machine);
	printf("\n# ");
	perf_tuning_print(stdout, machine->tuning);
	putchar('\n');
	print_columns(results);
	fflush(stdout);
}

/* Four digits that count, as far as they fit. */
static void
print_us(double us)
{
	printf(" %10.*f", us < 10 ? 3 : us < 100 ? 2 : us < 1000 ? 1 : 0, us);
}

static void
print_bandwidths(const struct perf_results *results, const struct perf_result *row)
{
	if (perf_algbw(results, row) <= 0)
		printf(" %8s %8s", "-", "-");
	else
		printf(" %8.3f %8.3f", perf_algbw(results, row), perf_busbw(results, row));
}

static void
print_peer(const struct perf_result *row, const struct perf_peer_result *peer)
{
	if (!peer->there) {
		printf(" %10s %6s", "-", "-");
		return;
	}
	print_us(peer->us.p50);
	printf(" %6.2f", row->us.p50 > 0 ? peer->us.p50 / row->us.p50 : 0);
}

void
perf_table_row(const struct perf_results *results, const struct perf_result *row)
{
	printf("%12zu", row->bytes);
	if (results->options->command == PERF_EXCHANGE)
		printf(" %8zu", row->bytes / PERF_PAIR_BYTES);
	print_us(row->us.p50);
	print_us(row->us.p90);
	print_us(row->us.p99);
	print_bandwidths(results, row);
	printf(" %6llu", (unsigned long long)row->wrong);
	if (results->options->arena) {
		print_us(row->beside_us);
		printf(" %6.2f", perf_beside(results, row));
	}
	for (int peer = 0; peer < PERF_PEERS; peer++)
		if (results->peers[peer])
			print_peer(row, &row->peers[peer]);
	putchar('\n');
	fflush(stdout);
}
