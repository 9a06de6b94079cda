/* SPDX-License-Identifier: Apache-2.0 */
#include <syncbn/version.h>

#include "perf_print.h"
#include "perf_results.h"

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
print_columns(const struct perf_results *results)
{
	printf("#%11s", "bytes");
	if (results->options->command == PERF_EXCHANGE)
		printf(" %8s", "channels");
	printf(" %10s %10s %10s %8s %8s %6s %7s", "p50 us", "p90", "p99", "algbw", "busbw", "wrong",
	       "trip ns");
	if (results->options->command == PERF_OVERLAP)
		printf(" %10s %6s", "blocking", "ratio");
	else if (results->options->arena)
		printf(" %10s %6s", "floor us", "x");
	perf_print_peer_names(results->peers);
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
	putchar('\n');
	perf_print_machine(machine, results->n_ranks, 1);
	if (options->rounded)
		printf("# sizes are rounded up to multiples of %zu bytes, a %s's\n", options->unit,
		       options->command == PERF_EXCHANGE ? "channel" : "value");
	print_columns(results);
	fflush(stdout);
}

static void
print_bandwidths(const struct perf_results *results, const struct perf_result *row)
{
	const double bandwidth[] = { perf_algbw(results, row), perf_busbw(results, row) };

	for (size_t i = 0; i < sizeof(bandwidth) / sizeof(bandwidth[0]); i++)
		if (bandwidth[i] > 0)
			printf(" %8.3f", bandwidth[i]);
		else
			printf(" %8s", "-");
}

/* Of one rank there is none. */
static void
print_trip(double ns)
{
	if (ns > 0)
		printf(" %7.0f", ns);
	else
		printf(" %7s", "-");
}

void
perf_table_row(const struct perf_results *results, const struct perf_result *row)
{
	printf("%12zu", row->bytes);
	if (results->options->command == PERF_EXCHANGE)
		printf(" %8zu", row->bytes / PERF_PAIR_BYTES);
	perf_print_us(row->us.p50);
	perf_print_us(row->us.p90);
	perf_print_us(row->us.p99);
	print_bandwidths(results, row);
	printf(" %6llu", (unsigned long long)row->wrong);
	print_trip(row->trip.far_ns);
	if (results->options->arena) {
		perf_print_us(row->beside_us);
		printf(" %6.2f", perf_beside(results, row));
	}
	perf_print_peers(results->peers, row->us.p50, row->peers);
	putchar('\n');
	fflush(stdout);
}
