/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_bn_options.h"

#include <string.h>

#include "base/fail.h"
#include "perf_args.h"
#include "platform/team.h"
#include "shm/layout.h"

enum { MAX_CALLS = 1000 * 1000, MAX_ROUNDS = 1000, ROUNDS = 7 };

const char *const perf_bn_op_names[PERF_BN_OPS] = { "fwd", "bwd", "step", "eval" };
const char *const perf_bn_place_names[PERF_BN_PLACES] = { "cold", "hot" };
const char *const perf_bn_act_names[PERF_BN_ACTS] = { "none", "relu", "leaky_relu", "add_relu" };

/* In the order of the public enums, which begin at 1. */
static const char *const layout_names[] = { "nchw", "nhwc", "nchw8c", "nchw16c" };

const char perf_bn_help[] =
	"usage: syncbn-perf bn [options]\n"
	"       syncbn-run -n N syncbn-perf bn [options]\n"
	"\n"
	"Times a synchronized batch norm beside a copy of the same memory by the same\n"
	"threads (the floor) and beside itself without synchronizing (alone), in turns.\n"
	"\n"
	"  --op WORD            fwd (default), bwd, step (both), eval; forward, backward\n"
	"  --shape LIST         NxCxHxW, NxC, NxCxL or NxCxDxHxW, several with commas.\n"
	"                       N is the whole batch, split as syncbn_shard does\n"
	"  --shapes NETWORK     resnet50, densenet121, mobilenet, unet, detection\n"
	"  --layout WORD        nchw (default), nhwc, nchw8c, nchw16c\n"
	"  --dtype WORD         f32 (default), f64, bf16, f16; or float32, ...\n"
	"  --act WORD           none (default), relu, leaky_relu, add_relu\n"
	"  -n N                 start this many ranks (default: one a NUMA domain)\n"
	"  --threads T          threads a rank (default: SYNCBN_THREADS, or its cores)\n"
	"  --oversubscribe      allow more ranks than processing units\n"
	"  --cold, --hot        in memory, inputs in the last cache (default: both)\n"
	"  -w, --warmup N       calls before each round (default 2)\n"
	"  -i, --iterations N   calls a round (default 0: a line takes about 1 s)\n"
	"  --rounds N           a figure is the rounds' median (default 7)\n"
	"  --peer NAME          onednn, onednn-blocked (each rank's part by itself),\n"
	"                       torch (one process), torch-gloo (by hand); repeatable;\n"
	"                       one that is not there is named and left out\n"
	"  --numerics           errors on hard numbers instead of times (16x16x28x28 or\n"
	"                       shapes): no --op, --act, --cold, --hot, -w, -i, --rounds\n"
	"  --openmp             what alternating with an OpenMP region costs instead: no\n"
	"                       --cold, --hot or --peer\n"
	"  --executor WORD      whose threads run the layer: team (the default without\n"
	"                       --openmp), openmp, or auto (the default with it), as the\n"
	"                       library chooses\n"
	"  --json FILE          in Google Benchmark's shape; -: stdout (table: stderr)\n"
	"\n"
	"Times are microseconds of the slowest rank; GB/s counts what the floor moves; x:\n"
	"multiple of the floor, a copy; r+c: multiple of a pass that reads and then the\n"
	"copy, for channels last, blocked layouts and 2-D; sync: by how much\n"
	"synchronizing is slower than alone. apart: fwd with the activation as a pass of\n"
	"its own. Phases are means over rank 0's calls. ratio: by ours. -: not measured.\n"
	"wrong: values that are not those of the formulas in double. The line of rows\n"
	"says from how many bytes on the exchange fetches them, or goes past the caches.\n"
	"Exit codes: 0; 1 a failure, wrong values of ours, or nothing measured; 2 usage.\n";

const char *
perf_bn_layout_name(syncbn_layout_t layout)
{
	return layout_names[layout - 1];
}

const char *
perf_bn_dtype_name(syncbn_dtype_t dtype)
{
	return perf_arg_dtype_name(dtype, PERF_SHORT);
}

static syncbn_status_t
take_count(void *context, const char *name, const char *text)
{
	struct perf_bn_options *options = context;

	if (strcmp(name, "-n") == 0)
		return perf_arg_count(name, text, 1, SBN_MAX_RANKS, &options->n_ranks);
	if (strcmp(name, "--threads") == 0)
		return perf_arg_count(name, text, 1, SBN_MAX_THREADS, &options->threads);
	if (strcmp(name, "--rounds") == 0)
		return perf_arg_count(name, text, 1, MAX_ROUNDS, &options->rounds);
	if (strcmp(name, "-w") == 0 || strcmp(name, "--warmup") == 0)
		return perf_arg_count(name, text, 0, MAX_CALLS, &options->warmup);
	return perf_arg_count(name, text, 0, MAX_CALLS, &options->iterations);
}

static syncbn_status_t
take_shape(void *context, const char *name, const char *text)
{
	struct perf_bn_options *options = context;

	return strcmp(name, "--shape") == 0 ? perf_bn_shapes_parse(name, text, &options->shapes) :
					      perf_bn_shapes_named(name, text, &options->shapes);
}

static syncbn_status_t
take_op(void *context, const char *name, const char *text)
{
	static const char *const long_names[] = { "forward", "backward" };
	const char *words[PERF_BN_OPS + 2];
	struct perf_bn_options *options = context;
	int word = 0;
	syncbn_status_t status;

	memcpy(words, perf_bn_op_names, sizeof(perf_bn_op_names));
	memcpy(words + PERF_BN_OPS, long_names, sizeof(long_names));
	status = perf_arg_choice(name, text, words, PERF_BN_OPS + 2, &word);
	options->op = (enum perf_bn_op)(word % PERF_BN_OPS);
	return status;
}

static syncbn_status_t
take_layout(void *context, const char *name, const char *text)
{
	struct perf_bn_options *options = context;
	int word = 0;
	syncbn_status_t status = perf_arg_choice(name, text, layout_names, 4, &word);

	options->layout = (syncbn_layout_t)(word + 1);
	return status;
}

static syncbn_status_t
take_dtype(void *context, const char *name, const char *text)
{
	struct perf_bn_options *options = context;

	return perf_arg_dtype(name, text, 4, &options->dtype);
}

static syncbn_status_t
take_act(void *context, const char *name, const char *text)
{
	struct perf_bn_options *options = context;
	int word = 0;
	syncbn_status_t status =
		perf_arg_choice(name, text, perf_bn_act_names, PERF_BN_ACTS, &word);

	options->act = (enum perf_bn_act)word;
	return status;
}

static syncbn_status_t
take_executor(void *context, const char *name, const char *text)
{
	static const char *const words[] = { "auto", "team", "openmp" };
	struct perf_bn_options *options = context;
	int word = 0;
	syncbn_status_t status = perf_arg_choice(name, text, words, 3, &word);

	options->executor = words[word];
	return status;
}

static syncbn_status_t
take_peer(void *context, const char *name, const char *text)
{
	struct perf_bn_options *options = context;
	int word = 0;
	syncbn_status_t status = perf_arg_choice(name, text, perf_peer_names + PERF_MESSAGE_PEERS,
						 PERF_PEERS - PERF_MESSAGE_PEERS, &word);

	if (status == SYNCBN_OK)
		options->peers[PERF_MESSAGE_PEERS + word] = true;
	return status;
}

static syncbn_status_t
take_json(void *context, const char *name, const char *text)
{
	struct perf_bn_options *options = context;

	return perf_arg_file(name, text, &options->json);
}

static syncbn_status_t
take_flag(void *context, const char *name, const char *text)
{
	struct perf_bn_options *options = context;

	(void)text;
	if (strcmp(name, "--cold") == 0)
		options->places[PERF_BN_COLD] = true;
	else if (strcmp(name, "--hot") == 0)
		options->places[PERF_BN_HOT] = true;
	else if (strcmp(name, "--oversubscribe") == 0)
		options->oversubscribe = true;
	else if (strcmp(name, "--numerics") == 0)
		options->numerics = true;
	else if (strcmp(name, "--openmp") == 0)
		options->openmp = true;
	else
		options->help = true;
	return SYNCBN_OK;
}

static const struct perf_arg args[] = {
	{ "-n", false, take_count },
	{ "--threads", false, take_count },
	{ "--op", false, take_op },
	{ "--shape", false, take_shape },
	{ "--shapes", false, take_shape },
	{ "--layout", false, take_layout },
	{ "--dtype", false, take_dtype },
	{ "--act", false, take_act },
	{ "-w", false, take_count },
	{ "--warmup", false, take_count },
	{ "-i", false, take_count },
	{ "--iterations", false, take_count },
	{ "--rounds", false, take_count },
	{ "--peer", false, take_peer },
	{ "--executor", false, take_executor },
	{ "--json", false, take_json },
	{ "--oversubscribe", true, take_flag },
	{ "--cold", true, take_flag },
	{ "--hot", true, take_flag },
	{ "--numerics", true, take_flag },
	{ "--openmp", true, take_flag },
	{ "--help", true, take_flag },
	{ "-h", true, take_flag },
};

enum { N_ARGS = sizeof(args) / sizeof(args[0]) };

/* What a kind of run has no use for. */
static const char *const not_numerics[] = {
	"--openmp", "--op",     "--act", "--cold",       "--hot",
	"-w",       "--warmup", "-i",    "--iterations", "--rounds",
};
static const char *const not_openmp[] = { "--cold", "--hot", "--peer" };

static const char *
find_given(const bool *given, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t arg = 0; arg < N_ARGS; arg++)
			if (given[arg] && strcmp(args[arg].name, names[i]) == 0)
				return names[i];
	return NULL;
}

/* What would be read and ignored is refused. */
static syncbn_status_t
check_together(const struct perf_bn_options *options, const bool *given)
{
	const char *odd = NULL;

	if (options->numerics)
		odd = find_given(given, not_numerics,
				 sizeof(not_numerics) / sizeof(not_numerics[0]));
	if (odd != NULL)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: --numerics times nothing, it makes one forward and backward "
				"without an activation; leave %s out",
				odd, odd);
	if (options->openmp)
		odd = find_given(given, not_openmp, sizeof(not_openmp) / sizeof(not_openmp[0]));
	if (odd != NULL)
		return sbn_fail(
			SYNCBN_ERR_INVALID,
			"%s: --openmp times the layer on one buffer, beside an OpenMP region "
			"only; leave %s out",
			odd, odd);
	return SYNCBN_OK;
}

/* What a layer would refuse after minutes of other shapes. */
static syncbn_status_t
check_shapes(const struct perf_bn_options *options)
{
	for (size_t i = 0; i < options->shapes.n && options->op != PERF_BN_EVAL; i++) {
		const struct perf_bn_shape *shape = &options->shapes.shape[i];
		char text[PERF_BN_SHAPE_BYTES];

		if (perf_bn_shape_samples(shape) >= 2)
			continue;
		perf_bn_shape_print(shape, text);
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: one value per channel: batch statistics need two or more; "
				"give a larger batch, or --op eval",
				text);
	}
	return SYNCBN_OK;
}

syncbn_status_t
perf_bn_options_parse(int argc, char **argv, struct perf_bn_options *options)
{
	bool given[N_ARGS] = { false };
	syncbn_status_t status;

	*options = (struct perf_bn_options){ .layout = SYNCBN_CHANNELS_FIRST,
					     .dtype = SYNCBN_FLOAT32,
					     .warmup = 2,
					     .rounds = ROUNDS };
	status = perf_args_parse(argc, argv, args, N_ARGS, options, given);
	if (status == SYNCBN_OK && !options->help)
		status = check_together(options, given);
	if (status != SYNCBN_OK || options->help)
		return status;
	if (!options->places[PERF_BN_COLD] && !options->places[PERF_BN_HOT])
		options->places[PERF_BN_COLD] = options->places[PERF_BN_HOT] = true;
	if (options->numerics && options->shapes.n == 0)
		status = perf_bn_shapes_parse("--numerics", "16x16x28x28", &options->shapes);
	if (status == SYNCBN_OK && options->shapes.n == 0)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"no shape: give --shape 32x64x56x56 or --shapes resnet50");
	return status == SYNCBN_OK ? check_shapes(options) : status;
}
