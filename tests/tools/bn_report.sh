#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tools/bn_report.py: what it runs, its medians, and which rows it calls short; and what
# tools/exchange_report.py runs. No time is judged: the figures are made up.
. "$SRC/tests/tools/run_common.sh"

command -v python3 >/dev/null || {
	echo "skipped: python3 is missing"
	exit 77
}
report="python3 $SRC/tools/bn_report.py"
exchange="python3 $SRC/tools/exchange_report.py"
export PYTHONDONTWRITEBYTECODE=1

# Five runs of forward and backward, whose third is the median and whose fifth has a hiccup.
python3 - "$dir/made" <<'PYTHON'
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
folder.mkdir()
shapes = ["64x56x56", "128x28x28", "1024x14x14"]
for run, multiple in enumerate((1.0, 1.1, 1.3, 1.5, 90.0), 1):
    rows = [{"name": f"bn/{op}/32x{shape}/nchw/f32/none/cold/ranks:2/threads:1",
             "ranks": 2, "bytes": (2 if op == "fwd" else 3) * 4 * 12000000, "real_time": 1000.0,
             "floor": (2 if op == "fwd" else 3) * 48000 / (40 if run < 4 else 80),
             "floor_multiple": multiple + ("1024" in shape) * (op == "bwd"),
             "alone_multiple": 1.04, "wrong": 0,
             "peers": {"onednn": {"ratio": 6 * multiple}, "onednn-blocked": {"ratio": 1.0},
                       "torch-gloo": {"ratio": 3.0}}}
            for op in ("fwd", "bwd") for shape in shapes]
    context = {"cpu": "Made", "num_cpus": 2, "kernels": "scalar", "date": "2026-01-02T03:04:05"}
    (folder / f"all.{run}.json").write_text(json.dumps({"context": context, "benchmarks": rows}))
PYTHON
$report tables "$dir/made" >"$dir/out" 2>"$dir/err"
expect "what is short or missing is a failure" 1 $?
sed 's/^/	/' "$dir/err"
expect_match "medians count, not the last run" \
	'^\| forward NCHW, synchronized, 28x28 and more.*\| 1\.30 \(64x56x56\) .* yes \|' "$dir/out"
expect_match "a shape may have a bound of its own" '<= 1\.40, <= 1\.55' "$dir/out"
expect_match "the worst shape is named" \
	'^\| backward NCHW.*14x14.*\| 2\.30 \(1024x14x14\) .*\*\*no\*\* \|' "$dir/out"
expect_match "ratios have lower bounds" \
	'^\| oneDNN nchw by ours, fwd .*\| 7\.80 .* yes \|' "$dir/out"
expect_match "a geometric mean is one" 'geometric mean.*\| 1\.00 \(all\) .*\*\*no\*\* \|' "$dir/out"
expect_match "what was not measured is told" '^\| bfloat16 .*not measured' "$dir/out"
expect_match "every shape has its line" \
	'^\| 128x28x28 \| 1000 \| 1\.30 \| 1\.04 \| 7\.80 ' "$dir/out"
$report tables "$dir/made" --floor-below 60 >"$dir/out"
expect_match "runs with a slow floor alone" \
	'^\| forward NCHW, synchronized, 28x28 and more.*\| 1\.10 \(64x56x56\) ' "$dir/out"
$report tables "$dir/made" --floor-above 60 >"$dir/out"
expect_match "runs with a fast floor alone" \
	'^\| forward NCHW, synchronized, 28x28 and more.*\| 45\.75 \(64x56x56\) ' "$dir/out"
$report tables "$dir/made" --floor-above 1000 >"$dir/out" 2>&1
expect_match "no such run is told" '^bn_report\.py: .* has no such measurement' "$dir/out"
if command -v gnuplot >/dev/null; then
	$report plot "$dir/made" "$dir/plot.svg"
	expect "the plot is made" 0 $?
	expect_match "it is an SVG" '</svg>' "$dir/plot.svg"
fi

# What a piece runs, and that it is not run again.
cat >"$dir/perf" <<-'SHELL'
	#!/bin/sh
	echo "$*" >>"$(dirname "$0")/ran"
	for file; do :; done
	echo '{}' >"$file"
SHELL
chmod +x "$dir/perf"
for _ in 1 2; do
	$report measure "$dir/runs" hot-1 flat-fwd --runs 2 --usual-priority --perf "$dir/perf" \
		>"$dir/out" 2>&1
	expect "measuring ends well" 0 $?
done
expect "each piece runs once a run" 4 "$(wc -l <"$dir/ran")"
expect_match "a piece says what it measures" '^bn --shape 4096x1024 --op fwd -n 2 ' "$dir/ran"
$exchange measure "$dir/exchange" barrier-2 --runs 1 --usual-priority --perf "$dir/perf" \
	>"$dir/out" 2>&1
expect "the exchange is measured likewise" 0 $?
expect_match "by the same program" '^barrier -n 2 .*/barrier-2\.1\.json$' "$dir/ran"
$exchange measure "$dir/exchange" fwd-1 >"$dir/out" 2>&1
expect "another report's piece is refused" 1 $?
expect_match "under the name of this one" '^exchange_report\.py: no piece fwd-1;' "$dir/out"
$report measure "$dir/runs" nonsense >"$dir/out" 2>&1
expect "an unknown piece is refused" 1 $?
expect_match "with the pieces there are" 'no piece nonsense; there are: fwd-1 ' "$dir/out"
printf '#!/bin/sh\nexit 1\n' >"$dir/perf"
$report measure "$dir/runs" bf16-1 --usual-priority --perf "$dir/perf" >"$dir/out" 2>&1
expect "a run that fails ends it" 1 $?
finish
