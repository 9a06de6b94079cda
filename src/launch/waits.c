/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/waits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/math.h"
#include "launch/ending.h"
#include "launch/proc.h"

enum { MAX_NAMED = 4 };

struct sbn_waiting
sbn_waiting_of(const struct sbn_job *job, uint32_t rank)
{
	struct sbn_rank_now *now = &sbn_control_rank(&job->segment.control, rank)->now;
	/* acquire: the words are read after the time, and the time again after the words, so words
	 * between two equal times belong to that wait */
	uint64_t since = atomic_load_explicit(&now->since_ns, memory_order_acquire);
	struct sbn_waiting waiting = {
		.now = sbn_now_unpack(atomic_load_explicit(&now->op, memory_order_acquire)),
		.peer = atomic_load_explicit(&now->peer, memory_order_acquire),
		.first = atomic_load_explicit(&now->first, memory_order_acquire),
		.end = atomic_load_explicit(&now->end, memory_order_acquire),
	};
	/* relaxed: the acquires above keep it behind */
	uint64_t again = atomic_load_explicit(&now->since_ns, memory_order_relaxed);

	waiting.since_ns = since == again && job->process[rank].running ? since : 0;
	return waiting;
}

bool
sbn_same_call(struct sbn_now a, struct sbn_now b)
{
	/* not the layer: it is an index into each rank's own table */
	return a.inside && b.inside && a.op == b.op && a.group == b.group && a.call == b.call;
}

int
sbn_waits_longest(const struct sbn_job *job)
{
	uint64_t earliest = UINT64_MAX;
	int longest = -1;

	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		uint64_t since = sbn_waiting_of(job, rank).since_ns;

		if (since == 0 || since >= earliest)
			continue;
		earliest = since;
		longest = (int)rank;
	}
	return longest;
}

/* ", channels 0-63" or ", channel 2", where items are channels and the rank needs some. */
static void
append_channels(struct sbn_text *text, const struct sbn_waiting *waiting)
{
	bool layer = waiting->now.op == SBN_OP_FORWARD || waiting->now.op == SBN_OP_BACKWARD;

	if (!layer || waiting->first >= waiting->end)
		return;
	if (waiting->end - waiting->first == 1)
		sbn_text_append(text, ", channel %" PRIu32, waiting->first);
	else
		sbn_text_append(text, ", channels %" PRIu32 "-%" PRIu32, waiting->first,
				waiting->end - 1);
}

void
sbn_waits_describe(const struct sbn_job *job, uint32_t rank, uint64_t now_ns, char *text,
		   size_t bytes)
{
	struct sbn_waiting waiting = sbn_waiting_of(job, rank);
	struct sbn_text line = { .used = 0 };

	sbn_control_describe_now(&job->segment.control, rank, waiting.now, line.data,
				 sizeof(line.data));
	line.used = strlen(line.data);
	if (waiting.since_ns != 0 && now_ns >= waiting.since_ns) {
		append_channels(&line, &waiting);
		sbn_text_append(&line, ": waits %.3g s",
				(double)(now_ns - waiting.since_ns) / (double)SBN_NS_PER_S);
		/* another process's word is no rank before it is checked */
		if (waiting.peer < job->n_ranks && waiting.peer != rank)
			sbn_text_append(&line, " for rank %" PRIu32, waiting.peer);
	}
	snprintf(text, bytes, "%s", line.data);
}

char
sbn_waits_state(const struct sbn_job *job, uint32_t rank)
{
	const pid_t pid = sbn_process_joined(&job->process[rank]);
	struct sbn_proc_stat stat;

	return pid != 0 && sbn_proc_stat(pid, &stat) ? stat.state : 0;
}

bool
sbn_waits_is_stopped(const struct sbn_job *job, uint32_t rank)
{
	char state = sbn_waits_state(job, rank);

	return state == 'T' || state == 't';
}

uint64_t
sbn_waits_too_long(const struct sbn_job *job, uint32_t rank, const struct sbn_waiting *waiting,
		   const struct sbn_patience *patience, uint64_t now_ns)
{
	const uint64_t since = SBN_MAX(waiting->since_ns, patience->resumed_ns);

	if (waiting->since_ns == 0 || waiting->since_ns == patience->told_since_ns[rank] ||
	    now_ns <= since || now_ns - since < patience->ns)
		return 0;
	return sbn_waits_is_stopped(job, rank) ? 0 : now_ns - since;
}

const char *
sbn_waits_stop_word(char state)
{
	if (state == 'T')
		return "stopped, ";
	return state == 't' ? "in a debugger, " : "";
}

void
sbn_waits_append_absent(struct sbn_text *text, const struct sbn_job *job, uint32_t rank)
{
	char what[SBN_DOING_BYTES], ending[SBN_ENDING_BYTES];

	if (!job->process[rank].running) {
		sbn_ending_describe(job, rank, ending, sizeof(ending));
		sbn_text_append(text, "rank %u (has ended: %s)", rank, ending);
		return;
	}
	sbn_control_describe(&job->segment.control, rank, what, sizeof(what));
	sbn_text_append(text, "rank %u (%s%s)", rank,
			sbn_waits_stop_word(sbn_waits_state(job, rank)), what);
}

/* Whether a rank is in that call, and goes on in it. */
static bool
is_there(const struct sbn_job *job, uint32_t rank, struct sbn_now now)
{
	return job->process[rank].running && sbn_same_call(now, sbn_waiting_of(job, rank).now) &&
	       !sbn_waits_is_stopped(job, rank);
}

static void
append_workers(struct sbn_text *text, const struct sbn_job *job, struct sbn_now now)
{
	unsigned n = 0;

	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		if (!is_there(job, rank, now) || sbn_waiting_of(job, rank).since_ns != 0)
			continue;
		if (n++ < MAX_NAMED)
			sbn_text_append(text, "%s%" PRIu32,
					n == 1 ? "; still at work there: rank " : ", ", rank);
	}
	if (n > MAX_NAMED)
		sbn_text_append(text, " and %u more", n - MAX_NAMED);
}

void
sbn_waits_append_last(struct sbn_text *text, const struct sbn_job *job, uint32_t first)
{
	struct sbn_waiting longest = sbn_waiting_of(job, first);
	uint64_t now_ns = sbn_now_ns();
	uint64_t since = longest.since_ns;
	uint32_t last = first;

	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		struct sbn_waiting waiting = sbn_waiting_of(job, rank);

		/* a time to come is no rank's own word */
		if (waiting.since_ns <= since || waiting.since_ns > now_ns ||
		    !is_there(job, rank, longest.now))
			continue;
		since = waiting.since_ns;
		last = rank;
	}
	if (last != first && longest.since_ns != 0)
		sbn_text_append(text, "; rank %" PRIu32 " came last, %.3g s later", last,
				(double)(since - longest.since_ns) / (double)SBN_NS_PER_S);
	append_workers(text, job, longest.now);
}

void
sbn_waits_append_missing(struct sbn_text *text, const struct sbn_job *job, struct sbn_now now)
{
	/* who is in a sub group is not known here */
	const char *first = now.group == 0 ? "; not there: " : "; elsewhere: ";
	unsigned n = 0;

	for (uint32_t rank = 0; rank < job->n_ranks; rank++) {
		if (is_there(job, rank, now))
			continue;
		if (n++ < MAX_NAMED) {
			sbn_text_append(text, "%s", n == 1 ? first : ", ");
			sbn_waits_append_absent(text, job, rank);
		}
	}
	if (n > MAX_NAMED)
		sbn_text_append(text, " and %u more", n - MAX_NAMED);
}
