/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rank that trains, and on which a fault comes in an exact phase of its work:
 *
 *	actor PHASE FAULT RANK DIR	trains; on rank RANK the fault comes in that phase
 *	actor verify FILE		whether a checkpoint is whole
 *
 * Phases are reached by hooks in this program alone: its copy of the table of kernels, and the
 * linker's --wrap around functions of the library (see hooks.c). No sleeps.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <syncbn/syncbn.h>

#include "faults/hooks.h"
#include "faults/stage.h"

enum { CHANNELS = 64, SIDE = 6, BATCH = 4, STEPS = 5, MEMORY = 64 << 20 };

static struct stage *stage;
static const char *fault;
static bool chosen; /* this is the rank on which it comes */

/* ---- the fault ---- */

static volatile unsigned long turns;
static volatile int *volatile nowhere;

/* What a program does that cannot go on without the memory: it aborts, as C++ does. */
static void
run_out_of_memory(void)
{
	struct rlimit limit = { MEMORY, MEMORY };

	setrlimit(RLIMIT_AS, &limit);
	while (malloc(1 << 16) != NULL)
		turns++;
	abort();
}

static void
come_to_harm(void)
{
	if (strcmp(fault, "exit") == 0)
		_exit(3);
	if (strcmp(fault, "segv") == 0)
		*nowhere = 0;
	if (strcmp(fault, "kill") == 0)
		raise(SIGKILL);
	if (strcmp(fault, "memory") == 0)
		run_out_of_memory();
	while (strcmp(fault, "loop") == 0)
		turns++;
}

void
reached(enum phase phase)
{
	if (!chosen || phase != hooks_phase || atomic_load(&stage->arrived))
		return;
	stage_set(&stage->arrived, 1);
	while (!stage_await(&stage->go, 1000))
		continue; /* the launcher ends a run whose driver has given up */
	come_to_harm();
}

/* ---- the training ---- */

struct model {
	syncbn_group_t *world;
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	syncbn_arena_t *arena;
	float *gradients;
	float x[BATCH * CHANNELS * SIDE * SIDE], y[BATCH * CHANNELS * SIDE * SIDE];
	syncbn_state_layer_t layer;
	char path[4096];
};

static void
check(syncbn_status_t status)
{
	if (status == SYNCBN_OK)
		return;
	fprintf(stderr, "actor: %s: %s\n", syncbn_strerror(status), syncbn_last_error());
	exit(STAGE_TOLD);
}

static void
save(const struct model *model)
{
	check(syncbn_state_save(model->path, SYNCBN_STATE_SAFETENSORS, SYNCBN_STATE_TORCH,
				&model->layer, 1));
}

static void
train(struct model *model)
{
	syncbn_tensor_t x = syncbn_tensor_nchw(model->x, BATCH, CHANNELS, SIDE, SIDE);
	syncbn_tensor_t y = syncbn_tensor_nchw(model->y, BATCH, CHANNELS, SIDE, SIDE);
	syncbn_request_t *request;

	check(syncbn_batch_norm_forward(model->bn, &x, NULL, &y, model->saved));
	check(syncbn_batch_norm_backward(model->bn, model->saved, &y, &x, NULL, SYNCBN_WANT_ALL));
	check(syncbn_all_reduce_begin(model->world, model->gradients, CHANNELS, SYNCBN_FLOAT32,
				      SYNCBN_MEAN, &request));
	check(syncbn_all_reduce_end(&request));
	save(model);
	check(syncbn_barrier(model->world));
}

static void
make(struct model *model, const char *dir, const char *rank)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(CHANNELS);

	check(syncbn_init(NULL, &model->world));
	check(syncbn_batch_norm_new(model->world, &config, &model->bn));
	check(syncbn_saved_new(model->bn, &model->saved));
	check(syncbn_arena_new(model->world, 65536, &model->arena));
	model->gradients = syncbn_arena_alloc(model->arena, CHANNELS * sizeof(float));
	model->layer = (syncbn_state_layer_t){ model->bn, "bn." };
	snprintf(model->path, sizeof(model->path), "%s/rank-%s.safetensors", dir, rank);
	for (size_t i = 0; i < sizeof(model->x) / sizeof(model->x[0]); i++)
		model->x[i] = (float)(i % 7);
}

static void
meet_on_stage(int rank, int n_ranks)
{
	stage = stage_open(getenv("FAULT_STAGE"));
	stage_set(&stage->pid[rank], getpid());
	for (int other = 0; other < n_ranks; other++)
		while (!stage_await(&stage->pid[other], 1000))
			continue;
}

static int
play(char **argv)
{
	static struct model model;
	const char *rank = getenv("RANK"), *n_ranks = getenv("WORLD_SIZE");

	hooks_phase = hooks_phase_of(argv[1]);
	fault = argv[2];
	chosen = strcmp(argv[3], rank) == 0;
	meet_on_stage(atoi(rank), atoi(n_ranks));
	reached(START);
	make(&model, argv[4], rank);
	for (int step = 0; step < STEPS; step++) {
		hooks_armed = step == STEPS / 2; /* in the midst of it */
		train(&model);
	}
	syncbn_saved_free(model.saved);
	syncbn_batch_norm_free(model.bn);
	syncbn_arena_free(model.arena);
	check(syncbn_finalize(model.world));
	reached(EXIT);
	return 0;
}

static int
verify(const char *path)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(CHANNELS);
	syncbn_state_layer_t layer = { .prefix = "bn." };
	syncbn_group_t *world;

	check(syncbn_init(NULL, &world));
	check(syncbn_batch_norm_new(world, &config, &layer.bn));
	check(syncbn_state_load(path, &layer, 1, 0));
	syncbn_batch_norm_free(layer.bn);
	check(syncbn_finalize(world));
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "verify") == 0)
		return verify(argv[2]);
	return argc == 5 ? play(argv) : 2;
}
