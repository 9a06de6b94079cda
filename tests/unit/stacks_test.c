/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of where a process is that lives, or has ended and was not reaped yet. */
#include "launch/stacks.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char said[8192];

static pid_t
start(bool ends)
{
	pid_t pid = fork();

	if (pid == 0) {
		while (!ends)
			pause();
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

/* Leaves what is said of rank 0, which is that process, in said[]. */
static void
say(pid_t pid)
{
	struct sbn_process process = { .running = true, .pid = pid };
	struct sbn_job job = { .process = &process, .n_ranks = 1 };
	int file = memfd_create("said", MFD_CLOEXEC);
	int own = dup(STDERR_FILENO);
	struct sbn_stacks stacks;

	assert_true(file >= 0 && own >= 0);
	assert_int_equal(sbn_stacks_open(1, &stacks), SYNCBN_OK);
	dup2(file, STDERR_FILENO);
	sbn_stacks_say(&stacks, &job);
	dup2(own, STDERR_FILENO);
	sbn_stacks_close(&stacks);
	memset(said, 0, sizeof(said));
	assert_true(pread(file, said, sizeof(said) - 1, 0) > 0);
	close(own);
	close(file);
}

static void
test_of_an_ended_process_only_its_end_is_said(void **state)
{
	pid_t pid = start(true);
	siginfo_t info;
	char wanted[80];

	(void)state;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	say(pid);
	snprintf(wanted, sizeof(wanted), "syncbn-run: rank 0, process %d: has ended\n", (int)pid);
	assert_string_equal(said, wanted);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void
test_of_a_living_process_more_is_said(void **state)
{
	pid_t pid = start(false);
	char wanted[80];

	(void)state;
	say(pid);
	snprintf(wanted, sizeof(wanted), "rank 0, process %d:\n", (int)pid);
	assert_non_null(strstr(said, wanted));
	assert_non_null(strstr(said, "  thread"));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_an_ended_process_only_its_end_is_said),
		cmocka_unit_test(test_of_a_living_process_more_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
