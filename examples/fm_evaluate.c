/* SPDX-License-Identifier: Apache-2.0 */
#include "fm_evaluate.h"

#include <stdlib.h>
#include <string.h>

#include "fm_hash.h"
#include "fm_layers.h"

static uint64_t
hash(uint64_t so_far, const float *values, int n)
{
	return fm_hash(so_far, values, (size_t)n * sizeof(*values));
}

static uint64_t
checksum(const struct fm_model *model)
{
	uint64_t sum = FM_HASH_START;

	for (int i = 0; i < model->n_blocks; i++) {
		const struct fm_block *block = &model->blocks[i];

		sum = hash(sum, block->gamma, block->linear.out);
		sum = hash(sum, block->beta, block->linear.out);
		sum = hash(sum, block->running_mean, block->linear.out);
		sum = hash(sum, block->running_var, block->linear.out);
	}
	return sum;
}

static syncbn_status_t
gather_checksums(syncbn_group_t *world, const struct fm_model *model, struct fm_results *results)
{
	syncbn_status_t status = SYNCBN_OK;

	results->checksums[syncbn_group_rank(world)] = checksum(model);
	for (int root = 0; root < results->world_size && status == SYNCBN_OK; root++)
		status = syncbn_broadcast(world, &results->checksums[root],
					  sizeof(results->checksums[root]), root);
	return status;
}

/* Classifies n test images from `first` on; adds the correct ones. */
static syncbn_status_t
test_batch(const struct fm_data *test, size_t first, int n, struct fm_model *model, double *correct)
{
	syncbn_status_t status;

	for (int i = 0; i < n; i++)
		fm_data_image(test, first + (size_t)i, model->input + i * FM_PIXELS);
	status = fm_model_forward(model, n, 0);
	if (status == SYNCBN_OK)
		*correct += fm_correct(n, model->logits, test->labels + first);
	return status;
}

static syncbn_status_t
test_all(syncbn_group_t *world, const struct fm_data *test, struct fm_model *model,
	 double *accuracy)
{
	size_t first, count, batch = (size_t)model->batch;
	double correct = 0;
	syncbn_status_t status = syncbn_shard(world, test->count, &first, &count);

	while (count && status == SYNCBN_OK) {
		size_t n = count < batch ? count : batch;

		status = test_batch(test, first, (int)n, model, &correct);
		first += n;
		count -= n;
	}
	if (status == SYNCBN_OK)
		status = syncbn_all_reduce(world, &correct, 1, SYNCBN_FLOAT64, SYNCBN_SUM);
	*accuracy = correct / (double)test->count;
	return status;
}

/* With rank 0's running statistics, then with the average of all; own: room to keep this rank's. */
static syncbn_status_t
test_twice(syncbn_group_t *world, const struct fm_data *test, struct fm_model *model, void *own,
	   struct fm_results *results)
{
	struct fm_slab *running = &model->running;
	syncbn_status_t status;

	memcpy(own, running->base, running->bytes);
	status = syncbn_broadcast(world, running->base, running->bytes, 0);
	if (status == SYNCBN_OK)
		status = test_all(world, test, model, &results->accuracy_rank0);
	if (status != SYNCBN_OK)
		return status;
	memcpy(running->base, own, running->bytes);
	status = syncbn_all_reduce(world, running->base, running->bytes / sizeof(float),
				   SYNCBN_FLOAT32, SYNCBN_MEAN);
	if (status == SYNCBN_OK)
		status = test_all(world, test, model, &results->accuracy_average);
	results->accuracy = results->accuracy_rank0 > results->accuracy_average ?
			    results->accuracy_rank0 : results->accuracy_average;
	return status;
}

syncbn_status_t
fm_evaluate(syncbn_group_t *world, const struct fm_options *options, const struct fm_data *test,
	    struct fm_model *model, struct fm_results *results)
{
	syncbn_status_t status = gather_checksums(world, model, results);
	void *own;

	if (status == SYNCBN_OK)
		status = fm_model_mode(model, 0);
	if (status != SYNCBN_OK)
		return status;
	if (options->bn == FM_SYNC) {
		status = test_all(world, test, model, &results->accuracy);
		results->accuracy_rank0 = results->accuracy_average = results->accuracy;
		return status;
	}
	own = malloc(model->running.bytes);
	if (!own)
		return SYNCBN_ERR_NO_MEMORY;
	status = test_twice(world, test, model, own, results);
	free(own);
	return status;
}
