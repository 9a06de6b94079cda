/* SPDX-License-Identifier: Apache-2.0 */
/* A plan is made of the whole load; only when all of it holds are the layers written. */
#include "state/state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/show.h"
#include "state/archive.h"
#include "state/names.h"

/* What a layer will hold. */
struct plan {
	const void *from[SBN_STATE_ARRAYS]; /* NULL where the layer has no array */
	int64_t batches_tracked;
};

static const char *const framework[] = {
	[SYNCBN_STATE_TORCH] = "torch",
	[SYNCBN_STATE_MINDSPORE] = "MindSpore",
};

static struct sbn_archive_entry *
find(const struct sbn_archive *archive, const struct sbn_state_layer *layer, const char *word)
{
	char name[SBN_STATE_NAME];

	return sbn_archive_find(archive, sbn_state_name(layer, word, name));
}

/* How many of the layer's arrays the file has under a framework's names, or lacks. */
static int
count(const struct sbn_archive *archive, const struct sbn_state_layer *layer,
      syncbn_state_names_t names)
{
	int n = 0;

	for (int i = 0; i < SBN_STATE_ARRAYS; i++)
		if (layer->array[i] != NULL &&
		    find(archive, layer, sbn_state_word(names, i)) != NULL)
			n++;
	return n;
}

static syncbn_status_t
choose_names(const struct sbn_archive *archive, const struct sbn_state_layer *layer,
	     syncbn_state_names_t *names)
{
	int torch = count(archive, layer, SYNCBN_STATE_TORCH);
	int mindspore = count(archive, layer, SYNCBN_STATE_MINDSPORE);

	*names = mindspore > 0 ? SYNCBN_STATE_MINDSPORE : SYNCBN_STATE_TORCH;
	if (torch > 0 && mindspore > 0)
		return sbn_fail(
			SYNCBN_ERR_INVALID,
			"the layer \"%s\" has arrays under torch's and under MindSpore's names",
			layer->prefix);
	return SYNCBN_OK;
}

static syncbn_status_t
fail_missing(const struct sbn_archive *archive, const struct sbn_state_layer *layer,
	     const char *word, syncbn_state_names_t names)
{
	char shown[SBN_SHOWN];

	if (archive->n == 0)
		return sbn_fail(SYNCBN_ERR_INVALID, "there is no array \"%s%s\", nor any other",
				layer->prefix, word);
	return sbn_fail(SYNCBN_ERR_INVALID,
			"there is no array \"%s%s\" (%s's name); the first one is \"%s\"",
			layer->prefix, word, framework[names],
			sbn_show(archive->entries[0].name, archive->entries[0].name_bytes, shown));
}

static void
show_shape(const struct sbn_npy *array, char *out, size_t bytes)
{
	size_t used = 0;

	out[0] = '\0';
	for (int i = 0; i < array->ndim && used < bytes; i++)
		used += (size_t)snprintf(out + used, bytes - used, i == 0 ? "%zu" : ", %zu",
					 array->shape[i]);
}

/* ndim 1: [n_channels]; 0: a scalar */
static syncbn_status_t
check_array(const struct sbn_npy *array, enum sbn_npy_type type, int ndim, size_t n_channels)
{
	char shape[64];

	if (array->type != type)
		return sbn_fail(SYNCBN_ERR_INVALID, "it is of %s, not of %s",
				sbn_npy_type_name(array->type), sbn_npy_type_name(type));
	if (array->ndim == ndim && (ndim == 0 || array->shape[0] == n_channels))
		return SYNCBN_OK;
	show_shape(array, shape, sizeof(shape));
	if (ndim == 0)
		return sbn_fail(SYNCBN_ERR_INVALID, "its shape is [%s], not []", shape);
	return sbn_fail(SYNCBN_ERR_INVALID, "its shape is [%s], not [%zu]", shape, n_channels);
}

static syncbn_status_t
fetch(struct sbn_archive *archive, struct sbn_archive_entry *entry, enum sbn_npy_type type,
      int ndim, size_t n_channels)
{
	size_t bytes = sbn_npy_item_bytes(type) * (ndim == 0 ? 1 : n_channels);
	syncbn_status_t status = archive->format->fetch(archive, entry, bytes);
	char shown[SBN_SHOWN];

	if (status == SYNCBN_OK)
		status = check_array(&entry->array, type, ndim, n_channels);
	if (status != SYNCBN_OK)
		sbn_fail_prefix("array \"%s\"", sbn_show(entry->name, entry->name_bytes, shown));
	entry->used = true;
	return status;
}

/* An int64 scalar, if it is there. */
static syncbn_status_t
plan_count(struct sbn_archive *archive, const struct sbn_state_layer *layer, const char *word,
	   int64_t *out, bool *found)
{
	struct sbn_archive_entry *entry = find(archive, layer, word);
	syncbn_status_t status;

	*found = entry != NULL;
	if (entry == NULL)
		return SYNCBN_OK;
	status = fetch(archive, entry, SBN_NPY_I64, 0, 0);
	if (status != SYNCBN_OK)
		return status;
	memcpy(out, entry->array.data, sizeof(*out));
	if (*out < 0)
		return sbn_fail(SYNCBN_ERR_INVALID, "array \"%s%s\" is %" PRId64 ", below 0",
				layer->prefix, word, *out);
	return SYNCBN_OK;
}

/* *version is 0 where the file has none. */
static syncbn_status_t
plan_version(struct sbn_archive *archive, const struct sbn_state_layer *layer, bool needed,
	     int64_t *version)
{
	char name[SBN_STATE_NAME];
	const char *text;
	bool found;
	syncbn_status_t status;

	*version = 0;
	status = plan_count(archive, layer, SBN_NAME_VERSION, version, &found);
	if (status != SYNCBN_OK || found || !needed)
		return status;
	sbn_state_name(layer, SBN_NAME_VERSION, name);
	text = archive->format->metadata(archive, name);
	return text == NULL ? SYNCBN_OK : sbn_parse_int(name, text, 0, INT64_MAX, version);
}

static syncbn_status_t
plan_torch(struct sbn_archive *archive, const struct sbn_state_layer *layer, struct plan *plan)
{
	const bool tracks = layer->array[SYNCBN_RUNNING_MEAN] != NULL;
	int64_t version;
	bool found = false;
	syncbn_status_t status = SYNCBN_OK;

	if (tracks)
		status = plan_count(archive, layer, SBN_NAME_BATCHES, &plan->batches_tracked,
				    &found);
	if (status == SYNCBN_OK)
		status = plan_version(archive, layer, tracks && !found, &version);
	if (status == SYNCBN_OK && tracks && !found && version >= SBN_TORCH_VERSION)
		return fail_missing(archive, layer, SBN_NAME_BATCHES, SYNCBN_STATE_TORCH);
	return status;
}

static syncbn_status_t
plan_layer(struct sbn_archive *archive, const struct sbn_state_layer *layer, struct plan *plan)
{
	syncbn_state_names_t names;
	syncbn_status_t status = choose_names(archive, layer, &names);

	for (int i = 0; i < SBN_STATE_ARRAYS && status == SYNCBN_OK; i++) {
		const char *word = sbn_state_word(names, i);
		struct sbn_archive_entry *entry = find(archive, layer, word);

		if (layer->array[i] == NULL)
			continue;
		if (entry == NULL)
			return fail_missing(archive, layer, word, names);
		status = fetch(archive, entry, layer->type, 1, layer->n_channels);
		plan->from[i] = entry->array.data;
	}
	if (status == SYNCBN_OK && names == SYNCBN_STATE_TORCH)
		status = plan_torch(archive, layer, plan);
	return status;
}

static syncbn_status_t
check_all_used(const struct sbn_archive *archive)
{
	char shown[SBN_SHOWN];

	for (size_t i = 0; i < archive->n; i++) {
		const struct sbn_archive_entry *entry = &archive->entries[i];

		if (!entry->used)
			return sbn_fail(
				SYNCBN_ERR_INVALID,
				"array \"%s\" is none of these layers'; SYNCBN_STATE_PARTIAL "
				"passes it over",
				sbn_show(entry->name, entry->name_bytes, shown));
	}
	return SYNCBN_OK;
}

static void
carry_out(const struct plan *plans, struct sbn_state_layer *layers, size_t n_layers)
{
	for (size_t l = 0; l < n_layers; l++) {
		struct sbn_state_layer *layer = &layers[l];

		for (int i = 0; i < SBN_STATE_ARRAYS; i++)
			if (layer->array[i] != NULL)
				memcpy(layer->array[i], plans[l].from[i],
				       layer->n_channels * sbn_npy_item_bytes(layer->type));
		layer->batches_tracked = plans[l].batches_tracked;
	}
}

static syncbn_status_t
load_archive(struct sbn_archive *archive, struct sbn_state_layer *layers, size_t n_layers,
	     unsigned flags)
{
	struct plan *plans = calloc(n_layers, sizeof(*plans));
	syncbn_status_t status = SYNCBN_OK;

	if (plans == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a plan for %zu layers", n_layers);
	for (size_t i = 0; i < n_layers && status == SYNCBN_OK; i++)
		status = plan_layer(archive, &layers[i], &plans[i]);
	if (status == SYNCBN_OK && !(flags & SYNCBN_STATE_PARTIAL))
		status = check_all_used(archive);
	if (status == SYNCBN_OK)
		carry_out(plans, layers, n_layers);
	free(plans);
	return status;
}

syncbn_status_t
sbn_state_decode(const void *bytes, size_t n, struct sbn_state_layer *layers, size_t n_layers,
		 unsigned flags)
{
	struct sbn_archive archive;
	syncbn_status_t status = sbn_archive_open(bytes, n, &archive);

	if (status != SYNCBN_OK)
		return status;
	status = load_archive(&archive, layers, n_layers, flags);
	sbn_archive_close(&archive);
	return status;
}

/*
 * No whole file of these layers alone is larger: arrays, their descriptions, and free text. A
 * header is many times larger once it is parsed.
 */
static size_t
most_bytes(const struct sbn_state_layer *layers, size_t n_layers)
{
	enum { FREE_TEXT = 1 << 20, DESCRIPTIONS = 1 << 14 };
	size_t most = FREE_TEXT;

	for (size_t i = 0; i < n_layers; i++)
		most += DESCRIPTIONS + SBN_STATE_ARRAYS * layers[i].n_channels *
					       sbn_npy_item_bytes(layers[i].type);
	return most;
}

syncbn_status_t
sbn_state_load(const char *path, struct sbn_state_layer *layers, size_t n_layers, unsigned flags)
{
	const size_t max_bytes =
		flags & SYNCBN_STATE_PARTIAL ? SIZE_MAX : most_bytes(layers, n_layers);
	syncbn_status_t status = sbn_state_check_prefixes(layers, n_layers);
	char shown[SBN_SHOWN_PATH];
	void *bytes;
	size_t n;

	if (status == SYNCBN_OK)
		status = sbn_file_read(path, max_bytes, &bytes, &n);
	if (status != SYNCBN_OK)
		return status;
	status = sbn_state_decode(bytes, n, layers, n_layers, flags);
	free(bytes);
	if (status != SYNCBN_OK)
		sbn_fail_prefix("%s", sbn_show_path(path, shown));
	return status;
}
