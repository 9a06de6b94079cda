/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of placement: a machine that a file of tests/topologies or a description shows. */
#ifndef SBN_TESTS_MACHINE_H
#define SBN_TESTS_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "platform/domains.h"

struct machine {
	struct sbn_topology topology;
	struct sbn_domains domains;
};

/* source: "name.xml" of tests/topologies, a file elsewhere, or a synthetic description */
static inline void
machine_open(struct machine *machine, const char *source, enum sbn_map map)
{
	const char *tree = getenv("SRC");
	char path[4096];

	if (strstr(source, ".xml") != NULL && strchr(source, '/') == NULL)
		snprintf(path, sizeof(path), "%s/tests/topologies/%s", tree != NULL ? tree : ".",
			 source);
	else
		snprintf(path, sizeof(path), "%s", source);
	assert_int_equal(sbn_topology_load(path, &machine->topology), SYNCBN_OK);
	assert_int_equal(sbn_domains_find(&machine->topology, map, &machine->domains), SYNCBN_OK);
}

static inline void
machine_close(struct machine *machine)
{
	sbn_domains_free(&machine->domains);
	sbn_topology_free(&machine->topology);
}

#endif
