/* SPDX-License-Identifier: Apache-2.0 */
/* A line for a batch norm in oneDNN's words. */
#ifndef SYNCBN_PEERS_ONEDNN_WORDS_H
#define SYNCBN_PEERS_ONEDNN_WORDS_H

#include <dnnl.h>
#include <stdbool.h>
#include <stddef.h>

#include <syncbn/tensor.h>

enum { ONEDNN_WORD = 32, ONEDNN_SHAPE = 64 };

struct onednn_words {
	char op[ONEDNN_WORD];
	size_t n, c, h, w, inputs, outputs; /* h: of all dimensions of space but the last */
	dnnl_data_type_t type;
	syncbn_dtype_t dtype;
	dnnl_format_tag_t tag;
	syncbn_layout_t layout;
	bool relu;
};

/* spec: "bn MODE OP SHAPE LAYOUT DTYPE ACT INPUTS OUTPUTS ". NULL, or what it cannot do. */
const char *onednn_words_read(const char *spec, struct onednn_words *words);

#endif
