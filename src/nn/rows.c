/* SPDX-License-Identifier: Apache-2.0 */
#include "nn/rows.h"

#include <stdlib.h>

#include "base/fail.h"
#include "base/math.h"
#include "kernels/stream.h"
#include "nn/columns.h"

/*
 * How far ahead to ask for rows of these bytes, where that takes less time than what the kernels
 * choose. Longer ones are asked for farther ahead anyway; of shorter ones a CPU does it by itself.
 */
enum {
	FAR_ROW = 1024,
	NEAR_ROW = 256,
	FAR_OF_MOMENTS = 16 * 1024,
	FAR_OF_Y = 8 * 1024,
	FAR_OF_GRADIENTS = 8 * 1024,
	FAR_OF_DX = 4 * 1024
};

/*
 * Blocks are written from the last to the first: what has been summed last is in the caches, if
 * anything is. But so many bytes of inputs in the order of memory: what is asked for beyond a block
 * is what comes next then, and a CPU's prefetcher need not begin again at each.
 */
enum { RUN_BYTES = 512 * 1024 };

/* The threads' shares of the blocks. */
struct shares {
	const struct sbn_pass *pass;
	size_t n_blocks, run; /* blocks of a run */
	int n;
	bool last_first;
	void (*block)(const struct sbn_pass *pass, size_t block, size_t first_row, size_t n_rows);
};

/*
 * More rows than SBN_BLOCK_ROWS where that leaves blocks for many threads: the sums of each block
 * are written, read and merged. By the number of rows alone, as the same sums come of any number
 * of threads.
 */
enum { MANY_BLOCKS = 64 };

static size_t
rows_a_block(const struct sbn_pass *pass)
{
	size_t rows = SBN_BLOCK_ROWS;

	while (rows < SBN_BLOCK_POSITIONS && pass->count / (2 * rows) >= MANY_BLOCKS)
		rows *= 2;
	return rows;
}

static size_t
blocks_of(const struct sbn_pass *pass)
{
	return sbn_ceil_div(pass->count, rows_a_block(pass));
}

static size_t
rows_of_block(const struct sbn_pass *pass, size_t block)
{
	const size_t rows = rows_a_block(pass);

	return SBN_MIN(pass->count - block * rows, rows);
}

static unsigned char *
row_at(const struct sbn_pass *pass, const struct sbn_view *view, size_t row)
{
	return view->data == NULL ?
		       NULL :
		       view->data + row * view->position * pass->geometry.element_bytes;
}

bool
sbn_rows_may_ask_far(const struct sbn_pass *pass)
{
	const size_t bytes = pass->geometry.channels * pass->geometry.element_bytes;

	return bytes > NEAR_ROW && bytes <= FAR_ROW;
}

/* 0: the kernels choose. */
static size_t
ahead_of(const struct sbn_pass *pass, size_t far)
{
	return pass->fetch_lines || pass->after == NULL || !sbn_rows_may_ask_far(pass) ? 0 : far;
}

static struct sbn_in
in_at(const struct sbn_pass *pass, const struct sbn_view *view, size_t row)
{
	return (struct sbn_in){ row_at(pass, view, row), view->position };
}

static struct sbn_out
out_at(const struct sbn_pass *pass, const struct sbn_view *view, size_t row)
{
	return (struct sbn_out){ row_at(pass, view, row), view->position };
}

static struct sbn_operands
operands_at(const struct sbn_pass *pass, size_t row)
{
	return (struct sbn_operands){
		.x = in_at(pass, &pass->x, row),
		.z = in_at(pass, &pass->z, row),
		.dy = in_at(pass, &pass->dy, row),
		.out = out_at(pass, &pass->out, row),
		.dz = out_at(pass, &pass->dz, row),
		.stream = pass->stream,
	};
}

/* Sums of a block, and the low parts of float64 means. */
static size_t
sums_of_block(const struct sbn_pass *pass)
{
	return pass->bn->wide ? 3 : 2;
}

/* Block b's sums of channel 0: partials are [block][sums_of_block][channel]. */
static double *
partial(const struct sbn_pass *pass, size_t block, size_t which)
{
	return pass->bn->partials + (sums_of_block(pass) * block + which) * pass->geometry.channels;
}

syncbn_status_t
sbn_rows_prepare(const struct sbn_pass *pass)
{
	size_t bytes =
		blocks_of(pass) * sums_of_block(pass) * pass->geometry.channels * sizeof(double);

	if (!sbn_batch_norm_reserve(pass->bn, bytes))
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%zu bytes for partial sums", bytes);
	return SYNCBN_OK;
}

/* Of n blocks the i-th that is gone through. */
static size_t
block_at(const struct shares *shares, size_t n, size_t i)
{
	const size_t run = i / shares->run * shares->run;

	if (!shares->last_first)
		return i;
	return n - SBN_MIN(n, run + shares->run) + (i - run);
}

static void
run_share(void *argument, int index)
{
	const struct shares *shares = argument;
	size_t begin = sbn_part_begin(shares->n_blocks, (uint64_t)shares->n, (uint64_t)index);
	size_t end = sbn_part_begin(shares->n_blocks, (uint64_t)shares->n, (uint64_t)index + 1);

	for (size_t i = begin; i < end; i++) {
		size_t b = begin + block_at(shares, end - begin, i - begin);

		shares->block(shares->pass, b, b * rows_a_block(shares->pass),
			      rows_of_block(shares->pass, b));
	}
	if (shares->pass->stream)
		sbn_stream_end();
}

static size_t
blocks_of_run(const struct sbn_pass *pass)
{
	const size_t block = rows_a_block(pass) * pass->geometry.channels *
			     pass->geometry.element_bytes * sbn_pass_inputs(pass);

	return SBN_MAX((size_t)RUN_BYTES / block, (size_t)1);
}

static void
run_blocks(const struct sbn_pass *pass, int threads, bool last_first,
	   void (*block)(const struct sbn_pass *, size_t, size_t, size_t))
{
	struct shares shares = {
		.pass = pass,
		.n_blocks = blocks_of(pass),
		.run = blocks_of_run(pass),
		.n = (int)SBN_MAX(sbn_pass_lanes(pass, blocks_of(pass), threads), (uint64_t)1),
		.last_first = last_first,
		.block = block,
	};

	sbn_team_run(pass->bn->group->process->team, threads, shares.n, run_share, &shares);
}

static void
block_moments(const struct sbn_pass *pass, size_t block, size_t first_row, size_t n_rows)
{
	const struct sbn_operands at = {
		.x = in_at(pass, &pass->x, first_row),
		.ahead = ahead_of(pass, FAR_OF_MOMENTS),
	};

	pass->kernels->rows_moments(&at, n_rows, pass->geometry.channels, partial(pass, block, 0),
				    partial(pass, block, 1),
				    pass->bn->wide ? partial(pass, block, 2) : NULL);
}

void
sbn_rows_block_moments(const struct sbn_pass *pass, int threads)
{
	run_blocks(pass, threads, false, block_moments);
}

/* Channels c..c+n-1 of all blocks. */
static struct sbn_columns
merge_blocks(const struct sbn_pass *pass, uint32_t c, size_t n)
{
	struct sbn_columns sums = { 0 };

	for (size_t b = 0; b < blocks_of(pass); b++)
		sbn_columns_add(&sums, (double)rows_of_block(pass, b), partial(pass, b, 0) + c,
				partial(pass, b, 1) + c,
				pass->bn->wide ? partial(pass, b, 2) + c : NULL, n, pass->bn->wide);
	return sums;
}

void
sbn_rows_sum_moments(const struct sbn_pass *pass, const struct sbn_range *range,
		     const struct sbn_sums *out)
{
	for (uint32_t c = range->begin; c < range->end; c += SBN_COLUMNS) {
		const uint32_t n = SBN_MIN(range->end - c, (uint32_t)SBN_COLUMNS);
		const struct sbn_columns sums = merge_blocks(pass, c, n);

		for (uint32_t i = 0; i < n; i++) {
			const struct sbn_moments sum = sbn_columns_get(&sums, i);

			sbn_sums_put(out, c - range->begin + i, &sum);
		}
	}
}

static void
block_gradients(const struct sbn_pass *pass, size_t block, size_t first_row, size_t n_rows)
{
	struct sbn_operands at = operands_at(pass, first_row);

	at.ahead = ahead_of(pass, FAR_OF_GRADIENTS);
	pass->kernels->rows_sums(&at, n_rows, pass->geometry.channels, &pass->k, 0,
				 partial(pass, block, 0), partial(pass, block, 1));
}

void
sbn_rows_block_gradients(const struct sbn_pass *pass, int threads)
{
	run_blocks(pass, threads, false, block_gradients);
}

/* Block by block, as the partials lie in memory. */
void
sbn_rows_sum_gradients(const struct sbn_pass *pass, const struct sbn_range *range,
		       const struct sbn_sums *out)
{
	for (uint32_t c = range->begin; c < range->end; c += SBN_COLUMNS) {
		const uint32_t n = SBN_MIN(range->end - c, (uint32_t)SBN_COLUMNS);
		double sum[2][SBN_COLUMNS] = { { 0 } };

		for (size_t b = 0; b < blocks_of(pass); b++) {
			const double *part[2] = { partial(pass, b, 0) + c,
						  partial(pass, b, 1) + c };

			for (uint32_t i = 0; i < n; i++) {
				sum[0][i] += part[0][i];
				sum[1][i] += part[1][i];
			}
		}
		for (uint32_t i = 0; i < n; i++)
			out->pair[c - range->begin + i] =
				sbn_pair_of_sums(pass, c + i, sum[0][i], sum[1][i]);
	}
}

static void
block_normalize(const struct sbn_pass *pass, size_t block, size_t first_row, size_t n_rows)
{
	struct sbn_operands at = operands_at(pass, first_row);

	(void)block;
	at.ahead = ahead_of(pass, FAR_OF_Y);
	pass->kernels->rows_normalize(&at, n_rows, pass->geometry.channels, &pass->k, 0);
}

void
sbn_rows_normalize(const struct sbn_pass *pass, int threads)
{
	run_blocks(pass, threads, true, block_normalize);
}

static void
block_dx(const struct sbn_pass *pass, size_t block, size_t first_row, size_t n_rows)
{
	struct sbn_operands at = operands_at(pass, first_row);

	(void)block;
	at.ahead = ahead_of(pass, FAR_OF_DX);
	pass->kernels->rows_dx(&at, n_rows, pass->geometry.channels, &pass->k, 0);
}

void
sbn_rows_dx(const struct sbn_pass *pass, int threads)
{
	run_blocks(pass, threads, true, block_dx);
}
