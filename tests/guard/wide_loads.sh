#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Vector kernels hardly ever load what was just stored in narrower pieces: such a load waits until
# the pieces have left the CPU's queue of stores, behind all that are on their way past the caches.
# gcc makes them where a struct of words is copied by vectors (doc/batch-norm-tried);
# instruction counts do not show them. Counted in the disassembly, a function at a time. `rep movs`
# and `rep stos` wait so, too, and there are none.
set -euo pipefail
. "$SRC/tests/guard/report.sh"
export LC_ALL=C

MOST=8     # of a function: some are where no loop is, and none is wanted
WINDOW=80  # instructions: a store that is so far behind has left the queue

skip() {
	echo "skipped: $1"
	exit 77
}

# Loads of 16 bytes or more that overlap a store before them which does not hold all of it, known
# by the same base register and constants: "FUNCTION COUNT" of each function that has too many.
too_many() {
	objdump -d --no-show-raw-insn "$1" | awk -v most=$MOST -v window=$WINDOW '
	function number(hex,   i, n, sign) {
		sign = sub(/^-/, "", hex) ? -1 : 1
		sub(/^0x/, "", hex)
		for (i = 1; i <= length(hex); i++)
			n = 16 * n + index("123456789abcdef", substr(hex, i, 1))
		return sign * n
	}
	function bytes(op, args) {
		if (op ~ /^vp?broadcast/)
			return 8
		if (args ~ /zmm/)
			return op ~ /^vcvt/ ? 32 : 64
		if (args ~ /ymm/)
			return op ~ /^vcvt/ ? 16 : 32
		if (args !~ /xmm/)
			return args ~ /%(e[a-z]+|r[0-9]+d)(,|$)/ || op ~ /^movl/ ? 4 : 8
		if (op ~ /^v?mov(ss|d)$/)
			return 4
		return op ~ /^v?mov(sd|q|[lh]p[sd])$/ || op ~ /^vcvt/ ? 8 : 16
	}
	# sets base and offset
	function place(operand) {
		base = operand
		sub(/^.*\(/, "", base)
		sub(/\)$/, "", base)
		offset = operand ~ /^\(/ ? 0 : number(substr(operand, 1, index(operand, "(") - 1))
	}
	function key(at) {
		return all SUBSEP base SUBSEP of[base] SUBSEP at
	}
	function waits(width,   at, found) {
		for (at = offset - 63; at < offset + width; at++) {
			if (!(key(at) in stored) || n - when[key(at)] >= window)
				continue
			if (at + stored[key(at)] <= offset)
				continue
			if (at <= offset && at + stored[key(at)] >= offset + width)
				return 0
			found = 1
		}
		return found
	}
	function end_of_function() {
		if (count > most)
			print name, count
		count = 0
		all++
	}
	/^[0-9a-f]+ <.*>:$/ {
		end_of_function()
		name = $2
		next
	}
	{
		line = $0
		if (!sub(/^ *[0-9a-f]+:[ \t]+/, "", line))
			next
		n++
		sub(/ *[#<].*/, "", line)
		op = args = line
		sub(/[ \t].*/, "", op)
		sub(/^[^ \t]*[ \t]*/, "", args)
		if (op ~ /^(call|ret)/) {
			all++
			next
		}
		if (match(args, /(-?0x[0-9a-f]+)?\(%r[a-z0-9]+\)/) && op !~ /^(lea|prefetch|nop)/) {
			place(substr(args, RSTART, RLENGTH))
			if (RSTART > 1 && RSTART + RLENGTH > length(args) && op ~ /^v?mov/ &&
			    op !~ /^mov[sz]/) {
				stored[key(offset)] = bytes(op, args)
				when[key(offset)] = n
				next
			}
			width = bytes(op, args)
			if (width >= 16)
				count += waits(width)
		}
		sub(/^.*,/, "", args)
		if (args ~ /^%r[a-z0-9]+$/ && args !~ /^%r[sb]p$/)
			of[args]++
	}
	END { end_of_function() }'
}

string_operations() {
	objdump -d --no-show-raw-insn "$1" | awk '
	/^[0-9a-f]+ <.*>:$/ { name = $2 }
	/[ \t]rep (movs|stos)/ { count[name]++ }
	END { for (name in count) print name, count[name] }'
}

# Loops that copy a structure to the stack a word at a time, which vectors load soon: the above does
# not know their places.
loops_of_words() {
	objdump -d --no-show-raw-insn "$1" | awk -v most=$MOST '
	/^[0-9a-f]+ <.*>:$/ { name = $2 }
	/[ \t]mov +%r[a-z0-9]+,(0x[0-9a-f]+)?\(%rsp,%r[a-z0-9]+,1\)/ { count[name]++ }
	END { for (name in count) if (count[name] > most) print name, count[name] }'
}

command -v objdump >/dev/null || skip "objdump is missing (Debian: apt-get install binutils)"
case "$($CC --version) ${CFLAGS:-}" in
*clang* | *-fsanitize*) skip "other compilers and flags have other copies" ;;
*-O2*) ;;
*) skip "other compilers and flags have other copies" ;;
esac
for set in avx2 avx512; do
	object=$BUILD/src/kernels/.libs/libsbn_kernels_${set}_la-$set.o
	[ -f "$object" ] || skip "no kernels of $set in this build"
	report "$set: no function has more than $MOST loads that wait for narrower stores" \
		"$(too_many "$object")"
	report "$set: structures are copied and zeroed without rep movs and rep stos" \
		"$(string_operations "$object")"
	report "$set: no structure of vectors is copied in a loop of words" \
		"$(loops_of_words "$object")"
done
exit $failed
