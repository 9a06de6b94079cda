/* SPDX-License-Identifier: Apache-2.0 */
/* The control extent in words, for errors and for the launcher's reports. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "shm/control.h"

const char *const sbn_op_names[SBN_OP_COUNT] = {
	[SBN_OP_NONE] = "nothing",
	[SBN_OP_JOIN] = "joining",
	[SBN_OP_FORWARD] = "forward",
	[SBN_OP_BACKWARD] = "backward",
	[SBN_OP_ALL_REDUCE] = "all_reduce",
	[SBN_OP_BROADCAST] = "broadcast",
	[SBN_OP_ALL_GATHER] = "all_gather",
	[SBN_OP_REDUCE_SCATTER] = "reduce_scatter",
	[SBN_OP_BARRIER] = "barrier",
	[SBN_OP_ARENA] = "making an arena",
	[SBN_OP_GROUP] = "making a group",
	[SBN_OP_RETURN] = "returning",
	[SBN_OP_BUCKET] = "all_reduce_begin/end",
};

void
sbn_control_layer_name(const struct sbn_control *control, uint32_t rank, uint32_t layer, char *text,
		       size_t bytes)
{
	const char *name = NULL;

	if (layer >= 1 && layer <= SBN_MAX_LAYERS)
		name = sbn_control_rank(control, rank)->layer_names[layer - 1];
	if (name == NULL || name[0] == '\0') {
		snprintf(text, bytes, "layer %" PRIu32, layer);
		return;
	}
	/* written by another process: never trusted to end with a zero, nor to fit on one line */
	snprintf(text, bytes, "%.*s", (int)strnlen(name, SBN_LAYER_NAME), name);
	for (char *at = text; *at != '\0'; at++)
		if (iscntrl((unsigned char)*at))
			*at = '?';
}

static void
describe_op(const struct sbn_control *control, uint32_t rank, struct sbn_now now, char *text,
	    size_t bytes)
{
	char layer[SBN_LAYER_NAME + 16] = "", group[24] = "";

	if (now.layer != 0)
		sbn_control_layer_name(control, rank, now.layer, layer, sizeof(layer));
	if (now.group != 0)
		snprintf(group, sizeof(group), " (group %" PRIu32 ")", now.group);
	if (now.op == SBN_OP_JOIN)
		snprintf(text, bytes, "%s", sbn_op_names[now.op]);
	else
		snprintf(text, bytes, "%s%s%s, call %" PRIu64 "%s", sbn_op_names[now.op],
			 now.layer != 0 ? " of " : "", layer, now.call, group);
}

void
sbn_control_describe_now(const struct sbn_control *control, uint32_t rank, struct sbn_now now,
			 char *text, size_t bytes)
{
	char op[SBN_LAYER_NAME + 96];

	if (!(sbn_control_state(control, rank) & SBN_RANK_JOINED)) {
		snprintf(text, bytes, "not joined");
		return;
	}
	if (now.op == SBN_OP_NONE || (now.op == SBN_OP_JOIN && !now.inside)) {
		snprintf(text, bytes, "in no collective yet");
		return;
	}
	describe_op(control, rank, now, op, sizeof(op));
	if (now.inside && now.op == SBN_OP_JOIN)
		snprintf(text, bytes, "%s", op);
	else if (now.inside)
		snprintf(text, bytes, "in %s", op);
	else
		snprintf(text, bytes, "in no collective; last: %s", op);
}

void
sbn_control_describe(const struct sbn_control *control, uint32_t rank, char *text, size_t bytes)
{
	/* relaxed: one word that stands for itself; the names were written long before */
	uint64_t word = atomic_load_explicit(&sbn_control_rank(control, rank)->now.op,
					     memory_order_relaxed);

	sbn_control_describe_now(control, rank, sbn_now_unpack(word), text, bytes);
}

void
sbn_control_ending(const struct sbn_control *control, uint32_t rank, char *text, size_t bytes)
{
	/* relaxed: valid once the state says GONE, whose load acquires it */
	int status = atomic_load_explicit(&sbn_control_rank(control, rank)->life.wait_status,
					  memory_order_relaxed);

	if (WIFSIGNALED(status))
		snprintf(text, bytes, "killed by signal %d (%s)%s", WTERMSIG(status),
			 strsignal(WTERMSIG(status)), WCOREDUMP(status) ? ", core dumped" : "");
	else
		snprintf(text, bytes, "exit %d", WEXITSTATUS(status));
}
