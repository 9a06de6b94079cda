/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <syncbn/version.h>

#include "perf_bn_results.h"

#define GB 1e9

double
perf_bn_multiple(const struct perf_bn_result *row, enum perf_bn_variant variant)
{
	double us = row->us[variant].p50;

	return row->there[variant] && us > 0 ? row->us[PERF_BN_OURS].p50 / us : 0;
}

double
perf_bn_bandwidth(const struct perf_bn_result *row)
{
	double us = row->us[PERF_BN_OURS].p50;

	return us > 0 ? (double)row->bytes / (us * 1e-6) / GB : 0;
}

static void
print_columns(const struct perf_bn_table *table)
{
	printf("#%16s %-5s %10s %10s %10s %7s %10s %5s %5s %10s %7s", "shape", "place", "p50 us",
	       "p90", "p99", "GB/s", "floor us", "x", "r+c", "alone us", "sync");
	if (perf_bn_has_apart(table->options))
		printf(" %10s %5s", "apart us", "ratio");
	printf(" %9s %9s %9s %9s %6s", "moments", "exchange", "wait", "normalize", "wrong");
	perf_print_peer_names(table->peers);
	putchar('\n');
}

void
perf_bn_table_head(const struct perf_bn_table *table)
{
	const struct perf_bn_options *options = table->options;

	printf("# syncbn-perf %s bn %s, %s, %s, activation %s, %d thread%s a rank\n",
	       SYNCBN_VERSION, perf_bn_op_names[options->op], perf_bn_layout_name(options->layout),
	       perf_bn_dtype_name(options->dtype), perf_bn_act_names[options->act],
	       table->n_threads, table->n_threads == 1 ? "" : "s");
	perf_print_machine(table->machine, table->n_ranks, table->n_threads);
	print_columns(table);
	fflush(stdout);
}

static void
print_multiple(const struct perf_bn_result *row, enum perf_bn_variant variant)
{
	if (row->there[variant])
		printf(" %5.2f", perf_bn_multiple(row, variant));
	else
		printf(" %5s", "-");
}

static void
print_alone(const struct perf_bn_result *row)
{
	if (!row->there[PERF_BN_ALONE]) {
		printf(" %10s %7s", "-", "-");
		return;
	}
	perf_print_us(row->us[PERF_BN_ALONE].p50);
	printf(" %+6.1f%%", 100 * (perf_bn_multiple(row, PERF_BN_ALONE) - 1));
}

static void
print_apart(const struct perf_bn_result *row)
{
	if (!row->there[PERF_BN_APART]) {
		printf(" %10s %5s", "-", "-");
		return;
	}
	perf_print_us(row->us[PERF_BN_APART].p50);
	printf(" %5.2f", 1 / perf_bn_multiple(row, PERF_BN_APART));
}

void
perf_bn_table_row(const struct perf_bn_table *table, const struct perf_bn_result *row)
{
	char shape[PERF_BN_SHAPE_BYTES];

	perf_bn_shape_print(row->shape, shape);
	printf(" %16s %-5s", shape, perf_bn_place_names[row->place]);
	perf_print_us(row->us[PERF_BN_OURS].p50);
	perf_print_us(row->us[PERF_BN_OURS].p90);
	perf_print_us(row->us[PERF_BN_OURS].p99);
	printf(" %7.2f", perf_bn_bandwidth(row));
	perf_print_us(row->us[PERF_BN_FLOOR].p50);
	print_multiple(row, PERF_BN_FLOOR);
	print_multiple(row, PERF_BN_READ_COPY);
	print_alone(row);
	if (perf_bn_has_apart(table->options))
		print_apart(row);
	printf(" %9.1f %9.1f %9.1f %9.1f %6llu", row->phases.moments, row->phases.exchange,
	       row->phases.wait, row->phases.normalize, (unsigned long long)row->wrong);
	perf_print_peers(table->peers, row->us[PERF_BN_OURS].p50, row->peers);
	putchar('\n');
	fflush(stdout);
}
