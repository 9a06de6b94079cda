/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYNCBN_STATUS_H
#define SYNCBN_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What every function returns that can fail. OK is 0, every error is negative.
 *
 * After TIMEOUT or MISMATCH the group has failed, after PEER_LOST every group with the lost rank:
 * each later call on it that needs its peers returns the same status. Calls that need none still
 * work, a forward pass with running statistics for one; what belongs to the group can be freed, and
 * the world be finalized. The other errors leave the group as it was.
 */
typedef enum syncbn_status {
	SYNCBN_OK = 0,
	SYNCBN_ERR_INVALID = -1,     /* an argument breaks its documented rule */
	SYNCBN_ERR_UNSUPPORTED = -2, /* a legal wish that this build or machine cannot fulfil */
	SYNCBN_ERR_NO_MEMORY = -3,   /* memory or room in /dev/shm ran out */
	SYNCBN_ERR_SYSTEM = -4,      /* a system call failed; the detail names it and its errno */
	SYNCBN_ERR_TIMEOUT = -5,     /* a peer did not come before the deadline */
	SYNCBN_ERR_MISMATCH = -6,    /* a peer made another call than this rank */
	SYNCBN_ERR_PEER_LOST = -7    /* a peer died or left while it was needed */
} syncbn_status_t;

/*
 * The name of a status in a few words, for example "peer lost". Never NULL; static memory.
 * Not collective, safe in any thread.
 */
const char *syncbn_strerror(syncbn_status_t status);

/*
 * The detail of the last error in this thread: one line that says which call failed, on what,
 * why, and what to do. "" when nothing has failed. Valid until this thread's next call into the
 * library other than this one and syncbn_strerror. Not collective.
 */
const char *syncbn_last_error(void);

/* The version of the library that runs, for example "0.1.0". Static memory. */
const char *syncbn_version(void);

#ifdef __cplusplus
}
#endif
#endif
