/* SPDX-License-Identifier: Apache-2.0 */
/* A world and one small layer, for tests of what ends a call. Include after <cmocka.h>. */
#ifndef SBN_TESTS_RANKS_SMALL_LAYER_H
#define SBN_TESTS_RANKS_SMALL_LAYER_H

#include "harness.h"

enum { CHANNELS = 8, ROWS = 4 };

struct layer {
	syncbn_group_t *world;
	syncbn_batch_norm_t *bn;
	float x[ROWS * CHANNELS], y[ROWS * CHANNELS];
};

static inline int
open_layer(struct layer *layer, const char *name, int64_t channels, int timeout_ms)
{
	syncbn_config_t config = SYNCBN_CONFIG;
	syncbn_batch_norm_config_t bn = SYNCBN_BATCH_NORM_TORCH(channels);

	config.threads = 1;
	config.timeout_ms = timeout_ms;
	bn.name = name;
	for (int i = 0; i < ROWS * CHANNELS; i++)
		layer->x[i] = (float)(i % 5);
	EXPECT(syncbn_init(&config, &layer->world) == SYNCBN_OK);
	EXPECT(syncbn_batch_norm_new(layer->world, &bn, &layer->bn) == SYNCBN_OK);
	return 0;
}

static inline syncbn_status_t
forward_rows(struct layer *layer, int64_t rows, int64_t channels)
{
	syncbn_tensor_t x = syncbn_tensor_nc(layer->x, rows, channels);
	syncbn_tensor_t y = syncbn_tensor_nc(layer->y, rows, channels);

	return syncbn_batch_norm_forward(layer->bn, &x, NULL, &y, NULL);
}

static inline syncbn_status_t
forward(struct layer *layer)
{
	return forward_rows(layer, ROWS, CHANNELS);
}

static inline int
close_layer(struct layer *layer)
{
	syncbn_batch_norm_free(layer->bn);
	EXPECT(syncbn_finalize(layer->world) == SYNCBN_OK);
	return 0;
}

#endif
