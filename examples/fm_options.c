/* SPDX-License-Identifier: Apache-2.0 */
#include "fm_options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fm_data.h"
#include "fm_nearest.h"

#ifndef FASHION_MNIST_DIR
#define FASHION_MNIST_DIR "/usr/share/datasets/fashion-mnist"
#endif

const char *const fm_network_words[] = { "conv", "mlp", NULL };
const char *const fm_norm_words[] = { "sync", "local", NULL };
const char *const fm_shards_words[] = { "iid", "class", NULL };
const char *const fm_resume_words[] = { "no", "auto", NULL };

enum value { WORD, COUNT, RATE, TEXT, NONE };

struct row {
	const char *name;
	enum value value;
	size_t field; /* its offset in struct fm_options */
	const char *const *words;
	long min, max;
	const char *argument; /* as --help shows it */
	const char *help;
};

#define FIELD(name) offsetof(struct fm_options, name)

static const struct row rows[] = {
	{ "model", WORD, FIELD(model), fm_network_words, 0, 0, "conv|mlp",
	  "the network (default conv)" },
	{ "bn", WORD, FIELD(bn), fm_norm_words, 0, 0, "sync|local",
	  "normalize over the batches of all ranks, or each over its own (default sync)" },
	{ "steps", COUNT, FIELD(steps), NULL, 1, 1000000, "N", "training steps (default 1000)" },
	{ "batch", COUNT, FIELD(batch), NULL, 1, 8192, "N", "images a rank and step (default 16)" },
	{ "shards", WORD, FIELD(shards), fm_shards_words, 0, 0, "iid|class",
	  "each rank draws from all images, or from its part of them by class (default iid)" },
	{ "as-ranks", COUNT, FIELD(as_ranks), NULL, 1, 8192, "N",
	  "compose a lone rank's batch as N ranks would (default 1)" },
	{ "lr", RATE, FIELD(lr), NULL, 0, 0, "X",
	  "learning rate at the start, above 0, at most 10 (default 0.1)" },
	{ "seed", COUNT, FIELD(seed), NULL, 0, 2147483647, "N",
	  "of the weights and the order of the images (default 1)" },
	{ "data", TEXT, FIELD(data), NULL, 0, 0, "DIR",
	  "where the four .gz files are (default " FASHION_MNIST_DIR ")" },
	{ "json", TEXT, FIELD(json), NULL, 0, 0, "FILE", "write the results there, too" },
	{ "checkpoint", TEXT, FIELD(checkpoint), NULL, 0, 0, "DIR",
	  "keep a checkpoint in this directory" },
	{ "checkpoint-every", COUNT, FIELD(checkpoint_every), NULL, 1, 1000000, "N",
	  "write it every N steps (default 100)" },
	{ "resume", WORD, FIELD(resume), fm_resume_words, 0, 0, "no|auto",
	  "go on from the checkpoint, if there is one (default no)" },
	{ "crash-at", COUNT, FIELD(crash_at), NULL, 1, 1000000, "N",
	  "to try that: the last rank kills itself in step N, unless it was restarted" },
	{ "quiet", NONE, FIELD(quiet), NULL, 0, 0, NULL, "print nothing but errors" },
	{ "help", NONE, FIELD(help), NULL, 0, 0, NULL, "print this and exit" },
};

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]), FIRST_CODE = 256 };

static enum fm_exit
set_word(const struct row *row, const char *text, long *field)
{
	const char *nearest;
	size_t n = 0;

	while (row->words[n]) {
		if (strcmp(text, row->words[n]) == 0) {
			*field = (long)n;
			return FM_DONE;
		}
		n++;
	}
	nearest = fm_nearest(text, row->words, n);
	if (nearest)
		fm_error("--%s %s: no such value: did you mean '%s'? (%s)", row->name, text,
			 nearest, row->argument);
	else
		fm_error("--%s %s: no such value: give one of %s", row->name, text, row->argument);
	return FM_REFUSED;
}

static enum fm_exit
set_count(const struct row *row, const char *text, long *field)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (end == text || *end || text[strspn(text, "-0123456789")] || errno ||
	    number < row->min || number > row->max) {
		fm_error("--%s %s: not a whole number from %ld to %ld: give one", row->name, text,
			 row->min, row->max);
		return FM_REFUSED;
	}
	*field = number;
	return FM_DONE;
}

static enum fm_exit
set_rate(const struct row *row, const char *text, double *field)
{
	char *end;
	double number = strtod(text, &end);

	if (end == text || *end || text[strspn(text, "0123456789.eE+-")] || !(number > 0) ||
	    number > 10) {
		fm_error("--%s %s: not a number above 0 and at most 10: give one", row->name, text);
		return FM_REFUSED;
	}
	*field = number;
	return FM_DONE;
}

static enum fm_exit
set(const struct row *row, char *text, struct fm_options *options)
{
	void *field = (char *)options + row->field;

	switch (row->value) {
	case WORD:
		return set_word(row, text, field);
	case COUNT:
		return set_count(row, text, field);
	case RATE:
		return set_rate(row, text, field);
	case NONE:
		*(long *)field = 1;
		return FM_DONE;
	case TEXT:
		break;
	}
	if (text[0] == '\0') {
		fm_error("--%s: its value is empty: give a path", row->name);
		return FM_REFUSED;
	}
	*(const char **)field = text;
	return FM_DONE;
}

static enum fm_exit
refuse_unknown(const char *text)
{
	const char *names[N_ROWS];
	const char *nearest;
	char word[64];
	size_t start = strspn(text, "-");

	for (size_t i = 0; i < N_ROWS; i++)
		names[i] = rows[i].name;
	snprintf(word, sizeof(word), "%s", text + start);
	word[strcspn(word, "=")] = '\0';
	nearest = fm_nearest(word, names, N_ROWS);
	if (nearest)
		fm_error("%s: no such option: did you mean '--%s'? (--help shows all)", text,
			 nearest);
	else
		fm_error("%s: no such option: --help shows all", text);
	return FM_REFUSED;
}

/* getopt's result '?' or ':', told apart further by what it leaves in optopt. */
static enum fm_exit
refuse(int result, char *text)
{
	const struct row *row = &rows[optopt >= FIRST_CODE ? optopt - FIRST_CODE : 0];

	if (optopt < FIRST_CODE)
		return refuse_unknown(text);
	if (result == ':')
		fm_error("--%s: its value is missing: give %s", row->name, row->argument);
	else
		fm_error("--%s: takes no value: leave it out", row->name);
	return FM_REFUSED;
}

static void
print_help(void)
{
	printf("Usage: fashion_mnist [options]\n"
	       "   or: syncbn-run -n N -- fashion_mnist [options]\n"
	       "Trains a small network on Fashion-MNIST and tests it.\n\n");
	for (size_t i = 0; i < N_ROWS; i++) {
		char left[32];

		snprintf(left, sizeof(left), "--%s %s", rows[i].name,
			 rows[i].argument ? rows[i].argument : "");
		printf("  %-22s %s\n", left, rows[i].help);
	}
}

enum fm_exit
fm_options_parse(int argc, char **argv, struct fm_options *options)
{
	struct option known[N_ROWS + 1] = { { NULL, 0, NULL, 0 } };
	enum fm_exit code = FM_DONE;
	int result, at = 1;

	*options = (struct fm_options){ .steps = 1000, .batch = 16, .as_ranks = 1, .seed = 1,
					.checkpoint_every = 100,
					.lr = 0.1, .data = FASHION_MNIST_DIR };
	for (int i = 0; i < N_ROWS; i++)
		known[i] = (struct option){ rows[i].name, rows[i].value == NONE ? no_argument :
					    required_argument, NULL, FIRST_CODE + i };
	while (code == FM_DONE && (result = getopt_long(argc, argv, "+:", known, NULL)) != -1) {
		if (result >= FIRST_CODE)
			code = set(&rows[result - FIRST_CODE], optarg, options);
		else
			code = refuse(result, argv[at]);
		at = optind;
	}
	if (code == FM_DONE && optind < argc) {
		fm_error("%s: not an option: they begin with -- (--help shows all)",
			 argv[optind]);
		code = FM_REFUSED;
	}
	if (code == FM_DONE && options->help)
		print_help();
	return code;
}

void
fm_options_check(const struct fm_options *options, int world_size, struct fm_refusal *refusal)
{
	if (options->as_ranks > 1 && world_size > 1)
		fm_refuse(refusal, "--as-ranks %ld: this run has %d ranks already: leave it out",
			  options->as_ranks, world_size);
	else if (options->batch % options->as_ranks)
		fm_refuse(refusal, "--as-ranks %ld: does not divide --batch %ld: change one",
			  options->as_ranks, options->batch);
	else if (options->resume && !options->checkpoint)
		fm_refuse(refusal, "--resume auto: from what: give --checkpoint DIR, too");
	else if (options->batch * world_size > FM_TRAIN_COUNT)
		fm_refuse(refusal, "--batch %ld: with %d ranks more than the %d images there are: "
			  "take a smaller one", options->batch, world_size, FM_TRAIN_COUNT);
}
