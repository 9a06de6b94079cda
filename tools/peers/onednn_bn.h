/* SPDX-License-Identifier: Apache-2.0 */
/* A batch norm of oneDNN on one process's part of a batch. */
#ifndef SYNCBN_PEERS_ONEDNN_BN_H
#define SYNCBN_PEERS_ONEDNN_BN_H

#include <stdint.h>

struct onednn_bn;

/*
 * spec: "bn MODE OP N C H W LAYOUT DTYPE ACT BUFFERS "; numbers: of perf_bn_data.h. NULL with
 * the reason: it cannot do that.
 */
struct onednn_bn *onednn_bn_new(const char *spec, int numbers, unsigned rank, unsigned n_ranks,
				const char **reason);
void onednn_bn_free(struct onednn_bn *bn);

/* The operation on the next buffer. */
void onednn_bn_call(struct onednn_bn *bn);

/* The wrong results of a call on the first buffer. */
uint64_t onednn_bn_wrong(struct onednn_bn *bn);

/* errors: [PERF_BN_ERRORS] of a step. */
void onednn_bn_errors(struct onednn_bn *bn, double *errors);

#endif
