/* SPDX-License-Identifier: Apache-2.0 */
#include <syncbn/parallel.h>

#include "api/check.h"

syncbn_status_t
syncbn_parallel_for(int n, syncbn_body_fn body, void *argument)
{
	static const char here[] = "syncbn_parallel_for";
	syncbn_status_t status = sbn_process_check();
	struct sbn_process *process = sbn_process_get();
	int threads;

	if (status == SYNCBN_OK && (n < 0 || body == NULL))
		status = sbn_fail(SYNCBN_ERR_INVALID, n < 0 ? "n is below 0" : "body is NULL");
	if (status != SYNCBN_OK)
		return sbn_named(here, status);
	if (process == NULL) {
		for (int i = 0; i < n; i++)
			body(argument, i);
		return SYNCBN_OK;
	}
	threads = sbn_team_acquire(process->team);
	sbn_team_run(process->team, threads, n, body, argument);
	sbn_team_release(process->team, threads);
	return SYNCBN_OK;
}

int
syncbn_threads(void)
{
	struct sbn_process *process = sbn_process_get();

	return process == NULL ? 1 : sbn_team_threads(process->team);
}
