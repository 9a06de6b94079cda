/* SPDX-License-Identifier: Apache-2.0 */
/* What the ranks of a case and the driver that watches them share: a mapped file. */
#ifndef SBN_TESTS_FAULTS_STAGE_H
#define SBN_TESTS_FAULTS_STAGE_H

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { STAGE_RANKS = 4, STAGE_TOLD = 5 /* a rank's code after a failed call */ };

struct stage {
	_Atomic int pid[STAGE_RANKS];
	_Atomic int arrived; /* 1: the chosen rank is in its phase and waits for `go` */
	_Atomic int go;      /* by the driver, once it watches all ranks */
};

static inline struct stage *
stage_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *memory = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(struct stage)) == 0)
		memory =
			mmap(NULL, sizeof(struct stage), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		abort();
	close(fd);
	return memory;
}

/* Sets a word that is 0, and wakes whoever awaits it. */
static inline void
stage_set(_Atomic int *word, int value)
{
	atomic_store(word, value);
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Until the word is set, a signal comes, or so much time has passed; whether it is set. */
static inline bool
stage_await(_Atomic int *word, int milliseconds)
{
	const struct timespec most = { .tv_sec = milliseconds / 1000,
				       .tv_nsec = milliseconds % 1000 * 1000000L };

	if (atomic_load(word) == 0)
		syscall(SYS_futex, word, FUTEX_WAIT, 0, &most, NULL, 0);
	return atomic_load(word) != 0;
}

#endif
