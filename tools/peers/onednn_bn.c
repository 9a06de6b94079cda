/* SPDX-License-Identifier: Apache-2.0 */
#include "onednn_bn.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "onednn_words.h"
#include "perf_bn_data.h"
#include "perf_bn_errors.h"

enum { DIMS = 4, ALIGN = 2 * 1024 * 1024, MAX_ARGS = 10 };

enum buffer { X, DY, WORKSPACE, INPUTS, Y = INPUTS, DX, BUFFERS };

/* What a pass is given. */
struct arguments {
	dnnl_exec_arg_t arg[MAX_ARGS];
	int n;
};

struct onednn_bn {
	struct perf_bn_batch batch;
	size_t first, count; /* this process's images */
	bool forward, backward, eval;
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	dnnl_memory_desc_t data, channels, both; /* x; [C]; gamma, then beta */
	dnnl_primitive_desc_t forward_desc, backward_desc;
	dnnl_primitive_t forward_pass, backward_pass;
	size_t n_inputs, n_outputs;
	size_t n_turns, next; /* a turn: the next of each */
	size_t bytes[BUFFERS], stride[BUFFERS];
	char *memory[BUFFERS];                  /* [buffers * stride]; NULL: not used */
	float *scale_shift, *diff, *statistics; /* [2 C] each; mean and variance */
	struct arguments *forward_arguments, *backward_arguments; /* [n_turns] */
};

/* The same split as syncbn_shard's. */
static void
take_part(struct onednn_bn *bn, unsigned rank, unsigned n_ranks)
{
	size_t each = bn->batch.n / n_ranks, more = bn->batch.n % n_ranks;

	bn->first = each * rank + (rank < more ? rank : more);
	bn->count = each + (rank < more);
}

/* ---- memory ---- */

static _Noreturn void
end_without_memory(void)
{
	fputs("peer of syncbn-perf: no memory\n", stderr);
	exit(1);
}

static void *
get_memory(size_t bytes)
{
	void *memory = NULL;

	if (posix_memalign(&memory, bytes >= ALIGN ? ALIGN : 128, bytes > 0 ? bytes : 1) != 0)
		end_without_memory();
	if (bytes >= ALIGN)
		madvise(memory, bytes, MADV_HUGEPAGE); /* as ours has them */
	memset(memory, 0, bytes);
	return memory;
}

static size_t
buffers_of(const struct onednn_bn *bn, enum buffer buffer)
{
	if (buffer == Y && !bn->forward) /* written before anything is timed, and read by nobody */
		return 1;
	return buffer < INPUTS ? bn->n_inputs : bn->n_outputs;
}

static void
add_buffers(struct onednn_bn *bn, enum buffer buffer, size_t bytes)
{
	bn->bytes[buffer] = bytes;
	bn->stride[buffer] = (bytes + 127) / 128 * 128;
	bn->memory[buffer] = get_memory(buffers_of(bn, buffer) * bn->stride[buffer]);
}

static void
fill(struct onednn_bn *bn, enum buffer buffer, enum perf_bn_operand operand)
{
	perf_bn_fill(&bn->batch, operand, bn->first, bn->count, bn->memory[buffer]);
	for (size_t i = 1; i < bn->n_inputs; i++)
		memcpy(bn->memory[buffer] + i * bn->stride[buffer], bn->memory[buffer],
		       bn->bytes[buffer]);
}

static void
make_buffers(struct onednn_bn *bn)
{
	size_t bytes = dnnl_memory_desc_get_size(&bn->data);

	add_buffers(bn, X, bytes);
	add_buffers(bn, Y, bytes);
	fill(bn, X, PERF_BN_X);
	if (bn->backward) {
		add_buffers(bn, DY, bytes);
		add_buffers(bn, DX, bytes);
		fill(bn, DY, PERF_BN_DY);
	}
	if (bn->batch.act == PERF_BN_RELU && !bn->eval)
		add_buffers(bn, WORKSPACE,
			    dnnl_memory_desc_get_size(
				    dnnl_primitive_desc_query_md(bn->forward_desc,
								 dnnl_query_workspace_md, 0)));
	bn->scale_shift = get_memory(2 * bn->batch.channels * sizeof(float));
	bn->diff = get_memory(2 * bn->batch.channels * sizeof(float));
	bn->statistics = get_memory(2 * bn->batch.channels * sizeof(float));
	for (size_t c = 0; c < bn->batch.channels; c++) {
		bn->scale_shift[c] = (float)perf_bn_gamma(c);
		bn->scale_shift[bn->batch.channels + c] = (float)perf_bn_beta(c);
		bn->statistics[bn->batch.channels + c] = 1; /* eval's; training overwrites it */
	}
}

/* ---- the passes ---- */

static bool
make_forward(struct onednn_bn *bn, unsigned flags)
{
	dnnl_batch_normalization_desc_t desc;
	dnnl_primitive_attr_t attributes = NULL;
	dnnl_post_ops_t after = NULL;
	bool made;

	if (bn->eval && bn->batch.act == PERF_BN_RELU) {
		dnnl_post_ops_create(&after);
		dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_relu, 0, 0);
		dnnl_primitive_attr_create(&attributes);
		dnnl_primitive_attr_set_post_ops(attributes, after);
	}
	made = dnnl_batch_normalization_forward_desc_init(&desc,
							  bn->eval ? dnnl_forward_inference :
								     dnnl_forward_training,
							  &bn->data, (float)PERF_BN_EPS,
							  flags) == dnnl_success &&
	       dnnl_primitive_desc_create(&bn->forward_desc, &desc, attributes, bn->engine, NULL) ==
		       dnnl_success &&
	       dnnl_primitive_create(&bn->forward_pass, bn->forward_desc) == dnnl_success;
	dnnl_post_ops_destroy(after);
	dnnl_primitive_attr_destroy(attributes);
	return made;
}

static bool
make_backward(struct onednn_bn *bn, unsigned flags)
{
	dnnl_batch_normalization_desc_t desc;

	return dnnl_batch_normalization_backward_desc_init(&desc, dnnl_backward, &bn->data,
							   &bn->data, (float)PERF_BN_EPS,
							   flags) == dnnl_success &&
	       dnnl_primitive_desc_create(&bn->backward_desc, &desc, NULL, bn->engine,
					  bn->forward_desc) == dnnl_success &&
	       dnnl_primitive_create(&bn->backward_pass, bn->backward_desc) == dnnl_success;
}

static void
give(struct onednn_bn *bn, struct arguments *arguments, int name, const dnnl_memory_desc_t *desc,
     void *data)
{
	dnnl_exec_arg_t *arg = &arguments->arg[arguments->n++];

	arg->arg = name;
	dnnl_memory_create(&arg->memory, desc, bn->engine, data);
}

static char *
at(const struct onednn_bn *bn, enum buffer buffer, size_t i)
{
	return bn->memory[buffer] + i % buffers_of(bn, buffer) * bn->stride[buffer];
}

static void
give_statistics(struct onednn_bn *bn, struct arguments *arguments, size_t i)
{
	give(bn, arguments, DNNL_ARG_SRC, &bn->data, at(bn, X, i));
	give(bn, arguments, DNNL_ARG_MEAN, &bn->channels, bn->statistics);
	give(bn, arguments, DNNL_ARG_VARIANCE, &bn->channels, bn->statistics + bn->batch.channels);
	give(bn, arguments, DNNL_ARG_SCALE_SHIFT, &bn->both, bn->scale_shift);
	if (bn->memory[WORKSPACE] != NULL)
		give(bn, arguments, DNNL_ARG_WORKSPACE,
		     dnnl_primitive_desc_query_md(bn->forward_desc, dnnl_query_workspace_md, 0),
		     at(bn, WORKSPACE, i));
}

static void
give_all(struct onednn_bn *bn)
{
	bn->forward_arguments = get_memory(bn->n_turns * sizeof(struct arguments));
	bn->backward_arguments = get_memory(bn->n_turns * sizeof(struct arguments));
	for (size_t i = 0; i < bn->n_turns; i++) {
		struct arguments *there = &bn->forward_arguments[i];
		struct arguments *back = &bn->backward_arguments[i];

		give_statistics(bn, there, i);
		give(bn, there, DNNL_ARG_DST, &bn->data, at(bn, Y, i));
		if (!bn->backward)
			continue;
		give_statistics(bn, back, i);
		give(bn, back, DNNL_ARG_DIFF_DST, &bn->data, at(bn, DY, i));
		give(bn, back, DNNL_ARG_DIFF_SRC, &bn->data, at(bn, DX, i));
		give(bn, back, DNNL_ARG_DIFF_SCALE_SHIFT, &bn->both, bn->diff);
	}
}

static void
take_back(struct arguments *arguments, size_t n)
{
	for (size_t i = 0; arguments != NULL && i < n; i++)
		for (int arg = 0; arg < arguments[i].n; arg++)
			dnnl_memory_destroy(arguments[i].arg[arg].memory);
	free(arguments);
}

static void
run(struct onednn_bn *bn, dnnl_primitive_t pass, const struct arguments *arguments)
{
	dnnl_primitive_execute(pass, bn->stream, arguments->n, arguments->arg);
	dnnl_stream_wait(bn->stream);
}

static void
run_forward(struct onednn_bn *bn, size_t i)
{
	run(bn, bn->forward_pass, &bn->forward_arguments[i]);
}

static void
run_backward(struct onednn_bn *bn, size_t i)
{
	run(bn, bn->backward_pass, &bn->backward_arguments[i]);
}

void
onednn_bn_call(struct onednn_bn *bn)
{
	size_t i = bn->next++ % bn->n_turns;

	if (bn->forward)
		run_forward(bn, i);
	if (bn->backward)
		run_backward(bn, bn->forward ? (i + bn->n_inputs / 2) % bn->n_turns : i);
}

/* ---- a layer ---- */

static void
take_words(struct onednn_bn *bn, const struct onednn_words *words, unsigned rank, unsigned n_ranks)
{
	bn->batch.n = words->n;
	bn->batch.channels = words->c;
	bn->batch.spatial = words->h * words->w;
	bn->batch.dtype = words->dtype;
	bn->batch.layout = words->layout;
	bn->batch.act = words->relu ? PERF_BN_RELU : PERF_BN_NONE;
	bn->eval = strcmp(words->op, "eval") == 0;
	bn->forward = strcmp(words->op, "bwd") != 0;
	bn->backward = !bn->forward || strcmp(words->op, "step") == 0;
	bn->n_inputs = words->inputs;
	bn->n_outputs = words->outputs;
	bn->n_turns = words->inputs > words->outputs ? words->inputs : words->outputs;
	take_part(bn, rank, n_ranks);
}

static bool
make_passes(struct onednn_bn *bn)
{
	unsigned flags = dnnl_use_scaleshift;
	bool relu = bn->batch.act == PERF_BN_RELU;

	flags |= bn->eval ? dnnl_use_global_stats : relu ? dnnl_fuse_norm_relu : 0;
	dnnl_engine_create(&bn->engine, dnnl_cpu, 0);
	dnnl_stream_create(&bn->stream, bn->engine, dnnl_stream_default_flags);
	return make_forward(bn, flags) && (!bn->backward || make_backward(bn, flags));
}

/* NULL, or what it cannot do. */
static const char *
set_up(struct onednn_bn *bn, const char *spec, unsigned rank, unsigned n_ranks)
{
	struct onednn_words words;
	const char *reason = onednn_words_read(spec, &words);
	dnnl_dims_t dims, c, two_c;

	if (reason != NULL)
		return reason;
	if (words.n < n_ranks)
		return "a batch below the number of processes";
	take_words(bn, &words, rank, n_ranks);
	dims[0] = (dnnl_dim_t)bn->count;
	dims[1] = c[0] = two_c[1] = (dnnl_dim_t)words.c;
	dims[2] = (dnnl_dim_t)words.h;
	dims[3] = (dnnl_dim_t)words.w;
	two_c[0] = 2;
	dnnl_memory_desc_init_by_tag(&bn->data, DIMS, dims, words.type, words.tag);
	dnnl_memory_desc_init_by_tag(&bn->channels, 1, c, dnnl_f32, dnnl_a);
	dnnl_memory_desc_init_by_tag(&bn->both, 2, two_c, dnnl_f32, dnnl_ab);
	return make_passes(bn) ? NULL : "this batch norm on this CPU";
}

struct onednn_bn *
onednn_bn_new(const char *spec, int numbers, unsigned rank, unsigned n_ranks, const char **reason)
{
	struct onednn_bn *bn = calloc(1, sizeof(*bn));

	if (bn == NULL)
		end_without_memory();
	bn->batch.numbers = (enum perf_bn_numbers)numbers;
	*reason = set_up(bn, spec, rank, n_ranks);
	if (*reason != NULL) {
		onednn_bn_free(bn);
		return NULL;
	}
	make_buffers(bn);
	give_all(bn);
	for (size_t i = 0; bn->backward && i < bn->n_inputs; i++)
		run_forward(bn, i); /* its statistics, and what relu leaves in the workspace */
	return bn;
}

void
onednn_bn_free(struct onednn_bn *bn)
{
	if (bn == NULL)
		return;
	take_back(bn->forward_arguments, bn->n_turns);
	take_back(bn->backward_arguments, bn->n_turns);
	dnnl_primitive_destroy(bn->backward_pass);
	dnnl_primitive_desc_destroy(bn->backward_desc);
	dnnl_primitive_destroy(bn->forward_pass);
	dnnl_primitive_desc_destroy(bn->forward_desc);
	if (bn->stream != NULL)
		dnnl_stream_destroy(bn->stream);
	if (bn->engine != NULL)
		dnnl_engine_destroy(bn->engine);
	for (int buffer = 0; buffer < BUFFERS; buffer++)
		free(bn->memory[buffer]);
	free(bn->scale_shift);
	free(bn->diff);
	free(bn->statistics);
	free(bn);
}

/* A call on the first buffer, and what it must give; ends without memory. */
static struct perf_bn_outputs
call_first(struct onednn_bn *bn, struct perf_bn_oracle *oracle)
{
	bn->next = 0;
	onednn_bn_call(bn);
	if (bn->backward)
		run_backward(bn, 0); /* a step's was another buffer's */
	if (perf_bn_oracle_make(&bn->batch, bn->first, bn->count, bn->backward, oracle) != 0)
		end_without_memory();
	if (bn->eval)
		perf_bn_oracle_eval(oracle);
	return (struct perf_bn_outputs){
		.first = bn->first,
		.count = bn->count,
		.y = bn->forward ? bn->memory[Y] : NULL,
		.dx = bn->memory[DX],
		.dgamma = bn->backward ? bn->diff : NULL,
		.dbeta = bn->backward ? bn->diff + bn->batch.channels : NULL,
	};
}

uint64_t
onednn_bn_wrong(struct onednn_bn *bn)
{
	struct perf_bn_oracle oracle;
	struct perf_bn_outputs results = call_first(bn, &oracle);
	uint64_t wrong = perf_bn_wrong(&oracle, &results);

	perf_bn_oracle_free(&oracle);
	return wrong;
}

void
onednn_bn_errors(struct onednn_bn *bn, double *errors)
{
	struct perf_bn_oracle oracle;
	struct perf_bn_outputs results = call_first(bn, &oracle);
	double *statistics = get_memory(2 * bn->batch.channels * sizeof(double));

	for (size_t i = 0; i < 2 * bn->batch.channels; i++)
		statistics[i] = (double)bn->statistics[i];
	perf_bn_errors_of(&oracle, &results, statistics, statistics + bn->batch.channels, errors);
	free(statistics);
	perf_bn_oracle_free(&oracle);
}
