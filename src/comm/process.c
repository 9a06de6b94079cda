/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/process.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/parse.h"
#include "platform/openmp.h"

enum {
	JOIN_TIMEOUT_S = 60,
	TIMEOUT_S = 600,
	CHUNK_BYTES = 512 * 1024 /* at most; nn/chunks.c has less where a cache holds less */
};

static struct sbn_process process;
static struct sbn_process *running;

const volatile int *sbn_process_here; /* the kernel wipes the page in a forked child */

static const volatile int *
wiped_on_fork(void)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
	int *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	if (madvise(page, bytes, MADV_WIPEONFORK) != 0) {
		munmap(page, bytes); /* an old kernel: forked children are not noticed */
		return NULL;
	}
	*page = 1;
	return page;
}

syncbn_status_t
sbn_process_is_fork(void)
{
	return sbn_fail(SYNCBN_ERR_INVALID,
			"this is a forked child of a rank: only the process that called "
			"syncbn_init may use the library");
}

/* The config's milliseconds, else the environment's seconds, else the default. */
static syncbn_status_t
choose_timeout(const char *field, int config_ms, const char *name, double default_s, int *out_ms)
{
	double seconds = default_s;
	syncbn_status_t status = sbn_env_double(name, 0.001, INT_MAX / 1000, &seconds);

	if (status != SYNCBN_OK)
		return status;
	if (config_ms < 0)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"syncbn_config_t: %s is %d, not 0 (the default) or more", field,
				config_ms);
	*out_ms = config_ms > 0 ? config_ms : (int)(seconds * 1000);
	return SYNCBN_OK;
}

static syncbn_status_t
choose_timeouts(const syncbn_config_t *config)
{
	syncbn_status_t status =
		choose_timeout("join_timeout_ms", config->join_timeout_ms, "SYNCBN_JOIN_TIMEOUT",
			       JOIN_TIMEOUT_S, &process.join_timeout_ms);

	if (status != SYNCBN_OK)
		return status;
	return choose_timeout("timeout_ms", config->timeout_ms, "SYNCBN_TIMEOUT", TIMEOUT_S,
			      &process.timeout_ms);
}

static syncbn_status_t
choose_chunk(void)
{
	int64_t bytes = CHUNK_BYTES;
	syncbn_status_t status = sbn_env_int("SYNCBN_CHUNK_BYTES", 1, INT64_C(1) << 40, &bytes);

	process.chunk_bytes = (uint64_t)bytes;
	return status;
}

/* One of some words, the first where the environment has none. */
static syncbn_status_t
choose_word(const char *name, const char *const *words, size_t n, size_t *which)
{
	const char *word = getenv(name);

	*which = 0;
	if (word == NULL || word[0] == '\0')
		return SYNCBN_OK;
	return sbn_parse_word(name, word, words, n, which);
}

static syncbn_status_t
choose_calibration(void)
{
	static const char *const words[] = { "off", "on" };
	const char *word = getenv("SYNCBN_CALIBRATE");
	size_t which = 1;
	int64_t bytes = 0;
	syncbn_status_t status = sbn_env_int("SYNCBN_STORES_FROM", 1, INT64_C(1) << 40, &bytes);

	if (status == SYNCBN_OK && word != NULL && word[0] != '\0')
		status = sbn_parse_word("SYNCBN_CALIBRATE", word, words, 2, &which);
	process.calibrates = which == 1;
	process.is_crowded = false; /* until it joins others */
	/* relaxed: before any thread of the team is there */
	atomic_store_explicit(&process.stores_from, (size_t)bytes, memory_order_relaxed);
	return status;
}

static syncbn_status_t
choose_memory_ways(void)
{
	static const char *const stores[] = { "auto", "ordinary", "streaming" };
	static const char *const fetch[] = { "auto", "chunks", "lines" };
	static const char *const split[] = { "auto", "channels", "blocks" };
	static const char *const images[] = { "auto", "abreast", "single", "pairs" };
	size_t word;
	syncbn_status_t status = choose_word("SYNCBN_STORES", stores, 3, &word);

	process.stores = (enum sbn_stores)word;
	if (status != SYNCBN_OK)
		return status;
	status = choose_word("SYNCBN_FETCH", fetch, 3, &word);
	process.fetch = (enum sbn_fetch)word;
	if (status != SYNCBN_OK)
		return status;
	status = choose_word("SYNCBN_SPLIT", split, 3, &word);
	process.split = (enum sbn_split)word;
	if (status != SYNCBN_OK)
		return status;
	status = choose_word("SYNCBN_IMAGES", images, 4, &word);
	process.images = (enum sbn_images_written)word;
	return status;
}

static syncbn_status_t
choose_fences(void)
{
	static const char *const names[] = { "auto", "full", "light" };
	static const enum sbn_fences fences[] = { SBN_FENCES_AUTO, SBN_FENCES_FULL,
						  SBN_FENCES_LIGHT };
	size_t word;
	syncbn_status_t status = choose_word("SYNCBN_FENCES", names, 3, &word);

	process.fences = fences[word];
	process.fences_for_all = false;
	return status;
}

static syncbn_status_t
check_executor(const syncbn_executor_t *executor)
{
	if (executor->parallel_for == NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "syncbn_executor_t: parallel_for is NULL");
	if (executor->threads < 1 || executor->threads > SBN_MAX_THREADS)
		return sbn_fail(SYNCBN_ERR_INVALID, "syncbn_executor_t: threads is %d, not 1 to %d",
				executor->threads, SBN_MAX_THREADS);
	return SYNCBN_OK;
}

/* Whose threads work where the caller has not said it. */
static syncbn_status_t
start_default_team(int threads)
{
	enum { AUTO, TEAM, OPENMP };
	static const char *const names[] = { "auto", "team", "openmp" };
	syncbn_executor_t executor;
	size_t which;
	syncbn_status_t status = choose_word("SYNCBN_EXECUTOR", names, 3, &which);

	if (status != SYNCBN_OK)
		return status;
	process.on_openmp = which != TEAM && (threads > 1 || which == OPENMP) &&
			    sbn_openmp_find(threads, &executor);
	if (which == OPENMP && !process.on_openmp)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"SYNCBN_EXECUTOR is openmp, but this process has no OpenMP, or is "
				"a child of fork; leave it out, or link with -fopenmp");
	if (which == AUTO && process.on_openmp)
		process.on_openmp = sbn_openmp_suits(threads);
	return process.on_openmp ? sbn_team_over(&executor, &process.team) :
				   sbn_team_new(threads, &process.place, &process.team);
}

static syncbn_status_t
start_team(const syncbn_config_t *config)
{
	int64_t threads = process.place.n_cores;
	syncbn_status_t status = sbn_env_int("SYNCBN_THREADS", 1, SBN_MAX_THREADS, &threads);

	if (status != SYNCBN_OK)
		return status;
	if (config->threads < 0 || config->threads > SBN_MAX_THREADS)
		return sbn_fail(SYNCBN_ERR_INVALID, "syncbn_config_t: threads is %d, not 0 to %d",
				config->threads, SBN_MAX_THREADS);
	process.on_openmp = false;
	if (config->executor != NULL) {
		status = check_executor(config->executor);
		return status != SYNCBN_OK ? status :
					     sbn_team_over(config->executor, &process.team);
	}
	if (config->threads > 0)
		threads = config->threads;
	return start_default_team((int)threads);
}

syncbn_status_t
sbn_process_start(const syncbn_config_t *config, struct sbn_process **out)
{
	syncbn_status_t status;

	if (running != NULL)
		return sbn_fail(SYNCBN_ERR_INVALID, "this process has joined already");
	sbn_ticks_start();
	if (sbn_process_here == NULL)
		sbn_process_here = wiped_on_fork();
	sbn_log_to(config->log, config->log_context);
	if ((status = choose_timeouts(config)) != SYNCBN_OK ||
	    (status = choose_chunk()) != SYNCBN_OK ||
	    (status = choose_calibration()) != SYNCBN_OK ||
	    (status = choose_memory_ways()) != SYNCBN_OK ||
	    (status = choose_fences()) != SYNCBN_OK ||
	    (status = sbn_kernels_choose(getenv("SYNCBN_ISA"), &process.kernels)) != SYNCBN_OK ||
	    (status = sbn_place_discover(&process.place)) != SYNCBN_OK ||
	    (status = start_team(config)) != SYNCBN_OK)
		return status;
	process.narrower = sbn_kernels_narrower(getenv("SYNCBN_ISA"));
	running = &process;
	*out = running;
	return SYNCBN_OK;
}

void
sbn_process_stop(void)
{
	sbn_team_free(process.team);
	process.team = NULL;
	running = NULL;
	sbn_log_to(NULL, NULL);
}

struct sbn_process *
sbn_process_get(void)
{
	return running;
}
