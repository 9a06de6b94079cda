/* SPDX-License-Identifier: Apache-2.0 */
/* A pass over a layer's channels, forward or backward: its operands, its steps, its ways. */
#ifndef SBN_NN_PASS_H
#define SBN_NN_PASS_H

#include <stdbool.h>

#include "base/math.h"
#include "comm/call.h"
#include "nn/layer.h"
#include "nn/view.h"

_Static_assert(sizeof(struct sbn_pair) == SBN_PAIR_BYTES, "the ring's rows have room for it");

/* All ranks' pairs of a stretch of channels, in rank order. */
struct sbn_pairs {
	uint32_t n_ranks;
	uint32_t self;               /* this rank's index */
	const struct sbn_pair **row; /* [n_ranks]; row[rank][channel - first] */
	const double **low;          /* likewise; NULL where sbn_sums has none */
	double *count;               /* [n_ranks]: samples a channel */
	double total;
	double divisor; /* of means over the group */
	uint32_t first; /* the channel of element 0 */
};

/* Channels that are merged at a time: their sums lie on the stack, and stay in the cache. */
#define SBN_MERGE_CHANNELS 256u

/* Channels [begin, end) of the layer. */
struct sbn_range {
	uint32_t begin, end;
	uint32_t number; /* ranges that their lane has had in this window */
	uint32_t left;   /* channels that it has behind this one */
};

/* What this rank says of a range's channels. */
struct sbn_sums {
	struct sbn_pair *pair;
	double *low; /* of the means of a float64 layer's forward pass; else NULL */
};

struct sbn_block_steps;

/* What is tried out, of how many ways, and where its result belongs. */
struct sbn_choice {
	struct sbn_trial *trial;
	unsigned ways;
	unsigned *way;
	bool fetches, lines; /* whether meanwhile fetch_lines is to be `lines` */
};

enum { SBN_CHOICES = 4 }; /* of a pass, at most */

struct sbn_planes_way;

struct sbn_pass {
	struct syncbn_batch_norm *bn;
	syncbn_saved_t *saved;
	struct sbn_geometry geometry;
	const struct sbn_type_kernels *kernels; /* of the geometry's type */
	struct sbn_coefficients k;
	struct sbn_view x, z, dy, out, dz;
	unsigned want;
	bool stream;          /* outputs go past the caches */
	bool near;            /* sums prefetch into the first-level cache */
	bool share_fits;      /* a thread's cache holds its share of a chunk */
	unsigned fetch_lines; /* 1: lines are prefetched as they are read, no whole chunk before */
	unsigned share;       /* 1: threads share each channel's blocks, where they can */
	unsigned narrow;      /* 1: by registers of half the width */
	enum sbn_images_written images;    /* never AUTO */
	const struct sbn_planes_way *ways; /* that are tried out, which for images and kernels, */
	unsigned way[2];                   /* and of this call, by fetch_lines; NULL: none */
	struct sbn_choice choice[SBN_CHOICES]; /* tried out one after the other */
	int n_choices;

	bool exchange; /* with the group's peers; else this rank alone */
	enum sbn_op op;
	uint64_t count; /* this rank's samples a channel */
	double factor;  /* weight of the batch in the running statistics; 0: no update */

	/* Sums the range's channels into elements 0 .. of out; NULL: there is nothing to sum. */
	void (*sum)(const struct sbn_pass *pass, const struct sbn_range *range,
		    const struct sbn_sums *out);
	/*
	 * Turns everybody's pairs of [begin, end) into coefficients; pairs NULL without `sum`.
	 * False: nothing may be written from them.
	 */
	bool (*merge)(const struct sbn_pass *pass, uint32_t begin, uint32_t end,
		      const struct sbn_pairs *pairs);
	/* Writes the outputs of the range's channels; NULL: `after` does it, or nothing does. */
	void (*apply)(const struct sbn_pass *pass, const struct sbn_range *range);
	/*
	 * Both, of ranges without a channel in common: at the same time, or so that what is summed
	 * is fetched meanwhile; NULL: in turns.
	 */
	void (*sum_and_apply)(const struct sbn_pass *pass, const struct sbn_range *next,
			      const struct sbn_sums *out, const struct sbn_range *range);
	/*
	 * Writes what sum_and_apply has left of its range, when the sums are published: beyond is
	 * what will be summed next, NULL: nothing. NULL: sum_and_apply writes all of it.
	 */
	void (*apply_rest)(const struct sbn_pass *pass, const struct sbn_range *range,
			   const struct sbn_range *beyond);
	/* Before and after the channels, on `threads` threads; NULL: nothing. */
	void (*before)(const struct sbn_pass *pass, int threads);
	void (*after)(const struct sbn_pass *pass, int threads);

	/* The same by blocks of a channel, NULL: there are none; sum and apply say whether. */
	const struct sbn_block_steps *blocks;

	bool needs_two;      /* one sample a channel in the whole group is refused */
	double total;        /* out: samples a channel over all who took part */
	uint64_t number;     /* out: of its last call, from 1 on */
	uint64_t of_forward; /* backward: the number of the forward pass; 0: was not exchanged */
};

/* Forward, backward, and both without sums: a layer's trials of each are its own. */
static inline int
sbn_pass_kind(const struct sbn_pass *pass)
{
	return 2 * (pass->sum == NULL) + (pass->op == SBN_OP_BACKWARD);
}

/* How many tensors are read. */
static inline size_t
sbn_pass_inputs(const struct sbn_pass *pass)
{
	return 1 + (pass->z.data != NULL) + (pass->dy.data != NULL);
}

/* How many of them are read twice; forward a residual is only read as y is written. */
static inline size_t
sbn_pass_inputs_kept(const struct sbn_pass *pass)
{
	return pass->dy.data != NULL ? sbn_pass_inputs(pass) : 1;
}

static inline uint64_t
sbn_pass_bytes_read(const struct sbn_pass *pass)
{
	return sbn_pass_inputs(pass) * sbn_geometry_elements(&pass->geometry) *
	       pass->geometry.element_bytes;
}

static inline void
sbn_sums_put(const struct sbn_sums *out, uint32_t i, const struct sbn_moments *moments)
{
	out->pair[i] = (struct sbn_pair){ moments->mean, moments->m2 };
	if (out->low != NULL)
		out->low[i] = moments->low;
}

/* Channel c's gamma, 1 without one. */
static inline double
sbn_gamma_of(const struct syncbn_batch_norm *bn, uint32_t c)
{
	const void *gamma = bn->param[SYNCBN_GAMMA];

	return gamma == NULL ? 1 : sbn_real_get(bn, gamma, c);
}

/*
 * Backward, xhat is this times the distance from the mean: of x, or, where y has taken the place
 * of x, of the activation's input from beta.
 */
static inline double
sbn_xhat_factor(const struct sbn_pass *pass, uint32_t c)
{
	return pass->k.x_is_y ? 1 / sbn_gamma_of(pass->bn, c) : pass->saved->invstd[c];
}

/* What the mean that the kernels subtract needs beside its double; 0 but in float64 layers. */
static inline double
sbn_mean_low(const struct sbn_pass *pass, uint32_t c)
{
	return pass->bn->wide && !pass->k.x_is_y ? pass->saved->mean_low[c] : 0;
}

/*
 * A rank's pair backward, of sum g and sum g * that distance: invstd may be this rank's own. In the
 * kernels' sum the mean is one double; what that leaves is put right here, at once for all values.
 */
static inline struct sbn_pair
sbn_pair_of_sums(const struct sbn_pass *pass, uint32_t c, double sum_g, double sum_g_xmu)
{
	double low = sbn_mean_low(pass, c);

	if (low != 0)
		sum_g_xmu -= low * sum_g;
	return (struct sbn_pair){ sum_g, sum_g_xmu * sbn_xhat_factor(pass, c) };
}

/* Threads that n parts of the pass's elements are worth. */
static inline uint64_t
sbn_pass_lanes(const struct sbn_pass *pass, uint64_t n, int threads)
{
	enum { LANE_ELEMENTS = 16 * 1024 }; /* fewer are not worth another thread */
	uint64_t lanes = sbn_geometry_elements(&pass->geometry) / LANE_ELEMENTS + 1;

	return SBN_MIN(SBN_MIN(lanes, (uint64_t)threads), n);
}

/* Fills in what every pass begins with. */
void sbn_pass_begin(struct sbn_pass *pass, struct syncbn_batch_norm *bn, const syncbn_tensor_t *x);

/* How the outputs are stored; after all views have been set. */
void sbn_pass_choose_stores(struct sbn_pass *pass);

/* How the inputs come from memory, and who sums what of them; after that. */
void sbn_pass_choose_ways(struct sbn_pass *pass);

/* What follows of pass->way. */
void sbn_pass_take_way(struct sbn_pass *pass);

/*
 * Asks for what the layer has of channels [begin, end), which merging reads and writes: from call
 * to call it goes out of the caches.
 */
void sbn_pass_fetch(const struct sbn_pass *pass, uint32_t begin, uint32_t end);

/* The order that all inputs, or all operands, share; SBN_BLOCKS also where they differ. */
enum sbn_order sbn_pass_order_of_inputs(const struct sbn_pass *pass);
enum sbn_order sbn_pass_order(const struct sbn_pass *pass);

#endif
