/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threads of a process, stopped for a look at them as a debugger stops them; nothing runs in
 * the process for that, and it does not see it. One thread of ours does all of it.
 */
#ifndef SBN_LAUNCH_THREADS_H
#define SBN_LAUNCH_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { SBN_THREADS_MAX = 128 };

struct sbn_thread {
	pid_t id;
	bool held;    /* it is ours until it is let go */
	bool stopped; /* and stands */
	int signal;   /* which it was about to get, and gets when it is let go */
};

struct sbn_threads {
	pid_t pid;
	size_t n; /* at most MAX are looked at */
	struct sbn_thread thread[SBN_THREADS_MAX];
	size_t n_more;
	int error;       /* why a thread could not be held: an errno, EPERM as a rule; 0: none */
	bool ended;      /* the process has ended meanwhile, and we have taken its status: */
	int wait_status; /* nobody else can have it any more */
};

/* Lists the threads and leaves them alone. */
void sbn_threads_list(pid_t pid, struct sbn_threads *threads);

/*
 * Lists the threads and stops those that let themselves be stopped within a quarter of a second.
 * sbn_threads_release follows.
 */
void sbn_threads_stop(pid_t pid, struct sbn_threads *threads);

/*
 * Lets them go. False: some hang in the kernel and could not be stopped; call it again later, as
 * they would stop then.
 */
bool sbn_threads_release(struct sbn_threads *threads);

#endif
