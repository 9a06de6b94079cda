/* SPDX-License-Identifier: Apache-2.0 */
/* The public functions in a process that no launcher started. Include after <cmocka.h>. */
#ifndef SBN_TESTS_UNIT_WORLD_OF_ONE_H
#define SBN_TESTS_UNIT_WORLD_OF_ONE_H

#include <stdlib.h>
#include <string.h>

#include <syncbn/syncbn.h>

#define assert_status(call, expected, words)                                                   \
	do {                                                                                   \
		syncbn_status_t of_call = (call);                                              \
		if (of_call != (expected))                                                     \
			fail_msg("%s: %s, not %s; %s", #call, syncbn_strerror(of_call),        \
				 syncbn_strerror(expected), syncbn_last_error());              \
		if (of_call != SYNCBN_OK && strstr(syncbn_last_error(), (words)) == NULL)      \
			fail_msg("%s: \"%s\" does not say \"%s\"", #call, syncbn_last_error(), \
				 (words));                                                     \
	} while (0)

#define assert_ok(call) assert_status(call, SYNCBN_OK, "")
#define assert_invalid(call, words) assert_status(call, SYNCBN_ERR_INVALID, words)

static inline void
forget_launchers(void)
{
	static const char *const names[] = { "SYNCBN_CONTRACT", "WORLD_SIZE",
					     "OMPI_COMM_WORLD_SIZE", "PMI_SIZE" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

/* A group fixture: *state is the world. Two threads, so that lanes and shares are met. */
static inline int
join_world(void **state)
{
	syncbn_config_t config = SYNCBN_CONFIG;
	syncbn_group_t *world;

	forget_launchers();
	config.threads = 2;
	if (syncbn_init(&config, &world) != SYNCBN_OK)
		return -1;
	*state = world;
	return 0;
}

/* Also says whether a test has left something of the world. */
static inline int
leave_world(void **state)
{
	return syncbn_finalize(*state) == SYNCBN_OK ? 0 : -1;
}

static inline syncbn_batch_norm_t *
new_layer(syncbn_group_t *group, const syncbn_batch_norm_config_t *config)
{
	syncbn_batch_norm_t *bn;

	assert_ok(syncbn_batch_norm_new(group, config, &bn));
	return bn;
}

/* An array of a float32 layer; of a float64 one. */
static inline float *
param_f32(syncbn_batch_norm_t *bn, syncbn_param_t which)
{
	return syncbn_batch_norm_param(bn, which);
}

static inline double *
param_f64(syncbn_batch_norm_t *bn, syncbn_param_t which)
{
	return syncbn_batch_norm_param(bn, which);
}

static inline syncbn_saved_t *
new_saved(syncbn_batch_norm_t *bn)
{
	syncbn_saved_t *saved;

	assert_ok(syncbn_saved_new(bn, &saved));
	return saved;
}

#endif
