#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of doc/performance-batch-norm-figures.md: measured, as Markdown, and as a plot.

  bn_report.py measure DIR [PIECE...]   runs syncbn-perf; one JSON file in DIR a piece and run
  bn_report.py tables DIR               what must hold and whether it does, then every shape
  bn_report.py plot DIR FILE.svg        multiples of the floor; needs gnuplot

Pieces that DIR has already are not measured again, so measuring can be stopped and gone on with.
A figure is the median of the runs' figures. Exit code of tables: 1 if a row is short or missing.
"""
import argparse
import json
import math
import statistics
import subprocess
import sys
from pathlib import Path

import report_runs

RESNET50 = ("64x112x112 64x56x56 256x56x56 128x56x56 128x28x28 512x28x28 256x28x28 256x14x14 "
            "1024x14x14 512x14x14 512x7x7 2048x7x7").split()
BATCH = 32
ROUNDS = ["--rounds", "3"]  # there are several runs
SYNCED = ["-n", "2", "--threads", "1", "--cold", *ROUNDS]
ALL_PEERS = ["--peer", "onednn", "--peer", "onednn-blocked", "--peer", "torch-gloo"]
ONEDNN = ["--peer", "onednn"]


def parts(name, n, *words):
    """A piece for each n-th part of ResNet-50's shapes: none should take minutes."""
    size = -(-len(RESNET50) // n)
    for i in range(n):
        shapes = ",".join(f"{BATCH}x{s}" for s in RESNET50[i * size:(i + 1) * size])
        yield f"{name}-{i + 1}", ["--shape", shapes, *words]


def all_pieces():
    for op in ("fwd", "bwd"):
        yield from parts(op, 4, "--op", op, *SYNCED, *ALL_PEERS)
        for layout in ("nhwc", "nchw16c"):
            yield from parts(f"{layout}-{op}", 2, "--op", op, "--layout", layout, *SYNCED, *ONEDNN)
        yield f"flat-{op}", ["--shape", "4096x1024", "--op", op, *SYNCED, *ONEDNN]
    yield from parts("hot", 2, "--hot", "-n", "1", "--threads", "2", *ROUNDS)
    yield from parts("bf16", 2, "--dtype", "bf16", *SYNCED)
    yield from parts("fused", 2, "--act", "add_relu", *SYNCED)
    yield "numerics", ["--numerics", "-n", "2"]
    yield "openmp", ["--openmp", "-n", "1", "--threads", "2", "--shape",
                     "32x64x28x28,32x256x14x14,8x16x14x14"]


PIECES = dict(all_pieces())

# ---- measuring ----


def measure(args):
    # OpenMP's idle threads would keep the CPU from all others under a real-time priority
    report_runs.measure(args, {name: ["bn", *words] for name, words in PIECES.items()},
                        may_hold_cpus=lambda name: "openmp" not in name)


# ---- figures ----


def median_of(rows, *path):
    """The median over the runs of a number in the rows; None where none has it."""
    numbers = []
    for row in rows:
        for key in path:
            row = row.get(key, {}) if isinstance(row, dict) else {}
        if isinstance(row, (int, float)):
            numbers.append(row)
    return statistics.median(numbers) if numbers else None


def floor_rate(row):
    """GB/s at which the same tensors were copied."""
    return row["bytes"] / (row["floor"] * 1000)


class Figures:
    """All runs' rows of all pieces, by their name, which has everything that was asked for."""

    def __init__(self, folder, lowest=0, highest=math.inf):
        """lowest, highest: GB/s of the floor of the runs that count, as memory has several states."""
        self.rows, self.context, self.runs = {}, None, 0
        for path in sorted(folder.glob("*.json")):
            with open(path) as file:
                whole = json.load(file)
            self.context = whole["context"]
            for row in whole["benchmarks"]:
                if "floor" in row and not lowest <= floor_rate(row) < highest:
                    continue
                self.rows.setdefault(row["name"], []).append(row)
        if not self.rows:
            sys.exit(f"bn_report.py: {folder} has no such measurement; begin with bn_report.py measure")
        self.runs = min(map(len, self.rows.values()))

    def of(self, op="fwd", layout="nchw", dtype="f32", act="none", place="cold", ranks=2):
        """The runs' rows of each shape of such a layer."""
        found = {}
        for name, rows in self.rows.items():
            words = name.split("/")
            if words[1:2] + words[3:8] == [op, layout, dtype, act, place, f"ranks:{ranks}"]:
                found[words[2].partition("x")[2]] = rows
        return found

    def wrong_of_peers(self):
        return {name for rows in self.rows.values() for row in rows
                for name, peer in row.get("peers", {}).items()
                if isinstance(peer, dict) and peer.get("wrong", 0)}

    def wrong(self):
        return sum(row.get("wrong", 0) for rows in self.rows.values() for row in rows)


def side(shape):
    """28 of 128x28x28; 0 of a shape without space."""
    return int(shape.split("x")[-1]) if "x" in shape else 0


def floor_of(layout, shape):
    rows = layout != "nchw" or side(shape) == 0
    return "read_copy_multiple" if rows else "floor_multiple"


# ---- what must hold ----


class Table:
    def __init__(self):
        self.lines, self.short, self.missing = [], 0, 0

    def add(self, what, must, aim, worst, figures, holds):
        """figures: a text a shape, the worst first."""
        if worst is None:
            self.missing += 1
            self.lines.append(f"| {what} | {must} | {aim} | not measured | | |")
            return
        self.short += not holds
        self.lines.append(f"| {what} | {must} | {aim} | {worst} | {figures} | "
                          f"{'yes' if holds else '**no**'} |")

    def upper(self, what, aim, numbers, limits):
        """numbers, limits: by shape. The worst is the one that is furthest above its limit."""
        self.bound(what, aim, numbers, limits, "<=", lambda n, limit: n / limit)

    def lower(self, what, aim, numbers, limits):
        self.bound(what, aim, numbers, limits, ">=", lambda n, limit: limit / n)

    def bound(self, what, aim, numbers, limits, sign, excess):
        numbers = {shape: n for shape, n in numbers.items() if n is not None}
        must = ", ".join(dict.fromkeys(f"{sign} {limits[s]:.2f}" for s in numbers)) or "-"
        if not numbers:
            self.add(what, must, aim, None, None, False)
            return
        worst = max(numbers, key=lambda s: excess(numbers[s], limits[s]))
        others = sum(excess(numbers[s], limits[s]) <= 1 for s in numbers)
        self.add(what, must, aim, f"{numbers[worst]:.2f} ({worst})",
                 f"{others} of {len(numbers)}, median {statistics.median(numbers.values()):.2f}",
                 others == len(numbers))


def multiples(figures, key="floor_multiple", keep=lambda shape: True, **words):
    return {s: median_of(rows, key) for s, rows in figures.of(**words).items() if keep(s)}


def ratios(figures, peer, **words):
    return {s: median_of(rows, "peers", peer, "ratio") for s, rows in figures.of(**words).items()}


def same_limit(numbers, limit):
    return dict.fromkeys(numbers, limit)


def add_floors(table, figures):
    large, small = lambda s: side(s) >= 28, lambda s: 0 < side(s) < 28
    for op, what, limits, aims in (("fwd", "forward", (1.40, 1.75), ("1.15", "1.4")),
                                   ("bwd", "backward", (1.45, 1.70), ("1.15", "1.4"))):
        for keep, size, limit, aim in ((large, "28x28 and more", limits[0], aims[0]),
                                       (small, "14x14 and 7x7", limits[1], aims[1])):
            numbers = multiples(figures, keep=keep, op=op)
            each = same_limit(numbers, limit)
            if op == "fwd" and "128x28x28" in each:
                each["128x28x28"] = 1.55
            table.upper(f"{what} NCHW, synchronized, {size}, of the floor", aim, numbers, each)
    hot = multiples(figures, place="hot", ranks=1)
    table.upper("forward, x hot in L3, 1 process x 2 threads", "1.0", hot, same_limit(hot, 1.15))


def add_synchronizing(table, figures):
    for op in ("fwd", "bwd"):
        numbers = {}
        for shape, rows in figures.of(op=op).items():
            # the floor's bytes count each tensor; two or three of them are moved
            tensor = rows[0]["bytes"] / (2 if op == "fwd" else 3) / rows[0]["ranks"]
            if tensor >= 6e6:
                numbers[shape] = median_of(rows, "alone_multiple")
        table.upper(f"cost of synchronizing, {op}, 6 MB a process and more, of alone", "1.0",
                    numbers, same_limit(numbers, 1.05))


def geometric(numbers):
    numbers = [n for n in numbers.values() if n is not None]
    return statistics.geometric_mean(numbers) if numbers else None


def add_peers(table, figures):
    for op, least in (("fwd", 5.0), ("bwd", 3.5)):
        numbers = {s: n for s, n in ratios(figures, "onednn", op=op).items() if side(s) > 0}
        table.lower(f"oneDNN nchw by ours, {op}", "", numbers, same_limit(numbers, least))
    for op, least, aim in (("fwd", 1.2, "1.6"), ("bwd", 1.1, "1.3")):
        numbers = ratios(figures, "onednn-blocked", op=op)
        mean = geometric(numbers)
        table.lower(f"oneDNN blocked by ours, {op}, every shape", "", numbers,
                    same_limit(numbers, 1.0))
        table.lower(f"oneDNN blocked by ours, {op}, geometric mean", aim, {"all": mean},
                    {"all": least})
    for op, least in (("fwd", 3.0), ("bwd", 2.8)):
        numbers = ratios(figures, "torch-gloo", op=op)
        table.lower(f"PyTorch + gloo by ours, {op}", "10", numbers, same_limit(numbers, least))


def add_layouts(table, figures):
    for layout in ("nhwc", "nchw16c", "nchw"):
        for op in ("fwd", "bwd"):
            flat = layout == "nchw"
            keep = (lambda s: side(s) == 0) if flat else (lambda s: side(s) > 0)
            name = "2-D 4096x1024" if flat else layout.upper() if layout == "nhwc" else "nChw16c"
            numbers = multiples(figures, "read_copy_multiple", keep, op=op, layout=layout)
            table.upper(f"{name}, {op}, of read pass + copy", "1.1", numbers,
                        same_limit(numbers, 1.5))
            peer = {s: n for s, n in ratios(figures, "onednn", op=op, layout=layout).items()
                    if keep(s)}
            table.lower(f"oneDNN {name} by ours, {op}", "", peer, same_limit(peer, 1.0))


def add_others(table, figures):
    numbers = multiples(figures, dtype="bf16")
    table.upper("bfloat16 NCHW forward, of its own floor", "1.2", numbers,
                same_limit(numbers, 1.5))
    fused = {s: n and 1 / n for s, n in
             multiples(figures, "apart_multiple", act="add_relu").items()}
    table.lower("BN+add+ReLU fused, separate passes by ours", "", fused, same_limit(fused, 1.3))
    lost = {name.split("/")[3].partition("x")[2]: 1 + median_of(rows, "lost")
            for name, rows in figures.rows.items() if name.startswith("bn/openmp/")}
    table.upper("alternating with OpenMP, of each alone", "1.0", lost, same_limit(lost, 1.05))
    for error in ("variance", "y"):
        worst = median_of([row for name, rows in figures.rows.items() for row in rows
                           if name.startswith("bn/numerics") and name.endswith("/mean-1e4-sd-1")],
                          error)
        text = None if worst is None else f"{worst:.1e}"
        table.add(f"error of {error} at mean 1e4, sd 1", "<= 1e-6", "", text, "",
                  worst is not None and worst <= 1e-6)


def print_shapes(figures):
    peers = ("onednn", "onednn-blocked", "torch-gloo")
    for op in (op for op in ("fwd", "bwd") if figures.of(op=op)):
        print(f"\n{op}, float32 NCHW, cold, 2 processes x 1 thread; ratios: theirs by ours\n")
        print("| shape | us | of the floor | of alone | " + " | ".join(peers) + " |")
        print("|---|---|---|---|" + "---|" * len(peers))
        found = figures.of(op=op)
        for shape in (s for s in RESNET50 if s in found):
            rows = found[shape]
            cells = [median_of(rows, "real_time"), median_of(rows, "floor_multiple"),
                     median_of(rows, "alone_multiple"),
                     *(median_of(rows, "peers", peer, "ratio") for peer in peers)]
            texts = [f"{cells[0]:.0f}", *("-" if c is None else f"{c:.2f}" for c in cells[1:])]
            print(f"| {shape} | " + " | ".join(texts) + " |")


def tables(args):
    figures = Figures(args.dir, args.floor_above, args.floor_below)
    table = Table()
    for add in (add_floors, add_synchronizing, add_peers, add_layouts, add_others):
        add(table, figures)
    context = figures.context
    print(f"{context['cpu']}, {context['num_cpus']} CPUs, kernels {context['kernels']}, "
          f"{context['date'][:10]}; medians of {figures.runs} runs at least; "
          f"{figures.wrong()} wrong values of ours\n")
    print("| what | must | aim | worst | holds for | holds |\n|---|---|---|---|---|---|")
    print("\n".join(table.lines))
    if figures.wrong_of_peers():
        print(f"\nWrong values in some shapes, which count all the same: "
              f"{', '.join(sorted(figures.wrong_of_peers()))}")
    print(f"\n{len(table.lines) - table.short - table.missing} of {len(table.lines)} hold, "
          f"{table.short} are short, {table.missing} were not measured")
    print_shapes(figures)
    return 1 if table.short or table.missing or figures.wrong() else 0


# ---- the plot ----

SERIES = (("syncbn, synchronized", None, "#1b6ca8"),
          ("oneDNN blocked", "onednn-blocked", "#f2a541"),
          ("oneDNN nchw", "onednn", "#c8553d"), ("PyTorch + gloo", "torch-gloo", "#8a8a8a"))

GNUPLOT = """
set terminal svg size 1000,640 font "Helvetica,13" background "#ffffff" enhanced
set output "{output}"
set multiplot layout 2,1 margins 0.065,0.99,0.06,0.84 spacing 0,0.05
set style data histogram
set style histogram clustered gap 1
set style fill solid border lc "white"
set boxwidth 0.92
set logscale y 2
set yrange [0.9:{top}]
set ytics (1, 2, 4, 8, 16, 32, 64) nomirror
set xtics nomirror scale 0 font ",10.5"
set border 3 lc "#888888"
set grid ytics lc "#dddddd" lt 1
set ylabel "times a copy" offset 1.5
set label 1 "{title}" at screen 0.02,0.96 font "Helvetica,18"
set label 2 "{subtitle}" at screen 0.02,0.918 textcolor "#555555"
set key at screen 0.985,0.888 right top horizontal samplen 1 width 2
set arrow 1 from graph 0,first 1 to graph 1,first 1 nohead lc "#333333" lw 1.2 front
$fwd << EOD
{fwd}
EOD
$bwd << EOD
{bwd}
EOD
set label 3 "forward" at graph 0.008,0.93 font "Helvetica,15" front
plot {plot_fwd}
unset key
unset label 1
unset label 2
set label 3 "backward"
plot {plot_bwd}
"""


def block_of(figures, op):
    """A line a shape: its name, and each series' multiple of the floor."""
    lines = []
    found = figures.of(op=op)
    for shape in (s for s in RESNET50 if s in found):
        own = median_of(found[shape], "floor_multiple")
        cells = []
        for _, peer, _ in SERIES:
            ratio = 1 if peer is None else median_of(found[shape], "peers", peer, "ratio")
            cells.append("?" if ratio is None else f"{own * ratio:.3f}")
        lines.append(f'"{shape}" ' + " ".join(cells))
    return lines


def plot_line(block, title):
    # the upper plot has the names of the series, the lower one those of the shapes
    tic = ':xtic("")' if title else ":xtic(1)"
    return ", ".join(
        f'${block} using {i + 2}{tic} lc "{color}" title "{name if title else ""}"'
        for i, (name, _, color) in enumerate(SERIES))


def plot(args):
    figures = Figures(args.dir)
    fwd, bwd = block_of(figures, "fwd"), block_of(figures, "bwd")
    numbers = [float(c) for line in fwd + bwd for c in line.split()[1:] if c != "?"]
    if not fwd or not bwd:
        sys.exit("bn_report.py: a plot needs the pieces fwd-* and bwd-*")
    script = GNUPLOT.format(
        output=args.svg, top=max(numbers) * 1.5, fwd="\n".join(fwd), bwd="\n".join(bwd),
        plot_fwd=plot_line("fwd", True), plot_bwd=plot_line("bwd", False),
        title="Batch norm as a multiple of copying the same memory",
        subtitle=f"ResNet-50, float32, batch {BATCH}, 2 processes of 1 thread, "
                 f"tensors in memory; {figures.context['cpu']}, {figures.context['date'][:10]}")
    try:
        subprocess.run(["gnuplot"], input=script, text=True, check=True)
    except FileNotFoundError:
        sys.exit("bn_report.py: a plot needs gnuplot (Debian: gnuplot-nox)")
    return 0


def main():
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("measure")
    report_runs.add_options(one, PIECES, perf=here / "build/tools/syncbn-perf")
    one.set_defaults(function=measure)
    one = commands.add_parser("tables")
    one.add_argument("dir", type=Path)
    one.add_argument("--floor-above", type=float, default=0, metavar="GBS",
                     help="of the runs whose floor is at least so fast")
    one.add_argument("--floor-below", type=float, default=math.inf, metavar="GBS",
                     help="of the runs whose floor is slower")
    one.set_defaults(function=tables)
    one = commands.add_parser("plot")
    one.add_argument("dir", type=Path)
    one.add_argument("svg")
    one.set_defaults(function=plot)
    args = parser.parse_args()
    sys.exit(args.function(args))


main()
