/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What was emitted, one line after the other. */
struct page {
	char text[4 * SBN_LINES_LONGEST];
	size_t used;
	size_t n_lines;
	size_t longest;
};

static struct page page;

static void
write_down(void *sink, const char *text, size_t bytes)
{
	struct page *to = sink;

	memcpy(to->text + to->used, text, bytes);
	to->used += bytes;
	to->text[to->used++] = '\n';
	to->text[to->used] = '\0';
	to->n_lines++;
	to->longest = bytes > to->longest ? bytes : to->longest;
}

static struct sbn_lines
open_lines(void)
{
	struct sbn_lines lines;

	memset(&page, 0, sizeof(page));
	assert_int_equal(sbn_lines_open(write_down, &page, &lines), SYNCBN_OK);
	return lines;
}

static void
feed(struct sbn_lines *lines, const char *text)
{
	sbn_lines_feed(lines, text, strlen(text));
}

static void
test_every_line_comes_by_itself(void **state)
{
	struct sbn_lines lines = open_lines();

	(void)state;
	feed(&lines, "one\ntwo\n\nfour\n");
	sbn_lines_close(&lines);
	assert_string_equal(page.text, "one\ntwo\n\nfour\n");
}

static void
test_a_line_that_comes_in_parts_is_written_once_and_whole(void **state)
{
	struct sbn_lines lines = open_lines();

	(void)state;
	feed(&lines, "al");
	feed(&lines, "most");
	assert_int_equal(page.n_lines, 0);
	feed(&lines, " there\nand");
	assert_string_equal(page.text, "almost there\n");
	sbn_lines_close(&lines);
}

static void
test_a_last_line_without_an_end_is_written_at_the_end(void **state)
{
	struct sbn_lines lines = open_lines();

	(void)state;
	feed(&lines, "done\n100 %");
	sbn_lines_close(&lines);
	assert_string_equal(page.text, "done\n100 %\n");
}

static void
test_nothing_gives_nothing(void **state)
{
	struct sbn_lines lines = open_lines();

	(void)state;
	sbn_lines_feed(&lines, "", 0);
	sbn_lines_close(&lines);
	assert_int_equal(page.n_lines, 0);
}

static void
test_a_zero_byte_is_a_byte_like_any_other(void **state)
{
	struct sbn_lines lines = open_lines();

	(void)state;
	sbn_lines_feed(&lines, "a\0b\n", 4);
	sbn_lines_close(&lines);
	assert_int_equal(page.used, 4);
	assert_memory_equal(page.text, "a\0b\n", 4);
}

/* Feeds a line of `bytes` and its end in parts of `part`; expects the pieces that it must give. */
static void
check_long_line(size_t bytes, size_t part, size_t pieces)
{
	struct sbn_lines lines = open_lines();
	char *data = malloc(bytes + 1);

	memset(data, 'x', bytes);
	data[bytes] = '\n';
	for (size_t at = 0; at <= bytes; at += part)
		sbn_lines_feed(&lines, data + at, bytes + 1 - at < part ? bytes + 1 - at : part);
	sbn_lines_close(&lines);
	free(data);
	assert_int_equal(page.n_lines, pieces);
	assert_int_equal(page.used, bytes + pieces);
	assert_true(page.longest <= SBN_LINES_LONGEST);
}

static void
test_a_line_beyond_the_longest_comes_in_pieces_without_a_loss(void **state)
{
	static const size_t parts[] = { 1000, 4096, SBN_LINES_LONGEST, 3 * SBN_LINES_LONGEST };

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		check_long_line(SBN_LINES_LONGEST - 1, parts[i], 1);
		check_long_line(SBN_LINES_LONGEST, parts[i], 1);
		check_long_line(SBN_LINES_LONGEST + 1, parts[i], 2);
		check_long_line(2 * SBN_LINES_LONGEST, parts[i], 2);
		check_long_line(2 * SBN_LINES_LONGEST + 1, parts[i], 3);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_line_comes_by_itself),
		cmocka_unit_test(test_a_line_that_comes_in_parts_is_written_once_and_whole),
		cmocka_unit_test(test_a_last_line_without_an_end_is_written_at_the_end),
		cmocka_unit_test(test_nothing_gives_nothing),
		cmocka_unit_test(test_a_zero_byte_is_a_byte_like_any_other),
		cmocka_unit_test(test_a_line_beyond_the_longest_comes_in_pieces_without_a_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
