/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_env.h"

#include <mntent.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <syncbn/syncbn.h>

#include "base/clock.h"
#include "base/fail.h"
#include "comm/group.h"
#include "kernels/kernels.h"
#include "perf_cpuinfo.h"
#include "perf_end.h"
#include "perf_env_options.h"
#include "perf_settings.h"
#include "perf_start.h"
#include "perf_tuning.h"
#include "platform/domains.h"
#include "shm/contract.h"

enum { TEXT_BYTES = 128 };

static void print(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
print(const char *name, const char *format, ...)
{
	va_list args;

	printf("%-16s", name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* The first line of a file of the kernel's, or "unknown". */
static const char *
read_word(const char *path, char text[TEXT_BYTES])
{
	FILE *file = fopen(path, "re");
	bool found = file != NULL && fgets(text, TEXT_BYTES, file) != NULL;

	if (file != NULL)
		fclose(file);
	if (!found)
		return "unknown";
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* What a choice like "always [madvise] never" stands at. */
static const char *
read_choice(const char *path, char text[TEXT_BYTES])
{
	const char *line = read_word(path, text);
	const char *open = strchr(line, '[');
	size_t length;

	if (open == NULL)
		return line;
	length = strcspn(open + 1, "]");
	memmove(text, open + 1, length);
	text[length] = '\0';
	return text;
}

static const char *
format_bytes(unsigned long long bytes, char text[TEXT_BYTES])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	snprintf(text, TEXT_BYTES, "%.4g %s", value, units[unit]);
	return text;
}

static void
show_machine(void)
{
	char *model = perf_cpuinfo("model name");
	struct utsname name;

	if (uname(&name) == 0)
		print("system", "%s %s, %s", name.sysname, name.release, name.machine);
	print("CPU", "%s", model != NULL ? model : "unknown");
	free(model);
}

static void
show_domain(unsigned i, const struct sbn_domain *domain)
{
	char name[32];
	char *cpus = NULL;
	char *nodes = NULL;

	snprintf(name, sizeof(name), "  domain %u", i);
	if (hwloc_bitmap_list_asprintf(&cpus, domain->cpus) >= 0 &&
	    hwloc_bitmap_list_asprintf(&nodes, domain->nodes) >= 0)
		print(name, "package %u, CPUs %s, %u core%s, memory node %s", domain->package, cpus,
		      domain->n_cores, domain->n_cores == 1 ? "" : "s",
		      nodes[0] != '\0' ? nodes : "unknown");
	free(cpus);
	free(nodes);
}

static void
show_caches(hwloc_topology_t hwloc)
{
	static const hwloc_obj_type_t types[] = { HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L2CACHE,
						  HWLOC_OBJ_L3CACHE };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		hwloc_obj_t cache = hwloc_get_obj_by_type(hwloc, types[i], 0);
		char size[TEXT_BYTES];

		if (cache != NULL)
			print(i == 0 ? "caches" : "", "L%zu %s x %d, shared by %d", i + 1,
			      format_bytes(cache->attr->cache.size, size),
			      hwloc_get_nbobjs_by_type(hwloc, types[i]),
			      hwloc_bitmap_weight(cache->cpuset));
	}
}

/* bound: this process is a rank, and sees its own CPUs. */
static syncbn_status_t
show_topology(bool bound)
{
	struct sbn_domains domains;
	struct sbn_topology topology;
	syncbn_status_t status = sbn_topology_load(NULL, &topology);
	unsigned n_cores = 0;

	if (status != SYNCBN_OK)
		return status;
	status = sbn_domains_find(&topology, SBN_MAP_NUMA, &domains);
	if (status != SYNCBN_OK)
		goto out_topology;
	for (unsigned i = 0; i < domains.n; i++)
		n_cores += domains.domain[i].n_cores;
	print("topology", "%spackages %d, domains %u, cores %u, processing units %d%s",
	      bound ? "of rank 0: " : "",
	      hwloc_get_nbobjs_by_type(topology.hwloc, HWLOC_OBJ_PACKAGE), domains.n, n_cores,
	      hwloc_bitmap_weight(topology.allowed),
	      topology.this_machine ? "" : " (not this machine: HWLOC_* variables are set)");
	for (unsigned i = 0; i < domains.n; i++)
		show_domain(i, &domains.domain[i]);
	show_caches(topology.hwloc);
	sbn_domains_free(&domains);
out_topology:
	sbn_topology_free(&topology);
	return status;
}

/* Pages, or KiB, as the line has it; 0: there is none. */
static unsigned long long
read_meminfo(const char *key)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long value = 0;
	char line[TEXT_BYTES];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtoull(line + strlen(key), NULL, 10);
	}
	if (file != NULL)
		fclose(file);
	return value;
}

/* The huge= option with which /dev/shm is mounted. */
static const char *
shm_huge_option(char text[TEXT_BYTES])
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *entry;

	snprintf(text, TEXT_BYTES, "never");
	while (mounts != NULL && (entry = getmntent(mounts)) != NULL) {
		const char *option = hasmntopt(entry, "huge");

		if (strcmp(entry->mnt_dir, "/dev/shm") != 0)
			continue;
		/* the last mount on it counts */
		snprintf(text, TEXT_BYTES, "%.*s", option == NULL ? 5 : (int)strcspn(option, ","),
			 option == NULL ? "never" : option);
		if (strncmp(text, "huge=", 5) == 0)
			memmove(text, text + 5, strlen(text + 5) + 1);
	}
	if (mounts != NULL)
		endmntent(mounts);
	return text;
}

static void
show_memory(void)
{
	char text[TEXT_BYTES];
	char more[TEXT_BYTES];
	struct statvfs shm;

	print("page size", "%ld bytes", sysconf(_SC_PAGESIZE));
	print("huge pages",
	      "transparent %s, in memfds %s, in /dev/shm %s, hugetlb %llu free of %llu (%s each)",
	      read_choice("/sys/kernel/mm/transparent_hugepage/enabled", text),
	      read_choice("/sys/kernel/mm/transparent_hugepage/shmem_enabled", more),
	      shm_huge_option((char[TEXT_BYTES]){ 0 }), read_meminfo("HugePages_Free:"),
	      read_meminfo("HugePages_Total:"),
	      format_bytes(read_meminfo("Hugepagesize:") * 1024, (char[TEXT_BYTES]){ 0 }));
	if (statvfs("/dev/shm", &shm) == 0)
		print("/dev/shm", "%s, %s free",
		      format_bytes((unsigned long long)shm.f_blocks * shm.f_frsize, text),
		      format_bytes((unsigned long long)shm.f_bavail * shm.f_frsize, more));
	else
		print("/dev/shm", "missing");
	print("NUMA balancing", "%s (0: off)", read_word("/proc/sys/kernel/numa_balancing", text));
}

/* The cheapest of several rounds: the others were interrupted. */
static double
clock_cost_ns(void)
{
	enum { ROUNDS = 20, CALLS = 1000 };
	uint64_t least = UINT64_MAX;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = sbn_now_ns();
		uint64_t end = start;

		for (int i = 0; i < CALLS; i++)
			end = sbn_now_ns();
		least = end - start < least ? end - start : least;
	}
	return (double)least / CALLS;
}

static void
show_clock(void)
{
	char text[TEXT_BYTES];
	struct timespec resolution = { 0 };

	clock_getres(CLOCK_MONOTONIC, &resolution);
	print("clock", "CLOCK_MONOTONIC %.0f ns a call, resolution %lld ns, source %s",
	      clock_cost_ns(), resolution.tv_sec * (long long)SBN_NS_PER_S + resolution.tv_nsec,
	      read_word("/sys/devices/system/clocksource/clocksource0/current_clocksource", text));
}

static bool
has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strstr(at, word)) != NULL; at += length) {
		if ((at == text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return true;
	}
	return false;
}

static void
show_features(void)
{
	static const char *const interesting[] = { "avx",         "avx2",     "fma",
						   "f16c",        "avx512f",  "avx512bw",
						   "avx512dq",    "avx512vl", "avx512_vnni",
						   "avx512_bf16", "amx_tile", "asimd",
						   "sve",         "sve2" };
	char *flags = perf_cpuinfo("flags"); /* what x86 calls them */

	if (flags == NULL)
		flags = perf_cpuinfo("Features"); /* what Arm calls them */
	printf("%-15s", "CPU features");
	for (size_t i = 0; flags != NULL && i < sizeof(interesting) / sizeof(interesting[0]); i++) {
		if (has_word(flags, interesting[i]))
			printf(" %s", interesting[i]);
	}
	putchar('\n');
	free(flags);
}

static void
show_kernels(const struct sbn_process *process)
{
	const char *wish = getenv("SYNCBN_ISA");

	print("kernels", "%s%s%s%s", process->kernels->name,
	      wish != NULL && wish[0] != '\0' ? " (SYNCBN_ISA)" : "",
	      process->narrower == NULL ? "" : "; layers try out ",
	      process->narrower == NULL ? "" : process->narrower->name);
}

static void
show_settings(void)
{
	size_t at = 0;

	if (perf_settings_next(&at) == NULL)
		printf("settings        none");
	perf_settings_print(stdout, "settings        ");
	putchar('\n');
}

/* world: NULL where no ranks were started. */
static int
show_all(const struct sbn_process *process, const struct syncbn_group *world)
{
	show_machine();
	if (show_topology(world != NULL) != SYNCBN_OK)
		goto failed;
	show_memory();
	show_clock();
	show_features();
	show_kernels(process);
	print("threads", "%d a rank", sbn_team_threads(process->team));
	show_settings();
	printf("%-16s", "collectives");
	if (world != NULL)
		perf_tuning_print(stdout, world->tuning);
	else
		printf("chosen when ranks join; env -n RANKS shows it");
	putchar('\n');
	return 0;
failed:
	fprintf(stderr, "syncbn-perf: %s\n", sbn_last_error());
	return 1;
}

/* Starts what a rank would, so that a wrong setting is told. */
static int
show_alone(void)
{
	const syncbn_config_t config = SYNCBN_CONFIG;
	struct sbn_process *process;
	syncbn_status_t status = sbn_process_start(&config, &process);
	int code;

	if (status != SYNCBN_OK)
		return perf_tell(status);
	status = sbn_tuning_check();
	code = status == SYNCBN_OK ? perf_end_stdout(show_all(process, NULL)) : perf_tell(status);
	sbn_process_stop();
	return code;
}

static int
show_as_rank(const struct perf_env_options *options)
{
	syncbn_group_t *world;
	syncbn_status_t status = syncbn_init(NULL, &world);
	int code = EXIT_SUCCESS;

	if (status != SYNCBN_OK)
		return perf_tell(status);
	status = perf_check_ranks(world, options->n_ranks);
	if (status != SYNCBN_OK)
		code = perf_tell(status);
	else if (world->rank == 0)
		code = perf_end_stdout(show_all(world->process, world));
	syncbn_finalize(world);
	return code;
}

int
perf_env(int argc, char **argv)
{
	struct perf_env_options options;
	syncbn_status_t status = perf_env_options_parse(argc, argv, &options);

	if (status != SYNCBN_OK)
		return perf_tell(status);
	if (options.help) {
		fputs(perf_env_help, stdout);
		return perf_end_stdout(EXIT_SUCCESS);
	}
	if (getenv(SBN_ENV_CONTRACT) == NULL && options.n_ranks != 0)
		return perf_start(options.n_ranks, options.oversubscribe, argc, argv);
	perf_settings_executor(NULL, "team");
	return getenv(SBN_ENV_CONTRACT) != NULL ? show_as_rank(&options) : show_alone();
}
