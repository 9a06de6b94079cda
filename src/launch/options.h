/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of syncbn-run. */
#ifndef SBN_LAUNCH_OPTIONS_H
#define SBN_LAUNCH_OPTIONS_H

#include <stdbool.h>

#include <syncbn/status.h>

#include "platform/binding.h"
#include "platform/domains.h"

struct sbn_options {
	unsigned n_ranks; /* -n; 0: one a domain */
	enum sbn_map map;
	enum sbn_mem mem;
	bool report;
	bool json; /* --dry-run or --report as JSON on stdout */
	bool dry_run;
	const char *topology; /* with dry_run */
	bool oversubscribe;
	double timeout_s; /* of the ranks' waits, exported as SYNCBN_TIMEOUT; 0: not given */
	double grace_s;   /* from SIGTERM to SIGKILL; default 5 */
	bool tag;
	bool help;
	bool version;
	char **program; /* argv of the program, NULL at its end */
};

/* INVALID: the detail names the option or value and offers the nearest word. */
syncbn_status_t sbn_options_parse(int argc, char **argv, struct sbn_options *options);

/* The text of --help: fits a screen of 80 columns. */
extern const char sbn_options_help[];

#endif
