/* SPDX-License-Identifier: Apache-2.0 */
/* What a batch norm layer is: every parameter of the frameworks' layers, and their defaults. */
#ifndef SYNCBN_BATCH_NORM_CONFIG_H
#define SYNCBN_BATCH_NORM_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include <syncbn/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How momentum m weighs the batch against the running statistics. */
typedef enum syncbn_momentum_rule {
	SYNCBN_MOMENTUM_NEW = 1,       /* running = (1 - m) * running + m * batch: torch */
	SYNCBN_MOMENTUM_OLD = 2,       /* running = m * running + (1 - m) * batch: MindSpore */
	SYNCBN_MOMENTUM_CUMULATIVE = 3 /* the average of all batches: torch's momentum=None; an
					  empty one counts, see batches_tracked */
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

/* What is applied to the normalized value v, after the residual z was added. */
typedef enum syncbn_activation {
	SYNCBN_ACTIVATION_NONE = 1,
	SYNCBN_ACTIVATION_RELU = 2,      /* v <= 0 ? 0 : v; a NaN stays */
	SYNCBN_ACTIVATION_LEAKY_RELU = 3 /* v <= 0 ? negative_slope * v : v */
} syncbn_activation_t;

/*
 * Initial values of one of the arrays. All zero bytes: the array's default (gamma and running
 * variance 1, beta and running mean 0). Else one of:
 *
 * name		as mindspore.common.initializer has them, whatever the case: "zeros", "zero",
 *		"ones", "one", "uniform" (-0.07 to 0.07), "normal" (mean 0, sigma 0.01),
 *		"truncatednormal" (sigma 0.01, cut at 2 sigma). Names that need two or more
 *		dimensions (xavier_uniform, he_normal, ...) are INVALID with the reason
 * constant	one number for all channels, with is_constant 1
 * values	[num_features], copied
 *
 * Numbers are finite ones of the layer's dtype, those given for a running variance 0 or more (the
 * random names draw negative ones there, too, as mindspore.nn's do). An array that the layer does
 * not have must be left default.
 */
typedef struct syncbn_initializer {
	const char *name;
	const double *values;
	double constant;
	int is_constant;
	uint64_t seed; /* of the random ones: the same seed gives the same values on all ranks */
} syncbn_initializer_t;

/* Begin with one of the macros below, then change what differs. */
typedef struct syncbn_batch_norm_config {
	size_t size;          /* sizeof(syncbn_batch_norm_config_t) */
	const char *name;     /* for errors and profiles; copied, cut at 47 bytes; NULL: "bn1".. */
	int64_t num_features; /* C, 1 to 16 777 215 */
	double eps;           /* added to the variance; finite, >= 0 */
	double momentum;      /* 0 to 1; not used by CUMULATIVE */
	syncbn_momentum_rule_t momentum_rule;
	int affine;              /* 0: gamma and beta are not trained; see fixed_affine */
	int track_running_stats; /* 0: no running statistics; eval uses the local batch's */
	syncbn_use_batch_statistics_t use_batch_statistics;
	syncbn_var_mode_t var_mode;
	syncbn_param_grad_mode_t param_grad_mode;
	int training;         /* the mode the layer starts in */
	int only_2d_4d;       /* 1: refuse all but (N, C) and (N, C, H, W), as mindspore.nn does */
	int fixed_affine;     /* with affine 0: 1 keeps gamma and beta, without gradients, as
			     mindspore.nn does; 0 has none, as torch */
	syncbn_dtype_t dtype; /* of gamma, beta and the running statistics: FLOAT32, for float32,
				 bfloat16 and float16 activations; FLOAT64, for float64 ones */
	syncbn_activation_t activation;
	double negative_slope; /* of LEAKY_RELU; finite */
	syncbn_initializer_t gamma_init, beta_init, running_mean_init, running_var_init;
} syncbn_batch_norm_config_t;

/* clang-format off */
#define SYNCBN_INITIALIZER_DEFAULT { NULL, NULL, 0.0, 0, 0 }

#define SYNCBN_BATCH_NORM_CONFIG_(c, momentum, rule, var, grad, training, only_2d_4d, fixed)       \
	{ sizeof(syncbn_batch_norm_config_t), NULL, (c), 1e-5, momentum, rule, 1, 1,               \
	  SYNCBN_BATCH_STATISTICS_BY_MODE, var, grad, training, only_2d_4d, fixed,                 \
	  SYNCBN_FLOAT32, SYNCBN_ACTIVATION_NONE, 0.01, SYNCBN_INITIALIZER_DEFAULT,                \
	  SYNCBN_INITIALIZER_DEFAULT, SYNCBN_INITIALIZER_DEFAULT, SYNCBN_INITIALIZER_DEFAULT }

/* torch.nn.SyncBatchNorm(c): its defaults and policies. */
#define SYNCBN_BATCH_NORM_TORCH(c)                                                                 \
	SYNCBN_BATCH_NORM_CONFIG_(c, 0.1, SYNCBN_MOMENTUM_NEW, SYNCBN_VAR_UNBIASED_GLOBAL,         \
				  SYNCBN_PARAM_GRAD_LOCAL, 1, 0, 0)

/* mindspore.mint.nn.SyncBatchNorm(c): torch's form. */
#define SYNCBN_BATCH_NORM_MINT(c) SYNCBN_BATCH_NORM_TORCH(c)

/* mindspore.nn.SyncBatchNorm(c): its defaults and policies; starts in eval, as its cells do. */
#define SYNCBN_BATCH_NORM_MINDSPORE(c)                                                             \
	SYNCBN_BATCH_NORM_CONFIG_(c, 0.9, SYNCBN_MOMENTUM_OLD, SYNCBN_VAR_BIASED,                  \
				  SYNCBN_PARAM_GRAD_MEAN, 0, 1, 1)

/* ONNX BatchNormalization over the group; training is its training_mode. */
#define SYNCBN_BATCH_NORM_ONNX(c)                                                                  \
	SYNCBN_BATCH_NORM_CONFIG_(c, 0.9, SYNCBN_MOMENTUM_OLD, SYNCBN_VAR_BIASED,                  \
				  SYNCBN_PARAM_GRAD_LOCAL, 0, 0, 0)
/* clang-format on */

#ifdef __cplusplus
}
#endif
#endif
