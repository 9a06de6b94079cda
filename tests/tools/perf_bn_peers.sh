#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# syncbn-perf bn beside other libraries: those that are not there, that fail, and that are there.
. "$SRC/tests/tools/run_common.sh"

perf=$BUILD/tools/syncbn-perf
# the pipes of this test alone
export TMPDIR=$dir/tmp
mkdir "$TMPDIR"
few="--oversubscribe -w 1 -i 2 --rounds 2"

# measure PROGRAM ARGS...: the table in $dir/out
measure() {
	# shellcheck disable=SC2086 # a list of words
	mark "$1" bn -n 2 "${@:2}" $few >"$dir/out" 2>"$dir/err" </dev/null
	code=$?
}

rows() {
	grep -vc '^#' "$dir/out"
}

# A peer that is not there is named and left out.
mkdir -p "$dir/alone/peers"
cp "$perf" "$dir/alone/"
for peer in onednn onednn-blocked torch torch-gloo; do
	program='peer-onednn'
	[ "${peer#torch}" = "$peer" ] || program='peer-gloo'
	if [ -x "$BUILD/tools/peers/$program" ]; then
		measure "$dir/alone/syncbn-perf" --hot --shape 6x5x3x3 --peer $peer
	else
		measure "$perf" --hot --shape 6x5x3x3 --peer $peer
	fi
	expect "without $peer the rest is measured" "0 1" "$code $(rows)"
	expect_match "$peer is named" "peer $peer is left out: .*install" "$dir/err"
done

# One that ends too early, too.
printf '#!/bin/sh\nexit 3\n' >"$dir/alone/peers/peer-onednn"
chmod +x "$dir/alone/peers/peer-onednn"
measure "$dir/alone/syncbn-perf" --hot --shape 6x5x3x3 --peer onednn
expect "a peer that fails does not stop the measurement" "0 1" "$code $(rows)"
expect_match "it is named" 'peer onednn is left out: onednn has ended too early' "$dir/err"

if [ -x "$BUILD/tools/peers/peer-onednn" ]; then
	for op in fwd bwd step eval; do
		measure "$perf" --op $op --act relu --shape 6x19x3x5,7x16x4x4 --peer onednn \
			--peer onednn-blocked --json "$dir/peer.json"
		expect "oneDNN does $op" "0 4" "$code $(rows)"
		expect "all is right: $op" 12 "$(grep -c '"wrong": 0' "$dir/peer.json")"
		python3 "$SRC/tests/tools/perf_bn_json.py" "$dir/peer.json" onednn onednn-blocked
		expect "every field is there: $op" 0 $?
		[ "$code" = 0 ] || sed 's/^/	/' "$dir/err"
	done
	measure "$perf" --hot --act add_relu --shape 6x19x3x5 --peer onednn
	expect "what oneDNN cannot is not measured" "0 1" "$code $(rows)"
	expect_match "it says so" '^# peer onednn: it cannot do this activation' "$dir/out"
	few=--oversubscribe measure "$perf" --numerics --shape 6x5x3x3 --peer onednn
	expect "oneDNN's errors are told" "0 7" "$code $(grep -c ' onednn ' "$dir/out")"
fi

if [ -x "$BUILD/tools/peers/peer-gloo" ] && [ -z "$SBN_SANITIZE" ]; then
	for words in "--op fwd" "--op bwd --act relu" "--op step --layout nhwc --act add_relu"; do
		# shellcheck disable=SC2086 # a list of words
		measure "$perf" --hot $words --shape 6x19x3x5,12x7 --peer torch --peer torch-gloo \
			--json "$dir/peer.json"
		expect "torch does $words" "0 2" "$code $(rows)"
		expect "all is right: $words" 6 "$(grep -c '"wrong": 0' "$dir/peer.json")"
		[ "$code" = 0 ] || sed 's/^/	/' "$dir/err"
	done
	few=--oversubscribe measure "$perf" --numerics --shape 6x5x3x3 --peer torch \
		--peer torch-gloo
	expect "torch's errors are told" "0 14" "$code $(grep -c ' torch' "$dir/out")"
fi
expect "no pipe is left" "" "$(find "$TMPDIR" -name 'syncbn-perf-*')"
finish
