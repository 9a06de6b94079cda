/* SPDX-License-Identifier: Apache-2.0 */
/* Making the segment, and what attaching refuses. */
#include "base/fail.h"
#include "shm/segment.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORLD = 3, NOBODY = 65534 };

static struct sbn_segment made;

static int
set_up(void **state)
{
	(void)state;
	return sbn_segment_create(WORLD, NULL, &made) == SYNCBN_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	sbn_segment_close(&made);
	return 0;
}

static struct stat
stat_of(int fd)
{
	struct stat stat = { 0 };

	assert_int_equal(fstat(fd, &stat), 0);
	return stat;
}

/* Attaching to fd fails, and the detail holds `says`. */
static void
assert_refused(int fd, syncbn_status_t expected, const char *says)
{
	struct sbn_segment attached;

	assert_int_equal(sbn_segment_attach(fd, made.run_id, WORLD, &attached), expected);
	if (strstr(sbn_last_error(), says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", sbn_last_error(), says);
}

static void
test_a_segment_has_no_name(void **state)
{
	(void)state;
	assert_int_equal(stat_of(made.fd).st_nlink, 0);
}

static void
test_a_segment_is_its_owners_and_ends_at_exec(void **state)
{
	(void)state;
	assert_int_equal(stat_of(made.fd).st_mode & 07777, 0600);
	assert_int_equal(stat_of(made.fd).st_uid, geteuid());
	assert_int_equal(fcntl(made.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void
test_all_of_the_control_extent_is_reserved(void **state)
{
	(void)state;
	assert_true((uint64_t)stat_of(made.fd).st_size == made.control_bytes);
	assert_true((uint64_t)stat_of(made.fd).st_blocks * 512 >= made.control_bytes);
}

static void
test_runs_have_different_ids(void **state)
{
	struct sbn_segment other;

	(void)state;
	assert_int_equal(sbn_segment_create(1, NULL, &other), SYNCBN_OK);
	assert_memory_not_equal(other.run_id, made.run_id, sizeof(made.run_id));
	sbn_segment_close(&other);
}

static void
test_1024_ranks_fit_a_segment(void **state)
{
	struct sbn_segment big, attached;

	(void)state;
	assert_int_equal(sbn_segment_create(SBN_MAX_RANKS, NULL, &big), SYNCBN_OK);
	assert_int_equal(sbn_segment_attach(dup(big.fd), big.run_id, SBN_MAX_RANKS, &attached),
			 SYNCBN_OK);
	sbn_control_set_state(&attached.control, SBN_MAX_RANKS - 1, SBN_RANK_JOINED);
	assert_int_equal(sbn_control_state(&big.control, SBN_MAX_RANKS - 1), SBN_RANK_JOINED);
	sbn_segment_close(&attached);
	sbn_segment_close(&big);
}

static void
test_who_attaches_sees_the_same_memory(void **state)
{
	struct sbn_segment attached;
	int fd = dup(made.fd); /* dup clears close-on-exec, as inheriting does */

	(void)state;
	assert_int_equal(sbn_segment_attach(fd, made.run_id, WORLD, &attached), SYNCBN_OK);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(attached.control_bytes, made.control_bytes);
	assert_true(sbn_control_abort(&attached.control,
				      (struct sbn_abort){ SYNCBN_ERR_TIMEOUT, 1, 1 }));
	assert_int_equal(sbn_control_aborted(&made.control).cause, SYNCBN_ERR_TIMEOUT);
	sbn_segment_close(&attached);
}

static void
test_the_header_names_its_creator(void **state)
{
	const struct sbn_segment_header *header = &made.control.head->header;

	(void)state;
	assert_int_equal(header->creator_pid, getpid());
	assert_true(header->creator_start_time > 0);
	assert_int_equal(header->page_bytes, sysconf(_SC_PAGESIZE));
}

/* Each field is spoilt by itself and mended again, so that one alone is wrong. */
static void
test_every_wrong_field_is_named(void **state)
{
	struct sbn_segment_header *header = &made.control.head->header;
	const struct {
		void *field;
		const char *says;
	} fields[] = {
		{ &header->magic, "magic" },
		{ &header->abi, "ABI version" },
		{ &header->byte_order, "byte order" },
		{ &header->pointer_bytes, "pointer size" },
		{ &header->page_bytes, "page size" },
		{ &header->features, "feature set" },
		{ &header->control_bytes, "control extent's size" },
		{ &header->world_size, "world size" },
		{ &header->run_id[0], "SYNCBN_RUN_ID" },
		{ &header->run_id[1], "SYNCBN_RUN_ID" },
		{ &header->checksum, "checksum" },
		{ &header->creator_pid, "checksum" },
		{ &header->creator_start_time, "checksum" },
		{ &header->creator_namespace, "checksum" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		*(unsigned char *)fields[i].field ^= 0x40;
		assert_refused(made.fd, SYNCBN_ERR_MISMATCH, fields[i].says);
		*(unsigned char *)fields[i].field ^= 0x40;
	}
	/* nothing but the fields was wrong */
	assert_int_equal(sbn_segment_attach(dup(made.fd), made.run_id, WORLD,
					    &(struct sbn_segment){ 0 }),
			 SYNCBN_OK);
}

static void
test_an_unfinished_segment_is_refused(void **state)
{
	(void)state;
	atomic_store_explicit(&made.control.head->header.ready, 0, memory_order_relaxed);
	assert_refused(made.fd, SYNCBN_ERR_INVALID, "not ready");
}

static void
test_another_run_and_another_world_are_refused(void **state)
{
	uint64_t other[2] = { made.run_id[0], made.run_id[1] + 1 };
	struct sbn_segment attached;

	(void)state;
	assert_int_equal(sbn_segment_attach(made.fd, other, WORLD, &attached), SYNCBN_ERR_MISMATCH);
	assert_non_null(strstr(sbn_last_error(), "another run"));
	assert_int_equal(sbn_segment_attach(made.fd, made.run_id, WORLD - 1, &attached),
			 SYNCBN_ERR_MISMATCH);
	/* the file is too short for a larger world */
	assert_int_equal(sbn_segment_attach(made.fd, made.run_id, WORLD + 1, &attached),
			 SYNCBN_ERR_INVALID);
}

static void
test_a_short_file_is_refused_and_never_touched(void **state)
{
	int fd = memfd_create("short", MFD_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_refused(fd, SYNCBN_ERR_INVALID, "0 bytes");
	assert_int_equal(ftruncate(fd, (off_t)made.control_bytes - 1), 0);
	assert_refused(fd, SYNCBN_ERR_INVALID, "bytes instead of");
	assert_int_equal(ftruncate(fd, (off_t)made.control_bytes), 0);
	assert_refused(fd, SYNCBN_ERR_INVALID, "not ready"); /* nothing but zeros */
	close(fd);
}

static void
test_a_file_that_others_may_read_is_refused(void **state)
{
	(void)state;
	assert_int_equal(fchmod(made.fd, 0644), 0);
	assert_refused(made.fd, SYNCBN_ERR_INVALID, "mode 644");
	assert_int_equal(fchmod(made.fd, 0400), 0);
	assert_refused(made.fd, SYNCBN_ERR_INVALID, "mode 400");
}

/* ---- whose it is ---- */

static void
skip_without_root(void)
{
	if (geteuid() == 0)
		return;
	print_message("skipped: only root gives files to others\n");
	skip();
}

static void
test_a_foreigners_segment_is_refused(void **state)
{
	(void)state;
	skip_without_root();
	assert_int_equal(fchown(made.fd, NOBODY, NOBODY), 0);
	assert_refused(made.fd, SYNCBN_ERR_INVALID, "belongs to user 65534");
}

static void
test_a_foreigner_is_refused(void **state)
{
	struct sbn_segment attached;
	pid_t child;
	int status;

	(void)state;
	skip_without_root();
	child = fork();
	if (child == 0) {
		if (setgid(NOBODY) != 0 || setuid(NOBODY) != 0)
			_exit(2);
		_exit(sbn_segment_attach(made.fd, made.run_id, WORLD, &attached) ==
					      SYNCBN_ERR_INVALID &&
				      strstr(sbn_last_error(), "this process is user 65534") ?
			      0 :
			      1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* All that a real segment holds, under a name in /dev/shm. */
static int
copy_with_a_name(char *path)
{
	static unsigned char bytes[1 << 16];
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	for (off_t at = 0; at < (off_t)made.control_bytes; at += (off_t)sizeof(bytes)) {
		ssize_t n = pread(made.fd, bytes, sizeof(bytes), at);

		assert_true(n > 0);
		assert_int_equal(pwrite(fd, bytes, (size_t)n, at), n);
	}
	return fd;
}

static void
test_a_segment_with_a_name_is_refused_by_whatever_way_it_comes(void **state)
{
	char path[] = "/dev/shm/syncbn-test-XXXXXX", link[64];
	struct sbn_segment attached;
	int fd = copy_with_a_name(path), through_link;

	(void)state;
	snprintf(link, sizeof(link), "%s-link", path);
	assert_int_equal(symlink(path, link), 0);
	through_link = open(link, O_RDWR | O_CLOEXEC);
	unlink(link);
	assert_refused(fd, SYNCBN_ERR_INVALID, "has a name");
	assert_refused(through_link, SYNCBN_ERR_INVALID, "has a name");
	unlink(path);
	/* the name alone was wrong */
	assert_int_equal(sbn_segment_attach(through_link, made.run_id, WORLD, &attached),
			 SYNCBN_OK);
	sbn_segment_close(&attached);
	close(fd);
}

static void
test_the_umask_takes_nothing_from_the_owner(void **state)
{
	mode_t before = umask(0777);
	struct sbn_segment other;

	(void)state;
	assert_int_equal(sbn_segment_create(1, NULL, &other), SYNCBN_OK);
	umask(before);
	assert_int_equal(stat_of(other.fd).st_mode & 07777, 0600);
	sbn_segment_close(&other);
}

/* ---- who made it ---- */

static void
forge(int32_t pid, uint64_t start_time, uint64_t namespace)
{
	struct sbn_segment_header *header = &made.control.head->header;

	header->creator_pid = pid;
	header->creator_start_time = start_time;
	header->creator_namespace = namespace;
	header->checksum = sbn_header_checksum(header);
}

static void
test_a_segment_whose_creator_has_ended_is_refused(void **state)
{
	struct sbn_segment_header now = made.control.head->header;
	pid_t ended = fork();

	(void)state;
	if (ended == 0)
		_exit(0);
	assert_int_equal(waitpid(ended, NULL, 0), ended);
	forge(ended, now.creator_start_time, now.creator_namespace);
	assert_refused(made.fd, SYNCBN_ERR_INVALID, "stale");
}

/* The number is in use again, by a process that began at another time. */
static void
test_a_number_that_another_process_has_got_is_not_the_creator(void **state)
{
	struct sbn_segment_header now = made.control.head->header;

	(void)state;
	forge(now.creator_pid, now.creator_start_time - 1, now.creator_namespace);
	assert_refused(made.fd, SYNCBN_ERR_INVALID, "stale");
	forge(now.creator_pid, now.creator_start_time + 1, now.creator_namespace);
	assert_refused(made.fd, SYNCBN_ERR_INVALID, "stale");
}

static void
test_a_creator_that_cannot_be_seen_from_here_is_believed(void **state)
{
	struct sbn_segment_header now = made.control.head->header;
	struct sbn_segment attached;

	(void)state;
	forge(now.creator_pid, now.creator_start_time - 1, now.creator_namespace + 1);
	assert_int_equal(sbn_segment_attach(made.fd, made.run_id, WORLD, &attached), SYNCBN_OK);
	munmap(attached.control.head, attached.control_bytes);
	forge(now.creator_pid, 0, now.creator_namespace);
	assert_int_equal(sbn_segment_attach(made.fd, made.run_id, WORLD, &attached), SYNCBN_OK);
	munmap(attached.control.head, attached.control_bytes);
}

static void
test_what_is_no_file_is_refused(void **state)
{
	int ends[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_refused(ends[0], SYNCBN_ERR_INVALID, "no shared memory");
	assert_refused(null, SYNCBN_ERR_INVALID, "no shared memory");
	close(ends[0]);
	close(ends[1]);
	close(null);
}

static void
test_a_closed_descriptor_is_refused(void **state)
{
	int fd = dup(made.fd);

	(void)state;
	close(fd);
	assert_refused(fd, SYNCBN_ERR_SYSTEM, "SYNCBN_SEGMENT_FD");
	assert_non_null(strstr(sbn_last_error(), "Bad file descriptor"));
	assert_refused(-1, SYNCBN_ERR_SYSTEM, "SYNCBN_SEGMENT_FD");
}

#define fresh(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		fresh(test_a_segment_has_no_name),
		fresh(test_a_segment_is_its_owners_and_ends_at_exec),
		fresh(test_all_of_the_control_extent_is_reserved),
		fresh(test_runs_have_different_ids),
		fresh(test_1024_ranks_fit_a_segment),
		fresh(test_who_attaches_sees_the_same_memory),
		fresh(test_the_header_names_its_creator),
		fresh(test_every_wrong_field_is_named),
		fresh(test_an_unfinished_segment_is_refused),
		fresh(test_another_run_and_another_world_are_refused),
		fresh(test_a_short_file_is_refused_and_never_touched),
		fresh(test_a_file_that_others_may_read_is_refused),
		fresh(test_a_foreigners_segment_is_refused),
		fresh(test_a_foreigner_is_refused),
		fresh(test_a_segment_with_a_name_is_refused_by_whatever_way_it_comes),
		fresh(test_the_umask_takes_nothing_from_the_owner),
		fresh(test_a_segment_whose_creator_has_ended_is_refused),
		fresh(test_a_number_that_another_process_has_got_is_not_the_creator),
		fresh(test_a_creator_that_cannot_be_seen_from_here_is_believed),
		fresh(test_what_is_no_file_is_refused),
		fresh(test_a_closed_descriptor_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
