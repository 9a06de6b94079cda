/* SPDX-License-Identifier: Apache-2.0 */
/* Layers that can be undone, as Bulo, Porzi and Kontschieder's InPlaceABN (2018). */
#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "base/fail.h"
#include "nn/pass.h"

static syncbn_status_t
check_activation(const syncbn_batch_norm_config_t *config)
{
	double least = config->dtype == SYNCBN_FLOAT64 ? DBL_MIN : (double)FLT_MIN;

	if (config->activation == SYNCBN_ACTIVATION_RELU)
		return sbn_fail(SYNCBN_ERR_INVALID, "a relu cannot be undone");
	if (config->activation == SYNCBN_ACTIVATION_LEAKY_RELU && config->negative_slope < least)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"a leaky relu of negative_slope %g cannot be undone: it must be "
				"at least %g",
				config->negative_slope, least);
	return SYNCBN_OK;
}

syncbn_status_t
sbn_batch_norm_check_inverse(const struct syncbn_batch_norm *bn)
{
	double least = bn->wide ? DBL_MIN : (double)FLT_MIN;
	syncbn_status_t status = check_activation(&bn->config);

	for (uint32_t c = 0; status == SYNCBN_OK && c < bn->n_channels; c++) {
		double gamma = sbn_gamma_of(bn, c);

		if (!(fabs(gamma) >= least && isfinite(gamma)))
			status = sbn_fail(SYNCBN_ERR_INVALID,
					  "gamma[%" PRIu32
					  "] is %g, and what it multiplies cannot be "
					  "computed again",
					  c, gamma);
	}
	return status;
}
