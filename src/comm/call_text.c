/* SPDX-License-Identifier: Apache-2.0 */
/* A call in words, for the errors that compare two. */
#include <inttypes.h>
#include <stdio.h>

#include <syncbn/batch_norm.h>
#include <syncbn/collective.h>

#include "comm/call.h"
#include "comm/collective.h"
#include "kernels/kernels.h"

static void
describe_layer_call(const struct sbn_call *call, char *text, size_t bytes)
{
	static const char *const types[] = {
		[SBN_F32] = "float32",
		[SBN_F64] = "float64",
		[SBN_BF16] = "bfloat16",
		[SBN_F16] = "float16",
	};
	uint64_t type = call->agreed[0] >> 32, want = call->agreed[3];

	snprintf(text, bytes, "%" PRIu32 " channels of %s%s%s%s%s", (uint32_t)call->agreed[0],
		 type < SBN_TYPES ? types[type] : "an unknown type", want != 0 ? ", wants" : "",
		 want & SYNCBN_WANT_DX ? " dx" : "", want & SYNCBN_WANT_DGAMMA ? " dgamma" : "",
		 want & SYNCBN_WANT_DBETA ? " dbeta" : "");
}

static const char *
dtype_name(uint64_t dtype)
{
	if (dtype == SYNCBN_BFLOAT16)
		return "bfloat16";
	return dtype == SYNCBN_FLOAT64 ? "float64" : "float32";
}

static void
describe_all_reduce(const struct sbn_call *call, char *text, size_t bytes)
{
	int used = snprintf(text, bytes, "%s of %" PRIu64 " %s",
			    (call->agreed[2] & SBN_REDUCE_OP) == SYNCBN_MEAN ? "mean" : "sum",
			    call->agreed[0], dtype_name(call->agreed[1]));

	if (call->agreed[3] != 0 && used > 0 && (size_t)used < bytes)
		snprintf(text + used, bytes - (size_t)used,
			 " in an arena, at %" PRIu64 " of the shared memory", call->agreed[3] - 1);
}

static void
describe_operands(const struct syncbn_group *group, const struct sbn_call *call, char *text,
		  size_t bytes)
{
	/* a peer's word is no index before it is checked */
	uint64_t root =
		call->agreed[1] < group->size ? group->members[call->agreed[1]] : call->agreed[1];

	switch (call->op) {
	case SBN_OP_FORWARD:
	case SBN_OP_BACKWARD:
		describe_layer_call(call, text, bytes);
		break;
	case SBN_OP_ALL_REDUCE:
	case SBN_OP_REDUCE_SCATTER:
	case SBN_OP_BUCKET:
		describe_all_reduce(call, text, bytes);
		break;
	case SBN_OP_BROADCAST:
		snprintf(text, bytes, "%" PRIu64 " bytes from rank %" PRIu64, call->agreed[0],
			 root);
		break;
	case SBN_OP_GROUP:
		snprintf(text, bytes, "%" PRIu64 " ranks in %" PRIu64 " list%s", call->agreed[2],
			 call->agreed[1], call->agreed[1] == 1 ? "" : "s");
		break;
	default:
		snprintf(text, bytes, "%" PRIu64 " bytes", call->agreed[0]);
	}
}

void
sbn_call_describe(const struct syncbn_group *group, uint32_t rank, const struct sbn_call *call,
		  uint64_t number, char *text, size_t bytes)
{
	const char *op = call->op < SBN_OP_COUNT ? sbn_op_names[call->op] : "an unknown operation";
	char layer[SBN_LAYER_NAME + 16] = "", operands[96], number_of_group[24] = "";

	if (call->name != 0)
		sbn_control_layer_name(&group->control, group->members[rank], call->name, layer,
				       sizeof(layer));
	if (group->number != 0)
		snprintf(number_of_group, sizeof(number_of_group), " (group %" PRIu32 ")",
			 group->number);
	describe_operands(group, call, operands, sizeof(operands));
	snprintf(text, bytes, "%s%s%s, call %" PRIu64 " (%s)%s", op, call->name != 0 ? " of " : "",
		 layer, number, operands, number_of_group);
}
