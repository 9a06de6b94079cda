/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syncbn: synchronized batch normalization for the CPUs of one multi-socket machine,
 * one process per NUMA domain. This header includes all the others:
 *
 *	status.h	what every function returns, and the detail behind an error
 *	group.h		joining the run, process groups, barrier
 *	tensor.h	activations: data, dtype, shape, layout
 *	batch_norm_config.h
 *			what a layer is, and the defaults of the frameworks
 *	batch_norm.h	the layer
 *	collective.h	all-reduce (at once, or in flight), broadcast, all-gather,
 *			reduce-scatter
 *	memory.h	memory on this rank's node, and arenas that an all-reduce need not copy
 *	parallel.h	the worker team
 *	state.h		saving and loading layers
 *	shard.h		which part of a data set is this rank's
 *	counters.h	what the exchange did and where the time went
 *
 * The order of calls; each returns a status, and examples/smallest.c checks them all:
 *
 *	syncbn_init(NULL, &world);
 *	syncbn_batch_norm_new(world, &config, &bn);
 *	syncbn_saved_new(bn, &saved);
 *	syncbn_batch_norm_forward(bn, &x, NULL, &y, saved);
 *	syncbn_batch_norm_backward(bn, saved, &dy, &dx, NULL, SYNCBN_WANT_ALL);
 *	syncbn_saved_free(saved);
 *	syncbn_batch_norm_free(bn);
 *	syncbn_finalize(world);
 *
 * Threads: a group and its layers belong to one thread at a time; different groups may be used
 * at once. Calls need up to 256 KiB of stack. Nothing here may be used across fork(): in a child
 * every call returns SYNCBN_ERR_INVALID, and the child's exit is not the rank's exit.
 *
 * "Collective" means: every rank of the group makes the call, in the same order. "Local": the call
 * concerns this rank alone and waits for no other one.
 */
#ifndef SYNCBN_SYNCBN_H
#define SYNCBN_SYNCBN_H

#include <syncbn/batch_norm.h>
#include <syncbn/collective.h>
#include <syncbn/counters.h>
#include <syncbn/group.h>
#include <syncbn/memory.h>
#include <syncbn/parallel.h>
#include <syncbn/shard.h>
#include <syncbn/state.h>
#include <syncbn/status.h>
#include <syncbn/tensor.h>
#include <syncbn/version.h>

#endif
