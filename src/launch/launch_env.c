/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/launch_env.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shm/contract.h"

enum { MAX_ADDED = 32 };

struct list {
	char **entry; /* NULL at its end */
	size_t n;
	bool no_memory;
};

/* The entry of `name`, or the end of the list. */
static size_t
find(const struct list *list, const char *name)
{
	size_t length = strlen(name);
	size_t i = 0;

	while (i < list->n &&
	       !(strncmp(list->entry[i], name, length) == 0 && list->entry[i][length] == '='))
		i++;
	return i;
}

static void
set(struct list *list, const char *name, const char *format, ...)
{
	size_t i = find(list, name);
	char *value = NULL;
	char *entry;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&value, format, args);
	va_end(args);
	if (length < 0 || asprintf(&entry, "%s=%s", name, value) < 0) {
		free(length < 0 ? NULL : value);
		list->no_memory = true;
		return;
	}
	free(value);
	if (i < list->n)
		free(list->entry[i]);
	else
		list->n++;
	list->entry[i] = entry;
}

/* An empty value is no choice. */
static bool
has_value(const struct list *list, const char *name)
{
	size_t i = find(list, name);

	return i < list->n && list->entry[i][strlen(name) + 1] != '\0';
}

static void
set_contract(struct list *list, const struct sbn_launch_env *wanted)
{
	char run_id[33];

	sbn_contract_format_run_id(wanted->run_id, run_id);
	set(list, SBN_ENV_CONTRACT, "%s", SBN_CONTRACT_VERSION);
	set(list, SBN_ENV_RANK, "%u", wanted->rank);
	set(list, SBN_ENV_WORLD_SIZE, "%u", wanted->world_size);
	set(list, SBN_ENV_SEGMENT_FD, "%d", wanted->segment_fd);
	set(list, SBN_ENV_RUN_ID, "%s", run_id);
	set(list, SBN_ENV_MEM, "%s", sbn_mem_names[wanted->mem]);
	set(list, "SYNCBN_RESTART_COUNT", "%u", wanted->restarts);
	if (wanted->timeout_s > 0)
		set(list, "SYNCBN_TIMEOUT", "%.15g", wanted->timeout_s);
}

/* The names that PyTorch's and MindSpore's programs read. */
static void
set_customary(struct list *list, const struct sbn_launch_env *wanted, bool nested)
{
	set(list, "RANK", "%u", wanted->rank);
	set(list, "LOCAL_RANK", "%u", wanted->rank);
	set(list, "RANK_ID", "%u", wanted->rank);
	set(list, "WORLD_SIZE", "%u", wanted->world_size);
	set(list, "LOCAL_WORLD_SIZE", "%u", wanted->world_size);
	set(list, "RANK_SIZE", "%u", wanted->world_size);
	set(list, "MS_WORKER_NUM", "%u", wanted->world_size);
	set(list, "GROUP_RANK", "0");
	if (!has_value(list, "MASTER_ADDR"))
		set(list, "MASTER_ADDR", "127.0.0.1");
	/* within another run the port is that run's, not a choice */
	if (wanted->master_port != 0 && (nested || !has_value(list, "MASTER_PORT")))
		set(list, "MASTER_PORT", "%u", wanted->master_port);
	if (!has_value(list, "OMP_NUM_THREADS"))
		set(list, "OMP_NUM_THREADS", "%u", wanted->n_cores);
	if (wanted->oversubscribed && !has_value(list, "OMP_WAIT_POLICY"))
		set(list, "OMP_WAIT_POLICY", "passive");
}

static void
set_allocator(struct list *list, const struct sbn_allocator *allocator)
{
	const struct sbn_setting *setting = sbn_allocator_tuning;

	for (; allocator->tuned && setting->name != NULL; setting++)
		if (!has_value(list, setting->name))
			set(list, setting->name, "%s", setting->value);
	if (allocator->preload[0] == '\0')
		return;
	if (has_value(list, "LD_PRELOAD"))
		set(list, "LD_PRELOAD", "%s:%s", allocator->preload,
		    list->entry[find(list, "LD_PRELOAD")] + strlen("LD_PRELOAD="));
	else
		set(list, "LD_PRELOAD", "%s", allocator->preload);
}

/* Room for all that may be added is made at once. */
static bool
copy_inherited(struct list *list, char *const *inherited)
{
	size_t n = 0;

	while (inherited[n] != NULL)
		n++;
	list->entry = calloc(n + MAX_ADDED + 1, sizeof(*list->entry));
	while (list->entry != NULL && list->n < n) {
		list->entry[list->n] = strdup(inherited[list->n]);
		if (list->entry[list->n] == NULL)
			return false;
		list->n++;
	}
	return list->entry != NULL;
}

char **
sbn_launch_env_new(const struct sbn_launch_env *wanted, char *const *inherited)
{
	struct list list = { 0 };

	if (copy_inherited(&list, inherited)) {
		bool nested = has_value(&list, SBN_ENV_CONTRACT);

		set_contract(&list, wanted);
		set_customary(&list, wanted, nested);
		if (wanted->allocator != NULL)
			set_allocator(&list, wanted->allocator);
		if (!list.no_memory)
			return list.entry;
	}
	sbn_launch_env_free(list.entry);
	return NULL;
}

void
sbn_launch_env_free(char **env)
{
	for (size_t i = 0; env != NULL && env[i] != NULL; i++)
		free(env[i]);
	free(env);
}

uint16_t
sbn_launch_free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	if (bind(fd, (struct sockaddr *)&address, length) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		address.sin_port = 0;
	close(fd);
	return ntohs(address.sin_port);
}
