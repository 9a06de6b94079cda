/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/domain_lists.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

/* no kernel knows more CPUs, so that a typing error does not ask for gigabytes */
enum { MAX_CPU = (1 << 20) - 1 };

/* One number at *at, which moves behind it; false: there is none, or it is larger than max. */
static bool
take_number(const char **at, const char *end, unsigned max, unsigned *number)
{
	const char *begin = *at;
	unsigned long value = 0;

	for (; *at < end && isdigit((unsigned char)**at); ++*at) {
		value = value * 10 + (unsigned long)(**at - '0');
		if (value > max)
			return false;
	}
	*number = (unsigned)value;
	return *at > begin;
}

syncbn_status_t
sbn_list_parse(const char *what, const char *text, size_t length, unsigned max,
	       hwloc_bitmap_t numbers)
{
	const char *end = text + length;

	for (const char *at = text;; at++) {
		unsigned first, last;

		if (!take_number(&at, end, max, &first))
			break;
		last = first;
		if (at < end && *at == '-' &&
		    (at++, !take_number(&at, end, max, &last) || last < first))
			break;
		if (hwloc_bitmap_set_range(numbers, first, (int)last) != 0)
			return sbn_fail(SYNCBN_ERR_NO_MEMORY, "%s", what);
		if (at == end)
			return SYNCBN_OK;
		if (*at != ',')
			break;
	}
	return sbn_fail(SYNCBN_ERR_INVALID,
			"%s: \"%.*s\" is not a list of numbers up to %u such as 0-3,8", what,
			(int)length, text, max);
}

static syncbn_status_t
fail_cpus(const char *why, hwloc_const_bitmap_t cpus)
{
	char *list = NULL;

	if (hwloc_bitmap_list_asprintf(&list, cpus) < 0)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "--map list");
	sbn_fail(SYNCBN_ERR_INVALID, "--map list: CPU%s %s %s",
		 hwloc_bitmap_weight(cpus) == 1 ? "" : "s", list, why);
	free(list);
	return SYNCBN_ERR_INVALID;
}

/* taken: the CPUs of the domains before, to which this one's are added */
static syncbn_status_t
check_cpus(const struct sbn_topology *topology, hwloc_const_bitmap_t cpus, hwloc_bitmap_t taken)
{
	hwloc_bitmap_t wrong = hwloc_bitmap_alloc();
	syncbn_status_t status = SYNCBN_OK;

	if (wrong == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "--map list");
	hwloc_bitmap_andnot(wrong, cpus, topology->allowed);
	if (!hwloc_bitmap_iszero(wrong)) {
		status = fail_cpus("cannot be used here: not there, or left out by cpuset, "
				   "affinity, --smt or --cores",
				   wrong);
	} else {
		hwloc_bitmap_and(wrong, cpus, taken);
		if (!hwloc_bitmap_iszero(wrong))
			status = fail_cpus("in two domains; each CPU belongs to one", wrong);
	}
	hwloc_bitmap_or(taken, taken, cpus);
	hwloc_bitmap_free(wrong);
	return status;
}

/* The part of text at *at as the next domain; *at moves to the one after, or NULL. */
static syncbn_status_t
add_part(const struct sbn_topology *topology, const char **at, hwloc_bitmap_t taken,
	 struct sbn_domains *domains)
{
	struct sbn_domain *domain = &domains->domain[domains->n++];
	const char *text = *at;
	size_t length = strcspn(text, "/");
	syncbn_status_t status;

	*at = text[length] == '/' ? text + length + 1 : NULL;
	domain->cpus = hwloc_bitmap_alloc();
	domain->nodes = hwloc_bitmap_alloc();
	if (domain->cpus == NULL || domain->nodes == NULL)
		return sbn_fail(SYNCBN_ERR_NO_MEMORY, "--map list");
	status = sbn_list_parse("--map list", text, length, MAX_CPU, domain->cpus);
	return status != SYNCBN_OK ? status : check_cpus(topology, domain->cpus, taken);
}

syncbn_status_t
sbn_domains_from_lists(const struct sbn_topology *topology, const char *text,
		       struct sbn_domains *domains)
{
	hwloc_bitmap_t taken = hwloc_bitmap_alloc();
	syncbn_status_t status = SYNCBN_OK;
	size_t n = 1;

	for (const char *at = text; *at != '\0'; at++)
		n += *at == '/';
	*domains = (struct sbn_domains){ .map = SBN_MAP_LIST };
	domains->domain = calloc(n, sizeof(domains->domain[0]));
	if (domains->domain == NULL || taken == NULL)
		status = sbn_fail(SYNCBN_ERR_NO_MEMORY, "--map list");
	for (const char *at = text; at != NULL && status == SYNCBN_OK;)
		status = add_part(topology, &at, taken, domains);
	if (status == SYNCBN_OK)
		status = sbn_domains_complete(topology, domains);
	hwloc_bitmap_free(taken);
	if (status != SYNCBN_OK)
		sbn_domains_free(domains);
	return status;
}
