/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that has joined as a rank. As a rule it is the launcher's own child; under a wrapper
 * (sh -c './train; cleanup') it is a descendant, which may die while the wrapper lives on.
 */
#ifndef SBN_LAUNCH_MEMBER_H
#define SBN_LAUNCH_MEMBER_H

#include <stdint.h>
#include <sys/types.h>

struct sbn_job;

enum sbn_member_state {
	SBN_MEMBER_NONE,    /* nobody has joined yet */
	SBN_MEMBER_CHILD,   /* the child, or one that cannot be watched: the child's end counts */
	SBN_MEMBER_WATCHED, /* another process: its pidfd tells of its end */
	SBN_MEMBER_ENDED    /* another process, which has ended */
};

struct sbn_member {
	enum sbn_member_state state;
	pid_t pid;
	int pidfd; /* while it is watched */
};

/* Who has joined as a rank whose own process runs. */
struct sbn_member sbn_member_find(const struct sbn_job *job, uint32_t rank);

/* The process has ended, or nobody watches it any more. */
void sbn_member_unwatch(struct sbn_member *member, enum sbn_member_state state);

#endif
