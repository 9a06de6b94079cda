#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of doc/performance.md: measured, and as Markdown.

  exchange_report.py measure DIR [PIECE...]   runs syncbn-perf; one JSON file in DIR a piece and run
  exchange_report.py tables DIR               every size, and whether what is wanted is reached

Pieces that DIR has already are not measured again, so measuring can be stopped and gone on with.
Rows of two ranks are told apart by the round trip of a cache line that stands beside each: a host
may move the CPUs of a virtual machine at any time. A figure is the median of the runs' figures, a
ratio that of the better MPI to ours. Exit code of tables: 1 if a row is short or wrong.
"""
import argparse
import json
import statistics
import sys
from pathlib import Path

import report_runs

CHANNELS = ["exchange", "--channels", "16,64,256,512,1024,2048,8192"]
BOTH = ["--peer", "openmpi", "--peer", "mpich"]
# MPICH spins where there are more ranks than CPUs, and needs milliseconds
CROWDED = ["--oversubscribe", "--peer", "openmpi"]

PIECES = {
    "exchange-2": [*CHANNELS, "-n", "2", *BOTH],
    "allreduce-2": ["allreduce", "-b", "128", "-e", "64K", "-f", "2", "-n", "2", *BOTH],
    "barrier-2": ["barrier", "-n", "2", *BOTH],
    "arena-2": ["allreduce", "--arena", "-b", "1M", "-e", "16M", "-f", "16", "-n", "2", *BOTH],
    "arena-2-large": ["allreduce", "--arena", "-b", "100M", "-e", "100M", "-n", "2", *BOTH],
}
for n in "4", "8":
    PIECES[f"exchange-{n}"] = [*CHANNELS, "-n", n, *CROWDED]
    PIECES[f"allreduce-{n}"] = ["allreduce", "-b", "2K", "-e", "64K", "-f", "2", "-n", n, *CROWDED]
    PIECES[f"barrier-{n}"] = ["barrier", "-n", n, *CROWDED]

NEAR_NS = 180  # a line's round trip below which syncbn-perf calls CPUs near

# ---- measuring ----


def measure(args):
    # with more ranks than CPUs, ranks must be able to yield to each other
    report_runs.measure(args, PIECES, may_hold_cpus=lambda name: name.split("-")[1] == "2")


# ---- what is wanted ----


def wanted(kind, ranks, size, place):
    """The ratio that the project asks of itself, or None."""
    if kind == "exchange":
        return (1.3 if size <= 8192 else 1) if ranks == 2 else None
    if kind == "barrier":
        return {2: 2 if place == "near" else 1.2, 4: 1, 8: 1.8}[ranks]
    if kind == "arena":
        return 3
    if ranks > 2:
        return 2
    if size <= 4096:
        return 2 if place == "near" else 1.7
    return 1.5 if place == "near" else 2


# ---- figures ----


def kind_of(row):
    kind = row["name"].split("/")[0]
    return "arena" if kind == "allreduce_arena" else kind


def place_of(row):
    if row["ranks"] != 2 or kind_of(row) == "arena":
        return ""
    return "near" if (row["line_round_trip_ns"] or 0) < NEAR_NS else "far"


def read(folder):
    """The runs' rows by what they measured and how far apart the CPUs were."""
    rows = {}
    for path in sorted(folder.glob("*.json")):
        for row in json.loads(path.read_text())["benchmarks"]:
            key = (kind_of(row), row["ranks"], place_of(row), row["bytes"])
            rows.setdefault(key, []).append(row)
    if not rows:
        sys.exit(f"exchange_report.py: nothing measured in {folder}")
    return rows


def median(numbers):
    return statistics.median(numbers) if numbers else None


def peer_us(rows, peer):
    return median([row["peers"][peer]["real_time"] for row in rows if peer in row["peers"]])


def ratio(rows):
    return median([min(peer["ratio"] for peer in row["peers"].values())
                   for row in rows if row["peers"]])


# ---- tables ----


def short(number):
    return "" if number is None else f"{number:.3g}" if number < 1000 else f"{number:.0f}"


def line(key, rows):
    kind, ranks, place, size = key
    goal, reached = wanted(kind, ranks, size, place), ratio(rows)
    cells = {
        "CPUs": place,
        "channels": str(size // 16) if kind == "exchange" else "",
        "bytes": str(size) if kind in ("exchange", "allreduce") else "",
        "MB": str(size >> 20) if kind == "arena" else "",
        "ranks": str(ranks) if kind == "barrier" else "",
        "runs": str(len(rows)),
        "us": short(median([row["real_time"] for row in rows])),
        "floor": short(median([row["floor"] for row in rows if "floor" in row])),
        "x": short(median([row["real_time"] / row["floor"] for row in rows if "floor" in row])),
        "Open MPI": short(peer_us(rows, "openmpi")),
        "MPICH": short(peer_us(rows, "mpich")),
        "ratio": "" if reached is None else f"{reached:.2f}",
        "wanted": "" if goal is None else f"{goal:g}",
        "": "" if goal is None or reached is None or reached >= goal else "short",
    }
    return cells


def print_table(title, lines):
    columns = [name for name in lines[0] if any(cells[name] for cells in lines)]
    print(f"\n{title}:\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for cells in lines:
        print(f"| {' | '.join(cells[name] for name in columns)} |")


def tables(args):
    rows = read(args.dir)
    groups = {}
    for key in sorted(rows, key=lambda k: (k[0], k[1], k[2] == "far", k[3])):
        title = {"barrier": "Barrier", "arena": "All-reduce in an arena, 2 ranks"}.get(
            key[0], f"{key[0]}, {key[1]} ranks{key[2] and ', CPUs '}{key[2]}")
        groups.setdefault(title, []).append(line(key, rows[key]))
    for title, lines in groups.items():
        if title != "Barrier":
            lines = [{**cells, "CPUs": ""} for cells in lines]
        print_table(title, lines)
    n_wrong = sum(row["wrong"] for some in rows.values() for row in some)
    n_short = sum(cells[""] != "" for lines in groups.values() for cells in lines)
    print(f"\n{n_short} rows are short of what is wanted; {n_wrong} wrong values.")
    return 1 if n_short or n_wrong else 0


def main():
    here = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure")
    report_runs.add_options(measuring, PIECES, perf=here / "build/tools/syncbn-perf")
    measuring.set_defaults(do=measure)
    telling = commands.add_parser("tables")
    telling.add_argument("dir", type=Path)
    telling.set_defaults(do=tables)
    args = parser.parse_args()
    return args.do(args)


if __name__ == "__main__":
    sys.exit(main())
