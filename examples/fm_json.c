/* SPDX-License-Identifier: Apache-2.0 */
#include "fm_json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fm_file.h"

static const char json_advice[] = "give --json a file in a directory that can be written";

void
fm_json_probe(const char *path, struct fm_refusal *refusal)
{
	struct stat info;
	struct fm_file file;

	if (!path || refusal->text[0])
		return;
	if (strcmp(path, "-") == 0) {
		fm_refuse(refusal, "--json -: standard output has the run's lines: %s",
			  json_advice);
		return;
	}
	if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
		/* a rename would put our file in the place of a device or a pipe */
		fm_refuse(refusal, "%s: not a regular file: %s", path, json_advice);
		return;
	}
	if (fm_file_begin(path, &file) == 0)
		fm_file_discard(&file);
	else
		fm_refuse(refusal, "%s: %s: %s", path, strerror(errno), json_advice);
}

/* JSON has no word for what is not a finite number. */
static void
put_number(FILE *file, const char *before, double number)
{
	if (isfinite(number))
		fprintf(file, "%s%.9g", before, number);
	else
		fprintf(file, "%snull", before);
}

static void
put_field(FILE *file, const char *name, double number)
{
	fprintf(file, "  \"%s\": ", name);
	put_number(file, "", number);
	fprintf(file, ",\n");
}

static void
put_phases(FILE *file, const struct fm_results *results)
{
	fprintf(file, "  \"phases\": {");
	for (int i = 0; i < FM_PHASES; i++) {
		fprintf(file, "%s\"%s\": ", i ? ", " : "", fm_phase_words[i]);
		put_number(file, "", results->phases[i]);
	}
	fprintf(file, "},\n");
}

/* One key a line, so that sed finds it. */
static void
put_results(FILE *file, const struct fm_options *options, const struct fm_results *results)
{
	fprintf(file, "{\n  \"bn\": \"%s\",\n  \"model\": \"%s\",\n",
		fm_norm_words[options->bn], fm_network_words[options->model]);
	fprintf(file, "  \"world_size\": %d,\n  \"steps\": %ld,\n  \"batch\": %ld,\n",
		results->world_size, options->steps, options->batch);
	fprintf(file, "  \"shards\": \"%s\",\n  \"seed\": %ld,\n",
		fm_shards_words[options->shards], options->seed);
	fprintf(file, "  \"resumed_at\": %ld,\n", results->first_step);
	fprintf(file, "  \"losses\": [");
	for (long i = 0; i < options->steps; i++)
		put_number(file, i ? ", " : "", results->losses[i]);
	fprintf(file, "],\n");
	put_field(file, "train_loss", results->train_loss);
	put_field(file, "test_accuracy", results->accuracy);
	put_field(file, "test_accuracy_rank0", results->accuracy_rank0);
	put_field(file, "test_accuracy_average", results->accuracy_average);
	put_field(file, "images_per_second", results->images_per_second);
	put_phases(file, results);
	fprintf(file, "  \"exchange\": {\"calls\": %" PRIu64 ", \"bytes\": %" PRIu64 "},\n",
		results->exchange_calls, results->exchange_bytes);
	fprintf(file, "  \"checksums\": [");
	for (int i = 0; i < results->world_size; i++)
		fprintf(file, "%s\"%016" PRIx64 "\"", i ? ", " : "", results->checksums[i]);
	fprintf(file, "]\n}\n");
}

enum fm_exit
fm_json_write(const struct fm_options *options, const struct fm_results *results)
{
	struct fm_file file;

	if (fm_file_begin(options->json, &file) == 0) {
		put_results(file.stream, options, results);
		if (fm_file_finish(&file) == 0)
			return FM_DONE;
	}
	fm_error("%s: %s: %s", options->json, strerror(errno), json_advice);
	return FM_REFUSED;
}
