/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A safetensors file's header, as text that is safe to parse: a hostile one of nothing but "{}"
 * would become 80 times its length in memory.
 */
#ifndef SBN_STATE_SAFETENSORS_HEADER_H
#define SBN_STATE_SAFETENSORS_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include <syncbn/status.h>

enum {
	SBN_SAFETENSORS_LENGTH_BYTES = 8, /* the header's length, which the file begins with */
	/* The longest header: room for 60 000 arrays with names of 60 letters. */
	SBN_SAFETENSORS_MAX_HEADER = 8 << 20,
	/*
	 * No header that passed takes more than this many times its length once it is parsed,
	 * wherever the parser stops; those of real models take 10 times their length.
	 */
	SBN_SAFETENSORS_MAX_GROWTH = 40,
};

/* A part of the file. */
struct sbn_safetensors_part {
	const char *bytes;
	size_t n;
};

/*
 * The header's text, and the data behind it, of a file of at least LENGTH_BYTES. INVALID: the
 * header is cut off, longer than MAX_HEADER, or has more objects or lists than the arrays that its
 * length has room for. Whether it is a header is left to the parser.
 */
syncbn_status_t sbn_safetensors_split(const char *bytes, size_t n,
				      struct sbn_safetensors_part *header,
				      struct sbn_safetensors_part *data);

/* INVALID: a header of that length could not be read again. */
syncbn_status_t sbn_safetensors_check_written(uint64_t length);

#endif
