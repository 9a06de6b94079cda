/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call on a stream, from its beginning to its end: every rank publishes a row of items, reads
 * everybody's rows in rank order, and the call ends when all has been read. Lanes are the threads
 * of a rank; each publishes and reads without waiting for the others of its rank.
 */
#ifndef SBN_COMM_CALL_H
#define SBN_COMM_CALL_H

#include <stdatomic.h>

#include "comm/group.h"

struct sbn_running_call {
	struct syncbn_group *group;
	enum sbn_stream stream;
	struct sbn_call call;
	uint64_t number;
	void *row; /* this rank's, to be written */
	int timeout_ms;
	_Atomic int status; /* the first lane's failure */
	char detail[1024];  /* written by that lane, read after the lanes have joined */
};

/*
 * What call.agreed holds, by operation:
 *	forward, backward	channels of the layer, first channel of this call, hash of the
 *				layer's settings, `want`
 *	all_reduce		elements, dtype, reduction, 0 or 1 + the data's place in the segment
 *	broadcast		bytes, root
 *	joining, making an arena	bytes of a slice
 */

/* Writes what a rank's call is: "forward of bn2, call 5 (64 channels)". */
void sbn_call_describe(const struct syncbn_group *group, uint32_t rank, const struct sbn_call *call,
		       uint64_t number, char *text, size_t bytes);

/*
 * Begins a call; fails at once when the group has failed before. After OK, whatever happens,
 * sbn_call_end() follows.
 */
syncbn_status_t sbn_call_begin(struct syncbn_group *group, enum sbn_stream stream,
			       const struct sbn_call *call, struct sbn_running_call *running);

/* `lane` has written its items up to `end`. */
void sbn_call_publish(const struct sbn_running_call *running, uint32_t lane, uint32_t end);

/*
 * Returns when items [begin, end) of every rank can be read; begin == end: when every rank has
 * begun the call. MISMATCH when a peer makes another call.
 */
syncbn_status_t sbn_call_await(struct sbn_running_call *running, uint32_t lane, uint32_t begin,
			       uint32_t end);

/* After sbn_call_await: a rank's row, and its header (own rank included). */
const void *sbn_call_row(const struct sbn_running_call *running, uint32_t rank);
const struct sbn_call *sbn_call_header(const struct sbn_running_call *running, uint32_t rank);

/* Ends the call, after the lanes have joined; gives the first failure, with its detail. */
syncbn_status_t sbn_call_end(struct sbn_running_call *running);

#endif
