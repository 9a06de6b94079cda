/* SPDX-License-Identifier: Apache-2.0 */
/* What is parsed is the same array again when it is written. */
#include "state/npy.h"
#include "fuzz/words.h"

static void
check_again(const struct sbn_npy *array)
{
	char *again = malloc(SBN_NPY_HEADER_BYTES + array->bytes);
	size_t head = sbn_npy_write_header(array, again);
	struct sbn_npy found = { .ndim = -1 };

	memcpy(again + head, array->data, array->bytes);
	if (sbn_npy_parse(again, head + array->bytes, "again", &found) != SYNCBN_OK ||
	    found.type != array->type || found.ndim != array->ndim ||
	    memcmp(found.shape, array->shape, sizeof(size_t) * (size_t)found.ndim) != 0 ||
	    memcmp(found.data, array->data, array->bytes) != 0)
		abort();
	free(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct sbn_npy array;

	if (sbn_npy_parse(data, n, "fuzz.npy", &array) == SYNCBN_OK)
		check_again(&array);
	return 0;
}
