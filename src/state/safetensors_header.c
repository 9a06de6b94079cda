/* SPDX-License-Identifier: Apache-2.0 */
#include "state/safetensors_header.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/fail.h"

/* The shortest array: "":{"dtype":"..","shape":[],"data_offsets":[0,0]} */
enum { ARRAY_BYTES = 48, ARRAY_LISTS = 2 };

/* The header itself and __metadata__. */
enum { OTHER_OBJECTS = 2 };

/* Behind the string whose first quote is at `at`. */
static size_t
skip_string(const struct sbn_safetensors_part *text, size_t at)
{
	for (at++; at < text->n && text->bytes[at] != '"'; at++)
		if (text->bytes[at] == '\\')
			at++;
	return at + 1;
}

/* What a parser allocates most for is counted: that needs no memory. */
static bool
is_bounded(const struct sbn_safetensors_part *header)
{
	const size_t arrays = header->n / ARRAY_BYTES + 1; /* one that is wrong is the parser's */
	size_t objects = 0, lists = 0, at = 0;

	while (at < header->n) {
		char c = header->bytes[at];

		objects += c == '{';
		lists += c == '[';
		at = c == '"' ? skip_string(header, at) : at + 1;
	}
	return objects <= arrays + OTHER_OBJECTS && lists <= ARRAY_LISTS * arrays;
}

syncbn_status_t
sbn_safetensors_split(const char *bytes, size_t n, struct sbn_safetensors_part *header,
		      struct sbn_safetensors_part *data)
{
	const size_t behind = n - SBN_SAFETENSORS_LENGTH_BYTES;
	uint64_t length;

	memcpy(&length, bytes, SBN_SAFETENSORS_LENGTH_BYTES);
	if (length > behind)
		return sbn_fail(SYNCBN_ERR_INVALID, "its header of %" PRIu64 " bytes is cut off",
				length);
	if (length > SBN_SAFETENSORS_MAX_HEADER)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"its header of %" PRIu64 " bytes is longer than %d", length,
				SBN_SAFETENSORS_MAX_HEADER);
	header->bytes = bytes + SBN_SAFETENSORS_LENGTH_BYTES;
	header->n = length;
	data->bytes = header->bytes + length;
	data->n = behind - length;
	if (!is_bounded(header))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"its header of %zu bytes has more objects or lists than arrays of "
				"that length have",
				header->n);
	return SYNCBN_OK;
}

syncbn_status_t
sbn_safetensors_check_written(uint64_t length)
{
	if (length <= SBN_SAFETENSORS_MAX_HEADER)
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_INVALID,
			"a safetensors file's header has room for %d bytes, and the layers' names "
			"and shapes take %" PRIu64 ": save them in several files, or as .npz",
			SBN_SAFETENSORS_MAX_HEADER, length);
}
