/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer of syncbn-perf that does its batch norms through oneDNN 2, each process by itself on its
 * part of the batch: nothing is synchronized. ../perf_peer.h has the words. argv: the folder with
 * the pipes, the ranks' CPUs. Starts one process a rank.
 */
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "onednn_bn.h"
#include "perf_bn_errors.h"

enum { LINE_BYTES = 256, MAX_RANKS = 1024, MAX_CALLS = 1000 * 1000 };

/* What all processes see. */
struct meeting {
	_Atomic unsigned arrived, round;
	unsigned long long wrong[MAX_RANKS];
	double us[]; /* [ranks][MAX_CALLS] */
};

static unsigned rank, n_ranks;
static struct meeting *meeting;

static _Noreturn void
give_up(const char *what)
{
	fprintf(stderr, "peer of syncbn-perf, rank %u: %s\n", rank, what);
	exit(1);
}

static double
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* B1: the last to arrive releases the round; who sees it has all that was written before. */
static void
meet(void)
{
	unsigned round = atomic_load_explicit(&meeting->round, memory_order_acquire);

	if (atomic_fetch_add_explicit(&meeting->arrived, 1, memory_order_acq_rel) + 1 == n_ranks) {
		/* relaxed: nobody arrives again before the round is released */
		atomic_store_explicit(&meeting->arrived, 0, memory_order_relaxed);
		atomic_store_explicit(&meeting->round, round + 1, memory_order_release);
		return;
	}
	for (unsigned looks = 1;
	     atomic_load_explicit(&meeting->round, memory_order_acquire) == round; looks++)
		if (looks % 1024 == 0)
			sched_yield();
}

/* ---- a run ---- */

static double *
samples_of(unsigned of_rank)
{
	return meeting->us + (size_t)of_rank * MAX_CALLS;
}

static void
tell_result(FILE *out, unsigned long long calls)
{
	unsigned long long wrong = 0;

	for (unsigned r = 0; r < n_ranks; r++)
		wrong += meeting->wrong[r];
	fprintf(out, "result %llu %llu\n", wrong, calls);
	for (unsigned long long i = 0; i < calls; i++) {
		double slowest = 0;

		for (unsigned r = 0; r < n_ranks; r++)
			if (samples_of(r)[i] > slowest)
				slowest = samples_of(r)[i];
		fprintf(out, "%.9g\n", slowest);
	}
	fflush(out);
}

static void
time_calls(struct onednn_bn *bn, unsigned long long warmup, unsigned long long calls)
{
	for (unsigned long long i = 0; i < warmup + calls; i++) {
		double start;

		meet();
		start = now_us();
		onednn_bn_call(bn);
		if (i >= warmup)
			samples_of(rank)[i - warmup] = now_us() - start;
	}
}

/* The layer of the last line, kept as long as the next lines ask for the same. */
static void
run(const char *line, FILE *out)
{
	static struct onednn_bn *bn;
	static char spec[LINE_BYTES];
	static unsigned long long wrong;
	unsigned long long calls, warmup;
	const char *numbers = line + strlen(line);
	const char *reason = NULL;

	for (int spaces = 0; numbers > line && spaces < 2; numbers--)
		spaces += numbers[-1] == ' ';
	if (sscanf(numbers, "%llu %llu", &calls, &warmup) != 2 || calls > MAX_CALLS)
		give_up(line);
	if (bn == NULL || strncmp(spec, line, (size_t)(numbers - line)) != 0 ||
	    spec[numbers - line] != '\0') {
		onednn_bn_free(bn);
		snprintf(spec, sizeof(spec), "%.*s", (int)(numbers - line), line);
		bn = onednn_bn_new(spec, 0, rank, n_ranks, &reason);
		wrong = bn != NULL ? onednn_bn_wrong(bn) : 0;
	}
	if (bn == NULL) {
		if (rank == 0)
			fprintf(out, "cannot %s\n", reason);
		fflush(out);
		spec[0] = '\0';
		return;
	}
	meeting->wrong[rank] = wrong;
	time_calls(bn, warmup, calls);
	meet();
	if (rank == 0)
		tell_result(out, calls);
}

/* "errors MODE NUMBERS SHAPE LAYOUT DTYPE": of a step in that line's words. */
static void
run_errors(const char *line, FILE *out)
{
	char mode[32], shape[64], layout[32], dtype[32], spec[LINE_BYTES];
	const char *reason = NULL;
	struct onednn_bn *bn;
	int numbers;

	if (sscanf(line, "errors %31s %d %63s %31s %31s", mode, &numbers, shape, layout, dtype) !=
	    5)
		give_up(line);
	snprintf(spec, sizeof(spec), "bn %s step %s %s %s none 1 1 ", mode, shape, layout, dtype);
	bn = onednn_bn_new(spec, numbers, rank, n_ranks, &reason);
	if (bn != NULL)
		onednn_bn_errors(bn, samples_of(rank));
	meet();
	if (rank == 0 && bn != NULL)
		tell_result(out, PERF_BN_ERRORS);
	else if (rank == 0)
		fprintf(out, "cannot %s\n", reason);
	fflush(out);
	onednn_bn_free(bn);
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
serve(const char *folder)
{
	char line[LINE_BYTES], name[16];
	FILE *in, *out;

	snprintf(name, sizeof(name), "%u", rank);
	in = open_pipe(folder, name, "r");
	out = open_pipe(folder, "out", "w");
	meet();
	if (rank == 0) {
		fputs("ready\n", out);
		fflush(out);
	}
	while (fgets(line, sizeof(line), in) != NULL && strcmp(line, "end\n") != 0) {
		if (strncmp(line, "errors ", 7) == 0)
			run_errors(line, out);
		else
			run(line, out);
	}
}

/* The CPUs before the next "/"; where the next place begins. */
static const char *
bind_to_place(const char *places, int here)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	while (*places != '\0' && *places != '/') {
		char *end;

		CPU_SET(strtoul(places, &end, 10), &set);
		places = end + (*end == ',');
	}
	if (here && sched_setaffinity(0, sizeof(set), &set) != 0)
		give_up("cannot be bound to its CPUs");
	return places + (*places == '/');
}

static void
make_meeting(void)
{
	meeting = mmap(NULL, sizeof(*meeting) + (size_t)n_ranks * MAX_CALLS * sizeof(double),
		       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (meeting == MAP_FAILED)
		give_up("no memory");
}

int
main(int argc, char **argv)
{
	const char *places = argc == 3 ? argv[2] : "";

	for (const char *at = places; *at != '\0'; at = bind_to_place(at, 0))
		n_ranks++;
	if (n_ranks == 0 || n_ranks > MAX_RANKS)
		give_up("syncbn-perf starts this program");
	make_meeting();
	for (unsigned r = 1; r < n_ranks; r++) {
		places = bind_to_place(places, 0);
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL); /* it may wait for the first */
			rank = r;
			bind_to_place(places, 1);
			serve(argv[1]);
			return 0;
		}
	}
	bind_to_place(argv[2], 1);
	serve(argv[1]);
	while (wait(NULL) > 0)
		;
	return 0;
}
