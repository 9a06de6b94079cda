#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What must hold for every file of the project, whatever is in it.
set -euo pipefail
cd "$SRC"
. tests/guard/report.sh

sources() {
	find include src tools examples tests -name '*.[ch]' -o -name '*.cc' -o -name '*.sh' \
		-o -name '*.mk' | sort
	ls bootstrap .ci/run configure.ac Makefile.am m4/sbn_*.m4
}

texts() {
	sources
	find . doc doc/batch-norm-tried -maxdepth 1 -name '*.md' -o -maxdepth 1 -name NEWS | sort
}

without_licence() {
	sources | while IFS= read -r file; do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$file"
	done
}

# A folder of somebody's machine; written so that this file does not find itself.
machine_paths() {
	local folder='(^|[^a-zA-Z0-9_.$)}"])/(work|home|root|Users)/'

	texts | xargs grep -nE "$folder" || true
}

registry_hosts() {
	local host='(deb|registry|proxy|mirrors?|pypi|security)\.[a-z0-9-]+\.[a-z]{2,}'

	texts | xargs grep -niE "$host" || true
}

# Kernel bodies and tables of data may be longer.
longer_than_400_lines() {
	find src tools -name '*.[ch]' -not -path 'src/kernels/*' -print0 |
		xargs -0 wc -l | awk '$2 != "total" && $1 > 400'
}

wider_than_100_columns() {
	sources | while IFS= read -r file; do
		expand "$file" |
			awk -v file="$file" 'length > 100 { print file ":" FNR ": " length }'
	done
}

report "the licence stands in the first lines" "$(without_licence)"
report "no path of a developer's machine" "$(machine_paths)"
report "no host of a package registry" "$(registry_hosts)"
report "no file is longer than 400 lines" "$(longer_than_400_lines)"
report "no line is wider than 100 columns" "$(wider_than_100_columns)"
exit $failed
