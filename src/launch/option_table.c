/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/option_table.h"

#include "shm/layout.h"

#define FLAG .kind = SBN_OPTION_FLAG
#define COUNT .kind = SBN_OPTION_COUNT, .min = 1, .max = SBN_MAX_RANKS
#define SECONDS(least) .kind = SBN_OPTION_SECONDS, .min = (least), .max = 1e6
#define OF(names) .words = (names), .n_words = sizeof(names) / sizeof((names)[0])
#define WORD(names) .kind = SBN_OPTION_WORD, OF(names)
#define TEXT .kind = SBN_OPTION_TEXT
#define AT(field) .offset = offsetof(struct sbn_options, field)

static const char *const map_words[] = { "numa", "l3", "package", "core", "list:CPUS" };
static const char *const bind_words[] = { "numa", "none" };
static const char *const input_words[] = { "auto", "none", "0", "all" };
static const char *const malloc_words[] = { "default", "tuned", "tcmalloc", "jemalloc" };

const struct sbn_option sbn_option_table[SBN_N_OPTIONS] = {
	{ "-n", "Placement", "N",
	  "this many ranks, not one a domain; fewer: some domains; more: "
	  "domains are cut (-np, --nproc-per-node)",
	  COUNT, AT(n_ranks) },
	{ "-np", COUNT, AT(n_ranks) },
	{ "--nproc-per-node", COUNT, AT(n_ranks) },
	{ "--nproc_per_node", COUNT, AT(n_ranks) },
	{ "--per-domain", NULL, "K", "K ranks on each domain; with -n: at most K", COUNT,
	  AT(per_domain) },
	{ "--map", NULL, "WORD",
	  "a domain: numa (default), l3, package, core, list:0-3/4-7",
	  .kind = SBN_OPTION_MAP, OF(map_words), AT(map) },
	{ "--domains", NULL, "LIST", "use these domains only, such as 0,2-3", TEXT, AT(domains) },
	{ "--smt", NULL, "WORD", "yes (default), or no: one hardware thread of each core",
	  WORD(sbn_smt_names), AT(smt) },
	{ "--cores", NULL, "WORD", "all (default), or performance: the fastest kind",
	  WORD(sbn_cores_names), AT(cores) },
	{ "--mem", NULL, "WORD",
	  "preferred (default: the domain's while it has room), bind "
	  "(no other), interleave; first-touch, none",
	  WORD(sbn_mem_names), AT(mem) },
	{ "--bind-to", NULL, "WORD", "numa (default): each rank to its place; none",
	  WORD(bind_words), AT(bind) },
	{ "--malloc", NULL, "WORD", "default, tuned (keeps large buffers), tcmalloc, jemalloc",
	  WORD(malloc_words), AT(malloc) },
	{ "--oversubscribe", NULL, NULL, "allow more ranks than processing units", FLAG,
	  AT(oversubscribe) },
	{ "--shared", NULL, NULL, "do not warn of other runs on the same domains", FLAG,
	  AT(shared) },
	{ "--no-adopt", NULL, NULL, "start ranks here also under mpirun, srun, torchrun", FLAG,
	  AT(no_adopt) },

	{ "--report", "What happens where", NULL, "print ranks, CPUs and memory, then run", FLAG,
	  AT(report) },
	{ "--report-bindings", FLAG, AT(report) },
	{ "--dry-run", NULL, NULL, "print it and run nothing", FLAG, AT(dry_run) },
	{ "--json", NULL, NULL, "with one of these: JSON on standard output", FLAG, AT(json) },
	{ "--svg", NULL, "FILE", "draw the machine with the ranks on it", TEXT, AT(svg) },
	{ "--topology", NULL, "MACHINE",
	  "with --dry-run: hwloc's XML, or \"numa:4 core:4 pu:2\"",
	  TEXT, AT(topology) },

	{ "--timeout", "Running", "SEC",
	  "how long joined ranks wait for each other (default 600)", SECONDS(0.001),
	  AT(timeout_s) },
	{ "--hang-report", NULL, "SEC",
	  "after that tell who waits for whom, and all stacks", SECONDS(0.001),
	  AT(hang_report_s) },
	{ "--grace", NULL, "SEC", "from SIGTERM to SIGKILL when a rank failed (default 5)",
	  SECONDS(0), AT(grace_s) },
	{ "--max-restarts", NULL, "N", "start all ranks again when one fails (default 0 times)",
	  .kind = SBN_OPTION_COUNT, .min = 0, .max = 1000, AT(max_restarts) },
	{ "--stdin", NULL, "WORD", "who reads it: 0, all, none; auto (default): 0, or none",
	  WORD(input_words), AT(input) },
	{ "--tag", NULL, NULL, "put [rank] before every line of output", FLAG, AT(tag) },
	{ "--timestamps", NULL, NULL, "put the time before every line of output", FLAG,
	  AT(timestamps) },
	{ "--output", NULL, "DIR", "write each rank's output to DIR/rank-N.log", TEXT, AT(output) },
	{ "--tee", NULL, NULL, "show it here, too", FLAG, AT(tee) },
	{ "--quiet-ranks", NULL, "LIST", "do not show these ranks' output, such as 1-", TEXT,
	  AT(quiet_ranks) },
	{ "--config", NULL, "FILE", "settings, a line each: map = l3", TEXT, AT(config) },
	{ "--help", NULL, NULL, "this page (-h)", FLAG, AT(help), .now_only = true },
	{ "-h", FLAG, AT(help) },
	{ "--version", NULL, NULL, "the version (-V)", FLAG, AT(version), .now_only = true },
	{ "-V", FLAG, AT(version) },
};
