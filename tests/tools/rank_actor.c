/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rank_actor SCRIPT...: rank r plays SCRIPT r (the last one, if there are fewer), words between
 * commas. It joins the run as the library does, so that the launcher's part can be tested alone:
 *
 *	join      enter the run              all       until every rank has joined
 *	attach    open the segment only      await N   until rank N has joined
 *	forward   wait in forward of bn2, call 812
 *	with N    until rank N is in there
 *	last      that call is over
 *	lost      until the run is aborted; say by whom; exit 5
 *	mismatch  fail the group as a rank does that finds a mismatch
 *	leave     syncbn_finalize            gone N    until rank N is marked as ended
 *	spoil N   overwrite the control extent with random numbers, of which N is the seed
 *	say TEXT  a line                     deaf      ignore SIGTERM
 *	fork N    fork a child that ends with N, and wait for it
 *	work N    be busy with something else for N milliseconds
 *	pause     for ever                   exit N    kill N    end, by exit code or signal
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <syncbn/status.h>

#include "base/clock.h"
#include "shm/contract.h"
#include "shm/segment.h"
#include "unit/random.h"

enum { GAVE_UP = 99, LIMIT_S = 60 };

static struct sbn_contract contract;
static struct sbn_segment segment;

static void
look_again(uint64_t *began_ns)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	if (*began_ns == 0)
		*began_ns = sbn_now_ns();
	if (sbn_now_ns() - *began_ns > LIMIT_S * SBN_NS_PER_S)
		exit(GAVE_UP);
	nanosleep(&pause, NULL);
}

static void
await_state(uint32_t rank, enum sbn_rank_state state)
{
	uint64_t began_ns = 0;

	while (!(sbn_control_state(&segment.control, rank) & state))
		look_again(&began_ns);
}

static void
await_inside(uint32_t rank)
{
	_Atomic uint64_t *op = &sbn_control_rank(&segment.control, rank)->now.op;
	uint64_t began_ns = 0;

	/* relaxed: one word that stands for itself */
	while (!sbn_now_unpack(atomic_load_explicit(op, memory_order_relaxed)).inside)
		look_again(&began_ns);
}

static void
set_now(bool inside)
{
	struct sbn_rank_block *own = sbn_control_rank(&segment.control, contract.rank);
	struct sbn_now now = { .inside = inside, .op = SBN_OP_FORWARD, .layer = 1, .call = 812 };

	strcpy(own->layer_names[0], "bn2");
	/* release: the launcher reads time, word, time */
	atomic_store_explicit(&own->now.op, sbn_now_pack(now), memory_order_release);
	atomic_store_explicit(&own->now.since_ns, inside ? sbn_now_ns() : 0, memory_order_release);
}

static void
attach(void)
{
	if (sbn_contract_read(&contract) != SYNCBN_OK || !contract.present ||
	    sbn_segment_attach(contract.segment_fd, contract.run_id, contract.world_size,
			       &segment) != SYNCBN_OK) {
		fprintf(stderr, "rank_actor: %s\n", syncbn_last_error());
		exit(GAVE_UP);
	}
}

static void
join(void)
{
	struct sbn_rank_block *own;

	attach();
	own = sbn_control_rank(&segment.control, contract.rank);
	/* relaxed: the state below publishes it */
	atomic_store_explicit(&own->life.pid, getpid(), memory_order_relaxed);
	sbn_control_set_state(&segment.control, contract.rank, SBN_RANK_JOINED);
}

static void
await_abort(void)
{
	uint64_t began_ns = 0;
	struct sbn_abort abort;

	while ((abort = sbn_control_aborted(&segment.control)).cause == SYNCBN_OK)
		look_again(&began_ns);
	printf("rank %u: %s: rank %u\n", contract.rank, syncbn_strerror(abort.cause), abort.rank);
	exit(5);
}

static void
fork_a_child(int code)
{
	pid_t child = fork();

	if (child == 0)
		_exit(code);
	waitpid(child, NULL, 0);
}

static void
spoil(uint64_t seed)
{
	uint64_t *words = (uint64_t *)segment.control.head;

	for (uint64_t i = 0; i < segment.control_bytes / sizeof(*words); i++)
		words[i] = sbn_random(&seed);
}

static void
work(int milliseconds)
{
	const struct timespec time = { .tv_nsec = milliseconds * 1000000L };

	nanosleep(&time, NULL);
}

static void
play(const char *word, const char *argument)
{
	int number = atoi(argument);

	if (strcmp(word, "join") == 0)
		join();
	else if (strcmp(word, "attach") == 0)
		attach();
	else if (strcmp(word, "await") == 0)
		await_state((uint32_t)number, SBN_RANK_JOINED);
	else if (strcmp(word, "all") == 0)
		for (uint32_t rank = 0; rank < contract.world_size; rank++)
			await_state(rank, SBN_RANK_JOINED);
	else if (strcmp(word, "gone") == 0)
		await_state((uint32_t)number, SBN_RANK_GONE);
	else if (strcmp(word, "with") == 0)
		await_inside((uint32_t)number);
	else if (strcmp(word, "forward") == 0 || strcmp(word, "last") == 0)
		set_now(word[0] == 'f');
	else if (strcmp(word, "lost") == 0)
		await_abort();
	else if (strcmp(word, "mismatch") == 0)
		sbn_control_abort(&segment.control,
				  (struct sbn_abort){ SYNCBN_ERR_MISMATCH, contract.rank,
						      contract.rank });
	else if (strcmp(word, "leave") == 0)
		sbn_control_set_state(&segment.control, contract.rank, SBN_RANK_LEFT);
	else if (strcmp(word, "fork") == 0)
		fork_a_child(number);
	else if (strcmp(word, "work") == 0)
		work(number);
	else if (strcmp(word, "spoil") == 0)
		spoil((uint64_t)number);
	else if (strcmp(word, "say") == 0)
		puts(argument);
	else if (strcmp(word, "deaf") == 0)
		signal(SIGTERM, SIG_IGN);
	else if (strcmp(word, "exit") == 0)
		exit(number);
	else if (strcmp(word, "kill") == 0)
		raise(number);
	while (strcmp(word, "pause") == 0)
		pause();
}

int
main(int argc, char **argv)
{
	const char *rank = getenv("RANK");
	int script = 1 + (rank == NULL ? 0 : atoi(rank));

	if (argc < 2)
		return GAVE_UP;
	setlinebuf(stdout);
	for (char *step = strtok(argv[script < argc ? script : argc - 1], ","); step != NULL;
	     step = strtok(NULL, ",")) {
		char *argument = strchr(step, ' ');

		if (argument != NULL)
			*argument++ = '\0';
		play(step, argument != NULL ? argument : "");
	}
	return 0;
}
