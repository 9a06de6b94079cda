/* SPDX-License-Identifier: Apache-2.0 */
#include "perf_sizes.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/math.h"
#include "base/parse.h"

enum { KB = 1024, MB = 1024 * KB, NUMBER_BYTES = 32 };

#define MAX_BYTES (INT64_C(4) * KB * MB)

/* "64", "4K", "1M", "2G" */
syncbn_status_t
perf_sizes_parse_bytes(const char *name, const char *text, uint64_t *out)
{
	static const char units[] = "KMG";
	size_t length = strlen(text);
	const char *unit =
		length > 0 ? strchr(units, toupper((unsigned char)text[length - 1])) : NULL;
	unsigned shift = unit != NULL && *unit != '\0' ? 10 * (unsigned)(unit - units + 1) : 0;
	char digits[NUMBER_BYTES];
	int64_t value;

	snprintf(digits, sizeof(digits), "%.*s", (int)(shift != 0 ? length - 1 : length), text);
	if (length >= sizeof(digits) ||
	    sbn_parse_int(name, digits, 1, (int64_t)(MAX_BYTES >> shift), &value) != SYNCBN_OK)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s: \"%s\" is not a number of bytes from 1 to 4G, such as 4096, "
				"4K or 1M",
				name, text);
	*out = (uint64_t)value << shift;
	return SYNCBN_OK;
}

/* Sizes that become the same are measured once. */
static syncbn_status_t
add_size(struct perf_options *options, uint64_t bytes)
{
	uint64_t whole = sbn_ceil_div(bytes, options->unit) * options->unit;

	options->rounded = options->rounded || whole != bytes;
	if (options->rounded && options->n_sizes > 0 &&
	    options->bytes[options->n_sizes - 1] == whole)
		return SYNCBN_OK;
	if (options->n_sizes == PERF_MAX_SIZES)
		return sbn_fail(SYNCBN_ERR_INVALID, "more than %d sizes", PERF_MAX_SIZES);
	options->bytes[options->n_sizes++] = whole;
	return SYNCBN_OK;
}

static syncbn_status_t
add_channels(struct perf_options *options, const char *list)
{
	char *copy = strdup(list);
	syncbn_status_t status = SYNCBN_OK;
	char *rest = copy;
	char *word;

	if (copy == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "--channels");
	while (status == SYNCBN_OK && (word = strsep(&rest, ",")) != NULL) {
		int64_t channels = 0;

		status = sbn_parse_int("--channels", word, 1, MAX_BYTES / PERF_PAIR_BYTES,
				       &channels);
		if (status == SYNCBN_OK)
			status = add_size(options, (uint64_t)channels * PERF_PAIR_BYTES);
	}
	free(copy);
	return status;
}

static syncbn_status_t
add_steps(struct perf_options *options, const struct perf_sizes *sizes)
{
	bool overlap = options->command == PERF_OVERLAP, large = options->arena && !overlap;
	uint64_t factor = sizes->factor != 0 ? sizes->factor : 4;
	uint64_t max = sizes->max != 0 ? sizes->max : large ? 64 * MB : overlap ? MB : 64 * KB;
	uint64_t min = sizes->min != 0 ? sizes->min : large ? MB : overlap ? 64 * KB : 64;
	syncbn_status_t status = SYNCBN_OK;

	if (sizes->min != 0 && sizes->max == 0)
		max = SBN_MAX(max, min);
	if (sizes->min == 0)
		min = SBN_MIN(min, max);
	if (min > max)
		return sbn_fail(SYNCBN_ERR_INVALID, "-b %llu is above -e %llu",
				(unsigned long long)min, (unsigned long long)max);
	for (uint64_t bytes = min; bytes <= max && status == SYNCBN_OK; bytes *= factor)
		status = add_size(options, bytes);
	return status;
}

syncbn_status_t
perf_sizes_choose(struct perf_options *options, const struct perf_sizes *sizes)
{
	bool steps = sizes->min != 0 || sizes->max != 0 || sizes->factor != 0;

	options->unit = options->command == PERF_EXCHANGE ? PERF_PAIR_BYTES :
			options->dtype == SYNCBN_FLOAT64  ? sizeof(double) :
							    sizeof(float);
	if (options->command == PERF_BARRIER) {
		if (steps || sizes->channels != NULL)
			return sbn_fail(SYNCBN_ERR_INVALID,
					"barrier moves no bytes: leave the sizes out");
		options->n_sizes = 1;
		return SYNCBN_OK;
	}
	if (steps && sizes->channels != NULL)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"--channels and -b, -e, -f both say the sizes: give one of them");
	if (sizes->channels != NULL)
		return add_channels(options, sizes->channels);
	return add_steps(options, sizes);
}
