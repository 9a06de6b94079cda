/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "base/fail.h"
#include "base/parse.h"
#include "launch/option_table.h"

/* "no" and its like have even places */
static const char *const flag_words[] = { "no", "yes", "off", "on", "false", "true", "0", "1" };

enum { N_FLAG_WORDS = sizeof(flag_words) / sizeof(flag_words[0]) };

_Static_assert(sizeof(enum sbn_map) == sizeof(unsigned) &&
		       sizeof(enum sbn_mem) == sizeof(unsigned) &&
		       sizeof(enum sbn_smt) == sizeof(unsigned) &&
		       sizeof(enum sbn_cores) == sizeof(unsigned) &&
		       sizeof(enum sbn_bind) == sizeof(unsigned) &&
		       sizeof(enum sbn_malloc) == sizeof(unsigned) &&
		       sizeof(enum sbn_input_to) == sizeof(unsigned),
	       "words are stored as unsigned");

const struct sbn_option *
sbn_option_find(const char *name, size_t length)
{
	for (size_t i = 0; i < SBN_N_OPTIONS; i++) {
		const char *known = sbn_option_table[i].name;

		if (strlen(known) == length && memcmp(known, name, length) == 0)
			return &sbn_option_table[i];
	}
	return NULL;
}

void
sbn_option_key(const struct sbn_option *option, char key[SBN_OPTION_NAME])
{
	snprintf(key, SBN_OPTION_NAME, "%s", option->name + strspn(option->name, "-"));
}

void
sbn_option_variable(const struct sbn_option *option, char name[SBN_OPTION_NAME])
{
	char *at = name + sizeof(SBN_RUN_ENV) - 1;

	memcpy(name, SBN_RUN_ENV, sizeof(SBN_RUN_ENV));
	snprintf(at, SBN_OPTION_NAME - (sizeof(SBN_RUN_ENV) - 1), "%s",
		 option->name + strspn(option->name, "-"));
	for (; *at != '\0'; at++)
		*at = (char)(*at == '-' ? '_' : toupper((unsigned char)*at));
}

const struct sbn_option *
sbn_option_find_key(const char *key)
{
	for (size_t i = 0; i < SBN_N_OPTIONS; i++) {
		const struct sbn_option *option = &sbn_option_table[i];

		if (option->help != NULL && !option->now_only &&
		    strcmp(option->name + strspn(option->name, "-"), key) == 0)
			return option;
	}
	return NULL;
}

static syncbn_status_t
store_flag(const char *what, const char *value, bool *field)
{
	size_t word = 0;
	syncbn_status_t status = sbn_parse_word(what, value, flag_words, N_FLAG_WORDS, &word);

	if (status == SYNCBN_OK)
		*field = word % 2 != 0;
	return status;
}

static syncbn_status_t
store_word(const struct sbn_option *option, const char *what, const char *value, unsigned *field)
{
	size_t word = 0;
	syncbn_status_t status = sbn_parse_word(what, value, option->words, option->n_words, &word);

	if (status == SYNCBN_OK)
		*field = (unsigned)word;
	return status;
}

static syncbn_status_t
store_map(const struct sbn_option *option, const char *what, const char *value,
	  struct sbn_options *options)
{
	static const char list[] = "list:";

	if (strncmp(value, list, sizeof(list) - 1) != 0)
		return store_word(option, what, value, (unsigned *)&options->map);
	options->map = SBN_MAP_LIST;
	options->map_list = value + sizeof(list) - 1;
	return SYNCBN_OK;
}

syncbn_status_t
sbn_option_store(const struct sbn_option *option, const char *what, const char *value,
		 struct sbn_options *options)
{
	void *field = (char *)options + option->offset;
	syncbn_status_t status;
	int64_t count;

	switch (option->kind) {
	case SBN_OPTION_FLAG:
		return store_flag(what, value, field);
	case SBN_OPTION_COUNT:
		status = sbn_parse_int(what, value, (int64_t)option->min, (int64_t)option->max,
				       &count);
		if (status == SYNCBN_OK)
			*(unsigned *)field = (unsigned)count;
		return status;
	case SBN_OPTION_SECONDS:
		return sbn_parse_seconds(what, value, option->min, option->max, field);
	case SBN_OPTION_WORD:
		return store_word(option, what, value, field);
	case SBN_OPTION_MAP:
		return store_map(option, what, value, options);
	default:
		*(const char **)field = value;
		if (value[0] == '\0')
			return sbn_fail(SYNCBN_ERR_INVALID, "%s: empty value", what);
		return SYNCBN_OK;
	}
}
