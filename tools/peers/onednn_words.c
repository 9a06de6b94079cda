/* SPDX-License-Identifier: Apache-2.0 */
#include "onednn_words.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	dnnl_data_type_t type;
	syncbn_dtype_t dtype;
} types[] = { { "f32", dnnl_f32, SYNCBN_FLOAT32 }, { "bf16", dnnl_bf16, SYNCBN_BFLOAT16 } };

static const struct {
	const char *name;
	dnnl_format_tag_t tag;
	syncbn_layout_t layout;
} layouts[] = { { "nchw", dnnl_nchw, SYNCBN_CHANNELS_FIRST },
		{ "nhwc", dnnl_nhwc, SYNCBN_CHANNELS_LAST },
		{ "nchw8c", dnnl_nChw8c, SYNCBN_BLOCKED_8 },
		{ "nchw16c", dnnl_nChw16c, SYNCBN_BLOCKED_16 } };

enum {
	N_TYPES = sizeof(types) / sizeof(types[0]),
	N_LAYOUTS = sizeof(layouts) / sizeof(layouts[0])
};

static bool
take_type(const char *name, struct onednn_words *words)
{
	for (int i = 0; i < N_TYPES; i++) {
		if (strcmp(types[i].name, name) != 0)
			continue;
		words->type = types[i].type;
		words->dtype = types[i].dtype;
		return true;
	}
	return false;
}

static bool
take_layout(const char *name, struct onednn_words *words)
{
	for (int i = 0; i < N_LAYOUTS; i++) {
		if (strcmp(layouts[i].name, name) != 0)
			continue;
		words->tag = layouts[i].tag;
		words->layout = layouts[i].layout;
		return true;
	}
	return false;
}

/* The blocked layout that oneDNN has vectors for: of others it takes a hundred times as long. */
static const char *
blocked_layout(void)
{
#ifdef __x86_64__
	return __builtin_cpu_supports("avx512bw") ? "nchw16c" : "nchw8c";
#else
	return "nchw8c";
#endif
}

/* "NxC", with up to three dimensions of space. */
static bool
take_shape(const char *shape, struct onednn_words *words)
{
	size_t size[SYNCBN_MAX_DIMS] = { 0, 0, 1, 1, 1 };
	int dims = 0, used = 0;

	while (dims < SYNCBN_MAX_DIMS && sscanf(shape, "%zu%n", &size[dims], &used) == 1) {
		dims++;
		shape += used + (shape[used] == 'x');
	}
	words->n = size[0];
	words->c = size[1];
	words->h = dims == 5 ? size[2] * size[3] : size[2];
	words->w = dims == 5 ? size[4] : size[3];
	return dims >= 2 && *shape == '\0';
}

const char *
onednn_words_read(const char *spec, struct onednn_words *words)
{
	char mode[ONEDNN_WORD], shape[ONEDNN_SHAPE], layout[ONEDNN_WORD], dtype[ONEDNN_WORD];
	char act[ONEDNN_WORD];
	bool blocked;

	if (sscanf(spec, "bn %31s %31s %63s %31s %31s %31s %zu %zu", mode, words->op, shape, layout,
		   dtype, act, &words->inputs, &words->outputs) != 8 ||
	    words->inputs == 0 || words->outputs == 0 || !take_shape(shape, words))
		return "such a line";
	blocked = strcmp(mode, "onednn-blocked") == 0;
	if (!take_type(dtype, words) || !take_layout(blocked ? blocked_layout() : layout, words))
		return "this type or layout";
	words->relu = strcmp(act, "relu") == 0;
	if (!words->relu && strcmp(act, "none") != 0)
		return "this activation in its batch norm";
	return NULL;
}
