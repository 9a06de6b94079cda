/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "shm/contract.h"
#include "shm/segment.h"

static void
set_contract(const struct sbn_segment *segment, int rank)
{
	char text[33];

	fcntl(segment->fd, F_SETFD, 0);
	setenv(SBN_ENV_CONTRACT, SBN_CONTRACT_VERSION, 1);
	sbn_contract_format_run_id(segment->run_id, text);
	setenv(SBN_ENV_RUN_ID, text, 1);
	snprintf(text, sizeof(text), "%d", rank);
	setenv(SBN_ENV_RANK, text, 1);
	snprintf(text, sizeof(text), "%d", (int)segment->control.world_size);
	setenv(SBN_ENV_WORLD_SIZE, text, 1);
	snprintf(text, sizeof(text), "%d", segment->fd);
	setenv(SBN_ENV_SEGMENT_FD, text, 1);
}

static pid_t
start_rank(const struct sbn_segment *segment, int rank, rank_body_fn body, void *argument)
{
	pid_t pid = fork();
	int code;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that is killed leaves nobody behind */
	set_contract(segment, rank);
	code = body(rank, argument);
	fflush(NULL);
	_exit(code);
}

static int
somebody_joined(const struct sbn_control *control)
{
	for (uint32_t rank = 0; rank < control->world_size; rank++)
		if (sbn_control_state(control, rank) & SBN_RANK_JOINED)
			return 1;
	return 0;
}

/* What the launcher does at a rank's end. */
static void
note_end(const struct sbn_control *control, uint32_t rank, int status)
{
	/* relaxed: set_state publishes it */
	atomic_store_explicit(&sbn_control_rank(control, rank)->life.wait_status, status,
			      memory_order_relaxed);
	sbn_control_set_state(control, rank, SBN_RANK_GONE);
	if (status != 0 ||
	    (!(sbn_control_state(control, rank) & SBN_RANK_LEFT) && somebody_joined(control)))
		sbn_control_abort(control, (struct sbn_abort){ SYNCBN_ERR_PEER_LOST, rank, rank });
	sbn_control_ring_all(control);
}

void
run_ranks(int n, rank_body_fn body, void *argument, struct endings *endings)
{
	struct sbn_segment segment;
	pid_t pids[MAX_TEST_RANKS];

	if (sbn_segment_create((uint32_t)n, NULL, &segment) != SYNCBN_OK) {
		fprintf(stderr, "segment: %s\n", syncbn_last_error());
		abort();
	}
	fflush(NULL);
	for (int rank = 0; rank < n; rank++)
		pids[rank] = start_rank(&segment, rank, body, argument);
	for (int ended = 0; ended < n; ended++) {
		int status;
		pid_t pid = waitpid(-1, &status, 0);

		for (int rank = 0; rank < n; rank++) {
			if (pids[rank] != pid)
				continue;
			endings->status[rank] = status;
			note_end(&segment.control, (uint32_t)rank, status);
		}
	}
	sbn_segment_close(&segment);
}

int
run_ranks_failures(int n, rank_body_fn body, void *argument)
{
	struct endings endings;
	int failures = 0;

	run_ranks(n, body, argument, &endings);
	for (int rank = 0; rank < n; rank++)
		failures += endings.status[rank] != 0;
	return failures;
}

void *
shared_memory(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

int
join_run(syncbn_group_t **world, int timeout_ms)
{
	syncbn_config_t config = SYNCBN_CONFIG;

	config.threads = 1;
	config.timeout_ms = timeout_ms;
	EXPECT(syncbn_init(&config, world) == SYNCBN_OK);
	return 0;
}

int
says(const char *part)
{
	if (strstr(syncbn_last_error(), part) != NULL)
		return 1;
	fprintf(stderr, "\"%s\" is not in: %s\n", part, syncbn_last_error());
	return 0;
}

int
comes_true(volatile int *flag)
{
	uint64_t end = sbn_now_ns() + 20 * SBN_NS_PER_S;

	while (!*flag && sbn_now_ns() < end)
		sched_yield();
	return *flag;
}
