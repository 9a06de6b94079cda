/* SPDX-License-Identifier: Apache-2.0 */
#include "fm_data.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* What a file must hold: a header of big-endian words, then the items. */
struct idx {
	const char *holds;
	size_t n_header;
	uint32_t header[4]; /* magic, count, and for images rows and columns */
	size_t item_bytes;
};

enum inflation { WHOLE, UNREADABLE, NO_GZIP, DAMAGED, SHORT, TRAILING };

enum { GZIP_ONLY = 16 + MAX_WBITS, CHUNK = 1 << 16 };

static const char advice[] = "install the Debian package dataset-fashion-mnist, or give another "
			     "directory with --data";

/* Inflates the file into z's room; beyond its stream, and beyond the room, nothing may follow. */
static enum inflation
inflate_file(int fd, z_stream *z)
{
	unsigned char chunk[CHUNK];
	int result = Z_OK;

	while (result == Z_OK && z->avail_out) {
		ssize_t got = read(fd, chunk, CHUNK);

		if (got < 0)
			return UNREADABLE;
		if (z->total_in == 0 && (got < 2 || chunk[0] != 0x1f || chunk[1] != 0x8b))
			return NO_GZIP;
		if (got == 0)
			return SHORT;
		z->next_in = chunk;
		z->avail_in = (unsigned)got;
		result = inflate(z, Z_NO_FLUSH);
	}
	if (result == Z_OK)
		return TRAILING;
	if (result != Z_STREAM_END)
		return DAMAGED;
	return z->avail_in || read(fd, chunk, 1) > 0 ? TRAILING : WHOLE;
}

/* Reads at most `room` inflated bytes; *got says how many. */
static enum inflation
read_gzip(const char *path, unsigned char *bytes, size_t room, size_t *got)
{
	z_stream z = { .next_out = bytes, .avail_out = (unsigned)room };
	enum inflation how = UNREADABLE;
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */

	*got = 0;
	if (fd < 0)
		return UNREADABLE;
	if (fstat(fd, &info) || !S_ISREG(info.st_mode)) {
		errno = EINVAL;
		goto out;
	}
	if (inflateInit2(&z, GZIP_ONLY) != Z_OK) {
		errno = ENOMEM;
		goto out;
	}
	how = inflate_file(fd, &z);
	*got = z.total_out;
	inflateEnd(&z);
out:
	close(fd);
	return how;
}

static uint32_t
big_endian(const unsigned char *b)
{
	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static void
judge_header(const struct idx *idx, const unsigned char *bytes, const char *path,
	     struct fm_refusal *refusal)
{
	static const char *const names[] = { "magic number", "count", "rows", "columns" };

	for (size_t i = 0; i < idx->n_header && !refusal->text[0]; i++) {
		uint32_t found = big_endian(bytes + 4 * i);

		if (found != idx->header[i])
			fm_refuse(refusal, "%s: its %s is %u, not the %u of Fashion-MNIST's %s: %s",
				  path, names[i], found, idx->header[i], idx->holds, advice);
	}
}

static void
judge_inflation(enum inflation how, const char *path, struct fm_refusal *refusal)
{
	static const char *const complaints[] = {
		[NO_GZIP] = "not a gzip file", [DAMAGED] = "its compressed data is damaged",
		[SHORT] = "ends too early", [TRAILING] = "goes on behind its last item",
	};

	if (refusal->text[0] || how == WHOLE)
		return;
	if (how == UNREADABLE && errno == EINVAL)
		fm_refuse(refusal, "%s: not a regular file: %s", path, advice);
	else
		fm_refuse(refusal, "%s: %s: %s", path,
			  how == UNREADABLE ? strerror(errno) : complaints[how], advice);
}

/* The items behind the header, or NULL. */
static uint8_t *
read_idx(const char *path, const struct idx *idx, struct fm_refusal *refusal)
{
	size_t header_bytes = 4 * idx->n_header, items_bytes = idx->header[1] * idx->item_bytes;
	size_t whole = header_bytes + items_bytes, got;
	unsigned char *bytes = malloc(whole + 1); /* one more, to see that nothing follows */
	enum inflation how;

	if (!bytes) {
		fm_refuse(refusal, "%s: no memory for %zu bytes: free some", path, whole);
		return NULL;
	}
	how = read_gzip(path, bytes, whole + 1, &got);
	if (got >= header_bytes)
		judge_header(idx, bytes, path, refusal);
	if (how == WHOLE && got != whole)
		how = got < whole ? SHORT : TRAILING;
	judge_inflation(how, path, refusal);
	if (refusal->text[0]) {
		free(bytes);
		return NULL;
	}
	memmove(bytes, bytes + header_bytes, items_bytes);
	return bytes;
}

void
fm_data_read(const char *dir, const char *part, size_t count, struct fm_data *data,
	     struct fm_refusal *refusal)
{
	uint32_t n = (uint32_t)count;
	struct idx images = { "images", 4, { 0x803, n, FM_SIDE, FM_SIDE }, FM_PIXELS };
	struct idx labels = { "labels", 2, { 0x801, n, 0, 0 }, 1 };
	char path[4096];

	*data = (struct fm_data){ .count = count };
	if (refusal->text[0])
		return;
	snprintf(path, sizeof(path), "%s/%s-images-idx3-ubyte.gz", dir, part);
	data->pixels = read_idx(path, &images, refusal);
	if (refusal->text[0])
		return;
	snprintf(path, sizeof(path), "%s/%s-labels-idx1-ubyte.gz", dir, part);
	data->labels = read_idx(path, &labels, refusal);
	for (size_t i = 0; i < count && !refusal->text[0]; i++)
		if (data->labels[i] >= FM_CLASSES)
			fm_refuse(refusal, "%s: label %zu is %u, above 9: %s", path, i,
				  data->labels[i], advice);
}

void
fm_data_free(struct fm_data *data)
{
	free(data->pixels);
	free(data->labels);
}

void
fm_data_image(const struct fm_data *data, size_t item, float *x)
{
	static const float mean = 0.2860f, deviation = 0.3530f;
	const uint8_t *pixel = data->pixels + item * FM_PIXELS;

#pragma omp simd
	for (int i = 0; i < FM_PIXELS; i++)
		x[i] = ((float)pixel[i] / 255.0f - mean) / deviation;
}
