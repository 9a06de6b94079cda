/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The networks: blocks of convolution or fully connected layer, batch norm, ReLU and pooling,
 * then one fully connected layer to the classes. All parameters lie in one buffer and their
 * gradients in another of the same layout, in the segment. They are averaged bucket by bucket,
 * each on its way while the layers below are still at work.
 */
#ifndef FM_MODEL_H
#define FM_MODEL_H

#include <stddef.h>
#include <stdint.h>
#include <syncbn/syncbn.h>

#include "fm_linear.h"
#include "fm_options.h"

enum { FM_BLOCKS = 3, FM_BUCKETS = FM_BLOCKS + 2 };

struct fm_block {
	struct fm_linear linear;
	int pools;
	float *weight, *dweight;
	float *gamma, *dgamma, *beta, *dbeta;
	float *running_mean, *running_var;
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	const float *input;
	float *mapped; /* what the linear layer gives and the batch norm takes */
	float *active; /* behind batch norm and ReLU */
	float *pooled; /* the output; without pooling the same as active */
};

/* A buffer that is laid out once to learn its size, and once more when it is there. */
struct fm_slab {
	char *base;
	size_t bytes;
};

struct fm_model {
	int batch; /* images there is room for */
	int n_blocks;
	struct fm_block blocks[FM_BLOCKS];
	struct fm_linear head;
	float *head_weight, *head_dweight, *head_bias, *head_dbias;
	float *features, *logits, *dlogits;
	float *input;    /* [batch, FM_PIXELS], to be filled before a forward pass */
	uint8_t *labels; /* [batch], the same */
	float *upper, *lower; /* gradients on their way down */
	float *scratch;
	float *velocity; /* [n_params], the optimizer's */
	float *loss; /* behind the gradients: its mean over the ranks costs no further exchange */
	size_t n_params;  /* floats in the parameters, and in the gradients without the loss */
	size_t n_decayed; /* the first of them: the weights, not gamma, beta and bias */
	struct fm_slab params, grads, running, work;
	syncbn_group_t *world;
	syncbn_arena_t *arena;
	syncbn_request_t *buckets[FM_BUCKETS]; /* on their way */
	int n_buckets;
};

/*
 * Builds the network and gives every rank the same parameters. world: whose ranks train
 * together; norms: over whose ranks the batch norms normalize. Collective over both.
 * fm_model_free in any case.
 */
syncbn_status_t fm_model_new(syncbn_group_t *world, syncbn_group_t *norms,
			     const struct fm_options *options, struct fm_model *model);
void fm_model_free(struct fm_model *model);

/* Switches the batch norms to training or evaluation. */
syncbn_status_t fm_model_mode(struct fm_model *model, int training);

/* input -> logits for the first n images; keeps what the backward pass needs if one follows. */
syncbn_status_t fm_model_forward(struct fm_model *model, int n, int backward_follows);

/*
 * dlogits -> all gradients, after a forward pass over the same n images, on their way to be
 * averaged over the ranks with the loss; fm_model_gather in any case.
 */
syncbn_status_t fm_model_backward(struct fm_model *model, int n);

/* Waits for the averages; gives the first failure. */
syncbn_status_t fm_model_gather(struct fm_model *model);

#endif
