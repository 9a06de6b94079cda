# SPDX-License-Identifier: Apache-2.0
"""perf_bn_json.py FILE [PEER...]: whether syncbn-perf bn wrote what it promises, row by row."""
import json
import sys

TEXT, COUNT, TIME = "text", "count", "time"
CONTEXT = {"date": TEXT, "host_name": TEXT, "executable": TEXT, "library_version": TEXT,
           "num_cpus": COUNT, "cpu": TEXT, "places": TEXT, "kernels": TEXT}
ROW = {"name": TEXT, "run_name": TEXT, "run_type": TEXT, "shape": TEXT, "place": TEXT,
       "ranks": COUNT, "threads": COUNT, "bytes": COUNT, "iterations": COUNT, "real_time": TIME,
       "time_unit": TEXT, "p90": TIME, "p99": TIME, "cpu_time": TIME, "algbw": TIME, "floor": TIME,
       "floor_multiple": TIME, "wrong": COUNT}
PEER = {"real_time": TIME, "time_unit": TEXT, "p90": TIME, "p99": TIME, "ratio": TIME,
        "wrong": COUNT}
OPTIONAL = {name + end: TIME
            for name in ("alone", "apart", "read_copy") for end in ("", "_multiple")}
PHASES = {"moments": TIME, "exchange": TIME, "wait": TIME, "normalize": TIME}
LONGEST = 1000000  # times the call, for a busy machine; a wrapped counter is far above


def is_a(value, kind):
    if kind == TEXT:
        return isinstance(value, str) and value != ""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        return False
    return kind == TIME or isinstance(value, int)


def check(what, there, needed, optional=()):
    """Every needed field, no unknown one, each of its kind."""
    missing, unknown = set(needed) - set(there), set(there) - set(needed) - set(optional)
    assert not missing and not unknown, f"{what}: missing {missing}, unknown {unknown}"
    for name, value in there.items():
        kind = needed[name] if name in needed else optional[name]
        assert isinstance(kind, dict) or is_a(value, kind), f"{what}: {name} is {value!r}"


def near(a, b):
    return abs(a - b) <= 1e-6 * abs(b)


def check_row(row, peers):
    check(row["name"], row, {**ROW, "phases": {}, "peers": {}}, OPTIONAL)
    check("phases", row["phases"], PHASES)
    for name, us in row["phases"].items():
        assert us <= LONGEST * row["p99"], f"{name}: {us} us of a call of {row['p99']} us"
    assert row["time_unit"] == "us" and 0 < row["real_time"] <= row["p90"] <= row["p99"]
    assert row["iterations"] > 0 and row["ranks"] > 0 and row["bytes"] > 0
    assert row["place"] in ("cold", "hot") and f"/{row['shape']}/" in row["name"]
    assert row["name"].endswith(f"/ranks:{row['ranks']}/threads:{row['threads']}")
    for name in ("floor", "alone", "apart", "read_copy"):
        assert (name in row) == (name + "_multiple" in row)
        assert name not in row or near(row[name + "_multiple"], row["real_time"] / row[name])
    assert set(row["peers"]) == set(peers), set(row["peers"])
    for name, peer in row["peers"].items():
        check(name, peer, PEER)
        assert near(peer["ratio"], peer["real_time"] / row["real_time"])


def main():
    with open(sys.argv[1]) as file:
        whole = json.load(file, parse_constant=lambda word: sys.exit(f"{word} is not JSON"))
    assert list(whole) == ["context", "benchmarks"], list(whole)
    rounds = {"line_round_trip_min_ns", "line_round_trip_max_ns"}
    context = {name: value for name, value in whole["context"].items() if name not in rounds}
    check("context", context, {**CONTEXT, "settings": {}})
    for name, value in context["settings"].items():
        assert name.startswith("SYNCBN_") and is_a(value, TEXT), f"{name} is {value!r}"
    assert whole["benchmarks"], "no row"
    for row in whole["benchmarks"]:
        check_row(row, sys.argv[2:])
    names = [row["name"] for row in whole["benchmarks"]]
    assert len(set(names)) == len(names), "a name twice"


main()
