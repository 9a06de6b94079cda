#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A file includes its own folder and earlier ones, never a later one (doc/design.md, section 2).
set -euo pipefail
cd "$SRC"
. tests/guard/report.sh

# includes DIR: lines "file: folder/header.h" for every include in quotes, "syncbn/..." in brackets
includes() {
	local directive='^[[:space:]]*#[[:space:]]*include[[:space:]]*'

	grep -rEo --include='*.[ch]' "$directive(\"[^\"]+\"|<syncbn/[^>]+>)" "$1" |
		sed -E 's/^([^:]+):[^"<]*["<](.*)[">]$/\1: \2/'
}

# forbidden DIR ALLOWED: includes of DIR whose folder is not among the words ALLOWED
forbidden() {
	includes "$1" | awk -v allowed=" $2 " '{
		folder = $2
		sub("/[^/]*$", "", folder)
		if (folder == $2 || index(allowed, " " folder " ") == 0)
			print
	}'
}

rooms="base platform kernels shm trace sync comm nn train state api"
earlier=syncbn
for room in $rooms; do
	earlier="$earlier $room"
	report "$room includes no later room" "$(forbidden "src/$room" "$earlier")"
done
report "launch includes base, platform, shm and trace only" \
	"$(forbidden src/launch "syncbn base platform shm trace launch")"
report "the public headers include each other only" "$(forbidden include/syncbn syncbn)"
report "examples use the public headers only" \
	"$(includes examples | grep ': .*/' | grep -v ': syncbn/' || true)"
exit $failed
