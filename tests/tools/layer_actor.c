/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_actor STEPS [WHAT RANK STEP]: ranks that make STEPS forward passes of the layer "bn2" and
 * say "rank R done"; before pass number STEP (from 1) rank RANK says "now" and does one of
 *
 *	loop	runs for ever, in a function of its own
 *	closed	the same, and forbids others to look into it
 *	stop	stops itself, by SIGSTOP
 *	read	waits until it can read: its standard input, or the file that GATE names
 *	crash	writes to the address 0
 *	eat	takes memory without end
 *	exit	ends with 3
 *
 * A call that fails is said, and ends the rank with 5.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <syncbn/syncbn.h>

enum { CHANNELS = 8, PLANE = 16, FAILED = 5, STEP_BYTES = 1 << 20 };

static volatile unsigned long turns;

static void
check(syncbn_status_t status)
{
	if (status == SYNCBN_OK)
		return;
	fprintf(stderr, "layer_actor: %s: %s\n", syncbn_strerror(status), syncbn_last_error());
	exit(FAILED);
}

static void __attribute__((noinline)) run_for_ever(void)
{
	for (;;)
		turns++;
}

static void __attribute__((noinline)) take_memory(void)
{
	char *memory;

	while ((memory = malloc(STEP_BYTES)) != NULL)
		memset(memory, 1, STEP_BYTES);
}

static void
await_gate(void)
{
	const char *gate = getenv("GATE");
	char byte;
	int fd = gate == NULL ? STDIN_FILENO : open(gate, O_RDONLY);

	if (read(fd, &byte, 1) < 0)
		exit(FAILED);
}

static void
act(const char *what)
{
	puts("now");
	if (strcmp(what, "closed") == 0)
		prctl(PR_SET_DUMPABLE, 0);
	if (strcmp(what, "loop") == 0 || strcmp(what, "closed") == 0)
		run_for_ever();
	else if (strcmp(what, "stop") == 0)
		raise(SIGSTOP);
	else if (strcmp(what, "read") == 0)
		await_gate();
	else if (strcmp(what, "crash") == 0)
		*(volatile int *)turns = 1;
	else if (strcmp(what, "eat") == 0)
		take_memory();
	else if (strcmp(what, "exit") == 0)
		exit(3);
}

int
main(int argc, char **argv)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(CHANNELS);
	static float data[2 * CHANNELS * PLANE], out[2 * CHANNELS * PLANE];
	syncbn_tensor_t x = syncbn_tensor_nchw(data, 2, CHANNELS, PLANE / 4, 4);
	syncbn_tensor_t y = syncbn_tensor_nchw(out, 2, CHANNELS, PLANE / 4, 4);
	int steps = argc > 1 ? atoi(argv[1]) : 1;
	syncbn_batch_norm_t *bn;
	syncbn_group_t *world;

	setlinebuf(stdout);
	check(syncbn_init(NULL, &world));
	config.name = "bn2";
	check(syncbn_batch_norm_new(world, &config, &bn));
	for (int step = 1; step <= steps; step++) {
		if (argc > 4 && step == atoi(argv[4]) && syncbn_group_rank(world) == atoi(argv[3]))
			act(argv[2]);
		check(syncbn_batch_norm_forward(bn, &x, NULL, &y, NULL));
	}
	printf("rank %d done\n", syncbn_group_rank(world));
	syncbn_batch_norm_free(bn);
	check(syncbn_finalize(world));
	return 0;
}
