#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every label of a release, an acquire or a fence in the sources' comments stands in
# doc/memory-model.md, and every label there in the sources.
set -euo pipefail
cd "$SRC"
. tests/guard/report.sh

label='\b[A-Z][0-9]\b'

# Caches are called L1, L2 and L3 too.
in_sources() {
	grep -rhE --include='*.[ch]' '^[[:space:]]*(/?\*|//)|/\*' src |
		sed -E 's/\b(an L[1-3]|L[1-3] caches?)\b//g' | grep -oE "$label" | sort -u
}

# The first column of the tables.
in_page() {
	sed -nE 's/^\| ([A-Z][0-9]) \|.*/\1/p' doc/memory-model.md | sort
}

# Labels that the page's text uses, whether or not a table has them.
in_text() {
	grep -oE "$label" doc/memory-model.md | sort -u
}

report "every label of the sources stands in the page" \
	"$(comm -23 <(in_sources) <(in_page | uniq))"
report "every label of the page stands in the sources" \
	"$(comm -13 <(in_sources) <(in_page | uniq))"
report "no label stands twice in the page's tables" "$(in_page | uniq -d)"
report "the page's text names no other label" "$(comm -23 <(in_text) <(in_page | uniq))"
exit $failed
