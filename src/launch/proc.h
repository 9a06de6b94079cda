/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of processes. */
#ifndef SBN_LAUNCH_PROC_H
#define SBN_LAUNCH_PROC_H

#include <hwloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sbn_proc_stat {
	char state; /* 'T': stopped by a signal, 't': by a debugger */
	pid_t parent;
};

/* False: there is no such process, or /proc cannot be read. */
bool sbn_proc_stat(pid_t pid, struct sbn_proc_stat *stat);

/* The same of one of its threads; and a file of /proc/PID/task/TID as one line of text. */
bool sbn_proc_thread_stat(pid_t pid, pid_t thread, struct sbn_proc_stat *stat);
bool sbn_proc_thread_text(pid_t pid, pid_t thread, const char *file, char *text, size_t bytes);

/* "runs", "sleeps", "stopped": a state's letter in a word. */
const char *sbn_proc_state_word(char state);

/* The name under which a process runs, as ps shows it. */
bool sbn_proc_name(pid_t pid, char *name, size_t bytes);

/* The CPUs on which a process may run. */
bool sbn_proc_cpus(pid_t pid, hwloc_bitmap_t cpus);

/* Whether /proc is there and numbers processes as we do. */
bool sbn_proc_is_ours(void);

/* Whether a process is the ancestor, or its line of parents leads there. */
bool sbn_proc_descends(pid_t pid, pid_t ancestor);

/*
 * The ancestor itself or the descendant of it that calls itself `inner`: that number here, or
 * another one when it lives in a PID namespace of its own (unshare, bwrap). 0: there is none.
 */
pid_t sbn_proc_find_descendant(pid_t ancestor, pid_t inner);

#endif
