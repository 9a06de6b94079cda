/* SPDX-License-Identifier: Apache-2.0 */
/* The results as a JSON file. */
#ifndef FM_JSON_H
#define FM_JSON_H

#include "fm_report.h"

/* Refuses a file that could not be written, before the work whose results it is for. */
void fm_json_probe(const char *path, struct fm_refusal *refusal);

/* Replaces options->json at once, or leaves it as it is. */
enum fm_exit fm_json_write(const struct fm_options *options, const struct fm_results *results);

#endif
