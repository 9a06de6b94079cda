/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trains a small network on Fashion-MNIST, one process per domain, with batch norms that
 * synchronize over all of them:
 *
 *	syncbn-run -n 2 -- fashion_mnist --model conv --shards class
 *
 * and, when a rank fails, goes on from the last checkpoint:
 *
 *	syncbn-run -n 2 --max-restarts 3 -- fashion_mnist --checkpoint state --resume auto
 *
 * An ordinary user of the library: it knows the public headers and nothing else.
 */
#include <stdlib.h>
#include <syncbn/syncbn.h>

#include "fm_checkpoint.h"
#include "fm_data.h"
#include "fm_error.h"
#include "fm_evaluate.h"
#include "fm_json.h"
#include "fm_model.h"
#include "fm_options.h"
#include "fm_report.h"
#include "fm_train.h"

struct run {
	struct fm_options options;
	syncbn_group_t *world;
	syncbn_group_t *alone; /* this rank by itself, for --bn local */
	struct fm_data train_data, test_data;
	struct fm_model model;
	struct fm_results results;
};

static enum fm_exit
join(struct run *run)
{
	enum fm_exit code = fm_library("joining the run", syncbn_init(NULL, &run->world));

	if (code != FM_DONE)
		return code;
	run->results.world_size = syncbn_group_size(run->world);
	fm_error_set_rank(syncbn_group_rank(run->world), run->results.world_size);
	if (run->options.bn == FM_LOCAL)
		code = fm_library("making a group of one", syncbn_group_self(&run->alone));
	return code;
}

/* All that can be refused is refused here, before the work begins. */
static enum fm_exit
read_data(struct run *run)
{
	const struct fm_options *options = &run->options;
	struct fm_refusal refusal = { "" };

	fm_options_check(options, run->results.world_size, &refusal);
	if (syncbn_group_rank(run->world) == 0) {
		fm_json_probe(options->json, &refusal);
		fm_checkpoint_probe(options, &refusal);
	}
	fm_data_read(options->data, "train", FM_TRAIN_COUNT, &run->train_data, &refusal);
	fm_data_read(options->data, "t10k", FM_TEST_COUNT, &run->test_data, &refusal);
	return fm_agree(run->world, &refusal);
}

static syncbn_group_t *
norm_group(const struct run *run)
{
	return run->alone ? run->alone : run->world;
}

static enum fm_exit
build_model(struct run *run)
{
	return fm_library("building the model", fm_model_new(run->world, norm_group(run),
							     &run->options, &run->model));
}

static enum fm_exit
train(struct run *run)
{
	struct fm_results *results = &run->results;

	results->losses = calloc((size_t)run->options.steps, sizeof(*results->losses));
	results->checksums = calloc((size_t)results->world_size, sizeof(*results->checksums));
	if (!results->losses || !results->checksums)
		return fm_library("keeping the results", SYNCBN_ERR_NO_MEMORY);
	return fm_train(run->world, norm_group(run), &run->options, &run->train_data, &run->model,
			results);
}

static enum fm_exit
evaluate(struct run *run)
{
	return fm_library("evaluating", fm_evaluate(run->world, &run->options, &run->test_data,
						    &run->model, &run->results));
}

static enum fm_exit
report(const struct run *run)
{
	if (syncbn_group_rank(run->world) != 0)
		return FM_DONE;
	if (!run->options.quiet)
		fm_report_text(&run->options, &run->results);
	return run->options.json ? fm_json_write(&run->options, &run->results) : FM_DONE;
}

static enum fm_exit
finalize(struct run *run, enum fm_exit code)
{
	syncbn_status_t status;

	fm_model_free(&run->model);
	syncbn_group_free(run->alone);
	status = syncbn_finalize(run->world);
	fm_data_free(&run->train_data);
	fm_data_free(&run->test_data);
	free(run->results.losses);
	free(run->results.checksums);
	return code == FM_DONE ? fm_library("leaving the run", status) : code;
}

int
main(int argc, char **argv)
{
	struct run run = { .world = NULL };
	enum fm_exit code = fm_options_parse(argc, argv, &run.options);

	if (code != FM_DONE || run.options.help)
		return code;
	code = join(&run);
	if (code == FM_DONE)
		code = read_data(&run);
	if (code == FM_DONE)
		code = build_model(&run);
	if (code == FM_DONE)
		code = train(&run);
	if (code == FM_DONE)
		code = evaluate(&run);
	if (code == FM_DONE)
		code = report(&run);
	return finalize(&run, code);
}
