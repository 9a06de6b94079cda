/* SPDX-License-Identifier: Apache-2.0 */
/* A rank's part: runs a case through the library and judges what comes out. */
#ifndef SBN_GOLDEN_PLAY_H
#define SBN_GOLDEN_PLAY_H

#include <syncbn/syncbn.h>

#include "golden/board.h"
#include "golden/case.h"

/*
 * Collective over the world. A wrong result is in the mark alone; the status is a call's that
 * failed, and is in the mark, too.
 */
syncbn_status_t golden_play(const struct golden_case *c, syncbn_group_t *world,
			    syncbn_layout_t layout, struct golden_mark *mark);

#endif
