/* SPDX-License-Identifier: Apache-2.0 */
#include "base/parse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fail.h"
#include "base/show.h"

enum { WORD_MAX = 63, NEAR_LETTERS = 3 };

static const char *
show(const char *text, char out[SBN_SHOWN])
{
	return sbn_show(text, strlen(text), out);
}

/* strtoll and strtod also take blanks and a plus before the number; a strict parser does not. */
static bool
starts_number(const char *text)
{
	return !isspace((unsigned char)text[0]) && text[0] != '+';
}

syncbn_status_t
sbn_parse_int(const char *what, const char *text, int64_t min, int64_t max, int64_t *out)
{
	char shown[SBN_SHOWN];
	char *end;
	int64_t value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (!starts_number(text) || end == text || *end != '\0' || errno != 0 || value < min ||
	    value > max)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: \"%s\" is not a whole number from %" PRId64 " to %" PRId64,
				what, show(text, shown), min, max);
	*out = value;
	return SYNCBN_OK;
}

/* strtod reads 0x10 as 16, which strtoll above does not. */
static bool
has_hexadecimal(const char *text)
{
	return strpbrk(text, "xX") != NULL;
}

static syncbn_status_t
parse_number(const char *what, const char *kind, const char *text, double min, double max,
	     double *out)
{
	char shown[SBN_SHOWN];
	char *end;
	double value;

	errno = 0;
	value = strtod(text, &end);
	/* written so that NaN fails */
	if (!starts_number(text) || has_hexadecimal(text) || end == text || *end != '\0' ||
	    errno != 0 || !(value >= min && value <= max))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: \"%s\" is not a number%s from %.15g to %.15g", what,
				show(text, shown), kind, min, max);
	*out = value;
	return SYNCBN_OK;
}

syncbn_status_t
sbn_parse_double(const char *what, const char *text, double min, double max, double *out)
{
	return parse_number(what, "", text, min, max, out);
}

syncbn_status_t
sbn_parse_seconds(const char *what, const char *text, double min, double max, double *out)
{
	return parse_number(what, " of seconds", text, min, max, out);
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

static bool
same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Levenshtein's distance, one row at a time; capitals are as good as small letters. */
static size_t
edit_distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1];
	size_t n = strnlen(b, WORD_MAX);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 1; j <= n; j++) {
			size_t up = row[j];
			size_t changed = diagonal + !same_letter(a[i], b[j - 1]);

			row[j] = min3(up + 1, row[j - 1] + 1, changed);
			diagonal = up;
		}
	}
	return row[n];
}

/* "nn": a finger stayed on the key. */
static bool
is_doubled(const char *text, const char *word)
{
	size_t length = strlen(word);

	return length > 0 && strncasecmp(text, word, length) == 0 &&
	       same_letter(text[length], word[length - 1]) && text[length + 1] == '\0';
}

/* Who writes a beginning, or a name and more, means that name, however much is missing. */
static bool
is_near(const char *text, const char *word, size_t distance)
{
	size_t length = strlen(text);

	if (strcasecmp(text, word) == 0 || is_doubled(text, word))
		return true;
	if (length < NEAR_LETTERS || strlen(word) < NEAR_LETTERS)
		return false;
	return strstr(word, text) != NULL || strncasecmp(text, word, strlen(word)) == 0 ||
	       distance <= length / 3;
}

const char *
sbn_nearest_word(const char *text, const char *const *words, size_t n)
{
	const char *name = text + strspn(text, "-");
	const char *nearest = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < n; i++) {
		const char *word = words[i] + strspn(words[i], "-");
		size_t distance = edit_distance(name, word);

		if (is_near(name, word, distance) && distance < least) {
			least = distance;
			nearest = words[i];
		}
	}
	return nearest;
}

static void
list_words(char *out, size_t bytes, const char *const *words, size_t n)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n && used < bytes; i++)
		used += (size_t)snprintf(out + used, bytes - used, "%s%s", i == 0 ? "" : ", ",
					 words[i]);
}

syncbn_status_t
sbn_parse_word(const char *what, const char *text, const char *const *words, size_t n, size_t *out)
{
	const char *nearest;
	char all[256], shown[SBN_SHOWN];

	for (size_t i = 0; i < n; i++) {
		if (strcmp(text, words[i]) == 0) {
			*out = i;
			return SYNCBN_OK;
		}
	}
	list_words(all, sizeof(all), words, n);
	nearest = sbn_nearest_word(text, words, n);
	if (nearest != NULL)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: unknown \"%s\"; did you mean %s? (one of: %s)", what,
				show(text, shown), nearest, all);
	return sbn_fail(SYNCBN_ERR_INVALID, "%s: unknown \"%s\"; one of: %s", what,
			show(text, shown), all);
}

syncbn_status_t
sbn_env_int(const char *name, int64_t min, int64_t max, int64_t *out)
{
	const char *text = getenv(name);

	if (text == NULL || text[0] == '\0')
		return SYNCBN_OK;
	return sbn_parse_int(name, text, min, max, out);
}

syncbn_status_t
sbn_env_double(const char *name, double min, double max, double *out)
{
	const char *text = getenv(name);

	if (text == NULL || text[0] == '\0')
		return SYNCBN_OK;
	return sbn_parse_double(name, text, min, max, out);
}
