/* SPDX-License-Identifier: Apache-2.0 */
/* A file's bytes are loaded into three layers, or refused without a trace. */
#include "fuzz/words.h"
#include "unit/state_layers.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct state_layers into, before;

	make_layers(&before, 50);
	for (unsigned flags = 0; flags <= SYNCBN_STATE_PARTIAL; flags++) {
		make_layers(&into, 50);
		if (sbn_state_decode(data, n, into.layer, N_LAYERS, flags) != SYNCBN_OK &&
		    !same_layers(&into, &before))
			abort();
	}
	return 0;
}
