/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_args.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/math.h"
#include "base/parse.h"

enum { NAME_BYTES = 64 };

syncbn_status_t
perf_arg_count(const char *name, const char *text, int64_t min, int64_t max, uint64_t *out)
{
	int64_t value;
	syncbn_status_t status = sbn_parse_int(name, text, min, max, &value);

	if (status == SYNCBN_OK)
		*out = (uint64_t)value;
	return status;
}

syncbn_status_t
perf_arg_choice(const char *name, const char *text, const char *const *words, size_t n, int *out)
{
	size_t word;
	syncbn_status_t status = sbn_parse_word(name, text, words, n, &word);

	if (status == SYNCBN_OK)
		*out = (int)word;
	return status;
}

enum { TYPES = 4 };

static const char *const dtype_names[PERF_SPELLINGS][TYPES] = {
	[PERF_SHORT] = { "f32", "f64", "bf16", "f16" },
	[PERF_LONG] = { "float32", "float64", "bfloat16", "float16" },
};

const char *
perf_arg_dtype_name(syncbn_dtype_t dtype, enum perf_spelling spelling)
{
	return dtype_names[spelling][dtype - 1];
}

syncbn_status_t
perf_arg_dtype(const char *name, const char *text, size_t n_types, syncbn_dtype_t *out)
{
	const char *words[PERF_SPELLINGS * TYPES];
	size_t word = 0;
	syncbn_status_t status;

	for (size_t i = 0; i < PERF_SPELLINGS * n_types; i++)
		words[i] = dtype_names[i / n_types][i % n_types];
	status = sbn_parse_word(name, text, words, PERF_SPELLINGS * n_types, &word);
	if (status == SYNCBN_OK)
		*out = (syncbn_dtype_t)(word % n_types + 1);
	return status;
}

syncbn_status_t
perf_arg_file(const char *name, const char *text, const char **out)
{
	if (text[0] == '\0')
		return sbn_fail(SYNCBN_ERR_INVALID, "%s: the name of a file is empty", name);
	*out = text;
	return SYNCBN_OK;
}

static syncbn_status_t
fail_unknown(const char *word, const struct perf_arg *args, size_t n)
{
	const char *names[n];
	const char *nearest;

	for (size_t i = 0; i < n; i++)
		names[i] = args[i].name;
	nearest = sbn_nearest_word(word, names, n);
	if (nearest == NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "unknown option %s; --help lists them", word);
	return sbn_fail(SYNCBN_ERR_INVALID, "unknown option %s; did you mean %s?", word, nearest);
}

static const struct perf_arg *
find(const char *name, const struct perf_arg *args, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(args[i].name, name) == 0)
			return &args[i];
	return NULL;
}

/* *used: how many words it took. */
static syncbn_status_t
parse_one(char **argv, const struct perf_arg *args, size_t n, void *context, bool *given, int *used)
{
	bool is_long = strncmp(argv[0], "--", 2) == 0;
	size_t length = is_long ? strcspn(argv[0], "=") : SBN_MIN(strlen(argv[0]), (size_t)2);
	const char *value = argv[0][length] != '\0' ? argv[0] + length + is_long : NULL;
	const struct perf_arg *arg;
	char name[NAME_BYTES];

	snprintf(name, sizeof(name), "%.*s", (int)SBN_MIN(length, sizeof(name) - 1), argv[0]);
	arg = find(name, args, n);
	if (arg == NULL)
		return fail_unknown(name, args, n);
	*used = 1;
	if (arg->is_flag && value != NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s takes no value", name);
	if (!arg->is_flag && value == NULL) {
		value = argv[1];
		*used = 2;
	}
	if (!arg->is_flag && value == NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s: its value is missing", name);
	if (given != NULL)
		given[arg - args] = true;
	return arg->take(context, name, value);
}

syncbn_status_t
perf_args_parse(int argc, char **argv, const struct perf_arg *args, size_t n, void *context,
		bool *given)
{
	syncbn_status_t status = SYNCBN_OK;

	for (int at = 1, used; at < argc && status == SYNCBN_OK; at += used) {
		used = 1;
		if (argv[at][0] != '-')
			return sbn_fail(SYNCBN_ERR_INVALID,
					"%s: no option takes it; --help lists them", argv[at]);
		status = parse_one(argv + at, args, n, context, given, &used);
	}
	return status;
}
