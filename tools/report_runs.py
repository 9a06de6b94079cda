# SPDX-License-Identifier: Apache-2.0
"""Runs syncbn-perf for a report: each piece some times, with one JSON file a piece and run."""
import shlex
import subprocess
import sys
from pathlib import Path


def add_options(parser, pieces, perf):
    """What measure() wants of the command line; perf: where the program is by default."""
    parser.add_argument("dir", type=Path)
    parser.add_argument("pieces", nargs="*", metavar="PIECE", help=" ".join(pieces))
    parser.add_argument("--perf", default=perf, help="the program")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--under", default="", help="a command that starts each run")
    parser.add_argument("--usual-priority", action="store_true",
                        help="do not ask for a real-time priority (chrt -f 1), which needs root")


def measure(args, pieces, may_hold_cpus):
    """Measures what args.dir does not have yet. pieces: the words of syncbn-perf by name;
    may_hold_cpus: whether the piece of that name may have a real-time priority."""
    program = Path(sys.argv[0]).name
    unknown = set(args.pieces) - set(pieces)
    if unknown:
        sys.exit(f"{program}: no piece {min(unknown)}; there are: {' '.join(pieces)}")
    args.dir.mkdir(parents=True, exist_ok=True)
    for run in range(1, args.runs + 1):
        for name in args.pieces or pieces:
            path = args.dir / f"{name}.{run}.json"
            if path.exists():
                continue
            print(f"{name}, run {run} of {args.runs}", flush=True)
            real_time = may_hold_cpus(name) and not args.usual_priority
            command = [*shlex.split(args.under), *(["chrt", "-f", "1"] if real_time else []),
                       args.perf, *pieces[name], "--json", path]
            failed = subprocess.run(command, stdout=subprocess.DEVNULL).returncode != 0
            if failed and not path.exists():
                hint = "; a real-time priority needs root, or --usual-priority" if real_time else ""
                sys.exit(f"{program}: failed: {shlex.join(map(str, command))}{hint}")
            if failed:
                print(f"{program}: {path} has wrong values of ours", flush=True)
