#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# doc/frameworks.md against the header: every field is listed, exists, and has the value that the
# macro gives it.
set -euo pipefail
cd "$SRC"
. tests/guard/report.sh
doc=doc/frameworks.md
header=include/syncbn/batch_norm_config.h
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# fields: the members of syncbn_batch_norm_config_t, one a line
fields() {
	sed -n '/^typedef struct syncbn_batch_norm_config {/,/^}/p' "$header" | tr '\n' ' ' |
		sed 's@/\*[^*]*\*/@@g; s/.*{\(.*\)}/\1/; s/const char/char/' | tr ';' '\n' |
		awk '{ gsub(/[*,]/, " "); for (i = 2; i <= NF; i++) print $i }'
}

# section HEADING: the lines below a heading of the document
section() {
	awk -v heading="## $1" 'index($0, "## ") == 1 { on = index($0, heading) == 1 } on' "$doc"
}

# named: what stands in backquotes in a cell of a table and is spelt like a field
named() {
	grep '^|' "$doc" | grep -o '`[a-z][a-z_0-9]\+`' | tr -d '`' | sort -u | grep -v '^syncbn_'
}

# checks HEADING MACRO: a C condition for each row with a field and a value
checks() {
	section "$1" | awk -F'|' -v macro="$2" '
		$4 ~ /`[a-z_0-9]+`/ && $5 ~ /`/ {
			gsub(/[` ]/, "", $4); gsub(/[` ]/, "", $5)
			printf "\tbad += check(\"%s.%s\", %s.%s == %s);\n", macro, $4, macro, $4, $5
		}
		$4 ~ /`[a-z_0-9]+_init`/ && $5 ~ /default/ {
			gsub(/[` ]/, "", $4)
			printf "\tbad += check(\"%s.%s\", is_default(&%s.%s));\n",
				macro, $4, macro, $4
		}'
}

program() {
	cat <<-'C'
	#include <stdio.h>
	#include <syncbn/batch_norm_config.h>
	static int
	check(const char *what, int right)
	{
		if (!right)
			printf("%s\n", what);
		return !right;
	}
	static int
	is_default(const syncbn_initializer_t *init)
	{
		return !init->name && !init->values && !init->is_constant;
	}
	int
	main(void)
	{
		int c = 3, bad = 0;
		syncbn_batch_norm_config_t torch = SYNCBN_BATCH_NORM_TORCH(c);
		syncbn_batch_norm_config_t mindspore = SYNCBN_BATCH_NORM_MINDSPORE(c);
		syncbn_batch_norm_config_t onnx = SYNCBN_BATCH_NORM_ONNX(c);

	C
	checks "torch.nn.SyncBatchNorm" torch
	checks "mindspore.nn.SyncBatchNorm" mindspore
	checks "BatchNormalization of ONNX" onnx
	printf '\treturn bad != 0;\n}\n'
}

report "every field of the config is in the tables" \
	"$(comm -23 <(fields | sort) <(named))"
report "every field that the tables name exists" \
	"$(comm -13 <(fields | sort) <(named))"
program >"$scratch/values.c"
n=$(grep -c 'bad += check' "$scratch/values.c" || true)
report "the tables give values to check" "$([ "$n" -ge 20 ] || echo "only $n")"
# the scratch program needs no sanitizer's flags, whatever this build has
report "the macros set the values that the tables say" \
	"$(${CC:-cc} -std=c99 -Iinclude -o "$scratch/values" "$scratch/values.c" 2>&1 &&
		"$scratch/values" || true)"
exit $failed
