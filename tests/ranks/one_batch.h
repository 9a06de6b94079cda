/* SPDX-License-Identifier: Apache-2.0 */
/* One forward and one backward over a batch that real ranks share; used by tests and the digest. */
#ifndef SBN_TESTS_RANKS_ONE_BATCH_H
#define SBN_TESTS_RANKS_ONE_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "harness.h"

struct shape {
	int64_t n[8]; /* of each rank; as many as there are ranks */
	int64_t channels;
	int64_t height, width; /* 0: (N, C) */
	int last;              /* channels last */
	int block;             /* blocks of so many channels; 0: none */
	double mean, sd;
};

extern const struct shape shapes[];
extern const size_t n_shapes;

/* What one run leaves for the parent. */
struct result {
	uint64_t statistics[8]; /* a hash a rank of mean, invstd, running statistics */
	uint64_t everything[8]; /* of those, y, dx and the gradients */
	float data[];           /* y, dx of the whole batch, channels first; see params_of() */
};

struct job {
	int n_ranks;
	const struct shape *shape;
	const char *isa, *threads, *chunk_bytes, *stores; /* environment of the ranks */
	float *x, *dy, *gamma, *beta;                     /* the whole batch, channels first */
	struct result *result;
};

void prepare(struct job *job, const struct shape *shape, int n_ranks);
void discard(struct job *job);

/* A rank's part of the work: give it to run_ranks with the job. */
int train_once(int rank, void *job);

/* Runs the job and hashes all that came of it on all ranks; 0 when a rank failed. */
uint64_t run_and_hash(struct job *job);

size_t spatial_of(const struct shape *shape);
size_t images_of(const struct job *job);   /* of all ranks */
size_t elements_of(const struct job *job); /* of the whole batch */

/* float [4][channels] of a rank: dgamma, dbeta, running mean, running var */
float *params_of(const struct job *job, int rank);

#endif
