/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest complete program: one synchronized batch norm, forward and backward, and an
 * all-reduce of its gradients. Each rank brings other data and another batch size.
 *
 *	build/tools/syncbn-run -n 2 -- build/examples/smallest
 */
#include <stdio.h>
#include <stdlib.h>

#include <syncbn/syncbn.h>

enum { CHANNELS = 3, HEIGHT = 8, WIDTH = 8 };

static void
check(syncbn_status_t status)
{
	if (status == SYNCBN_OK)
		return;
	fprintf(stderr, "smallest: %s: %s\n", syncbn_strerror(status), syncbn_last_error());
	exit(1); /* without syncbn_finalize: the other ranks are told that this one is lost */
}

int
main(void)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(CHANNELS);
	syncbn_group_t *world;
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	syncbn_statistics_t statistics;

	check(syncbn_init(NULL, &world));
	check(syncbn_batch_norm_new(world, &config, &bn));
	check(syncbn_saved_new(bn, &saved));

	int rank = syncbn_group_rank(world);
	int n = 4 + rank;
	size_t elements = (size_t)n * CHANNELS * HEIGHT * WIDTH;
	float *data = syncbn_alloc(4 * elements * sizeof(float));

	if (data == NULL)
		return 1;
	for (size_t i = 0; i < 2 * elements; i++)
		data[i] = (float)(rank + 1) * (float)(i % 17);

	syncbn_tensor_t x = syncbn_tensor_nchw(data, n, CHANNELS, HEIGHT, WIDTH);
	syncbn_tensor_t dy = syncbn_tensor_nchw(data + elements, n, CHANNELS, HEIGHT, WIDTH);
	syncbn_tensor_t y = syncbn_tensor_nchw(data + 2 * elements, n, CHANNELS, HEIGHT, WIDTH);
	syncbn_tensor_t dx = syncbn_tensor_nchw(data + 3 * elements, n, CHANNELS, HEIGHT, WIDTH);
	float *dgamma = syncbn_batch_norm_param(bn, SYNCBN_DGAMMA);

	check(syncbn_batch_norm_forward(bn, &x, NULL, &y, saved));
	check(syncbn_batch_norm_backward(bn, saved, &dy, &dx, NULL, SYNCBN_WANT_ALL));
	check(syncbn_all_reduce(world, dgamma, CHANNELS, SYNCBN_FLOAT32, SYNCBN_MEAN));
	check(syncbn_saved_statistics(saved, &statistics));
	printf("rank %d of %d: mean %.6f over %.0f samples, dgamma %.4f\n", rank,
	       syncbn_group_size(world), statistics.mean[0], statistics.count, (double)dgamma[0]);

	syncbn_free(data);
	syncbn_saved_free(saved);
	syncbn_batch_norm_free(bn);
	check(syncbn_finalize(world));
	return 0;
}
