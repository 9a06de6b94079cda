/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_options.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/math.h"
#include "perf_args.h"
#include "perf_sizes.h"
#include "shm/layout.h"

enum {
	MAX_CALLS = 10 * 1000 * 1000,
	MAX_ROUNDS = 1000,
	MAX_FACTOR = 1024,
	ROUNDS_WITH_PEERS = 5, /* or with what is beside it */
	BUCKETS = 4,
	COMPUTE_US = 200,
	MAX_COMPUTE_US = 1000 * 1000
};

const char *const perf_command_names[PERF_COMMANDS] = { "exchange", "allreduce", "barrier",
							"overlap" };

/* In the order of the public enums, which begin at 1. */
static const char *const reduce_names[] = { "sum", "mean" };

const char perf_options_help[] =
	"usage: syncbn-perf exchange|allreduce|barrier|overlap [options]\n"
	"       syncbn-run -n N syncbn-perf exchange|allreduce|barrier|overlap [options]\n"
	"\n"
	"Measures between the ranks of this machine: exchange, what a batch norm's\n"
	"forward does with its channels' moments; allreduce, sums of arrays; barrier;\n"
	"overlap, all-reduces in flight during a backward pass, beside blocking ones.\n"
	"\n"
	"  -n N                 start this many ranks (default: one a NUMA domain)\n"
	"  --oversubscribe      allow more ranks than processing units\n"
	"  -b MIN -e MAX -f F   bytes a rank gives, from MIN to MAX, times F each step\n"
	"                       (default 64 to 64K; --arena 1M to 64M; overlap 64K to 1M;\n"
	"                       F 4); K, M and G are powers of 1024. Rounded up to whole\n"
	"                       channels of 16 bytes (exchange) or values of the dtype\n"
	"  --channels LIST      sizes as channels of 16 bytes: 64,256,1024\n"
	"  -w, --warmup N       calls before each round (default 20)\n"
	"  -i, --iterations N   calls a round (default 0: a size takes about 0.3 s)\n"
	"  --rounds N           a figure is the rounds' median (default 1, with peers 5)\n"
	"  --arena, --in-place  allreduce in the segment, rewritten before every call,\n"
	"                       beside the floor: one pass over the same memory\n"
	"  --dtype WORD         allreduce: float32 (default), float64; or f32, f64\n"
	"  --op WORD            allreduce: sum (default), mean\n"
	"  --buckets K          overlap: all-reduces a pass, 1 to 8 (default 4)\n"
	"  --compute US         overlap: computing before each (default 200); one rank in\n"
	"                       turns needs twice as long\n"
	"  --peer NAME          openmpi, mpich or gloo, interleaved; repeatable; one that\n"
	"                       is not there is named and left out, which is no failure;\n"
	"                       not for overlap\n"
	"  --json FILE          in Google Benchmark's shape; -: stdout (table: stderr)\n"
	"\n"
	"Times are microseconds of the slowest rank. algbw: bytes by time, GB/s; of an\n"
	"exchange, all ranks' bytes. busbw: what the memory moves, as nccl-tests count.\n"
	"wrong: values that differ from a sum in double. trip: a cache line's way to a\n"
	"peer on another CPU and back. ratio: the peer's time by ours; of overlap, the\n"
	"blocking all-reduces' by that of those in flight. -: not measured.\n"
	"Exit codes: 0; 1 a failure, or wrong values of ours; 2 usage.\n";

struct parser {
	struct perf_options *options;
	struct perf_sizes sizes;
	bool has_dtype, has_reduce, has_arena;
};

const char *
perf_dtype_name(syncbn_dtype_t dtype)
{
	return perf_arg_dtype_name(dtype, PERF_LONG);
}

const char *
perf_reduce_name(syncbn_reduce_t reduce)
{
	return reduce_names[reduce - 1];
}

static syncbn_status_t
take_warmup(void *context, const char *name, const char *text)
{
	struct parser *parser = context;
	return perf_arg_count(name, text, 0, MAX_CALLS, &parser->options->warmup);
}

static syncbn_status_t
take_iterations(void *context, const char *name, const char *text)
{
	struct parser *parser = context;
	return perf_arg_count(name, text, 0, MAX_CALLS, &parser->options->iterations);
}

static syncbn_status_t
take_rounds(void *context, const char *name, const char *text)
{
	struct parser *parser = context;
	return perf_arg_count(name, text, 1, MAX_ROUNDS, &parser->options->rounds);
}

static syncbn_status_t
take_ranks(void *context, const char *name, const char *text)
{
	struct parser *parser = context;
	return perf_arg_count(name, text, 1, SBN_MAX_RANKS, &parser->options->n_ranks);
}

static syncbn_status_t
take_buckets(void *context, const char *name, const char *text)
{
	struct parser *parser = context;

	return perf_arg_count(name, text, 1, SYNCBN_MAX_IN_FLIGHT, &parser->options->n_buckets);
}

static syncbn_status_t
take_compute(void *context, const char *name, const char *text)
{
	struct parser *parser = context;

	return perf_arg_count(name, text, 1, MAX_COMPUTE_US, &parser->options->compute_us);
}

static syncbn_status_t
take_min(void *context, const char *name, const char *text)
{
	struct parser *parser = context;
	return perf_sizes_parse_bytes(name, text, &parser->sizes.min);
}

static syncbn_status_t
take_max(void *context, const char *name, const char *text)
{
	struct parser *parser = context;
	return perf_sizes_parse_bytes(name, text, &parser->sizes.max);
}

static syncbn_status_t
take_factor(void *context, const char *name, const char *text)
{
	struct parser *parser = context;
	return perf_arg_count(name, text, 2, MAX_FACTOR, &parser->sizes.factor);
}

static syncbn_status_t
take_channels(void *context, const char *name, const char *text)
{
	struct parser *parser = context;
	(void)name;
	parser->sizes.channels = text;
	return SYNCBN_OK;
}

static syncbn_status_t
take_dtype(void *context, const char *name, const char *text)
{
	struct parser *parser = context;

	parser->has_dtype = true;
	return perf_arg_dtype(name, text, 2, &parser->options->dtype);
}

static syncbn_status_t
take_reduce(void *context, const char *name, const char *text)
{
	struct parser *parser = context;
	int word = 0;
	syncbn_status_t status = perf_arg_choice(name, text, reduce_names, 2, &word);

	parser->options->reduce = (syncbn_reduce_t)(word + 1);
	parser->has_reduce = true;
	return status;
}

static syncbn_status_t
take_peer(void *context, const char *name, const char *text)
{
	struct parser *parser = context;
	int word = 0;
	syncbn_status_t status =
		perf_arg_choice(name, text, perf_peer_names, PERF_MESSAGE_PEERS, &word);

	if (status == SYNCBN_OK)
		parser->options->peers[word] = true;
	return status;
}

static syncbn_status_t
take_json(void *context, const char *name, const char *text)
{
	struct parser *parser = context;
	return perf_arg_file(name, text, &parser->options->json);
}

static syncbn_status_t
take_flag(void *context, const char *name, const char *text)
{
	struct parser *parser = context;
	struct perf_options *options = parser->options;

	(void)text;
	if (strcmp(name, "--oversubscribe") == 0)
		options->oversubscribe = true;
	else if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
		options->help = true;
	else
		options->arena = parser->has_arena = true;
	return SYNCBN_OK;
}

static const struct perf_arg args[] = {
	{ "-n", false, take_ranks },
	{ "-b", false, take_min },
	{ "-e", false, take_max },
	{ "-f", false, take_factor },
	{ "--channels", false, take_channels },
	{ "-w", false, take_warmup },
	{ "--warmup", false, take_warmup },
	{ "-i", false, take_iterations },
	{ "--iterations", false, take_iterations },
	{ "--rounds", false, take_rounds },
	{ "--dtype", false, take_dtype },
	{ "--op", false, take_reduce },
	{ "--buckets", false, take_buckets },
	{ "--compute", false, take_compute },
	{ "--peer", false, take_peer },
	{ "--json", false, take_json },
	{ "--oversubscribe", true, take_flag },
	{ "--arena", true, take_flag },
	{ "--in-place", true, take_flag },
	{ "--help", true, take_flag },
	{ "-h", true, take_flag },
};

static bool
has_peers(const struct perf_options *options)
{
	for (size_t i = 0; i < PERF_PEERS; i++)
		if (options->peers[i])
			return true;
	return false;
}

static syncbn_status_t
check_together(const struct parser *parser)
{
	const struct perf_options *options = parser->options;
	const char *odd = parser->has_arena  ? "--arena" :
			  parser->has_dtype  ? "--dtype" :
			  parser->has_reduce ? "--op" :
					       NULL;

	if (options->command == PERF_OVERLAP && has_peers(options))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"overlap is measured beside the blocking all-reduce: leave --peer "
				"out");
	if (options->command != PERF_ALLREDUCE && odd != NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s is for allreduce, not %s", odd,
				perf_command_names[options->command]);
	return SYNCBN_OK;
}

/* What is left out of overlap's; what is not overlap's has none. */
static syncbn_status_t
complete_overlap(struct perf_options *options)
{
	bool overlap = options->command == PERF_OVERLAP;

	if (!overlap && (options->n_buckets != 0 || options->compute_us != 0))
		return sbn_fail(SYNCBN_ERR_INVALID, "%s is for overlap, not %s",
				options->n_buckets != 0 ? "--buckets" : "--compute",
				perf_command_names[options->command]);
	if (!overlap)
		return SYNCBN_OK;
	options->arena = true;
	options->n_buckets = options->n_buckets != 0 ? options->n_buckets : BUCKETS;
	options->compute_us = options->compute_us != 0 ? options->compute_us : COMPUTE_US;
	return SYNCBN_OK;
}

syncbn_status_t
perf_options_parse(int argc, char **argv, struct perf_options *options)
{
	struct parser parser = { .options = options };
	syncbn_status_t status;
	int command = 0;

	*options = (struct perf_options){ .warmup = 20,
					  .dtype = SYNCBN_FLOAT32,
					  .reduce = SYNCBN_SUM };
	status = perf_arg_choice("command", argv[0], perf_command_names, PERF_COMMANDS, &command);
	options->command = (enum perf_command)command;
	if (status == SYNCBN_OK)
		status = perf_args_parse(argc, argv, args, sizeof(args) / sizeof(args[0]), &parser,
					 NULL);
	if (status != SYNCBN_OK || options->help)
		return status;
	status = check_together(&parser);
	if (status == SYNCBN_OK)
		status = complete_overlap(options);
	if (options->rounds == 0 && (has_peers(options) || options->command == PERF_OVERLAP))
		options->rounds = ROUNDS_WITH_PEERS;
	options->rounds = SBN_MAX(options->rounds, 1);
	return status == SYNCBN_OK ? perf_sizes_choose(options, &parser.sizes) : status;
}
