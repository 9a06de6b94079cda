/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"

#include <stdbool.h>
#include <string.h>

#include "base/math.h"

/* Within a character of UTF-8. */
static bool
is_inside(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Control characters would move a terminal's cursor. */
static void
copy_clean(const char *text, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
}

const char *
sbn_show(const char *text, size_t n, char out[SBN_SHOWN])
{
	size_t shown = SBN_MIN(n, SBN_SHOWN - 1);

	while (shown < n && shown > 0 && is_inside(text[shown]))
		shown--;
	copy_clean(text, shown, out);
	out[shown] = '\0';
	return out;
}

const char *
sbn_show_path(const char *path, char out[SBN_SHOWN_PATH])
{
	static const char gap[] = "...";
	enum { HALF = (SBN_SHOWN_PATH - sizeof(gap)) / 2 };
	size_t n = strlen(path), first = HALF, last = n - HALF;

	if (n < SBN_SHOWN_PATH) {
		copy_clean(path, n, out);
		out[n] = '\0';
		return out;
	}
	while (first > 0 && is_inside(path[first]))
		first--;
	while (last < n && is_inside(path[last]))
		last++;
	copy_clean(path, first, out);
	memcpy(out + first, gap, sizeof(gap) - 1);
	copy_clean(path + last, n - last, out + first + sizeof(gap) - 1);
	out[first + sizeof(gap) - 1 + n - last] = '\0';
	return out;
}
