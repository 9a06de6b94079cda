/* SPDX-License-Identifier: Apache-2.0 */
#include "shm/contract.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/parse.h"
#include "platform/binding.h"
#include "shm/layout.h"

void
sbn_contract_format_run_id(const uint64_t run_id[2], char text[33])
{
	snprintf(text, 33, "%016" PRIx64 "%016" PRIx64, run_id[0], run_id[1]);
}

static syncbn_status_t
parse_run_id(const char *text, uint64_t run_id[2])
{
	char canonical[33];

	if (text != NULL && strlen(text) == 32 &&
	    sscanf(text, "%16" SCNx64 "%16" SCNx64, &run_id[0], &run_id[1]) == 2) {
		sbn_contract_format_run_id(run_id, canonical);
		if (strcmp(canonical, text) == 0)
			return SYNCBN_OK;
	}
	return sbn_fail(SYNCBN_ERR_INVALID,
			"%s: \"%s\" is not 32 hexadecimal digits; it comes from syncbn-run",
			SBN_ENV_RUN_ID, text == NULL ? "" : text);
}

/* Other launchers' words for "you are one of several". */
static syncbn_status_t
refuse_foreign_launcher(void)
{
	static const char *const names[] = { "WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *text = getenv(names[i]);

		if (text != NULL && strtoll(text, NULL, 10) > 1)
			return sbn_fail(
				SYNCBN_ERR_INVALID,
				"%s is %s, but this process was not started by syncbn-run: each "
				"rank would train alone; start the program with \"syncbn-run "
				"-n %s -- program\", or unset %s",
				names[i], text, text, names[i]);
	}
	return SYNCBN_OK;
}

static syncbn_status_t
required_int(const char *name, int64_t min, int64_t max, int64_t *out)
{
	const char *text = getenv(name);

	if (text == NULL)
		return sbn_fail(SYNCBN_ERR_INVALID,
				"%s is missing beside %s; leave the SYNCBN_ variables as "
				"syncbn-run sets them",
				name, SBN_ENV_CONTRACT);
	return sbn_parse_int(name, text, min, max, out);
}

static syncbn_status_t
read_mem(bool *first_touch)
{
	const char *text = getenv(SBN_ENV_MEM);
	size_t mem = SBN_MEM_PREFERRED;
	syncbn_status_t status = SYNCBN_OK;

	if (text != NULL)
		status = sbn_parse_word(SBN_ENV_MEM, text, sbn_mem_names,
					sizeof(sbn_mem_names) / sizeof(sbn_mem_names[0]), &mem);
	*first_touch = mem == SBN_MEM_FIRST_TOUCH || mem == SBN_MEM_NONE;
	return status;
}

syncbn_status_t
sbn_contract_read(struct sbn_contract *contract)
{
	const char *version = getenv(SBN_ENV_CONTRACT);
	int64_t rank, world_size, fd;
	syncbn_status_t status;

	*contract = (struct sbn_contract){ .world_size = 1, .segment_fd = -1 };
	status = read_mem(&contract->first_touch);
	if (status != SYNCBN_OK)
		return status;
	if (version == NULL)
		return refuse_foreign_launcher();
	if (strcmp(version, SBN_CONTRACT_VERSION) != 0)
		return sbn_fail(
			SYNCBN_ERR_MISMATCH,
			"%s is \"%s\", this library knows \"%s\": use the syncbn-run that came "
			"with it",
			SBN_ENV_CONTRACT, version, SBN_CONTRACT_VERSION);
	if ((status = required_int(SBN_ENV_WORLD_SIZE, 1, SBN_MAX_RANKS, &world_size)) !=
		    SYNCBN_OK ||
	    (status = required_int(SBN_ENV_RANK, 0, world_size - 1, &rank)) != SYNCBN_OK ||
	    (status = required_int(SBN_ENV_SEGMENT_FD, 0, INT_MAX, &fd)) != SYNCBN_OK ||
	    (status = parse_run_id(getenv(SBN_ENV_RUN_ID), contract->run_id)) != SYNCBN_OK)
		return status;
	contract->present = true;
	contract->rank = (uint32_t)rank;
	contract->world_size = (uint32_t)world_size;
	contract->segment_fd = (int)fd;
	return SYNCBN_OK;
}
