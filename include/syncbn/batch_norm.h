/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_BATCH_NORM_H
#define SYNCBN_BATCH_NORM_H

#include <stddef.h>
#include <stdint.h>

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

/* How momentum m weighs the batch against the running statistics. */
typedef enum syncbn_momentum_rule {
	SYNCBN_MOMENTUM_NEW = 1,       /* running = (1 - m) * running + m * batch: torch */
	SYNCBN_MOMENTUM_OLD = 2,       /* running = m * running + (1 - m) * batch: MindSpore */
	SYNCBN_MOMENTUM_CUMULATIVE = 3 /* the average of all batches: torch's momentum=None */
} syncbn_momentum_rule_t;

/* Which statistics normalize. */
typedef enum syncbn_use_batch_statistics {
	SYNCBN_BATCH_STATISTICS_BY_MODE = 1, /* the batch's in training, the running ones else */
	SYNCBN_BATCH_STATISTICS_ALWAYS = 2,  /* the batch's, as in training, in eval too */
	SYNCBN_BATCH_STATISTICS_NEVER = 3    /* the running ones, in training too: frozen */
} syncbn_use_batch_statistics_t;

/* Which variance the running variance records; N is the count over the whole group. */
typedef enum syncbn_var_mode {
	SYNCBN_VAR_UNBIASED_GLOBAL = 1, /* m2 / (N - 1): torch, mindspore.mint */
	SYNCBN_VAR_BIASED = 2           /* m2 / N: mindspore.nn on CPU and GPU, ONNX */
} syncbn_var_mode_t;

/* What dgamma and dbeta hold after a backward pass. */
typedef enum syncbn_param_grad_mode {
	SYNCBN_PARAM_GRAD_LOCAL = 1, /* this rank's sums: torch; an all-reduce follows */
	SYNCBN_PARAM_GRAD_SUM = 2,   /* the group's sums */
	SYNCBN_PARAM_GRAD_MEAN = 3   /* the group's sums over its size: mindspore.nn */
} syncbn_param_grad_mode_t;

/* Begin with SYNCBN_BATCH_NORM_TORCH(c) or _MINDSPORE(c), then change what differs. */
typedef struct syncbn_batch_norm_config {
	size_t size;          /* sizeof(syncbn_batch_norm_config_t) */
	const char *name;     /* for errors and profiles; copied, cut at 47 bytes; NULL: "bn1".. */
	int64_t num_features; /* C, 1 to 16 777 215 */
	double eps;           /* added to the variance; finite, >= 0 */
	double momentum;      /* 0 to 1; not used by CUMULATIVE */
	syncbn_momentum_rule_t momentum_rule;
	int affine;              /* 0: gamma stays 1 and beta 0, without gradients */
	int track_running_stats; /* 0: no running statistics; eval uses the local batch's */
	syncbn_use_batch_statistics_t use_batch_statistics;
	syncbn_var_mode_t var_mode;
	syncbn_param_grad_mode_t param_grad_mode;
	int training;   /* the mode the layer starts in */
	int only_2d_4d; /* 1: refuse all but (N, C) and (N, C, H, W), as mindspore.nn does */
} syncbn_batch_norm_config_t;

/* torch.nn.SyncBatchNorm(c): its defaults and policies. */
/* clang-format off */
#define SYNCBN_BATCH_NORM_TORCH(c)                                                                 \
	{ sizeof(syncbn_batch_norm_config_t), NULL, (c), 1e-5, 0.1, SYNCBN_MOMENTUM_NEW, 1, 1,     \
	  SYNCBN_BATCH_STATISTICS_BY_MODE, SYNCBN_VAR_UNBIASED_GLOBAL, SYNCBN_PARAM_GRAD_LOCAL,    \
	  1, 0 }

/* mindspore.nn.SyncBatchNorm(c): its defaults and policies; starts in eval, as its cells do. */
#define SYNCBN_BATCH_NORM_MINDSPORE(c)                                                             \
	{ sizeof(syncbn_batch_norm_config_t), NULL, (c), 1e-5, 0.9, SYNCBN_MOMENTUM_OLD, 1, 1,     \
	  SYNCBN_BATCH_STATISTICS_BY_MODE, SYNCBN_VAR_BIASED, SYNCBN_PARAM_GRAD_MEAN, 0, 1 }
/* clang-format on */

/*
 * Makes a layer: gamma 1, beta 0, running mean 0, running variance 1, all float32 [C].
 * Every rank of the group makes its layers in the same order (the order gives a layer its
 * identity) and with the same config but for name and training; a difference is a MISMATCH at the
 * layer's first exchange. Nobody waits here. *bn belongs to the caller: syncbn_batch_norm_free.
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

/* The float32 [C] arrays of a layer. */
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
 * memory is bound. NULL where the layer has none (GAMMA, BETA, DGAMMA, DBETA without affine,
 * RUNNING_MEAN, RUNNING_VAR without track_running_stats) or bn is NULL. Local.
 */
float *syncbn_batch_norm_param(syncbn_batch_norm_t *bn, syncbn_param_t which);

/*
 * Lets the layer use the caller's memory, float32 [C], for one of its arrays, with the values
 * that stand there (syncbn_batch_norm_reset writes the initial ones). The memory must outlive the
 * layer. NULL: the layer's own memory again, with the values it had. Local.
 *
 * INVALID: the layer has no such array.
 */
syncbn_status_t syncbn_batch_norm_bind(syncbn_batch_norm_t *bn, syncbn_param_t which,
				       float *memory);

/* Writes the initial values into all arrays, gradients 0, num_batches_tracked 0. Local. INVALID. */
syncbn_status_t syncbn_batch_norm_reset(syncbn_batch_norm_t *bn);

/* Switches to training (not 0) or eval (0). Local; all ranks must be in the same mode. INVALID. */
syncbn_status_t syncbn_batch_norm_train(syncbn_batch_norm_t *bn, int training);

/*
 * How many forwards the running statistics have recorded, torch's num_batches_tracked: those in
 * training, and with ALWAYS those in eval. 0 without track_running_stats, -1 for NULL. Local.
 */
int64_t syncbn_batch_norm_batches_tracked(const syncbn_batch_norm_t *bn);

/*
 * Makes room for what a forward pass of this layer leaves for its backward pass. One layer may
 * have several, so that several forwards can run before their backwards. *saved belongs to the
 * caller: syncbn_saved_free. Local. INVALID, NO_MEMORY.
 */
syncbn_status_t syncbn_saved_new(syncbn_batch_norm_t *bn, syncbn_saved_t **saved);
void syncbn_saved_free(syncbn_saved_t *saved);

/* The statistics that the forward pass normalized with: float64 [C]; count over the group. */
typedef struct syncbn_statistics {
	const double *mean;   /* owned by saved, valid until its next use or free */
	const double *invstd; /* 1 / sqrt(var + eps), biased var; 0 where var + eps is 0 */
	double count;         /* 0 where running statistics normalized */
} syncbn_statistics_t;

/* Local. INVALID: nothing saved yet. */
syncbn_status_t syncbn_saved_statistics(const syncbn_saved_t *saved,
					syncbn_statistics_t *statistics);

/*
 * y = (x - mean) / sqrt(var + eps) * gamma + beta, per channel (Ioffe and Szegedy 2015, algorithm
 * 1), with mean and biased variance over the samples of all ranks, merged in rank order by Chan,
 * Golub and LeVeque (1983); equal bits on every rank. Updates the running statistics by the
 * layer's rules. In eval the running statistics normalize and nothing is exchanged.
 *
 * x, y: float32, [N, C], [N, C, L], [N, C, H, W] or [N, C, D, H, W], same shape; N and the spatial
 * sizes may differ between ranks, and N may be 0. y may be x when saved is NULL; else they must
 * not overlap. z must be NULL. x must stay unchanged until the backward pass that uses saved.
 * saved: NULL when no backward follows.
 *
 * Collective while the batch is synchronized, else local. A rank that fails alone (INVALID before
 * the exchange) leaves its peers waiting for it, until it calls again or the deadline passes.
 * INVALID: a shape, dtype or layout that
 * does not fit (before anything is exchanged), or one value per channel in the whole group (then
 * the running statistics are untouched and the group works on). UNSUPPORTED: z, float64. TIMEOUT,
 * MISMATCH, PEER_LOST: y and the running statistics are undefined.
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
 * The gradients of the forward pass that filled saved:
 *	dbeta = sum dy, dgamma = sum dy * xhat, where xhat = (x - mean) * invstd,
 *	dx = (dy - mean(dy) - xhat * mean(dy * xhat)) * invstd * gamma
 * with the means over all ranks (torch.nn.SyncBatchNorm); dgamma and dbeta by param_grad_mode.
 * After a forward with running statistics dx = dy * invstd * gamma.
 *
 * dy, dx: float32, shaped and laid out like that x; dx may be dy, or x where saved is not used for
 * another backward. dx may be NULL without WANT_DX;
 * dz must be NULL. saved can be used again for another forward. DGAMMA and DBETA without affine
 * are left out.
 *
 * Collective if the forward was synchronized and dx is wanted (or the gradients are SUM or MEAN):
 * all ranks must want the same. INVALID: saved is of another layer or empty; shapes; want holds
 * none of the three, or an unknown bit. UNSUPPORTED: dz. TIMEOUT, MISMATCH, PEER_LOST: the
 * gradients are undefined.
 */
syncbn_status_t syncbn_batch_norm_backward(syncbn_batch_norm_t *bn, syncbn_saved_t *saved,
					   const syncbn_tensor_t *dy, const syncbn_tensor_t *dx,
					   const syncbn_tensor_t *dz, unsigned want);

#ifdef __cplusplus
}
#endif
#endif
