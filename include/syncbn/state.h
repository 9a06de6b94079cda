/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_STATE_H
#define SYNCBN_STATE_H

#include <stddef.h>

#include <syncbn/batch_norm.h>
#include <syncbn/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The state of layers in files that the frameworks' users can read.
 *
 * An array's name is its layer's prefix and one of
 *	torch		weight, bias, running_mean, running_var, num_batches_tracked (int64)
 *	MindSpore	gamma, beta, moving_mean, moving_variance
 * for example "layer1.0.bn1.weight" with the prefix "layer1.0.bn1.". A layer has only the arrays
 * that it uses: none of the first two without gamma and beta, none of the others without
 * track_running_stats. Arrays are float32 or float64 [num_features], as the layer's dtype.
 */
typedef enum syncbn_state_names {
	SYNCBN_STATE_TORCH = 1,    /* with the version, 2, of torch's format of batch norms */
	SYNCBN_STATE_MINDSPORE = 2 /* holds no num_batches_tracked */
} syncbn_state_names_t;

typedef enum syncbn_state_format {
	SYNCBN_STATE_SAFETENSORS = 1, /* the version stands in __metadata__, as "PREFIXversion" */
	SYNCBN_STATE_NPZ = 2          /* for numpy.load; the version is an array, "PREFIXversion",
					 which torch's load_state_dict must not be given */
} syncbn_state_format_t;

/* One layer of a file. */
typedef struct syncbn_state_layer {
	syncbn_batch_norm_t *bn;
	const char *prefix; /* "" or NULL: none */
} syncbn_state_layer_t;

/*
 * Writes the layers' state to path, all or nothing: a temporary file beside it, fsync, rename.
 * A file that was there before is replaced only by a whole one. Local: one rank is enough.
 *
 * INVALID: NULL, no layers, two arrays of one name, a prefix that is not UTF-8 or longer than 255
 * bytes, one with a control character for a .npz file, names and shapes of more than 8 MiB for a
 * safetensors file, an unknown format. SYSTEM: the file cannot
 * be written (the detail names the step). NO_MEMORY.
 */
syncbn_status_t syncbn_state_save(const char *path, syncbn_state_format_t format,
				  syncbn_state_names_t names, const syncbn_state_layer_t *layers,
				  size_t n_layers);

/* Flags of syncbn_state_load. */
#define SYNCBN_STATE_PARTIAL 1u /* the file may hold arrays that are none of these layers' */

/*
 * Reads the layers' state from a file of either format, with either framework's names (one of the
 * two throughout a layer). Everything is checked before the first layer is touched, so an error
 * leaves all as they were. num_batches_tracked: missing with MindSpore's names or a version below
 * 2 (or none), it becomes 0, as in torch; missing with version 2 it is an error. Gradients are not
 * touched. Local: every rank loads for itself.
 *
 * Memory: the file's bytes, and of a safetensors file at most 40 times its header's, which may have
 * 8 MiB: some 60 000 arrays. Without PARTIAL a file much larger than these layers is not read.
 *
 * INVALID: NULL, an unknown flag; a missing array, one of another shape or dtype, an unknown name
 * (without PARTIAL), a malformed, truncated or hostile file; the detail says which array, or
 * where. SYSTEM: the file cannot be read. NO_MEMORY.
 */
syncbn_status_t syncbn_state_load(const char *path, const syncbn_state_layer_t *layers,
				  size_t n_layers, unsigned flags);

#ifdef __cplusplus
}
#endif
#endif
