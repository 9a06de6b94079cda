// SPDX-License-Identifier: Apache-2.0
// The public API from C++: a world of one normalizes a small batch. Silent and 0 when all is well.
#include <cmath>
#include <cstdio>
#include <vector>

#include <syncbn/syncbn.h>

namespace {

bool
ok(const char *what, syncbn_status_t status)
{
	if (status != SYNCBN_OK)
		std::printf("%s: %s: %s\n", what, syncbn_strerror(status), syncbn_last_error());
	return status == SYNCBN_OK;
}

// x: [4, 2]; both channels hold 1, 2, 3, 4 on some scale, so both normalize to the same values
bool
normalizes(syncbn_group_t *world)
{
	syncbn_batch_norm_config_t config = SYNCBN_BATCH_NORM_TORCH(2);
	std::vector<float> x = { 1, 10, 2, 20, 3, 30, 4, 40 }, y(8);
	syncbn_tensor_t in = syncbn_tensor_nc(x.data(), 4, 2);
	syncbn_tensor_t out = syncbn_tensor_nc(y.data(), 4, 2);
	syncbn_batch_norm_t *bn = nullptr;
	const double first = -1.5 / std::sqrt(1.25);
	bool good;

	if (!ok("batch_norm_new", syncbn_batch_norm_new(world, &config, &bn)))
		return false;
	good = ok("forward", syncbn_batch_norm_forward(bn, &in, nullptr, &out, nullptr));
	syncbn_batch_norm_free(bn);
	if (good && !(std::fabs(y[0] - first) < 1e-4 && std::fabs(y[1] - first) < 1e-4)) {
		std::printf("y[0] is %g and %g, not %g\n", y[0], y[1], first);
		good = false;
	}
	return good;
}

} // namespace

int
main()
{
	syncbn_group_t *world = nullptr;
	bool good;

	if (!ok("init", syncbn_init(nullptr, &world)))
		return 1;
	good = normalizes(world);
	return ok("finalize", syncbn_finalize(world)) && good ? 0 : 1;
}
