/* SPDX-License-Identifier: Apache-2.0 */
/* case.txt: one key=value a line. */
#include <float.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/parse.h"
#include "golden/case.h"

enum { TEXT_BYTES = 65536, MAX_CHANNELS = 1 << 24 };

/* A key's field and how it is read; `required` keys must be there. */
struct key {
	const char *name;
	syncbn_status_t (*read)(const char *what, char *value, struct golden_case *c);
	bool required;
};

static syncbn_status_t
read_name(const char *what, char *value, struct golden_case *c)
{
	if (strlen(value) >= sizeof(c->name))
		return sbn_fail(SYNCBN_ERR_INVALID, "%s: longer than %zu bytes", what,
				sizeof(c->name) - 1);
	strcpy(c->name, value);
	return SYNCBN_OK;
}

/* A whole number, maybe written as 2.0. */
static syncbn_status_t
parse_whole(const char *what, char *text, int64_t min, int64_t max, int64_t *out)
{
	char *point = strchr(text, '.');

	if (point != NULL && point > text && strspn(point + 1, "0") == strlen(point + 1))
		*point = '\0';
	return sbn_parse_int(what, text, min, max, out);
}

static syncbn_status_t
read_world(const char *what, char *value, struct golden_case *c)
{
	return parse_whole(what, value, 1, GOLDEN_RANKS, &c->world);
}

static syncbn_status_t
read_steps(const char *what, char *value, struct golden_case *c)
{
	return parse_whole(what, value, 1, GOLDEN_STEPS, &c->n_steps);
}

static syncbn_status_t
read_channels(const char *what, char *value, struct golden_case *c)
{
	return parse_whole(what, value, 1, MAX_CHANNELS, &c->n_channels);
}

static syncbn_status_t
read_spatial(const char *what, char *value, struct golden_case *c)
{
	syncbn_status_t status;
	char *rest;

	c->n_spatial = 0;
	c->values = 1;
	for (char *word = strtok_r(value, " \t,", &rest); word != NULL;
	     word = strtok_r(NULL, " \t,", &rest)) {
		if (c->n_spatial == 3)
			return sbn_fail(SYNCBN_ERR_INVALID, "%s: more than 3 sizes", what);
		status = parse_whole(what, word, 1, 1 << 20, &c->spatial[c->n_spatial]);
		if (status != SYNCBN_OK)
			return status;
		c->values *= c->spatial[c->n_spatial++];
	}
	return SYNCBN_OK;
}

/* One list, "0,1". *used: how many ranks all lists so far hold. */
static syncbn_status_t
read_list(const char *what, char *list, struct golden_case *c, int *used)
{
	syncbn_status_t status;
	int64_t rank;
	char *rest;

	if (c->n_lists == GOLDEN_RANKS)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s: too many lists", what);
	for (char *word = strtok_r(list, ", \t", &rest); word != NULL;
	     word = strtok_r(NULL, ", \t", &rest)) {
		status = sbn_parse_int(what, word, 0, GOLDEN_RANKS - 1, &rank);
		if (status != SYNCBN_OK)
			return status;
		if (c->group[rank] >= 0)
			return sbn_fail(SYNCBN_ERR_INVALID, "%s: rank %d stands in it twice", what,
					(int)rank);
		c->group[rank] = c->n_lists;
		c->ranks[(*used)++] = (int)rank;
		c->n_ranks[c->n_lists]++;
	}
	c->n_lists += c->n_ranks[c->n_lists] > 0;
	return SYNCBN_OK;
}

static syncbn_status_t
read_groups(const char *what, char *value, struct golden_case *c)
{
	syncbn_status_t status = SYNCBN_OK;
	int used = 0;
	char *rest;

	for (int rank = 0; rank < GOLDEN_RANKS; rank++)
		c->group[rank] = -1;
	for (char *list = strtok_r(value, ";", &rest); list != NULL && status == SYNCBN_OK;
	     list = strtok_r(NULL, ";", &rest))
		status = read_list(what, list, c, &used);
	return status;
}

static syncbn_status_t
read_dtype(const char *what, char *value, struct golden_case *c)
{
	static const char *const words[] = { "f32", "f64", "bf16", "f16" };
	size_t word = 0;
	syncbn_status_t status = sbn_parse_word(what, value, words, 4, &word);

	c->dtype = (syncbn_dtype_t)(word + SYNCBN_FLOAT32);
	return status;
}

static syncbn_status_t
read_eps(const char *what, char *value, struct golden_case *c)
{
	return sbn_parse_double(what, value, 0, DBL_MAX, &c->eps);
}

static syncbn_status_t
read_torch(const char *what, char *value, struct golden_case *c)
{
	c->cumulative = strcmp(value, "None") == 0;
	if (c->cumulative)
		return SYNCBN_OK;
	return sbn_parse_double(what, value, 0, 1, &c->momentum_torch);
}

/* Without a number it is 1 - torch's, or both are None: the average of all batches. */
static syncbn_status_t
read_mindspore(const char *what, char *value, struct golden_case *c)
{
	c->momentum_mindspore = 1 - c->momentum_torch;
	if (value[0] == '\0' || strcmp(value, "None") == 0)
		return SYNCBN_OK;
	return sbn_parse_double(what, value, 0, 1, &c->momentum_mindspore);
}

static syncbn_status_t
parse_flag(const char *what, const char *value, bool *flag)
{
	static const char *const words[] = { "0", "1", "False", "True", "false", "true" };
	size_t word = 0;
	syncbn_status_t status = sbn_parse_word(what, value, words, 6, &word);

	*flag = word % 2;
	return status;
}

static syncbn_status_t
read_affine(const char *what, char *value, struct golden_case *c)
{
	return parse_flag(what, value, &c->affine);
}

static syncbn_status_t
read_track(const char *what, char *value, struct golden_case *c)
{
	return parse_flag(what, value, &c->track);
}

static syncbn_status_t
read_mode(const char *what, char *value, struct golden_case *c)
{
	static const char *const words[] = { "eval", "train" };
	size_t word = 0;
	syncbn_status_t status = sbn_parse_word(what, value, words, 2, &word);

	c->training = word == 1;
	return status;
}

static syncbn_status_t
read_fuse(const char *what, char *value, struct golden_case *c)
{
	static const char *const words[] = { "None", "relu", "leaky_relu", "add_relu" };
	static const syncbn_activation_t activations[] = { SYNCBN_ACTIVATION_NONE,
							   SYNCBN_ACTIVATION_RELU,
							   SYNCBN_ACTIVATION_LEAKY_RELU,
							   SYNCBN_ACTIVATION_RELU };
	size_t word = 0;
	syncbn_status_t status = SYNCBN_OK;

	if (value[0] != '\0')
		status = sbn_parse_word(what, value, words, 4, &word);
	c->activation = activations[word];
	c->adds = word == 3;
	return status;
}

static syncbn_status_t
read_slope(const char *what, char *value, struct golden_case *c)
{
	if (value[0] == '\0' || strcmp(value, "None") == 0)
		return SYNCBN_OK;
	return sbn_parse_double(what, value, -DBL_MAX, DBL_MAX, &c->slope);
}

static syncbn_status_t
read_kind(const char *what, char *value, struct golden_case *c)
{
	(void)what;
	if (strncmp(value, "offset", 6) == 0)
		c->kind = GOLDEN_OFFSET;
	else if (strncmp(value, "const", 5) == 0)
		c->kind = GOLDEN_CONST;
	else if (strncmp(value, "huge", 4) == 0)
		c->kind = GOLDEN_HUGE;
	return SYNCBN_OK;
}

/* In the order in which they are read, whatever the file's. */
static const struct key keys[] = {
	{ "name", read_name, true },
	{ "world", read_world, true },
	{ "steps", read_steps, true },
	{ "C", read_channels, true },
	{ "spatial", read_spatial, true },
	{ "groups", read_groups, true },
	{ "dtype", read_dtype, true },
	{ "eps", read_eps, true },
	{ "momentum_torch", read_torch, true },
	{ "momentum_mindspore", read_mindspore, false },
	{ "affine", read_affine, true },
	{ "track_running_stats", read_track, true },
	{ "mode", read_mode, true },
	{ "fuse", read_fuse, true },
	{ "slope", read_slope, false },
	{ "kind", read_kind, false },
};

enum { N_KEYS = sizeof(keys) / sizeof(keys[0]) };

/* Keys that are not known, or known from an array (ns), say nothing here. */
static void
note_line(char *line, char *values[N_KEYS])
{
	char *value = strchr(line, '=');

	if (value == NULL)
		return;
	line += strspn(line, " \t");
	*value++ = '\0';
	line[strcspn(line, " \t")] = '\0';
	value += strspn(value, " \t");
	for (size_t end = strlen(value); end > 0 && strchr(" \t\r", value[end - 1]); end--)
		value[end - 1] = '\0';
	for (size_t i = 0; i < N_KEYS; i++)
		if (strcmp(line, keys[i].name) == 0)
			values[i] = value;
}

static syncbn_status_t
read_text(const char *path, char text[TEXT_BYTES])
{
	FILE *file = fopen(path, "re");
	size_t n;

	if (file == NULL)
		return sbn_fail(SYNCBN_ERR_SYSTEM, "%s", path);
	n = fread(text, 1, TEXT_BYTES - 1, file);
	text[n] = '\0';
	fclose(file);
	if (n == TEXT_BYTES - 1 || strlen(text) != n)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s is no text, or too long", path);
	return SYNCBN_OK;
}

static syncbn_status_t
read_keys(char *values[N_KEYS], struct golden_case *c)
{
	for (size_t i = 0; i < N_KEYS; i++) {
		syncbn_status_t status;
		char what[64], none[] = "";

		snprintf(what, sizeof(what), "case.txt: %s", keys[i].name);
		if (values[i] == NULL && keys[i].required)
			status = sbn_fail(SYNCBN_ERR_INVALID, "%s is missing", what);
		else
			status = keys[i].read(what, values[i] != NULL ? values[i] : none, c);
		if (status != SYNCBN_OK)
			return status;
	}
	return SYNCBN_OK;
}

syncbn_status_t
golden_case_read(const char *directory, struct golden_case *c)
{
	char *values[N_KEYS] = { NULL };
	char text[TEXT_BYTES], path[4096];
	syncbn_status_t status;
	char *rest;

	*c = (struct golden_case){ .directory = directory, .slope = 0.01 };
	if (snprintf(path, sizeof(path), "%s/case.txt", directory) >= (int)sizeof(path))
		return sbn_fail(SYNCBN_ERR_INVALID, "its path is too long");
	status = read_text(path, text);
	if (status != SYNCBN_OK)
		return status;
	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		note_line(line, values);
	status = read_keys(values, c);
	for (int rank = 0; status == SYNCBN_OK && rank < GOLDEN_RANKS; rank++)
		if (c->group[rank] >= 0 && rank >= c->world)
			status = sbn_fail(SYNCBN_ERR_INVALID,
					  "case.txt: groups: no rank %d in a "
					  "world of %d",
					  rank, (int)c->world);
	return status;
}
