/* SPDX-License-Identifier: Apache-2.0 */
#include <syncbn/group.h>

#include <inttypes.h>
#include <stdatomic.h>

#include "api/check.h"
#include "api/subgroup.h"
#include "comm/collective.h"
#include "comm/group.h"

/* The group that syncbn_init gave, until it is finalized: another pointer may point to nothing. */
static struct syncbn_group *the_world;

static syncbn_status_t
init(const syncbn_config_t *config, struct syncbn_group **world)
{
	static const syncbn_config_t defaults = SYNCBN_CONFIG;
	struct sbn_process *process;
	syncbn_status_t status;

	if (config == NULL)
		config = &defaults;
	if (config->size != sizeof(*config))
		return sbn_fail(SYNCBN_ERR_INVALID,
				"syncbn_config_t: size is %zu, not %zu: begin with SYNCBN_CONFIG",
				config->size, sizeof(*config));
	status = sbn_process_start(config, &process);
	if (status != SYNCBN_OK)
		return status;
	status = sbn_group_join(process, world);
	if (status == SYNCBN_OK)
		the_world = *world;
	else
		sbn_process_stop();
	return status;
}

syncbn_status_t
syncbn_init(const syncbn_config_t *config, syncbn_group_t **world)
{
	syncbn_status_t status = sbn_check_call("syncbn_init", "world", world);

	if (status != SYNCBN_OK)
		return status;
	if (the_world == NULL) /* else the variable may hold it, and the call is refused */
		*world = NULL;
	return sbn_named("syncbn_init", init(config, world));
}

/* Groups beside the world that live: they use the process's team and the segment, as it does. */
static _Atomic uint32_t other_groups;

syncbn_status_t
sbn_count_group(const char *function, syncbn_status_t status, const struct syncbn_group *group)
{
	if (status == SYNCBN_OK && group != NULL) /* relaxed: see check_no_groups() */
		atomic_fetch_add_explicit(&other_groups, 1, memory_order_relaxed);
	return sbn_named(function, status);
}

static syncbn_status_t
check_no_groups(void)
{
	/* relaxed: a number that stands for itself */
	uint32_t n = atomic_load_explicit(&other_groups, memory_order_relaxed);

	if (n == 0)
		return SYNCBN_OK;
	return sbn_fail(SYNCBN_ERR_INVALID,
			"%" PRIu32 " groups of syncbn_group_new, syncbn_group_split or "
			"syncbn_group_self live: free them first",
			n);
}

static syncbn_status_t
check_unused(const syncbn_group_t *group)
{
	const uint32_t *n = group->n_users;

	if (n[SBN_USER_LAYER] + n[SBN_USER_SAVED] + n[SBN_USER_ARENA] == 0)
		return sbn_group_check_landed(group);
	return sbn_fail(SYNCBN_ERR_INVALID,
			"the group still has layers (%" PRIu32 "), saved objects (%" PRIu32
			") or arenas (%" PRIu32 "): free them first",
			n[SBN_USER_LAYER], n[SBN_USER_SAVED], n[SBN_USER_ARENA]);
}

syncbn_status_t
syncbn_finalize(syncbn_group_t *world)
{
	syncbn_status_t status = sbn_process_check();

	if (world == NULL)
		return SYNCBN_OK;
	if (status == SYNCBN_OK && world != the_world)
		status = sbn_fail(SYNCBN_ERR_INVALID,
				  "this is not the group that syncbn_init gave, or it has "
				  "been finalized");
	if (status == SYNCBN_OK)
		status = check_unused(world);
	if (status == SYNCBN_OK)
		status = check_no_groups();
	if (status != SYNCBN_OK)
		return sbn_named("syncbn_finalize", status);
	the_world = NULL;
	sbn_group_close(world);
	sbn_process_stop();
	return SYNCBN_OK;
}

syncbn_status_t
syncbn_group_self(syncbn_group_t **group)
{
	syncbn_status_t status = sbn_check_call("syncbn_group_self", "group", group);

	if (status != SYNCBN_OK)
		return status;
	*group = NULL;
	if (sbn_process_get() == NULL)
		status = sbn_fail(SYNCBN_ERR_INVALID, "call syncbn_init first");
	else
		status = sbn_group_alone(sbn_process_get(), group);
	return sbn_count_group("syncbn_group_self", status, *group);
}

syncbn_status_t
syncbn_group_free(syncbn_group_t *group)
{
	syncbn_status_t status = sbn_process_check();

	if (group == NULL)
		return SYNCBN_OK;
	if (status == SYNCBN_OK && group->is_world)
		status = sbn_fail(SYNCBN_ERR_INVALID,
				  "this is the world: end it with syncbn_finalize");
	if (status == SYNCBN_OK)
		status = check_unused(group);
	if (status != SYNCBN_OK)
		return sbn_named("syncbn_group_free", status);
	sbn_group_close(group);
	/* relaxed: see check_no_groups() */
	atomic_fetch_sub_explicit(&other_groups, 1, memory_order_relaxed);
	return SYNCBN_OK;
}

int
syncbn_group_rank(const syncbn_group_t *group)
{
	return group == NULL ? -1 : (int)group->rank;
}

int
syncbn_group_size(const syncbn_group_t *group)
{
	return group == NULL ? -1 : (int)group->size;
}

const char *
syncbn_group_transport(const syncbn_group_t *group)
{
	return group == NULL ? "" : group->transport->name;
}

syncbn_status_t
syncbn_barrier(syncbn_group_t *group)
{
	syncbn_status_t status = sbn_check_call("syncbn_barrier", "group", group);

	return status != SYNCBN_OK ? status : sbn_named("syncbn_barrier", sbn_barrier(group));
}
