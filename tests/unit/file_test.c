/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and replacing whole files, also where that fails half-way. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/show.h"
#include "unit/state_files.h"

enum { BIG = 1 << 20 };

static void
assert_contents(const char *path, const void *expected, size_t expected_bytes)
{
	void *bytes;
	size_t n;

	if (sbn_file_read(path, BIG, &bytes, &n) != SYNCBN_OK)
		fail_msg("%s", sbn_last_error());
	assert_int_equal(n, expected_bytes);
	assert_memory_equal(bytes, expected, n);
	free(bytes);
}

static void
assert_system(syncbn_status_t status, const char *words)
{
	assert_int_equal(status, SYNCBN_ERR_SYSTEM);
	if (strstr(sbn_last_error(), words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", sbn_last_error(), words);
}

/* The folder's entries whose names begin so. */
static int
count_files(void **state, const char *begin)
{
	DIR *folder = opendir(*state);
	struct dirent *entry;
	int n = 0;

	while ((entry = readdir(folder)) != NULL)
		n += strncmp(entry->d_name, begin, strlen(begin)) == 0;
	closedir(folder);
	return n;
}

static void
remove_temporaries(void **state)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -f '%s'/.syncbn-*", (char *)*state);
	assert_int_equal(system(command), 0);
}

static mode_t
mode_of(const char *path)
{
	struct stat is;

	assert_int_equal(stat(path, &is), 0);
	return is.st_mode & 07777;
}

static void
test_a_file_is_made_and_replaced_whole(void **state)
{
	const char *path = in_folder(state, "plain");

	assert_int_equal(sbn_file_replace(path, "first", 5), SYNCBN_OK);
	assert_contents(path, "first", 5);
	assert_int_equal(sbn_file_replace(path, "2nd", 3), SYNCBN_OK);
	assert_contents(path, "2nd", 3);
	assert_int_equal(sbn_file_replace(path, "", 0), SYNCBN_OK);
	assert_contents(path, "", 0);
	assert_int_equal(count_files(state, ".syncbn-"), 0);
}

static void
test_a_new_file_has_what_the_umask_leaves(void **state)
{
	const char *path = in_folder(state, "new");
	mode_t old = umask(027);

	assert_int_equal(sbn_file_replace(path, "x", 1), SYNCBN_OK);
	umask(old);
	assert_int_equal(mode_of(path), 0640);
}

static void
test_a_file_that_was_there_keeps_its_permissions(void **state)
{
	const char *path = in_folder(state, "kept");

	assert_int_equal(sbn_file_replace(path, "x", 1), SYNCBN_OK);
	assert_int_equal(chmod(path, 0604), 0);
	assert_int_equal(sbn_file_replace(path, "y", 1), SYNCBN_OK);
	assert_int_equal(mode_of(path), 0604);
}

static void
test_of_a_link_the_target_is_replaced(void **state)
{
	const char *target = in_folder(state, "target"), *link = in_folder(state, "link");
	char text[512];

	assert_int_equal(symlink("target", link), 0);
	/* the target need not be there yet */
	assert_int_equal(sbn_file_replace(link, "through", 7), SYNCBN_OK);
	assert_contents(target, "through", 7);
	assert_int_equal(sbn_file_replace(link, "again", 5), SYNCBN_OK);
	assert_contents(target, "again", 5);
	assert_int_equal(readlink(link, text, sizeof(text)), 6);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink(target, link), 0);
	assert_int_equal(sbn_file_replace(link, "far", 3), SYNCBN_OK);
	assert_contents(target, "far", 3);
	assert_int_equal(symlink("circle", in_folder(state, "circle")), 0);
	assert_system(sbn_file_replace(in_folder(state, "circle"), "x", 1), "readlink");
}

static void
test_whether_a_file_can_be_replaced_is_found_out_without_doing_it(void **state)
{
	const char *path = in_folder(state, "asked");

	assert_int_equal(sbn_file_can_be_replaced(path), SYNCBN_OK);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(sbn_file_replace(path, "as it was", 9), SYNCBN_OK);
	assert_int_equal(sbn_file_can_be_replaced(path), SYNCBN_OK);
	assert_contents(path, "as it was", 9);
	assert_int_equal(count_files(state, ".syncbn-"), 0);
	assert_system(sbn_file_can_be_replaced(in_folder(state, "none/file")),
		      "open the directory");
	assert_system(sbn_file_can_be_replaced(*state), "no regular file");
	assert_system(sbn_file_can_be_replaced("/proc/self/asked"), "create");
}

static void
test_what_is_no_regular_file_is_refused_and_nobody_waits(void **state)
{
	const char *fifo = in_folder(state, "fifo");
	const char *const paths[] = { *state, fifo, "/dev/null", "/dev/full", "." };
	void *bytes;
	size_t n;

	assert_int_equal(mkfifo(fifo, 0666), 0);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_system(sbn_file_read(paths[i], BIG, &bytes, &n), "no regular file");
		assert_system(sbn_file_replace(paths[i], "x", 1), "no regular file");
	}
	assert_system(sbn_file_replace(in_folder(state, "x/"), "x", 1), "x/");
	assert_system(sbn_file_replace("", "x", 1), "No such file");
}

static void
test_a_missing_file_or_folder_is_named(void **state)
{
	char path[5000];
	void *bytes;
	size_t n;

	assert_system(sbn_file_read(in_folder(state, "none"), BIG, &bytes, &n), "none: No such");
	assert_system(sbn_file_replace(in_folder(state, "none/x"), "x", 1), "none/x: No such");
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_system(sbn_file_replace(path, "x", 1), "pp...pp");
	assert_int_equal(errno, ENAMETOOLONG);
	assert_system(sbn_file_replace(path, "x", 1), ": File name too long");
	assert_system(sbn_file_read(path, BIG, &bytes, &n), ": File name too long");
}

static void
test_a_larger_file_is_refused(void **state)
{
	const char *path = in_folder(state, "larger");
	void *bytes;
	size_t n;

	assert_int_equal(sbn_file_replace(path, "12345", 5), SYNCBN_OK);
	assert_int_equal(sbn_file_read(path, 4, &bytes, &n), SYNCBN_ERR_INVALID);
	assert_int_equal(sbn_file_read(path, 5, &bytes, &n), SYNCBN_OK);
	free(bytes);
}

static void
test_a_path_of_any_length_leaves_room_for_the_reason(void **state)
{
	static const char euro[] = "\xe2\x82\xac";
	char path[2048], shown[SBN_SHOWN_PATH];

	(void)state;
	assert_string_equal(sbn_show_path("a\nb/c", shown), "a?b/c");
	for (size_t n = 0; n < sizeof(path); n++) {
		for (size_t i = 0; i < n; i++)
			path[i] = euro[i % 3];
		path[n] = '\0';
		sbn_show_path(path, shown);
		assert_true(strlen(shown) <= n && (n < SBN_SHOWN_PATH) == (strlen(shown) == n));
		/* whole characters before the gap and after it */
		if (n >= SBN_SHOWN_PATH) {
			const char *gap = strstr(shown, "...");

			assert_true(gap != NULL && (gap - shown) % 3 == 0 && gap[3] == euro[0]);
			assert_true(strlen(shown) >= SBN_SHOWN_PATH - 6);
		}
	}
}

static void
test_a_long_path_leaves_the_reason_of_a_load(void **state)
{
	struct state_layers l;
	char path[1400];
	size_t used = (size_t)snprintf(path, sizeof(path), "%s", (char *)*state);

	while (used < 1200) /* ./././ */
		used += (size_t)snprintf(path + used, sizeof(path) - used, "/.");
	snprintf(path + used, sizeof(path) - used, "/odd");
	assert_int_equal(sbn_file_replace(path, "not any state", 13), SYNCBN_OK);
	make_layers(&l, 1);
	assert_int_equal(sbn_state_load(path, l.layer, N_LAYERS, 0), SYNCBN_ERR_INVALID);
	assert_non_null(strstr(sbn_last_error(), "..."));
	assert_non_null(strstr(sbn_last_error(), "/./odd: it is neither a safetensors"));
}

/* Runs in a child, where the permissions count even if the tests run as root. */
static int
replace_as_nobody(const char *path)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(2);
		_exit(sbn_file_replace(path, "x", 1) == SYNCBN_ERR_SYSTEM &&
				      strstr(sbn_last_error(), "Permission denied") != NULL ?
			      0 :
			      1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void
test_a_folder_that_may_not_be_written_is_an_error(void **state)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/closed", (char *)*state);
	assert_int_equal(chmod(*state, 0755), 0);
	assert_int_equal(mkdir(path, 0500), 0);
	strcat(path, "/x");
	assert_int_equal(replace_as_nobody(path), 0);
}

/*
 * Writes 4096 bytes over path where a file may have `limit`; returns the child's wait status. A
 * write beyond is EFBIG with the signal ignored, and without that the process is killed in it.
 */
static int
replace_with_limit(const char *path, size_t limit, bool ignore)
{
	static const char bytes[4096];
	const struct rlimit size = { limit, limit }, no_core = { 0, 0 };
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		signal(SIGXFSZ, ignore ? SIG_IGN : SIG_DFL);
		setrlimit(RLIMIT_CORE, &no_core);
		setrlimit(RLIMIT_FSIZE, &size);
		_exit(sbn_file_replace(path, bytes, sizeof(bytes)) == SYNCBN_ERR_SYSTEM &&
				      strstr(sbn_last_error(), "File too large") != NULL ?
			      0 :
			      1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void
test_a_write_that_fails_leaves_the_old_file_and_nothing_else(void **state)
{
	const char *path = in_folder(state, "full");

	assert_int_equal(sbn_file_replace(path, "old", 3), SYNCBN_OK);
	for (size_t limit = 0; limit < 4096; limit += 512) {
		assert_int_equal(replace_with_limit(path, limit, true), 0);
		assert_contents(path, "old", 3);
		assert_int_equal(count_files(state, ".syncbn-"), 0);
	}
}

static void
test_a_process_that_dies_writing_leaves_the_old_file(void **state)
{
	const char *path = in_folder(state, "killed");

	assert_int_equal(sbn_file_replace(path, "old", 3), SYNCBN_OK);
	for (size_t limit = 0; limit < 4096; limit += 512) {
		int status = replace_with_limit(path, limit, false);

		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
		assert_contents(path, "old", 3);
	}
	remove_temporaries(state);
}

static void
test_a_rename_that_fails_leaves_no_temporary(void **state)
{
	char name[NAME_MAX + 2];

	/* too long for a name, while the temporary's is not */
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_system(sbn_file_replace(in_folder(state, name), "x", 1), "name too long");
	assert_int_equal(count_files(state, ".syncbn-"), 0);
}

/* A child that replaces the file again and again, until it is killed. */
static pid_t
start_writer(const char *path, const char *a, const char *b)
{
	pid_t child = fork();

	while (child == 0) {
		if (sbn_file_replace(path, a, BIG / 4) != SYNCBN_OK ||
		    sbn_file_replace(path, b, BIG / 2) != SYNCBN_OK)
			_exit(1);
	}
	return child;
}

static void
test_a_kill_at_any_time_leaves_a_whole_file(void **state)
{
	const char *path = in_folder(state, "whole");
	char *a = calloc(1, BIG / 4), *b = malloc(BIG / 2);

	memset(b, 'b', BIG / 2);
	assert_int_equal(sbn_file_replace(path, a, BIG / 4), SYNCBN_OK);
	for (int i = 0; i < 20; i++) {
		pid_t child = start_writer(path, a, b);
		struct stat is;
		int status;

		while (count_files(state, ".syncbn-") == 0)
			assert_int_equal(waitpid(child, &status, WNOHANG), 0);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(stat(path, &is), 0);
		if (is.st_size == BIG / 4)
			assert_contents(path, a, BIG / 4);
		else
			assert_contents(path, b, BIG / 2);
		remove_temporaries(state);
	}
	free(a);
	free(b);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file_is_made_and_replaced_whole),
		cmocka_unit_test(test_a_new_file_has_what_the_umask_leaves),
		cmocka_unit_test(test_a_file_that_was_there_keeps_its_permissions),
		cmocka_unit_test(test_of_a_link_the_target_is_replaced),
		cmocka_unit_test(test_whether_a_file_can_be_replaced_is_found_out_without_doing_it),
		cmocka_unit_test(test_what_is_no_regular_file_is_refused_and_nobody_waits),
		cmocka_unit_test(test_a_missing_file_or_folder_is_named),
		cmocka_unit_test(test_a_path_of_any_length_leaves_room_for_the_reason),
		cmocka_unit_test(test_a_long_path_leaves_the_reason_of_a_load),
		cmocka_unit_test(test_a_larger_file_is_refused),
		cmocka_unit_test(test_a_folder_that_may_not_be_written_is_an_error),
		cmocka_unit_test(test_a_write_that_fails_leaves_the_old_file_and_nothing_else),
		cmocka_unit_test(test_a_process_that_dies_writing_leaves_the_old_file),
		cmocka_unit_test(test_a_rename_that_fails_leaves_no_temporary),
		cmocka_unit_test(test_a_kill_at_any_time_leaves_a_whole_file),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
