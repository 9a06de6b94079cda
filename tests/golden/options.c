/* SPDX-License-Identifier: Apache-2.0 */
#include "golden/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/parse.h"
#include "kernels/kernels.h"

const char golden_options_help[] =
	"usage: replay [options] DIR...\n"
	"\n"
	"Runs the recorded cases of each set DIR (or the one case DIR) with as many real\n"
	"processes as each asks for, and compares with the reference.\n"
	"\n"
	"  --transport WORD     what the processes must talk through: shm, or self (worlds\n"
	"                       of one; all others fail)\n"
	"  --isa NAME           the instruction set: scalar, avx2, avx512, avx2+avx512, neon\n"
	"                       (default: the best this CPU has)\n"
	"  --threads N          that share a call's channels, in each process\n"
	"  --layout WORD        of all activations: nchw (default), nhwc, nchw16c\n"
	"                       (in nchw16c an [N, C] tensor is one of 1 x 1 pixels)\n"
	"  --help\n"
	"\n"
	"Exit codes: 0 all passed, 1 some failed, 2 usage.\n";

static syncbn_status_t
set_transport(const char *value, struct golden_options *options)
{
	static const char *const words[] = { "shm", "self" };
	size_t word = 0;
	syncbn_status_t status = sbn_parse_word("--transport", value, words, 2, &word);

	options->transport = words[word];
	return status;
}

static syncbn_status_t
set_environment(const char *name, const char *value)
{
	if (setenv(name, value, 1) == 0)
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_NO_MEMORY, "setenv %s", name);
}

static syncbn_status_t
set_isa(const char *value, struct golden_options *options)
{
	const struct sbn_kernels *kernels;
	syncbn_status_t status;

	(void)options;
	if (value[0] == '\0')
		return sbn_fail(SYNCBN_ERR_INVALID, "--isa: empty value");
	status = sbn_kernels_choose(value, &kernels);
	return status == SYNCBN_OK ? set_environment("SYNCBN_ISA", value) : status;
}

static syncbn_status_t
set_threads(const char *value, struct golden_options *options)
{
	int64_t n;
	syncbn_status_t status = sbn_parse_int("--threads", value, 1, 1024, &n);

	(void)options;
	return status == SYNCBN_OK ? set_environment("SYNCBN_THREADS", value) : status;
}

static syncbn_status_t
set_layout(const char *value, struct golden_options *options)
{
	static const char *const words[] = { "nchw", "nhwc", "nchw16c" };
	static const syncbn_layout_t layouts[] = { SYNCBN_CHANNELS_FIRST, SYNCBN_CHANNELS_LAST,
						   SYNCBN_BLOCKED_16 };
	size_t word = 0;
	syncbn_status_t status = sbn_parse_word("--layout", value, words, 3, &word);

	options->layout = layouts[word];
	return status;
}

static const struct {
	const char *name;
	syncbn_status_t (*set)(const char *value, struct golden_options *options);
} with_value[] = {
	{ "--transport", set_transport },
	{ "--isa", set_isa },
	{ "--threads", set_threads },
	{ "--layout", set_layout },
};

enum { N_WITH_VALUE = sizeof(with_value) / sizeof(with_value[0]) };

static syncbn_status_t
fail_unknown(const char *name)
{
	const char *names[N_WITH_VALUE + 1] = { "--help" };
	const char *nearest;

	for (size_t i = 0; i < N_WITH_VALUE; i++)
		names[i + 1] = with_value[i].name;
	nearest = sbn_nearest_word(name, names, N_WITH_VALUE + 1);
	if (nearest == NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "unknown option %s; --help lists them", name);
	return sbn_fail(SYNCBN_ERR_INVALID, "unknown option %s; did you mean %s?", name, nearest);
}

/* "--name value" or "--name=value" at argv[0]; *used: how many words it takes. */
static syncbn_status_t
parse_option(char **argv, struct golden_options *options, int *used)
{
	char *value = strchr(argv[0], '=');

	*used = value == NULL ? 2 : 1;
	if (value != NULL)
		*value++ = '\0';
	for (size_t i = 0; i < N_WITH_VALUE; i++) {
		if (strcmp(argv[0], with_value[i].name) != 0)
			continue;
		if (value == NULL)
			value = argv[1];
		if (value == NULL)
			return sbn_fail(SYNCBN_ERR_INVALID, "%s: a value is missing", argv[0]);
		return with_value[i].set(value, options);
	}
	return fail_unknown(argv[0]);
}

syncbn_status_t
golden_options_parse(int argc, char **argv, struct golden_options *options)
{
	syncbn_status_t status;
	int i = 1, used;

	*options = (struct golden_options){ .layout = SYNCBN_CHANNELS_FIRST, .transport = "" };
	while (i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0) {
		options->help = strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
		if (options->help)
			return SYNCBN_OK;
		status = parse_option(&argv[i], options, &used);
		if (status != SYNCBN_OK)
			return status;
		i += used;
	}
	if (i < argc && strcmp(argv[i], "--") == 0)
		i++;
	options->sets = &argv[i];
	if (i == argc)
		return sbn_fail(SYNCBN_ERR_INVALID, "a directory of cases is missing; --help");
	return SYNCBN_OK;
}
