# SPDX-License-Identifier: Apache-2.0
syncbnincludedir = $(includedir)/syncbn
syncbninclude_HEADERS = \
	include/syncbn/batch_norm.h \
	include/syncbn/batch_norm_config.h \
	include/syncbn/collective.h \
	include/syncbn/counters.h \
	include/syncbn/group.h \
	include/syncbn/memory.h \
	include/syncbn/parallel.h \
	include/syncbn/shard.h \
	include/syncbn/state.h \
	include/syncbn/status.h \
	include/syncbn/syncbn.h \
	include/syncbn/tensor.h \
	include/syncbn/version.h
