/* SPDX-License-Identifier: Apache-2.0 */
/* A valid config, some of whose fields the bytes overwrite, one after the other. */
#include "fuzz/words.h"
#include "nn/layer.h"

struct input {
	const uint8_t *at;
	size_t left;
};

static uint8_t
take_byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

static void
take(struct input *in, void *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)to)[i] = take_byte(in);
}

/* A copy of the bytes up to the next 0, or NULL for none; the caller frees it. */
static char *
take_text(struct input *in)
{
	size_t n = 0;
	char *text;

	while (n < in->left && in->at[n] != 0)
		n++;
	text = n == 0 ? NULL : strndup((const char *)in->at, n);
	in->at += n;
	in->left -= n;
	take_byte(in);
	return text;
}

#define FIELD(name)                                                     \
	{                                                               \
		offsetof(syncbn_batch_norm_config_t, name),             \
			sizeof(((syncbn_batch_norm_config_t *)0)->name) \
	}

/* All but the pointers. */
static const struct {
	size_t offset, bytes;
} fields[] = {
	FIELD(size),
	FIELD(num_features),
	FIELD(eps),
	FIELD(momentum),
	FIELD(momentum_rule),
	FIELD(affine),
	FIELD(track_running_stats),
	FIELD(use_batch_statistics),
	FIELD(var_mode),
	FIELD(param_grad_mode),
	FIELD(training),
	FIELD(only_2d_4d),
	FIELD(fixed_affine),
	FIELD(dtype),
	FIELD(activation),
	FIELD(negative_slope),
	FIELD(gamma_init.constant),
	FIELD(gamma_init.is_constant),
	FIELD(running_var_init.constant),
	FIELD(running_var_init.is_constant),
};

enum { N_FIELDS = sizeof(fields) / sizeof(fields[0]), MAX_VALUES = 4096 };

/* Small numbers are likelier than any, so that the limits of enums and flags are met. */
static void
overwrite(struct input *in, syncbn_batch_norm_config_t *config)
{
	const uint8_t choice = take_byte(in);
	char *field = (char *)config + fields[choice % N_FIELDS].offset;
	const size_t bytes = fields[choice % N_FIELDS].bytes;
	const int8_t small = (int8_t)take_byte(in);

	if (small == INT8_MIN) {
		take(in, field, bytes);
	} else {
		memset(field, small < 0 ? 0xff : 0, bytes);
		memcpy(field, &small, 1);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	syncbn_batch_norm_config_t torch = SYNCBN_BATCH_NORM_TORCH(3);
	syncbn_batch_norm_config_t mindspore = SYNCBN_BATCH_NORM_MINDSPORE(3);
	struct input in = { data, n };
	const uint8_t start = take_byte(&in);
	syncbn_batch_norm_config_t config = start & 1 ? mindspore : torch;
	char *name = take_text(&in), *init_name = take_text(&in);
	double *values = NULL;

	while (in.left > 0)
		overwrite(&in, &config);
	if (start & 2 && config.num_features > 0 && config.num_features <= MAX_VALUES)
		values = calloc((size_t)config.num_features, sizeof(*values));
	config.name = name;
	config.gamma_init.name = init_name;
	config.running_var_init.values = values;
	if (sbn_batch_norm_check_config(&config) == SYNCBN_OK &&
	    (config.num_features < 1 || !(config.eps >= 0)))
		abort();
	free(values);
	free(init_name);
	free(name);
	return 0;
}
