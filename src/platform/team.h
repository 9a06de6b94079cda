/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker team: one a process. The calling thread works too, as thread 0, and keeps its mask;
 * the others are pinned, one a core, and sleep when nothing comes for some tens of microseconds;
 * behind a longer pause at once.
 *
 * Release and acquire pairs:
 *	T1 sbn_team_run: epoch (the job is whole)	- worker_main
 *	T2 worker_main: pending (the job is done)	- sbn_team_run
 *	T3 sbn_team_release: held			- sbn_team_acquire
 */
#ifndef SBN_PLATFORM_TEAM_H
#define SBN_PLATFORM_TEAM_H

#include <syncbn/parallel.h>
#include <syncbn/status.h>

#include "platform/place.h"

enum { SBN_MAX_THREADS = 1024 };

struct sbn_team;

/* n_threads, the caller included: 1 to SBN_MAX_THREADS. */
syncbn_status_t sbn_team_new(int n_threads, const struct sbn_place *place, struct sbn_team **team);

/* A team that hands everything to the caller's executor. */
syncbn_status_t sbn_team_over(const syncbn_executor_t *executor, struct sbn_team **team);

void sbn_team_free(struct sbn_team *team);

int sbn_team_threads(const struct sbn_team *team);

/*
 * Takes the team for a call and gives how many threads the call may count on: all, or 1 when
 * another thread holds it. Always follow with sbn_team_release(team, that number).
 */
int sbn_team_acquire(struct sbn_team *team);
void sbn_team_release(struct sbn_team *team, int acquired);

/*
 * Runs body(argument, i) for i in 0..n-1 on `acquired` threads and returns when all have ended;
 * i and i + acquired run on the same thread, 0 on the caller's.
 */
void sbn_team_run(struct sbn_team *team, int acquired, int n, syncbn_body_fn body, void *argument);

#endif
