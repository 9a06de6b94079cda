/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_BATCH_NORM_H
#define SYNCBN_BATCH_NORM_H

#include <stddef.h>
#include <stdint.h>

#include <syncbn/batch_norm_config.h>
#include <syncbn/group.h>
#include <syncbn/status.h>
#include <syncbn/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A batch norm layer, synchronized over the group it was made on. */
typedef struct syncbn_batch_norm syncbn_batch_norm_t;

/* What one forward pass leaves for its backward pass. */
typedef struct syncbn_saved syncbn_saved_t;

/*
 * Makes a layer, with arrays [C] of config->dtype that hold their initial values. Every rank of the
 * group makes its layers in the same order (the order gives a layer its identity) and with the same
 * config but for name, training and initial values; a difference is a MISMATCH at the layer's first
 * exchange. Nobody waits here. *bn belongs to the caller: syncbn_batch_norm_free.
 *
 * INVALID: a field breaks its rule (the detail names field, value and rule). NO_MEMORY.
 */
syncbn_status_t syncbn_batch_norm_new(syncbn_group_t *group,
				      const syncbn_batch_norm_config_t *config,
				      syncbn_batch_norm_t **bn);

/*
 * Frees the layer, not the memory that was bound to it. Its saved objects may be freed before or
 * after. Local. NULL does nothing.
 */
void syncbn_batch_norm_free(syncbn_batch_norm_t *bn);

/* The arrays of a layer: [C] of its dtype, float32 or float64. */
typedef enum syncbn_param {
	SYNCBN_GAMMA = 0,        /* torch: weight */
	SYNCBN_BETA = 1,         /* torch: bias */
	SYNCBN_RUNNING_MEAN = 2, /* MindSpore: moving_mean */
	SYNCBN_RUNNING_VAR = 3,  /* MindSpore: moving_variance */
	SYNCBN_DGAMMA = 4,
	SYNCBN_DBETA = 5
} syncbn_param_t;

/*
 * The array's memory, to read and write between calls; valid until the layer is freed or other
 * memory is bound. NULL where the layer has none (GAMMA and BETA with neither affine nor
 * fixed_affine, DGAMMA and DBETA without affine, RUNNING_MEAN and RUNNING_VAR without
 * track_running_stats) or bn is NULL. Local.
 */
void *syncbn_batch_norm_param(syncbn_batch_norm_t *bn, syncbn_param_t which);

/*
 * Lets the layer use the caller's memory, [C] of its dtype, for one of its arrays, with the values
 * that stand there (syncbn_batch_norm_reset writes the initial ones). The memory must outlive the
 * layer. NULL: the layer's own memory again, with the values it had. Local.
 *
 * INVALID: NULL layer, no such array, an unknown one, memory not aligned to its elements.
 */
syncbn_status_t syncbn_batch_norm_bind(syncbn_batch_norm_t *bn, syncbn_param_t which, void *memory);

/* Writes the initial values into all arrays, gradients 0, num_batches_tracked 0. Local. INVALID. */
syncbn_status_t syncbn_batch_norm_reset(syncbn_batch_norm_t *bn);

/*
 * Switches to training (not 0) or eval (0). Local; all ranks must be in the same mode: one in
 * training waits for one in eval until that one makes another call, ends, or the deadline comes.
 * INVALID.
 */
syncbn_status_t syncbn_batch_norm_train(syncbn_batch_norm_t *bn, int training);

/*
 * How many forwards the running statistics have recorded, torch's num_batches_tracked: those in
 * training, and with ALWAYS those in eval; with NEVER none. An empty batch counts, as in torch,
 * even if it is empty on all ranks and there is nothing to record: then CUMULATIVE weighs the
 * running statistics as of one batch more. 0 without track_running_stats, -1 for NULL. Local.
 */
int64_t syncbn_batch_norm_batches_tracked(const syncbn_batch_norm_t *bn);

/* Sets that number, as when a state is restored. Local. INVALID: n < 0, no running statistics. */
syncbn_status_t syncbn_batch_norm_set_batches_tracked(syncbn_batch_norm_t *bn, int64_t n);

/*
 * What the layer was made with, but for name and initializers, and the mode it is in; config begins
 * with one of the macros. Local. INVALID: NULL, another size.
 */
syncbn_status_t syncbn_batch_norm_get_config(const syncbn_batch_norm_t *bn,
					     syncbn_batch_norm_config_t *config);

/*
 * Makes room for what a forward pass of this layer leaves for its backward pass. One layer may
 * have several, so that several forwards can run before their backwards. *saved belongs to the
 * caller: syncbn_saved_free. Local. INVALID, NO_MEMORY.
 */
syncbn_status_t syncbn_saved_new(syncbn_batch_norm_t *bn, syncbn_saved_t **saved);

/* Frees it, before or after its layer. NULL does nothing. Local. */
void syncbn_saved_free(syncbn_saved_t *saved);

/* The statistics that the forward pass normalized with: float64 [C]; count over the group. */
typedef struct syncbn_statistics {
	const double *mean;   /* owned by saved, valid until its next use or free */
	const double *invstd; /* 1 / sqrt(var + eps), biased var; 0 where var + eps is 0; at most
				 FLT_MAX in a float32 layer */
	double count;         /* 0 where running statistics normalized, or no rank had a sample:
				 then the others are 0, too */
} syncbn_statistics_t;

/* Local. INVALID: nothing saved yet. */
syncbn_status_t syncbn_saved_statistics(const syncbn_saved_t *saved,
					syncbn_statistics_t *statistics);

/*
 * y = act((x - mean) / sqrt(var + eps) * gamma + beta [+ z]), per channel (Ioffe and Szegedy 2015,
 * algorithm 1), with mean and biased variance over the samples of all ranks, merged in rank order
 * by Chan, Golub and LeVeque (1983); equal bits on every rank. act is the layer's activation.
 * Updates the running statistics by the layer's rules. In eval the running statistics normalize
 * and nothing is exchanged. In a float32 layer 1 / sqrt(var + eps), and its product with gamma, are
 * at most FLT_MAX: where eps is 0 and the standard deviation below 3e-39, y is smaller than it
 * should be, and finite.
 *
 * x, z, y: one dtype (the layer's, or bfloat16 or float16 in a float32 layer) and shape, [N, C],
 * [N, C, L], [N, C, H, W] or [N, C, D, H, W], each in a layout of its own; N and the spatial sizes
 * may differ between ranks, the dtype may not, and N may be 0, also on all ranks: then this is OK
 * and the running statistics stay as they are. z: the residual that is added
 * before the activation; NULL: none. x and z must stay unchanged until the backward pass that uses
 * saved. saved: NULL when no backward follows.
 *
 * y may be z (same layout) when saved is NULL or there is no activation. y may be x (same layout)
 * when saved is NULL, and with saved where the backward pass can do without x:
 *	running statistics normalize without an activation: x is needed for dgamma only
 *	the layer can be undone (Bulo, Porzi and Kontschieder 2018, InPlaceABN): no gamma is 0, and
 *	there is no activation, or a leaky relu whose negative_slope is above 0. The backward pass
 *	computes xhat as (v - z - beta) / gamma, v from y: so y and z must stay unchanged until
 *	then, z must lie apart, and the gradients carry the rounding of y, times |y / gamma|
 * Otherwise they must not overlap. An empty batch has nothing to lose: it is not refused for this,
 * and a program that passes one must know that its peers are not, either.
 *
 * Collective while the batch is synchronized, else local. A rank that fails alone (INVALID before
 * the exchange) leaves its peers waiting for it, until it calls again or the deadline passes, and
 * its saved as it was.
 * INVALID: a shape, dtype or layout that does not fit, or y over an x or z that the backward pass
 * will need (before anything is exchanged), or one value per channel in the whole group (then the
 * running statistics are untouched and the group works on). TIMEOUT, MISMATCH, PEER_LOST: y and the
 * running statistics are undefined. NO_MEMORY.
 */
syncbn_status_t syncbn_batch_norm_forward(syncbn_batch_norm_t *bn, const syncbn_tensor_t *x,
					  const syncbn_tensor_t *z, const syncbn_tensor_t *y,
					  syncbn_saved_t *saved);

/* What a backward pass computes; or'ed together. */
#define SYNCBN_WANT_DX 1u
#define SYNCBN_WANT_DGAMMA 2u
#define SYNCBN_WANT_DBETA 4u
#define SYNCBN_WANT_ALL 7u
#define SYNCBN_ACCUMULATE 8u /* add to dgamma and dbeta instead of overwriting them */

/*
 * The gradients of the forward pass that filled saved, with g = dy where the activation let the
 * value through (negative_slope * dy, or 0, where not; recomputed from x and z):
 *	dz = g, dbeta = sum g, dgamma = sum g * xhat, where xhat = (x - mean) * invstd,
 *	dx = (g - mean(g) - xhat * mean(g * xhat)) * invstd * gamma
 * with the means over all ranks (torch.nn.SyncBatchNorm); dgamma and dbeta by param_grad_mode.
 * After a forward with running statistics dx = g * invstd * gamma.
 *
 * dy, dx, dz: dtype and shape of that x, each in a layout of its own. dx may be dy, and so may dz;
 * dx may be x, and dz may be z, where saved is not used for another backward; the same memory means
 * the same layout. dx may be NULL without WANT_DX. dz: NULL, or the gradient of the forward's z.
 * saved can be used again for another forward. gamma and beta must be those of the forward pass.
 * DGAMMA and DBETA without affine are left out.
 *
 * There is no gradient of these gradients: a framework that asks for double backward must be told
 * UNSUPPORTED.
 *
 * Collective if the forward was synchronized and dx is wanted (or the gradients are SUM or MEAN):
 * all ranks must want the same, of the same forward pass. INVALID: saved is of another layer or
 * empty; shapes; want holds none of the three, or an unknown bit; dz without a z; x is needed, y
 * was written over it, and the layer cannot be undone. TIMEOUT, MISMATCH, PEER_LOST: the gradients
 * are undefined. NO_MEMORY.
 */
syncbn_status_t syncbn_batch_norm_backward(syncbn_batch_norm_t *bn, syncbn_saved_t *saved,
					   const syncbn_tensor_t *dy, const syncbn_tensor_t *dx,
					   const syncbn_tensor_t *dz, unsigned want);

#ifdef __cplusplus
}
#endif
#endif
