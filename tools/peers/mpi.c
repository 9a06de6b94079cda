/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer of syncbn-perf that does its work through MPI; built once for each MPI that is there.
 * ../perf_peer.h has the words. argv: the folder with the pipes, the ranks' CPUs.
 */
#include <mpi.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "perf_numbers.h"

enum { PAIR_DOUBLES = 2, MAX_RANKS = 1024, LINE_BYTES = 256 };

struct work {
	char command[16], dtype[16], op[16];
	unsigned long long count, batch, calls, warmup;
	int fresh;
	struct perf_array numbers, array; /* allreduce */
	double *row, *rows;               /* exchange: the count, then the pairs */
	struct sbn_pair *merged;
};

static int rank, n_ranks;
static const struct sbn_kernels *kernels; /* the merge of ours */

static double
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static _Noreturn void
give_up(const char *what)
{
	fprintf(stderr, "peer of syncbn-perf, rank %d: %s\n", rank, what);
	MPI_Abort(MPI_COMM_WORLD, 1);
	abort();
}

static void *
get_memory(size_t bytes)
{
	void *memory = NULL;

	if (posix_memalign(&memory, 4096, bytes > 0 ? bytes : 1) != 0)
		give_up("no memory");
	memset(memory, 0, bytes);
	return memory;
}

/* To this rank's part of "0,1/2,3". */
static void
bind_to_place(const char *places)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int skipped = 0; skipped < rank && places != NULL; skipped++) {
		places = strchr(places, '/');
		places += places != NULL;
	}
	while (places != NULL && *places != '\0' && *places != '/') {
		char *end;

		CPU_SET(strtoul(places, &end, 10), &set);
		places = end + (*end == ',');
	}
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		give_up("cannot be bound to its CPUs");
}

/* ---- the work ---- */

static void
exchange(struct work *work)
{
	int doubles = (int)(PAIR_DOUBLES * work->count + 1);
	const struct sbn_pair *rows[MAX_RANKS];
	double counts[MAX_RANKS];

	MPI_Allgather(work->row, doubles, MPI_DOUBLE, work->rows, doubles, MPI_DOUBLE,
		      MPI_COMM_WORLD);
	for (int i = 0; i < n_ranks; i++) {
		const double *row = work->rows + (size_t)i * (size_t)doubles;

		counts[i] = row[0];
		rows[i] = (const struct sbn_pair *)(row + 1);
	}
	kernels->merge_moments(work->merged, rows, counts, (uint32_t)n_ranks, work->count);
}

static void
divide(const struct perf_array *array)
{
	for (size_t i = 0; i < array->count; i++) {
		if (array->is_double)
			((double *)array->data)[i] /= n_ranks;
		else
			((float *)array->data)[i] /= (float)n_ranks;
	}
}

static void
all_reduce(struct work *work)
{
	MPI_Allreduce(MPI_IN_PLACE, work->array.data, (int)work->count,
		      work->array.is_double ? MPI_DOUBLE : MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
	if (strcmp(work->op, "mean") == 0)
		divide(&work->array);
}

static void
call(struct work *work)
{
	if (work->row != NULL)
		exchange(work);
	else if (work->array.data != NULL)
		all_reduce(work);
	else
		MPI_Barrier(MPI_COMM_WORLD);
}

static void
prepare(struct work *work)
{
	if (work->array.data != NULL)
		memcpy(work->array.data, work->numbers.data, perf_array_bytes(&work->array));
	if (work->fresh)
		MPI_Barrier(MPI_COMM_WORLD);
}

static void
make(struct work *work)
{
	size_t doubles = PAIR_DOUBLES * work->count + 1;
	struct perf_array array = { .count = work->count,
				    .is_double = strcmp(work->dtype, "float64") == 0 };

	if (strcmp(work->command, "exchange") == 0) {
		work->row = get_memory(doubles * sizeof(double));
		work->rows = get_memory(doubles * sizeof(double) * (size_t)n_ranks);
		work->merged = get_memory(work->count * sizeof(*work->merged));
		work->row[0] = (double)perf_pairs_count((uint32_t)rank);
		perf_pairs_fill((struct sbn_pair *)(work->row + 1), work->count, (uint32_t)rank);
	} else if (strcmp(work->command, "allreduce") == 0) {
		work->numbers = work->array = array;
		work->numbers.data = get_memory(perf_array_bytes(&array));
		work->array.data = get_memory(perf_array_bytes(&array));
		perf_array_fill(&work->numbers, (uint32_t)rank);
	}
}

static void
unmake(struct work *work)
{
	free(work->row);
	free(work->rows);
	free(work->merged);
	free(work->numbers.data);
	free(work->array.data);
}

static unsigned long long
check(struct work *work)
{
	unsigned long long own = 0, all = 0;

	prepare(work);
	call(work);
	if (work->row != NULL)
		own = perf_wrong_moments(work->merged, work->count, (uint32_t)n_ranks);
	else if (work->array.data != NULL)
		own = perf_wrong_sums(&work->array, (uint32_t)n_ranks,
				      strcmp(work->op, "mean") == 0);
	MPI_Reduce(&own, &all, 1, MPI_UNSIGNED_LONG_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
	return all;
}

/* us may be NULL. */
static void
run_batches(struct work *work, unsigned long long calls, double *us)
{
	for (unsigned long long done = 0; done < calls; done += work->batch) {
		unsigned long long n = calls - done < work->batch ? calls - done : work->batch;
		double start;

		prepare(work);
		start = now_us();
		for (unsigned long long i = 0; i < n; i++)
			call(work);
		if (us != NULL)
			*us++ = (now_us() - start) / (double)n;
	}
}

static void
run(struct work *work, FILE *out)
{
	size_t n = (size_t)((work->calls + work->batch - 1) / work->batch);
	double *us = get_memory(n * sizeof(*us)), *slowest = get_memory(n * sizeof(*us));
	unsigned long long wrong;

	make(work);
	wrong = check(work);
	MPI_Barrier(MPI_COMM_WORLD);
	run_batches(work, work->warmup, NULL);
	run_batches(work, work->calls, us);
	MPI_Reduce(us, slowest, (int)n, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
	unmake(work);
	if (rank == 0) {
		fprintf(out, "result %llu %zu\n", wrong, n);
		for (size_t i = 0; i < n; i++)
			fprintf(out, "%.4f\n", slowest[i]);
		fflush(out);
	}
	free(us);
	free(slowest);
}

/* ---- the words ---- */

static FILE *
open_pipe(const char *folder, const char *name, const char *mode)
{
	char path[LINE_BYTES];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, mode);
	if (file == NULL)
		give_up(path);
	return file;
}

static void
serve(FILE *in, FILE *out)
{
	char line[LINE_BYTES];

	while (fgets(line, sizeof(line), in) != NULL && strcmp(line, "end\n") != 0) {
		struct work work = { .fresh = 0 };

		if (sscanf(line, "run %15s %llu %15s %15s %d %llu %llu %llu", work.command,
			   &work.count, work.dtype, work.op, &work.fresh, &work.batch, &work.calls,
			   &work.warmup) != 8 ||
		    work.batch == 0)
			give_up(line);
		run(&work, out);
	}
}

int
main(int argc, char **argv)
{
	char name[16];
	FILE *in, *out;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &n_ranks);
	if (argc != 3 || n_ranks > MAX_RANKS)
		give_up("syncbn-perf starts this program");
	if (sbn_kernels_choose(getenv("SYNCBN_ISA"), &kernels) != SYNCBN_OK)
		give_up("no such SYNCBN_ISA");
	bind_to_place(argv[2]);
	snprintf(name, sizeof(name), "%d", rank);
	in = open_pipe(argv[1], name, "r");
	out = open_pipe(argv[1], "out", "w");
	MPI_Barrier(MPI_COMM_WORLD);
	if (rank == 0) {
		fputs("ready\n", out);
		fflush(out);
	}
	serve(in, out);
	MPI_Finalize();
	return 0;
}
