/* SPDX-License-Identifier: Apache-2.0 */
#include "comm/agree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "comm/call.h"

struct word {
	int32_t status;
	uint32_t number;
	uint64_t value;
	char detail[1024];
};

_Static_assert(sizeof(struct word) <= SBN_CONTROL_ROOM, "a word fits its row");

static void
write_word(struct word *word, syncbn_status_t status, const struct sbn_agreement *agreement)
{
	*word = (struct word){ .status = status,
			       .number = agreement->number,
			       .value = agreement->value };
	if (status != SYNCBN_OK)
		snprintf(word->detail, sizeof(word->detail), "%s", sbn_last_error());
}

/* word: a copy, which its writer cannot change any more */
static syncbn_status_t
read_word(const struct word *word, uint32_t rank)
{
	bool known = word->status < 0 && word->status >= SYNCBN_ERR_PEER_LOST;

	if (word->status == SYNCBN_OK)
		return SYNCBN_OK;
	errno = 0; /* the detail has the errno of where it happened */
	return sbn_fail(known ? (syncbn_status_t)word->status : SYNCBN_ERR_MISMATCH,
			"rank %" PRIu32 ": %.*s", rank,
			(int)strnlen(word->detail, sizeof(word->detail)), word->detail);
}

static syncbn_status_t
read_words(const struct sbn_running_call *running, struct sbn_agreement *agreement,
	   uint64_t *values)
{
	syncbn_status_t status = SYNCBN_OK;

	agreement->sum = 0;
	for (uint32_t rank = 0; rank < running->group->size; rank++) {
		const struct word word = *(const struct word *)sbn_call_row(running, rank);
		uint32_t member = running->group->members[rank];

		if (!sbn_call_present(running, rank))
			return sbn_fail(SYNCBN_ERR_INVALID,
					"rank %" PRIu32 " has left the group: call this before the "
					"first leaves, or after syncbn_group_return",
					member);
		if (status == SYNCBN_OK)
			status = read_word(&word, member);
		if (rank == 0) {
			agreement->root_value = word.value;
			agreement->number = word.number;
		}
		if (values != NULL)
			values[rank] = word.value;
		agreement->sum += word.value;
	}
	return status;
}

syncbn_status_t
sbn_agree(struct syncbn_group *group, enum sbn_op op, syncbn_status_t status,
	  struct sbn_agreement *agreement, uint64_t *values)
{
	struct sbn_call call = {
		.op = op,
		.n_items = 1,
		.n_lanes = 1,
		.agreed = { agreement->agreed[0], agreement->agreed[1], agreement->agreed[2] },
	};
	struct sbn_running_call running;
	syncbn_status_t agreed = SYNCBN_OK, ended;
	struct word word;

	write_word(&word, status, agreement); /* before anything else may fail */
	ended = sbn_call_begin(group, SBN_STREAM_CONTROL, &call, &running);
	if (ended != SYNCBN_OK)
		return ended;
	memcpy(running.row, &word, sizeof(word));
	sbn_call_publish(&running, 0, 1);
	if (sbn_call_await(&running, 0, 0, 1) == SYNCBN_OK)
		agreed = read_words(&running, agreement, values);
	ended = sbn_call_end(&running);
	return ended != SYNCBN_OK ? ended : agreed;
}
