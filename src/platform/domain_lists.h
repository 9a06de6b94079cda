/* SPDX-License-Identifier: Apache-2.0 */
/* Domains that the user has written down, and lists of numbers such as "0-3,8". */
#ifndef SBN_PLATFORM_DOMAIN_LISTS_H
#define SBN_PLATFORM_DOMAIN_LISTS_H

#include <hwloc.h>
#include <stddef.h>

#include <syncbn/status.h>

#include "platform/domains.h"
#include "platform/topology.h"

/*
 * Adds the numbers of the first `length` letters of text, each at most max. `what` names the list
 * in errors. INVALID: anything but numbers and rising ranges between commas.
 */
syncbn_status_t sbn_list_parse(const char *what, const char *text, size_t length, unsigned max,
			       hwloc_bitmap_t numbers);

/*
 * Domains from "0-3,8-11/4-7,12-15": each part the operating system's numbers of one domain's CPUs.
 * INVALID: a CPU that is not allowed here, or in two parts. Whatever it returns, sbn_domains_free
 * may follow.
 */
syncbn_status_t sbn_domains_from_lists(const struct sbn_topology *topology, const char *text,
				       struct sbn_domains *domains);

#endif
