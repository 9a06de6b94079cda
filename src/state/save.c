/* SPDX-License-Identifier: Apache-2.0 */
#include "state/state.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/fail.h"
#include "base/file.h"
#include "state/archive.h"
#include "state/names.h"

/* A layer's arrays, num_batches_tracked and version */
enum { MAX_ITEMS = SBN_STATE_ARRAYS + 2 };

/* What is written of the layers. */
struct list {
	struct sbn_archive_item *items;
	char (*names)[SBN_STATE_NAME]; /* by item */
	size_t n;
};

static bool
is_utf8(const char *text)
{
	json_t *string = json_string(text); /* NULL for anything else */

	json_decref(string);
	return string != NULL;
}

syncbn_status_t
sbn_state_check_prefixes(const struct sbn_state_layer *layers, size_t n_layers)
{
	char shown[SBN_SHOWN];

	for (size_t i = 0; i < n_layers; i++) {
		size_t n = strnlen(layers[i].prefix, SBN_STATE_PREFIX + 1);

		if (n > SBN_STATE_PREFIX || !is_utf8(layers[i].prefix))
			return sbn_fail(
				SYNCBN_ERR_INVALID,
				"layers[%zu].prefix, \"%s\", is not UTF-8 of at most %d bytes", i,
				sbn_show(layers[i].prefix, n, shown), SBN_STATE_PREFIX);
	}
	return SYNCBN_OK;
}

static struct sbn_archive_item *
add(struct list *list, const struct sbn_state_layer *layer, const char *word)
{
	struct sbn_archive_item *item = &list->items[list->n];

	item->name = sbn_state_name(layer, word, list->names[list->n]);
	list->n++;
	return item;
}

static void
add_count(struct list *list, const struct sbn_state_layer *layer, const char *word,
	  const int64_t *count)
{
	add(list, layer, word)->array =
		(struct sbn_npy){ .type = SBN_NPY_I64, .data = count, .bytes = sizeof(*count) };
}

static void
add_layer(struct list *list, const struct sbn_state_layer *layer, syncbn_state_names_t names)
{
	static const int64_t version = SBN_TORCH_VERSION;

	for (int i = 0; i < SBN_STATE_ARRAYS; i++) {
		if (layer->array[i] == NULL)
			continue;
		add(list, layer, sbn_state_word(names, i))->array = (struct sbn_npy){
			.type = layer->type,
			.ndim = 1,
			.shape = { layer->n_channels },
			.data = layer->array[i],
			.bytes = layer->n_channels * sbn_npy_item_bytes(layer->type),
		};
	}
	if (names != SYNCBN_STATE_TORCH)
		return;
	if (layer->array[SYNCBN_RUNNING_MEAN] != NULL)
		add_count(list, layer, SBN_NAME_BATCHES, &layer->batches_tracked);
	add_count(list, layer, SBN_NAME_VERSION, &version);
	list->items[list->n - 1].is_version = true;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static syncbn_status_t
check_names(const struct list *list)
{
	const char **sorted = calloc(list->n + 1, sizeof(*sorted));
	syncbn_status_t status = SYNCBN_OK;
	char shown[SBN_SHOWN];

	if (sorted == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "a list of %zu names", list->n);
	for (size_t i = 0; i < list->n; i++)
		sorted[i] = list->items[i].name;
	qsort(sorted, list->n, sizeof(*sorted), by_name);
	for (size_t i = 1; i < list->n && status == SYNCBN_OK; i++)
		if (strcmp(sorted[i - 1], sorted[i]) == 0)
			status = sbn_fail(SYNCBN_ERR_INVALID,
					  "two arrays would be named \"%s\": give each layer a "
					  "prefix of its own",
					  sbn_show(sorted[i], strlen(sorted[i]), shown));
	free(sorted);
	return status;
}

static syncbn_status_t
save_list(const char *path, syncbn_state_format_t format, const struct list *list)
{
	const struct sbn_archive_format *writer =
		format == SYNCBN_STATE_NPZ ? &sbn_npz : &sbn_safetensors;
	struct sbn_archive_bytes bytes;
	syncbn_status_t status = check_names(list);

	if (status == SYNCBN_OK)
		status = writer->write(list->items, list->n, &bytes);
	if (status != SYNCBN_OK)
		return status;
	status = sbn_file_replace(path, bytes.data, bytes.n);
	free(bytes.data);
	return status;
}

syncbn_status_t
sbn_state_save(const char *path, syncbn_state_format_t format, syncbn_state_names_t names,
	       const struct sbn_state_layer *layers, size_t n_layers)
{
	struct list list = { 0 };
	syncbn_status_t status = sbn_state_check_prefixes(layers, n_layers);

	if (status != SYNCBN_OK)
		return status;
	list.items = calloc(n_layers, MAX_ITEMS * sizeof(*list.items));
	list.names = calloc(n_layers, MAX_ITEMS * sizeof(*list.names));
	if (list.items != NULL && list.names != NULL) {
		for (size_t i = 0; i < n_layers; i++)
			add_layer(&list, &layers[i], names);
		status = save_list(path, format, &list);
	} else {
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "the names of %zu layers", n_layers);
	}
	free(list.items);
	free(list.names);
	return status;
}
