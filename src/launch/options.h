/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What syncbn-run is told: on its command line; where that is silent in SYNCBN_RUN_* variables;
 * where those are, too, in the file of --config.
 */
#ifndef SBN_LAUNCH_OPTIONS_H
#define SBN_LAUNCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <syncbn/status.h>

#include "platform/binding.h"
#include "platform/choice.h"
#include "platform/domains.h"

enum sbn_bind { SBN_BIND_NUMA, SBN_BIND_NONE };

enum sbn_malloc { SBN_MALLOC_DEFAULT, SBN_MALLOC_TUNED, SBN_MALLOC_TCMALLOC, SBN_MALLOC_JEMALLOC };

/* Whose standard input is ours; AUTO: rank 0's, unless it is a terminal. */
enum sbn_input_to { SBN_INPUT_AUTO, SBN_INPUT_NONE, SBN_INPUT_FIRST, SBN_INPUT_ALL };

enum { SBN_DEFAULT_GRACE_S = 5 };

struct sbn_options {
	unsigned n_ranks;    /* -n; 0: not given */
	unsigned per_domain; /* 0: not given */
	enum sbn_map map;
	const char *map_list; /* with SBN_MAP_LIST */
	const char *domains;  /* NULL: all */
	enum sbn_smt smt;
	enum sbn_cores cores;
	enum sbn_mem mem;
	enum sbn_bind bind;
	enum sbn_malloc malloc;
	bool oversubscribe;
	bool shared;   /* with other runs: not worth a word */
	bool no_adopt; /* under another launcher, too */
	bool report;
	bool json; /* --dry-run or --report as JSON on stdout */
	bool dry_run;
	const char *svg;
	const char *topology; /* with dry_run */
	const char *config;
	double timeout_s;     /* of the ranks' waits, exported as SYNCBN_TIMEOUT; 0: not given */
	double hang_report_s; /* 0: not given */
	double grace_s;       /* from SIGTERM to SIGKILL; default 5 */
	unsigned max_restarts;
	enum sbn_input_to input; /* --stdin */
	bool tag;
	bool timestamps;
	const char *output;      /* the directory of the ranks' files; NULL: none */
	bool tee;                /* to our own output, too */
	const char *quiet_ranks; /* a list; NULL: none */
	bool help;
	bool version;
	char **program; /* argv of the program, NULL at its end */
	char **texts;   /* [n_texts] what the file's texts are kept in */
	size_t n_texts;
};

/*
 * INVALID: the detail names option, variable or line, and offers the nearest word. Whatever it
 * returns, sbn_options_free may follow.
 */
syncbn_status_t sbn_options_parse(int argc, char **argv, struct sbn_options *options);

void sbn_options_free(struct sbn_options *options);

#endif
