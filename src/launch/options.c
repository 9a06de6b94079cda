/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/options.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/parse.h"
#include "launch/option_ranks.h"
#include "launch/option_table.h"
#include "launch/settings.h"

static syncbn_status_t
fail_unknown(const char *word, size_t length)
{
	const char *names[SBN_N_OPTIONS];
	char name[SBN_OPTION_NAME];
	const char *nearest;

	for (size_t i = 0; i < SBN_N_OPTIONS; i++)
		names[i] = sbn_option_table[i].name;
	snprintf(name, sizeof(name), "%.*s", (int)(length < sizeof(name) ? length : sizeof(name)),
		 word);
	nearest = sbn_nearest_word(name, names, SBN_N_OPTIONS);
	if (nearest == NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "unknown option %s; --help lists them", name);
	return sbn_fail(SYNCBN_ERR_INVALID, "unknown option %s; did you mean %s?", name, nearest);
}

/* The flag that "--no-name" takes back, or that "--name" does when it is called "--no-name". */
static const struct sbn_option *
find_denied(const char *word, size_t length)
{
	const struct sbn_option *option;
	char other[SBN_OPTION_NAME];

	if (length > sizeof(other) - 8 || strncmp(word, "--", 2) != 0)
		return NULL;
	if (strncmp(word, "--no-", 5) == 0)
		snprintf(other, sizeof(other), "--%.*s", (int)(length - 5), word + 5);
	else
		snprintf(other, sizeof(other), "--no-%.*s", (int)(length - 2), word + 2);
	option = sbn_option_find(other, strlen(other));
	return option != NULL && option->kind == SBN_OPTION_FLAG && !option->now_only ? option :
											NULL;
}

static syncbn_status_t
set_flag(const struct sbn_option *option, bool on, const char *value, struct sbn_options *options)
{
	*(bool *)((char *)options + option->offset) = on;
	if (value != NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s takes no value", option->name);
	return SYNCBN_OK;
}

/*
 * One option at argv[0]: "--name value", "--name=value", "-n 4" or "-n4". *used: how many words it
 * took.
 */
static syncbn_status_t
parse_option(char **argv, struct sbn_options *options, int *used)
{
	const char *word = argv[0];
	size_t length = strncmp(word, "--", 2) == 0 ? strcspn(word, "=") : strlen(word);
	const struct sbn_option *option = sbn_option_find(word, length);
	const struct sbn_option *denied = option == NULL ? find_denied(word, length) : NULL;
	const char *value = word[length] == '=' ? word + length + 1 : NULL;

	*used = 1;
	if (denied != NULL)
		return set_flag(denied, false, value, options);
	if (option == NULL && strncmp(word, "-n", 2) == 0 && isdigit((unsigned char)word[2])) {
		option = sbn_option_find("-n", 2);
		value = word + 2;
	}
	if (option == NULL)
		return fail_unknown(word, length);
	if (option->kind == SBN_OPTION_FLAG)
		return set_flag(option, true, value, options);
	if (value == NULL) {
		value = argv[1];
		*used = 2;
	}
	if (value == NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s: its value is missing", option->name);
	return sbn_option_store(option, option->name, value, options);
}

static syncbn_status_t
parse_words(char **argv, struct sbn_options *options)
{
	/* a lone "-" is no option, as everywhere */
	while (argv[0] != NULL && argv[0][0] == '-' && argv[0][1] != '\0') {
		syncbn_status_t status;
		int used = 1;

		if (strcmp(argv[0], "--") == 0) {
			argv++;
			break;
		}
		status = parse_option(argv, options, &used);
		if (status != SYNCBN_OK)
			return status;
		argv += used;
	}
	options->program = argv;
	return SYNCBN_OK;
}

/* The file that the environment or the command line names, then the environment. */
static syncbn_status_t
read_settings(const char *config, struct sbn_options *options)
{
	struct sbn_options from_env = { 0 };
	syncbn_status_t status = SYNCBN_OK;

	if (config == NULL) {
		status = sbn_settings_read_env(environ, &from_env);
		config = from_env.config;
	}
	if (status == SYNCBN_OK && config != NULL)
		status = sbn_settings_read_file(config, options);
	return status == SYNCBN_OK ? sbn_settings_read_env(environ, options) : status;
}

static syncbn_status_t
check_together(const struct sbn_options *options)
{
	if (options->topology != NULL && !options->dry_run)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"--topology shows another machine: it needs --dry-run");
	if (options->json && !options->dry_run && !options->report)
		return sbn_fail(SYNCBN_ERR_INVALID, "--json needs --dry-run or --report");
	if (options->tee && options->output == NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "--tee shows what --output DIR writes: give "
						    "both");
	if (options->program[0] == NULL && !options->dry_run)
		return sbn_fail(SYNCBN_ERR_INVALID, "no program is given; usage: syncbn-run "
						    "[options] [--] program args...");
	if (options->program[0] != NULL && options->program[0][0] == '\0')
		return sbn_fail(SYNCBN_ERR_INVALID, "the program's name is empty: is a variable "
						    "of your script unset?");
	if (options->quiet_ranks != NULL)
		return sbn_option_ranks_check(options->quiet_ranks);
	return SYNCBN_OK;
}

syncbn_status_t
sbn_options_parse(int argc, char **argv, struct sbn_options *options)
{
	char **words = argv + (argc > 0 ? 1 : 0);
	struct sbn_options wanted = { 0 };
	syncbn_status_t status;

	*options = (struct sbn_options){ .grace_s = SBN_DEFAULT_GRACE_S };
	/* once to find --config, and once more over what the file says */
	status = parse_words(words, &wanted);
	if (status != SYNCBN_OK)
		return status;
	if (wanted.help || wanted.version) {
		*options = wanted;
		return SYNCBN_OK;
	}
	status = read_settings(wanted.config, options);
	if (status == SYNCBN_OK)
		status = parse_words(words, options);
	if (options->bind == SBN_BIND_NONE)
		options->mem = SBN_MEM_NONE; /* where the CPUs are not chosen, no memory is near */
	return status == SYNCBN_OK ? check_together(options) : status;
}

void
sbn_options_free(struct sbn_options *options)
{
	for (size_t i = 0; i < options->n_texts; i++)
		free(options->texts[i]);
	free(options->texts);
	options->texts = NULL;
	options->n_texts = 0;
}
