/* SPDX-License-Identifier: Apache-2.0 */
#include "fm_checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fm_file.h"
#include "fm_hash.h"

static const char advice[] = "give --checkpoint a directory that can be written and has room";
static const char remove_advice[] = "remove the directory's files, or give another one";

/* What the bits of a training depend on. */
struct identity {
	int64_t model, bn, shards, steps, batch, as_ranks, seed, world_size;
	double lr;
};

static const char *const identity_words[] = { "--model", "--bn", "--shards", "--steps", "--batch",
					      "--as-ranks", "--seed", "number of ranks", "--lr" };

/* The first bytes of step-N-training; parameters, velocity and losses follow. */
struct head {
	char magic[8];
	uint64_t step, n_params;
	uint64_t checksum; /* of all that follows this word */
	struct identity identity;
};

static const char magic[8] = "fmnist-1";

static struct identity
identity_of(const struct fm_options *options, int world_size)
{
	return (struct identity){ options->model, options->bn, options->shards, options->steps,
				  options->batch, options->as_ranks, options->seed, world_size,
				  options->lr };
}

/* ---- names ---- */

static void
name_latest(char path[PATH_MAX], const char *directory)
{
	snprintf(path, PATH_MAX, "%s/latest", directory);
}

static void
name_training(char path[PATH_MAX], const char *directory, long step)
{
	snprintf(path, PATH_MAX, "%s/step-%ld-training", directory, step);
}

/* rank: -1 when all ranks have the same. */
static void
name_norms(char path[PATH_MAX], const char *directory, long step, int rank)
{
	if (rank < 0)
		snprintf(path, PATH_MAX, "%s/step-%ld-bn.safetensors", directory, step);
	else
		snprintf(path, PATH_MAX, "%s/step-%ld-bn-rank-%d.safetensors", directory, step,
			 rank);
}

static int
norms_rank(syncbn_group_t *world, const struct fm_options *options)
{
	return options->bn == FM_LOCAL ? syncbn_group_rank(world) : -1;
}

void
fm_checkpoint_probe(const struct fm_options *options, struct fm_refusal *refusal)
{
	const char *directory = options->checkpoint;
	struct fm_file file;
	char path[PATH_MAX];

	if (!directory || refusal->text[0])
		return;
	name_latest(path, directory);
	if (!options->resume && access(path, F_OK) == 0) {
		fm_refuse(refusal, "%s: has a checkpoint already: give --resume auto to go on from "
				   "it, or another directory", directory);
		return;
	}
	if (strlen(directory) > PATH_MAX - 64)
		errno = ENAMETOOLONG;
	else if ((mkdir(directory, 0777) == 0 || errno == EEXIST) &&
		 fm_file_begin(path, &file) == 0) {
		fm_file_discard(&file);
		return;
	}
	fm_refuse(refusal, "%s: %s: %s", directory, strerror(errno), advice);
}

/* ---- the batch norms ---- */

static size_t
list_layers(const struct fm_model *model, syncbn_state_layer_t layers[FM_BLOCKS])
{
	static const char *const prefixes[FM_BLOCKS] = { "bn1.", "bn2.", "bn3." };

	for (int i = 0; i < model->n_blocks; i++)
		layers[i] = (syncbn_state_layer_t){ model->blocks[i].bn, prefixes[i] };
	return (size_t)model->n_blocks;
}

static void
save_norms(const char *path, const struct fm_model *model, struct fm_refusal *refusal)
{
	syncbn_state_layer_t layers[FM_BLOCKS];
	size_t n = list_layers(model, layers);

	if (syncbn_state_save(path, SYNCBN_STATE_SAFETENSORS, SYNCBN_STATE_TORCH, layers, n) !=
	    SYNCBN_OK)
		fm_refuse(refusal, "%s: %s", syncbn_last_error(), advice);
}

static void
load_norms(const char *path, struct fm_model *model, struct fm_refusal *refusal)
{
	syncbn_state_layer_t layers[FM_BLOCKS];
	size_t n = list_layers(model, layers);

	if (syncbn_state_load(path, layers, n, 0) != SYNCBN_OK)
		fm_refuse(refusal, "%s: %s", syncbn_last_error(), remove_advice);
}

/* ---- all else ---- */

static uint64_t
checksum(const struct head *head, const float *params, const float *velocity, const double *losses)
{
	uint64_t sum = fm_hash(FM_HASH_START, &head->identity, sizeof(head->identity));

	sum = fm_hash(sum, params, head->n_params * sizeof(*params));
	sum = fm_hash(sum, velocity, head->n_params * sizeof(*velocity));
	return fm_hash(sum, losses, head->step * sizeof(*losses));
}

static void
save_training(const char *path, struct head *head, const struct fm_model *model,
	      const double *losses, struct fm_refusal *refusal)
{
	const float *params = (const float *)(const void *)model->params.base;
	struct fm_file file;

	head->checksum = checksum(head, params, model->velocity, losses);
	if (fm_file_begin(path, &file) == 0) {
		/* what fails shows at the end */
		fwrite(head, sizeof(*head), 1, file.stream);
		fwrite(params, sizeof(*params), head->n_params, file.stream);
		fwrite(model->velocity, sizeof(*model->velocity), head->n_params, file.stream);
		fwrite(losses, sizeof(*losses), head->step, file.stream);
		if (fm_file_finish(&file) == 0)
			return;
	}
	fm_refuse(refusal, "%s: %s: %s", path, strerror(errno), advice);
}

/* The word of what differs between two trainings, or NULL. */
static const char *
difference(const struct identity *one, const struct identity *other)
{
	const int64_t *a = &one->model, *b = &other->model;
	int i = 0;

	while (i < 8 && a[i] == b[i])
		i++;
	return i < 8 || one->lr != other->lr ? identity_words[i] : NULL;
}

static int
read_whole(FILE *stream, const struct head *head, struct fm_model *model, double *losses)
{
	float *params = (float *)(void *)model->params.base;

	return fread(params, sizeof(*params), head->n_params, stream) == head->n_params &&
	       fread(model->velocity, sizeof(*model->velocity), head->n_params, stream) ==
		       head->n_params &&
	       fread(losses, sizeof(*losses), head->step, stream) == head->step &&
	       fgetc(stream) == EOF && !ferror(stream) &&
	       checksum(head, params, model->velocity, losses) == head->checksum;
}

static void
load_training(const char *path, const struct head *wanted, struct fm_model *model, double *losses,
	      struct fm_refusal *refusal)
{
	struct head head = { "", 0, 0, 0, { 0 } };
	FILE *stream = fopen(path, "re");
	const char *differs;

	if (!stream) {
		fm_refuse(refusal, "%s: %s: %s", path, strerror(errno), remove_advice);
		return;
	}
	if (fread(&head, sizeof(head), 1, stream) != 1 ||
	    memcmp(head.magic, magic, sizeof(magic)) != 0)
		fm_refuse(refusal, "%s: no checkpoint of this program: %s", path, remove_advice);
	else if ((differs = difference(&head.identity, &wanted->identity)))
		fm_refuse(refusal, "%s: of a training with another %s: give the same, or another "
				   "directory", path, differs);
	else if (head.step != wanted->step || head.n_params != wanted->n_params ||
		 !read_whole(stream, &head, model, losses))
		fm_refuse(refusal, "%s: damaged: %s", path, remove_advice);
	fclose(stream);
}

/* ---- the whole ---- */

/* The step that `latest` names; 0: there is none. */
static long
read_latest(const struct fm_options *options, struct fm_refusal *refusal)
{
	char path[PATH_MAX];
	FILE *stream;
	long step = 0;

	name_latest(path, options->checkpoint);
	stream = fopen(path, "re");
	if (!stream && errno == ENOENT)
		return 0;
	if (!stream)
		fm_refuse(refusal, "%s: %s: %s", path, strerror(errno), remove_advice);
	else if (fscanf(stream, "%ld", &step) != 1 || step < 1 || step > options->steps)
		fm_refuse(refusal, "%s: names no step from 1 to %ld: give the same --steps, or "
				   "another directory", path, options->steps);
	if (stream)
		fclose(stream);
	return refusal->text[0] ? 0 : step;
}

static void
write_latest(const char *directory, long step, struct fm_refusal *refusal)
{
	struct fm_file file;
	char path[PATH_MAX];

	name_latest(path, directory);
	if (fm_file_begin(path, &file) == 0) {
		fprintf(file.stream, "%ld\n", step);
		if (fm_file_finish(&file) == 0)
			return;
	}
	fm_refuse(refusal, "%s: %s: %s", path, strerror(errno), advice);
}

static struct head
head_of(syncbn_group_t *world, const struct fm_options *options, const struct fm_model *model,
	long step)
{
	struct head head = { .step = (uint64_t)step, .n_params = model->n_params };

	memcpy(head.magic, magic, sizeof(magic));
	head.identity = identity_of(options, syncbn_group_size(world));
	return head;
}

enum fm_exit
fm_checkpoint_load(syncbn_group_t *world, const struct fm_options *options,
		   struct fm_model *model, struct fm_results *results, long *step)
{
	struct fm_refusal refusal = { "" };
	struct head wanted;
	char path[PATH_MAX];

	*step = 0;
	if (!options->checkpoint || !options->resume)
		return FM_DONE;
	*step = read_latest(options, &refusal);
	if (*step) {
		wanted = head_of(world, options, model, *step);
		name_training(path, options->checkpoint, *step);
		load_training(path, &wanted, model, results->losses, &refusal);
	}
	if (*step && !refusal.text[0]) {
		name_norms(path, options->checkpoint, *step, norms_rank(world, options));
		load_norms(path, model, &refusal);
	}
	return fm_agree(world, &refusal);
}

/* What the latest checkpoint before this one has left, in which nobody is interested any more. */
static void
remove_step(syncbn_group_t *world, const struct fm_options *options, long step)
{
	char path[PATH_MAX];

	name_norms(path, options->checkpoint, step, norms_rank(world, options));
	unlink(path);
	name_training(path, options->checkpoint, step);
	if (syncbn_group_rank(world) == 0)
		unlink(path);
}

enum fm_exit
fm_checkpoint_save(syncbn_group_t *world, const struct fm_options *options,
		   const struct fm_model *model, const struct fm_results *results, long step)
{
	struct head head = head_of(world, options, model, step);
	struct fm_refusal refusal = { "" }, unread = { "" };
	int first = syncbn_group_rank(world) == 0;
	long before = read_latest(options, &unread);
	char path[PATH_MAX];
	enum fm_exit code;

	name_norms(path, options->checkpoint, step, norms_rank(world, options));
	if (first || options->bn == FM_LOCAL)
		save_norms(path, model, &refusal);
	name_training(path, options->checkpoint, step);
	if (first && !refusal.text[0])
		save_training(path, &head, model, results->losses, &refusal);
	code = fm_agree(world, &refusal); /* all has been written before `latest` names it */
	if (code != FM_DONE)
		return code;
	if (first)
		write_latest(options->checkpoint, step, &refusal);
	code = fm_agree(world, &refusal);
	if (code == FM_DONE && before && before != step)
		remove_step(world, options, before);
	return code;
}
