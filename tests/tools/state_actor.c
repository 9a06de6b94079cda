/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of state files, through the public functions:
 *	state_actor save FORMAT NAMES PATH PREFIX...	1 safetensors, 2 npz; 1 torch, 2 MindSpore
 *	state_actor load FLAGS PATH PREFIX...
 * The layers are float32 with 3 channels, but those whose prefix begins with "d" float64. Channel c
 * of array i (in the order of syncbn_param_t) of layer l is 100 * l + 10 * i + c + 0.25, and
 * num_batches_tracked 7 + l. A load prints a line a layer: prefix, num_batches_tracked, values.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <syncbn/syncbn.h>

enum { C = 3, MAX_LAYERS = 8 };

static void
check(syncbn_status_t status)
{
	if (status == SYNCBN_OK)
		return;
	printf("%s: %s\n", syncbn_strerror(status), syncbn_last_error());
	exit(1);
}

static double
get(syncbn_state_layer_t *layer, int array, int c)
{
	void *values = syncbn_batch_norm_param(layer->bn, (syncbn_param_t)array);

	return layer->prefix[0] == 'd' ? ((double *)values)[c] : (double)((float *)values)[c];
}

static void
set(syncbn_state_layer_t *layer, int array, int c, double value)
{
	void *values = syncbn_batch_norm_param(layer->bn, (syncbn_param_t)array);

	if (layer->prefix[0] == 'd')
		((double *)values)[c] = value;
	else
		((float *)values)[c] = (float)value;
}

static void
make_layer(syncbn_group_t *world, syncbn_state_layer_t *layer, int l)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(C);

	if (layer->prefix[0] == 'd')
		config.dtype = SYNCBN_FLOAT64;
	check(syncbn_batch_norm_new(world, &config, &layer->bn));
	for (int i = SYNCBN_GAMMA; i <= SYNCBN_RUNNING_VAR; i++)
		for (int c = 0; c < C; c++)
			set(layer, i, c, 100 * l + 10 * i + c + 0.25);
	check(syncbn_batch_norm_set_batches_tracked(layer->bn, 7 + l));
}

static void
print_layer(syncbn_state_layer_t *layer)
{
	printf("%s %" PRId64, layer->prefix, syncbn_batch_norm_batches_tracked(layer->bn));
	for (int i = SYNCBN_GAMMA; i <= SYNCBN_RUNNING_VAR; i++)
		for (int c = 0; c < C; c++)
			printf(" %.17g", get(layer, i, c));
	printf("\n");
}

static syncbn_status_t
run(char **argv, syncbn_state_layer_t *layers, size_t n)
{
	if (strcmp(argv[1], "save") == 0)
		return syncbn_state_save(argv[4], (syncbn_state_format_t)atoi(argv[2]),
					 (syncbn_state_names_t)atoi(argv[3]), layers, n);
	return syncbn_state_load(argv[3], layers, n, (unsigned)atoi(argv[2]));
}

int
main(int argc, char **argv)
{
	const int saves = argc > 5 && strcmp(argv[1], "save") == 0, first = saves ? 5 : 4;
	syncbn_state_layer_t layers[MAX_LAYERS];
	syncbn_group_t *world;
	int n = argc - first;

	if (n < 1 || n > MAX_LAYERS)
		return 2;
	check(syncbn_init(NULL, &world));
	for (int l = 0; l < n; l++) {
		layers[l].prefix = argv[first + l];
		make_layer(world, &layers[l], saves ? l : 0);
	}
	check(run(argv, layers, (size_t)n));
	for (int l = 0; l < n; l++) {
		if (!saves)
			print_layer(&layers[l]);
		syncbn_batch_norm_free(layers[l].bn);
	}
	check(syncbn_finalize(world));
	return 0;
}
