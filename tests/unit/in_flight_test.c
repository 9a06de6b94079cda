/* SPDX-License-Identifier: Apache-2.0 */
/* All-reduces in flight in a world of one: all is done at once; misuse is refused, and says how. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/world_of_one.h"

static syncbn_status_t
begin(syncbn_group_t *group, float *data, syncbn_request_t **request)
{
	return syncbn_all_reduce_begin(group, data, 2, SYNCBN_FLOAT32, SYNCBN_MEAN, request);
}

static void
test_alone_all_is_done_at_once(void **state)
{
	float data[SYNCBN_MAX_IN_FLIGHT][2];
	syncbn_request_t *requests[SYNCBN_MAX_IN_FLIGHT];

	for (int i = 0; i < SYNCBN_MAX_IN_FLIGHT; i++) {
		data[i][0] = (float)i;
		data[i][1] = -0.5f;
		assert_ok(begin(*state, data[i], &requests[i]));
	}
	assert_ok(syncbn_progress(*state));
	for (int i = SYNCBN_MAX_IN_FLIGHT - 1; i >= 0; i--) {
		assert_ok(syncbn_all_reduce_end(&requests[i]));
		assert_null(requests[i]);
		assert_true(data[i][0] == (float)i && data[i][1] == -0.5f);
	}
}

static void
test_one_too_many_is_refused_until_one_has_ended(void **state)
{
	float data[SYNCBN_MAX_IN_FLIGHT + 1][2] = { { 0 } };
	syncbn_request_t *requests[SYNCBN_MAX_IN_FLIGHT + 1];
	int last = SYNCBN_MAX_IN_FLIGHT;

	for (int i = 0; i < last; i++)
		assert_ok(begin(*state, data[i], &requests[i]));
	assert_invalid(begin(*state, data[last], &requests[last]), "end one first");
	assert_null(requests[last]);
	assert_ok(syncbn_all_reduce_end(&requests[3]));
	assert_ok(begin(*state, data[last], &requests[last]));
	for (int i = 0; i <= last; i++)
		if (i != 3)
			assert_ok(syncbn_all_reduce_end(&requests[i]));
}

static void
test_wrong_arguments_are_refused(void **state)
{
	float data[2] = { 0 };
	syncbn_request_t *request;

	assert_invalid(begin(*state, data, NULL), "request is NULL");
	assert_invalid(begin(NULL, data, &request), "group is NULL");
	assert_invalid(begin(*state, NULL, &request), "data is NULL");
	assert_null(request);
	assert_invalid(syncbn_all_reduce_begin(*state, data, 1, SYNCBN_FLOAT16, SYNCBN_SUM,
					       &request),
		       "dtype is");
	assert_invalid(syncbn_all_reduce_begin(*state, data, 1, SYNCBN_FLOAT32, (syncbn_reduce_t)9,
					       &request),
		       "unknown operation 9");
	assert_invalid(syncbn_progress(NULL), "group is NULL");
	assert_ok(syncbn_progress(*state)); /* nothing is in flight */
}

static void
test_a_request_is_ended_once(void **state)
{
	syncbn_request_t *request, *copy;
	float data[2] = { 0 };

	assert_ok(begin(*state, data, &request));
	copy = request;
	assert_ok(syncbn_all_reduce_end(&request));
	assert_invalid(syncbn_all_reduce_end(&request), "it has been ended");
	assert_invalid(syncbn_all_reduce_end(&copy), "this request has been ended");
	assert_invalid(syncbn_all_reduce_end(NULL), "request is NULL");
}

static void
test_two_requests_share_no_element(void **state)
{
	syncbn_request_t *requests[3];
	float data[6] = { 0 };

	assert_ok(begin(*state, data + 2, &requests[0]));
	assert_invalid(begin(*state, data + 1, &requests[1]), "overlaps");
	assert_invalid(begin(*state, data + 3, &requests[1]), "overlaps");
	assert_ok(begin(*state, data, &requests[1]));
	assert_ok(begin(*state, data + 4, &requests[2]));
	for (int i = 0; i < 3; i++)
		assert_ok(syncbn_all_reduce_end(&requests[i]));
	assert_ok(begin(*state, data + 1, &requests[0]));
	assert_ok(syncbn_all_reduce_end(&requests[0]));
}

static void
test_a_group_stays_while_something_is_in_flight(void **state)
{
	syncbn_request_t *request;
	syncbn_group_t *group;
	float data[2] = { 0 };

	(void)state;
	assert_ok(syncbn_group_self(&group));
	assert_ok(begin(group, data, &request));
	assert_invalid(syncbn_group_free(group), "syncbn_all_reduce_end");
	assert_invalid(syncbn_group_leave(group), "in flight");
	assert_invalid(syncbn_group_return(group, NULL), "in flight");
	assert_invalid(syncbn_group_set_divisor(group, SYNCBN_DIVISOR_REMAINING), "in flight");
	assert_ok(syncbn_all_reduce_end(&request));
	assert_ok(syncbn_group_leave(group));
	assert_invalid(begin(group, data, &request), "has left the group");
	assert_ok(syncbn_group_free(group));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone_all_is_done_at_once),
		cmocka_unit_test(test_one_too_many_is_refused_until_one_has_ended),
		cmocka_unit_test(test_wrong_arguments_are_refused),
		cmocka_unit_test(test_a_request_is_ended_once),
		cmocka_unit_test(test_two_requests_share_no_element),
		cmocka_unit_test(test_a_group_stays_while_something_is_in_flight),
	};

	return cmocka_run_group_tests(tests, join_world, leave_world);
}
