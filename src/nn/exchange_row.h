/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rank's row of a call holds: a pair a channel, and in the forward pass of a float64 layer
 * the low parts of the means. They stand behind the pairs, at one place whatever the channels are;
 * a row has room for fewer channels then.
 */
#ifndef SBN_NN_EXCHANGE_ROW_H
#define SBN_NN_EXCHANGE_ROW_H

#include "nn/pass.h"

enum { SBN_CHANNELS_WITH_LOW = SBN_CHANNELS_A_CALL / 2 };

_Static_assert(SBN_CHANNELS_WITH_LOW * sizeof(double) <=
		       (SBN_CHANNELS_A_CALL - SBN_CHANNELS_WITH_LOW) * sizeof(struct sbn_pair),
	       "a row has room for the low parts");

static inline bool
sbn_exchange_row_has_low(const struct sbn_pass *pass)
{
	return pass->bn->wide && pass->op == SBN_OP_FORWARD;
}

/* How many channels travel in a call. */
static inline uint32_t
sbn_exchange_row_channels(const struct sbn_pass *pass)
{
	return sbn_exchange_row_has_low(pass) ? SBN_CHANNELS_WITH_LOW : SBN_CHANNELS_A_CALL;
}

/* Bytes that a rank says of a channel. */
static inline uint64_t
sbn_exchange_row_channel_bytes(const struct sbn_pass *pass)
{
	return SBN_PAIR_BYTES + (sbn_exchange_row_has_low(pass) ? sizeof(double) : 0);
}

/* The low parts of a row that has them. */
static inline const double *
sbn_exchange_row_low(const struct sbn_pair *row)
{
	return (const double *)(row + SBN_CHANNELS_WITH_LOW);
}

/* A row's place for the sums of the call's channels from `begin` on. */
static inline struct sbn_sums
sbn_exchange_row_sums(const struct sbn_pass *pass, struct sbn_pair *row, uint32_t begin)
{
	double *low = (double *)(row + SBN_CHANNELS_WITH_LOW);

	return (struct sbn_sums){ row + begin,
				  sbn_exchange_row_has_low(pass) ? low + begin : NULL };
}

#endif
