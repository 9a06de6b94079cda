/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/options.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/parse.h"
#include "shm/layout.h"

enum kind { FLAG, COUNT, SECONDS, WORD, TEXT };

struct option {
	const char *name;
	enum kind kind; /* all but FLAG take a value */
	size_t offset;  /* of the field in struct sbn_options */
	double min, max;
	const char *const *words;
	size_t n_words;
};

#define AT(field) offsetof(struct sbn_options, field)
#define N_RANKS COUNT, AT(n_ranks), 1, SBN_MAX_RANKS, NULL, 0
#define A_FLAG(field) FLAG, AT(field), 0, 0, NULL, 0
#define A_WORD(field, names) WORD, AT(field), 0, 0, names, sizeof(names) / sizeof((names)[0])

/* An alias is a row with the same field. */
static const struct option options_table[] = {
	{ "-n", N_RANKS },
	{ "-np", N_RANKS },
	{ "--nproc-per-node", N_RANKS },
	{ "--nproc_per_node", N_RANKS },
	{ "--map", A_WORD(map, sbn_map_names) },
	{ "--mem", A_WORD(mem, sbn_mem_names) },
	{ "--report", A_FLAG(report) },
	{ "--json", A_FLAG(json) },
	{ "--dry-run", A_FLAG(dry_run) },
	{ "--topology", TEXT, AT(topology), 0, 0, NULL, 0 },
	{ "--oversubscribe", A_FLAG(oversubscribe) },
	{ "--timeout", SECONDS, AT(timeout_s), 0.001, 1e6, NULL, 0 },
	{ "--grace", SECONDS, AT(grace_s), 0, 1e6, NULL, 0 },
	{ "--tag", A_FLAG(tag) },
	{ "--help", A_FLAG(help) },
	{ "-h", A_FLAG(help) },
	{ "--version", A_FLAG(version) },
	{ "-V", A_FLAG(version) },
};

enum { N_OPTIONS = sizeof(options_table) / sizeof(options_table[0]), NAME_BYTES = 64 };

_Static_assert(sizeof(enum sbn_map) == sizeof(unsigned) && sizeof(enum sbn_mem) == sizeof(unsigned),
	       "words are stored as unsigned");

const char sbn_options_help[] =
	"usage: syncbn-run [options] [--] program args...\n"
	"\n"
	"Starts one process (rank) of the program on each NUMA domain of this machine,\n"
	"bound to its cores and memory, and ends all of them when one fails.\n"
	"\n"
	"Placement\n"
	"  -n N                 this many ranks, instead of one a domain; fewer: whole\n"
	"                       domains, spread over the packages; more: domains are cut\n"
	"                       (also -np, --nproc-per-node)\n"
	"  --map WORD           what a domain is: numa (default), l3, package, core\n"
	"  --mem WORD           memory policy: preferred (default; the domain's memory\n"
	"                       while it has room), bind (no other), first-touch (none)\n"
	"  --oversubscribe      allow more ranks than processing units\n"
	"\n"
	"What happens where\n"
	"  --report             print the table of ranks, CPUs and memory, then run\n"
	"  --dry-run            print it and run nothing\n"
	"  --json               with one of these: JSON on standard output\n"
	"  --topology MACHINE   with --dry-run: an XML file of hwloc, or a description\n"
	"                       such as \"pack:2 numa:4 core:4 pu:2\"\n"
	"\n"
	"Running\n"
	"  --timeout SECONDS    how long a rank waits for the others once all have\n"
	"                       joined (default 600)\n"
	"  --grace SECONDS      from SIGTERM to SIGKILL when a rank failed (default 5)\n"
	"  --tag                put [rank] before every line of output\n"
	"  --help, --version\n"
	"\n"
	"Ranks find RANK, LOCAL_RANK, WORLD_SIZE, LOCAL_WORLD_SIZE, GROUP_RANK, RANK_ID,\n"
	"RANK_SIZE, MS_WORKER_NUM, and unless set: MASTER_ADDR, MASTER_PORT and\n"
	"OMP_NUM_THREADS (the rank's cores).\n"
	"Exit codes: 0, or the first failing rank's: its own, 128+N for signal N, 1 when\n"
	"it left the run early; 2 usage; 126 cannot be executed; 127 not found; 1 other.\n";

static const struct option *
find_option(const char *name, size_t length)
{
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const char *known = options_table[i].name;

		if (strlen(known) == length && memcmp(known, name, length) == 0)
			return &options_table[i];
	}
	return NULL;
}

static syncbn_status_t
fail_unknown(const char *word, size_t length)
{
	const char *names[N_OPTIONS];
	char name[NAME_BYTES];
	const char *nearest;

	for (size_t i = 0; i < N_OPTIONS; i++)
		names[i] = options_table[i].name;
	snprintf(name, sizeof(name), "%.*s", (int)(length < sizeof(name) ? length : sizeof(name)),
		 word);
	nearest = sbn_nearest_word(name, names, N_OPTIONS);
	if (nearest == NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "unknown option %s; --help lists them", name);
	return sbn_fail(SYNCBN_ERR_INVALID, "unknown option %s; did you mean %s?", name, nearest);
}

static syncbn_status_t
store_value(const struct option *option, const char *value, void *field)
{
	syncbn_status_t status = SYNCBN_OK;
	int64_t count = 0;
	size_t word = 0;

	switch (option->kind) {
	case COUNT:
		status = sbn_parse_int(option->name, value, (int64_t)option->min,
				       (int64_t)option->max, &count);
		if (status == SYNCBN_OK)
			*(unsigned *)field = (unsigned)count;
		return status;
	case SECONDS:
		return sbn_parse_seconds(option->name, value, option->min, option->max, field);
	case WORD:
		status = sbn_parse_word(option->name, value, option->words, option->n_words, &word);
		if (status == SYNCBN_OK)
			*(unsigned *)field = (unsigned)word;
		return status;
	default:
		*(const char **)field = value;
		if (value[0] == '\0')
			return sbn_fail(SYNCBN_ERR_INVALID, "%s: empty value", option->name);
		return SYNCBN_OK;
	}
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
	const struct option *option = find_option(word, length);
	const char *value = word[length] == '=' ? word + length + 1 : NULL;
	void *field;

	if (option == NULL && strncmp(word, "-n", 2) == 0 && isdigit((unsigned char)word[2])) {
		option = find_option("-n", 2);
		value = word + 2;
	}
	if (option == NULL)
		return fail_unknown(word, length);
	field = (char *)options + option->offset;
	*used = 1;
	if (option->kind == FLAG) {
		*(bool *)field = true;
		if (value != NULL)
			return sbn_fail(SYNCBN_ERR_INVALID, "%s takes no value", option->name);
		return SYNCBN_OK;
	}
	if (value == NULL) {
		value = argv[1];
		*used = 2;
	}
	if (value == NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "%s: its value is missing", option->name);
	return store_value(option, value, field);
}

static syncbn_status_t
check_together(const struct sbn_options *options)
{
	if (options->help || options->version)
		return SYNCBN_OK;
	if (options->topology != NULL && !options->dry_run)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"--topology shows another machine: it needs --dry-run");
	if (options->json && !options->dry_run && !options->report)
		return sbn_fail(SYNCBN_ERR_INVALID, "--json needs --dry-run or --report");
	if (options->program[0] == NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "no program is given; usage: syncbn-run "
						    "[options] [--] program args...");
	return SYNCBN_OK;
}

syncbn_status_t
sbn_options_parse(int argc, char **argv, struct sbn_options *options)
{
	int at = argc > 0 ? 1 : 0;

	*options = (struct sbn_options){ .grace_s = 5 };
	/* a lone "-" is no option, as everywhere */
	while (argv[at] != NULL && argv[at][0] == '-' && argv[at][1] != '\0') {
		syncbn_status_t status;
		int used = 1;

		if (strcmp(argv[at], "--") == 0) {
			at++;
			break;
		}
		status = parse_option(argv + at, options, &used);
		if (status != SYNCBN_OK)
			return status;
		at += used;
	}
	options->program = argv + at;
	return check_together(options);
}
