/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/parse.h"
#include "launch/option_table.h"
#include "shm/contract.h"

/* inih cuts a longer line in two, without a word */
enum { LINE_MAX_BYTES = 190, FILE_MAX_BYTES = 1 << 16, DETAIL_BYTES = 400 };

typedef void write_name(const struct sbn_option *option, char name[SBN_OPTION_NAME]);

/*
 * "; did you mean X?" for a name among those that `write` makes of the options. Their common prefix
 * would make all of them near.
 */
static void
suggest(const char *name, write_name *write, const char *prefix, char *text, size_t bytes)
{
	char names[SBN_N_OPTIONS][SBN_OPTION_NAME];
	const char *words[SBN_N_OPTIONS];
	const char *nearest;
	size_t n = 0;

	for (size_t i = 0; i < SBN_N_OPTIONS; i++) {
		const struct sbn_option *option = &sbn_option_table[i];

		if (option->help == NULL || option->now_only)
			continue;
		write(option, names[n]);
		words[n] = names[n] + strlen(prefix);
		n++;
	}
	nearest = sbn_nearest_word(name + strlen(prefix), words, n);
	if (nearest != NULL)
		snprintf(text, bytes, "; did you mean %s%s?", prefix, nearest);
	else
		snprintf(text, bytes, "; --help lists the options");
}

/* ---- the file ---- */

struct file {
	struct sbn_options *options;
	bool seen[SBN_N_OPTIONS];
	syncbn_status_t status; /* of the first line that is wrong */
	char detail[DETAIL_BYTES];
};

static syncbn_status_t
keep_text(struct sbn_options *options, const char *text, const char **kept)
{
	char **texts = realloc(options->texts, (options->n_texts + 1) * sizeof(texts[0]));

	if (texts == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "settings");
	options->texts = texts;
	texts[options->n_texts] = strdup(text);
	if (texts[options->n_texts] == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "settings");
	*kept = texts[options->n_texts++];
	return SYNCBN_OK;
}

static syncbn_status_t
take_line(struct file *file, const char *section, const char *key, const char *value)
{
	const struct sbn_option *option = sbn_option_find_key(key);
	const char *kept = NULL;
	char hint[2 * SBN_OPTION_NAME];
	syncbn_status_t status;

	if (section[0] != '\0' && strcmp(section, "syncbn-run") != 0)
		return sbn_fail(SYNCBN_ERR_INVALID, "section [%s]; there is [syncbn-run] only",
				section);
	if (option == NULL) {
		suggest(key, sbn_option_key, "", hint, sizeof(hint));
		return sbn_fail(SYNCBN_ERR_INVALID, "unknown setting \"%s\"%s", key, hint);
	}
	if (strcmp(option->name, "--config") == 0)
		return sbn_fail(SYNCBN_ERR_INVALID, "config: a file names no other file");
	if (file->seen[option - sbn_option_table])
		return sbn_fail(SYNCBN_ERR_INVALID, "%s is set twice", key);
	file->seen[option - sbn_option_table] = true;
	status = keep_text(file->options, value, &kept);
	return status != SYNCBN_OK ? status : sbn_option_store(option, key, kept, file->options);
}

/* inih's callback; it tells the line of the first 0. */
static int
on_line(void *user, const char *section, const char *key, const char *value)
{
	struct file *file = user;
	syncbn_status_t status = take_line(file, section, key, value);

	if (status == SYNCBN_OK)
		return 1;
	if (file->status == SYNCBN_OK) {
		file->status = status;
		snprintf(file->detail, sizeof(file->detail), "%s", sbn_last_error());
	}
	return 0;
}

/* The whole file as text in buffer. */
static syncbn_status_t
read_text(const char *path, char buffer[FILE_MAX_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = 0;

	if (fd < 0)
		return sbn_fail(SYNCBN_ERR_INVALID, "the file of settings %s: %s; check its name",
				path, strerror(errno));
	while (used < FILE_MAX_BYTES - 1 &&
	       (n = read(fd, buffer + used, FILE_MAX_BYTES - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	if (n < 0)
		return sbn_fail(SYNCBN_ERR_INVALID, "the file of settings %s: %s", path,
				strerror(errno));
	buffer[used] = '\0';
	if (used == FILE_MAX_BYTES - 1 || strlen(buffer) != used)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s is no file of settings: %s", path,
				strlen(buffer) != used ? "it has zero bytes" : "it is too long");
	return SYNCBN_OK;
}

static syncbn_status_t
check_lines(const char *path, const char *text)
{
	unsigned number = 1;

	for (size_t length; (length = strcspn(text, "\n"), true); number++) {
		if (length > LINE_MAX_BYTES)
			return sbn_fail(SYNCBN_ERR_INVALID, "%s:%u: more than %d letters in a line",
					path, number, LINE_MAX_BYTES);
		if (text[length] == '\0')
			break;
		text += length + 1;
	}
	return SYNCBN_OK;
}

static syncbn_status_t
fail_form(const char *path, const char *text, int number)
{
	for (int line = 1; line < number; line++)
		text += strcspn(text, "\n") + 1;
	return sbn_fail(SYNCBN_ERR_INVALID, "%s:%d: \"%.*s\" is not of the form key = value", path,
			number, (int)strcspn(text, "\r\n"), text);
}

syncbn_status_t
sbn_settings_read_file(const char *path, struct sbn_options *options)
{
	struct file file = { .options = options };
	char *text = malloc(FILE_MAX_BYTES);
	syncbn_status_t status;
	int line;

	if (text == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "settings");
	status = read_text(path, text);
	if (status == SYNCBN_OK)
		status = check_lines(path, text);
	if (status != SYNCBN_OK)
		goto out;
	line = ini_parse_string(text, on_line, &file);
	errno = 0;
	if (line > 0 && file.status == SYNCBN_OK)
		status = fail_form(path, text, line);
	else if (line != 0)
		status = sbn_fail(file.status, "%s:%d: %s", path, line, file.detail);
out:
	free(text);
	return status;
}

/* ---- the environment ---- */

/* Another run's, in which this one is started; and what supervision reads for itself. */
static bool
is_no_option(const char *name)
{
	return strcmp(name, SBN_ENV_RUN_ID) == 0 || strcmp(name, "SYNCBN_RUN_NOTICE_MS") == 0;
}

static syncbn_status_t
fail_variable(const char *name)
{
	char hint[2 * SBN_OPTION_NAME];

	suggest(name, sbn_option_variable, SBN_RUN_ENV, hint, sizeof(hint));
	return sbn_fail(SYNCBN_ERR_INVALID, "unknown setting %s%s", name, hint);
}

static syncbn_status_t
take_variable(const char *name, const char *value, struct sbn_options *options)
{
	for (size_t i = 0; i < SBN_N_OPTIONS; i++) {
		const struct sbn_option *option = &sbn_option_table[i];
		char known[SBN_OPTION_NAME];

		if (option->help == NULL || option->now_only)
			continue;
		sbn_option_variable(option, known);
		if (strcmp(name, known) == 0)
			return value[0] == '\0' ? SYNCBN_OK :
						  sbn_option_store(option, known, value, options);
	}
	return fail_variable(name);
}

syncbn_status_t
sbn_settings_read_env(char *const *env, struct sbn_options *options)
{
	syncbn_status_t status = SYNCBN_OK;

	for (; *env != NULL && status == SYNCBN_OK; env++) {
		size_t length = strcspn(*env, "=");
		char name[2 * SBN_OPTION_NAME];

		if (strncmp(*env, SBN_RUN_ENV, sizeof(SBN_RUN_ENV) - 1) != 0 ||
		    (*env)[length] == '\0')
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)length, *env);
		if (!is_no_option(name))
			status = take_variable(name, *env + length + 1, options);
	}
	return status;
}
