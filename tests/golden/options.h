/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of replay. */
#ifndef SBN_GOLDEN_OPTIONS_H
#define SBN_GOLDEN_OPTIONS_H

#include <stdbool.h>

#include <syncbn/syncbn.h>

struct golden_options {
	syncbn_layout_t layout;
	const char *transport; /* "": any */
	bool help;
	char **sets; /* NULL at its end */
};

/*
 * --isa and --threads go into the environment, where the ranks find them. INVALID: the detail names
 * the option or value and offers the nearest word.
 */
syncbn_status_t golden_options_parse(int argc, char **argv, struct golden_options *options);

extern const char golden_options_help[];

#endif
