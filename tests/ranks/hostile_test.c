/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ranks train while a third process overwrites the segment, one word after the other: words of
 * the control extent, then of the rings. Whatever they find there, no rank may crash or hang; it
 * goes on, or returns an error. After an error a new run goes on with the next word.
 *
 *	hostile_test [STRIDE]	every STRIDE-th word; 1 for all of them
 */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "harness.h"
#include "shm/control.h"
#include "unit/random.h"

enum {
	RANKS = 2,
	CHANNELS = 8,
	ROWS = 4,
	TIMEOUT_MS = 250,
	HANG_S = 30, /* far more than a rank needs to give up */
	STEPS_BEFORE = 3,
	DEFAULT_STRIDE = 23
};

/* What the processes of a run share; not in the segment. */
struct siege {
	uint64_t first, end; /* the words to overwrite: bytes of the file / 8; end 0: to its end */
	uint64_t stride;
	uint64_t seed;
	bool at_once; /* all of them without a pause */
	volatile uint64_t next;
	volatile uint64_t steps[RANKS];
	volatile uint64_t stop_at; /* the step at which all ranks end in good order */
	volatile int failed;       /* a rank has returned an error */
	volatile int n_errors;
};

static struct siege *siege;
static uint64_t stride = DEFAULT_STRIDE;

/* ---- the attacker ---- */

static uint64_t
garbage(uint64_t word, uint64_t old)
{
	uint64_t seed = siege->seed + word;
	uint64_t random = sbn_random(&seed);

	switch (random >> 8 & 7) {
	case 0:
		return random;
	case 1:
		return UINT64_MAX;
	case 2:
		return 0;
	case 3:
		return old ^ UINT64_C(1) << random % 64;
	default:
		return old + 1 + random % 7;
	}
}

/* Writes it again and again, until both ranks have made a step, or one has failed. */
static void
hold(volatile uint64_t *word, uint64_t value)
{
	uint64_t steps[RANKS] = { siege->steps[0], siege->steps[1] };
	uint64_t end = sbn_now_ns() + HANG_S * SBN_NS_PER_S;

	do {
		*word = value;
		sched_yield();
	} while (!siege->failed && sbn_now_ns() < end &&
		 (siege->steps[0] <= steps[0] || siege->steps[1] <= steps[1]));
}

static void
overwrite(volatile uint64_t *words, uint64_t end)
{
	while (siege->next < end && !siege->failed) {
		uint64_t word = siege->next;

		siege->next = word + siege->stride; /* a failed rank's end is the attacker's */
		if (siege->at_once)
			words[word] = garbage(word, words[word]);
		else
			hold(&words[word], garbage(word, words[word]));
	}
	siege->stop_at = siege->steps[0] + 4;
}

static _Noreturn void
attack(int fd)
{
	volatile uint64_t *words;
	struct stat file;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (siege->steps[0] < STEPS_BEFORE && !siege->failed)
		sched_yield();
	if (fstat(fd, &file) != 0)
		_exit(1);
	words = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (words == MAP_FAILED)
		_exit(1);
	overwrite(words, siege->end != 0 ? siege->end : (uint64_t)file.st_size / 8);
	_exit(0);
}

/* ---- the ranks ---- */

struct rank {
	syncbn_group_t *world;
	syncbn_batch_norm_t *bn;
	syncbn_saved_t *saved;
	syncbn_arena_t *arena;
	float *in_arena;
	float x[ROWS * CHANNELS], y[ROWS * CHANNELS];
};

static syncbn_status_t
begin(struct rank *r)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(CHANNELS);
	syncbn_config_t process = SYNCBN_CONFIG;
	syncbn_status_t status;

	process.threads = 1;
	process.timeout_ms = TIMEOUT_MS;
	process.join_timeout_ms = 20 * TIMEOUT_MS;
	for (int i = 0; i < ROWS * CHANNELS; i++)
		r->x[i] = (float)(i % 5);
	if ((status = syncbn_init(&process, &r->world)) != SYNCBN_OK ||
	    (status = syncbn_batch_norm_new(r->world, &config, &r->bn)) != SYNCBN_OK ||
	    (status = syncbn_saved_new(r->bn, &r->saved)) != SYNCBN_OK ||
	    (status = syncbn_arena_new(r->world, 4096, &r->arena)) != SYNCBN_OK)
		return status;
	r->in_arena = syncbn_arena_alloc(r->arena, 64 * sizeof(float));
	return SYNCBN_OK;
}

static syncbn_status_t
train(struct rank *r)
{
	syncbn_tensor_t x = syncbn_tensor_nc(r->x, ROWS, CHANNELS);
	syncbn_tensor_t y = syncbn_tensor_nc(r->y, ROWS, CHANNELS);
	syncbn_request_t *request;
	syncbn_status_t status;

	if ((status = syncbn_batch_norm_forward(r->bn, &x, NULL, &y, r->saved)) != SYNCBN_OK ||
	    (status = syncbn_batch_norm_backward(r->bn, r->saved, &x, &y, NULL, SYNCBN_WANT_ALL)) !=
		    SYNCBN_OK ||
	    (status = syncbn_all_reduce(r->world, r->y, 16, SYNCBN_FLOAT32, SYNCBN_MEAN)) !=
		    SYNCBN_OK ||
	    (status = syncbn_all_reduce_begin(r->world, r->in_arena, 64, SYNCBN_FLOAT32, SYNCBN_SUM,
					      &request)) != SYNCBN_OK)
		return status;
	status = syncbn_all_reduce_end(&request);
	return status == SYNCBN_OK ? syncbn_barrier(r->world) : status;
}

/* What agrees over the control ring, and grows the segment. */
static syncbn_status_t
make_and_free(struct rank *r)
{
	static const int both[] = { 0, 1 };
	syncbn_group_t *group;
	syncbn_status_t status = syncbn_group_new(r->world, both, 2, &group);
	syncbn_status_t freed;

	if (status != SYNCBN_OK)
		return status;
	status = syncbn_barrier(group);
	freed = syncbn_group_free(group);
	return status != SYNCBN_OK ? status : freed;
}

static syncbn_status_t
run(struct rank *r, int rank)
{
	syncbn_status_t status;

	alarm(HANG_S);
	status = begin(r);
	while (status == SYNCBN_OK && siege->steps[rank] != siege->stop_at) {
		status = train(r);
		if (status == SYNCBN_OK && siege->steps[rank] % 16 == 5)
			status = make_and_free(r);
		siege->steps[rank]++;
		alarm(HANG_S);
	}
	return status;
}

/* 0: ended in good order, or with an error that says something. */
static int
besieged_rank(int rank, void *fd)
{
	struct rank r = { 0 };
	syncbn_status_t status;

	if (rank == 0 && fork() == 0)
		attack(atoi(getenv("SYNCBN_SEGMENT_FD")));
	(void)fd;
	status = run(&r, rank);
	if (status != SYNCBN_OK) {
		EXPECT(status >= SYNCBN_ERR_PEER_LOST && syncbn_last_error()[0] != '\0');
		siege->n_errors++;
		siege->failed = 1;
		return 0;
	}
	syncbn_saved_free(r.saved);
	syncbn_batch_norm_free(r.bn);
	syncbn_arena_free(r.arena);
	syncbn_finalize(r.world); /* whatever it finds: no crash */
	return 0;
}

/* ---- the tests ---- */

struct score {
	uint64_t words, runs, errors;
};

/* Run after run, until every word has been overwritten. */
static struct score
besiege(struct siege plan)
{
	struct score score = { 0 };
	struct endings endings;
	uint64_t begin;

	plan.next = plan.first;
	do {
		begin = plan.next;
		plan.stop_at = UINT64_MAX;
		*siege = plan;
		run_ranks(RANKS, besieged_rank, NULL, &endings);
		if (endings.status[0] != 0 || endings.status[1] != 0)
			fail_msg("a rank crashed or hung: wait statuses %#x and %#x, words of 8 "
				 "bytes from %llu to %llu",
				 (unsigned)endings.status[0], (unsigned)endings.status[1],
				 (unsigned long long)begin, (unsigned long long)siege->next);
		plan.next = siege->next;
		score.words += (plan.next - begin) / plan.stride;
		score.errors += (uint64_t)siege->n_errors;
		score.runs++;
	} while (siege->failed && plan.next > begin && !plan.at_once);
	return score;
}

static void
tell(struct score score)
{
	print_message("%llu words in %llu runs, in which ranks returned %llu errors\n",
		      (unsigned long long)score.words, (unsigned long long)score.runs,
		      (unsigned long long)score.errors);
}

static uint64_t
control_words(void)
{
	struct sbn_control_layout layout;

	sbn_control_layout(RANKS, (size_t)sysconf(_SC_PAGESIZE), &layout);
	return layout.bytes / 8;
}

static void
test_garbage_in_any_word_of_the_control_extent_is_survived(void **state)
{
	struct siege plan = { .end = control_words(), .stride = stride };
	struct score score = besiege(plan);

	(void)state;
	tell(score);
	assert_true(score.words >= control_words() / stride);
	assert_true(stride > 1 || score.errors > 0); /* all of them do hurt */
}

/* What the rings' lines begin with; rows are numbers, which are nobody's index. */
static void
test_garbage_in_any_line_of_the_rings_is_survived(void **state)
{
	struct siege plan = { .first = control_words(), .stride = stride * SBN_LINE / 8 };
	struct score score = besiege(plan);

	(void)state;
	tell(score);
	/* errors are a matter of luck: a rank may read a line before the garbage comes */
	assert_true(score.words > 0);
}

static void
test_garbage_everywhere_is_survived(void **state)
{
	uint64_t errors = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 16; seed++) {
		struct siege plan = {
			.end = seed % 2 == 0 ? 0 : control_words(),
			.stride = 1,
			.seed = seed << 32,
			.at_once = true,
		};

		errors += besiege(plan).errors;
	}
	/* not of each seed: where the garbage of the abort word is 0, the ranks may go on */
	assert_true(errors > 0);
}

/* Rank 1 stays away, and the word that pauses all clocks holds what no launcher counts to. */
static int
wait_without_a_clock(int rank, void *unused)
{
	int fd = dup(atoi(getenv("SYNCBN_SEGMENT_FD")));
	struct sbn_control_head *head;
	syncbn_group_t *world;

	(void)unused;
	alarm(HANG_S);
	if (join_run(&world, TIMEOUT_MS) != 0)
		return 1;
	if (rank != 0) {
		EXPECT(comes_true(&siege->failed));
		return 0;
	}
	head = mmap(NULL, sizeof(*head), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT(head != MAP_FAILED);
	/* relaxed: this thread reads it */
	atomic_store_explicit(&head->clock_paused, 0x5a5a5a5a, memory_order_relaxed);
	EXPECT(syncbn_barrier(world) == SYNCBN_ERR_TIMEOUT);
	siege->failed = 1;
	return 0;
}

static void
test_a_spoilt_pause_does_not_stop_the_clocks(void **state)
{
	(void)state;
	*siege = (struct siege){ .failed = 0 };
	assert_int_equal(run_ranks_failures(RANKS, wait_without_a_clock, NULL), 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_garbage_in_any_word_of_the_control_extent_is_survived),
		cmocka_unit_test(test_garbage_in_any_line_of_the_rings_is_survived),
		cmocka_unit_test(test_garbage_everywhere_is_survived),
		cmocka_unit_test(test_a_spoilt_pause_does_not_stop_the_clocks),
	};

	if (argc > 1)
		stride = strtoull(argv[1], NULL, 10);
	siege = shared_memory(sizeof(*siege));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
