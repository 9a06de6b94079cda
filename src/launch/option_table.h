/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of syncbn-run, in the order of --help: the only place that knows them. From a row
 * follow the word on the command line (--per-domain), the variable (SYNCBN_RUN_PER_DOMAIN), the key
 * in a file (per-domain), and the help.
 */
#ifndef SBN_LAUNCH_OPTION_TABLE_H
#define SBN_LAUNCH_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <syncbn/status.h>

#include "launch/options.h"

enum sbn_option_kind {
	SBN_OPTION_FLAG, /* all others take a value */
	SBN_OPTION_COUNT,
	SBN_OPTION_SECONDS,
	SBN_OPTION_WORD,
	SBN_OPTION_MAP, /* a word, or "list:" and CPUs */
	SBN_OPTION_TEXT
};

struct sbn_option {
	const char *name;    /* with its dashes */
	const char *section; /* NULL: the one of the row before */
	const char *value;   /* what --help calls it; NULL: none is taken */
	const char *help;    /* NULL: an alias of the last row that has one */
	enum sbn_option_kind kind;
	bool now_only; /* on the command line only: no setting for later */
	size_t offset; /* of the field in struct sbn_options */
	double min, max;
	const char *const *words; /* [n_words] */
	size_t n_words;
};

enum { SBN_N_OPTIONS = 36, SBN_OPTION_NAME = 64 };

extern const struct sbn_option sbn_option_table[SBN_N_OPTIONS];

#define SBN_RUN_ENV "SYNCBN_RUN_"

/* The row of a name of `length` letters, dashes and all, or NULL. */
const struct sbn_option *sbn_option_find(const char *name, size_t length);

/* The row of a key ("per-domain"), aliases and options for now only left out, or NULL. */
const struct sbn_option *sbn_option_find_key(const char *key);

/* Writes the key, or the variable, of a row. */
void sbn_option_key(const struct sbn_option *option, char key[SBN_OPTION_NAME]);
void sbn_option_variable(const struct sbn_option *option, char name[SBN_OPTION_NAME]);

/*
 * Parses a value into the row's field; `what` names it in errors. The options keep a pointer to
 * texts. INVALID.
 */
syncbn_status_t sbn_option_store(const struct sbn_option *option, const char *what,
				 const char *value, struct sbn_options *options);

/* The text of --help: at most 80 columns, a heading for each section. */
void sbn_option_help(FILE *out);

#endif
