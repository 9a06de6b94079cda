#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes recorded cases for replay: inputs, and what float64 gives for them.

    generate.py [--set standard|large|random] [--seed N] [--count N] [DIR]

standard  the cases of the tree, tests/golden/cases (the default DIR)
large     shapes of real networks; some hundred megabytes
random    --count cases that --seed draws

The same seed gives the same files. Needs python3-torch and python3-numpy.
"""
import argparse
import pathlib
import shutil
import sys
import zlib

import numpy as np

sys.dont_write_bytecode = True
import catalogue  # noqa: E402
from reference import Running, Unit  # noqa: E402

PARAMETER_TYPE = {"f64": np.float64}  # of weight, bias and running statistics; else float32
ACTIVATION_TYPE = {"f64": np.float64, "f32": np.float32, "f16": np.float16}


def to_bf16(x):
    """The nearest bfloat16, ties to even, as its 16 bits."""
    bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16(bits):
    return (bits.astype(np.uint32) << 16).view(np.float32)


def rounded(case, x):
    """x as the case's dtype holds it, in float64."""
    if case.dtype == "bf16":
        return from_bf16(to_bf16(x)).astype(np.float64)
    result = x.astype(ACTIVATION_TYPE[case.dtype]).astype(np.float64)
    assert np.isfinite(result).all(), f"{case.name}: kind {case.kind} does not fit {case.dtype}"
    return result


class Writer:
    def __init__(self, directory, case):
        self.directory = directory / case.name
        self.case = case
        if (self.directory / "case.txt").exists():
            shutil.rmtree(self.directory)
        self.directory.mkdir(parents=True)

    def array(self, name, values, dtype=np.float64):
        values = np.ascontiguousarray(np.asarray(values, dtype=dtype))
        with open(self.directory / f"{name}.npy", "wb") as f:
            np.lib.format.write_array(f, values, version=(1, 0), allow_pickle=False)

    def activations(self, name, values):
        if self.case.dtype == "bf16":
            self.array(name + "_bf16", to_bf16(values), np.uint16)
        else:
            self.array(name, values, ACTIVATION_TYPE[self.case.dtype])

    def text(self):
        case = self.case
        groups = ";".join(",".join(map(str, ranks)) for ranks in case.groups)
        ns = ";".join(",".join(map(str, step)) for step in case.ns)
        keep = "None" if case.momentum is None else repr(round(1 - case.momentum, 12))
        lines = [
            ("name", case.name), ("world", case.world), ("steps", len(case.ns)), ("C", case.C),
            ("spatial", " ".join(map(str, case.spatial))), ("groups", groups),
            ("dtype", case.dtype), ("eps", repr(case.eps)), ("momentum_torch", case.momentum),
            ("momentum_mindspore", keep), ("affine", int(case.affine)),
            ("track_running_stats", int(case.track)), ("mode", case.mode), ("fuse", case.fuse),
            ("slope", repr(case.slope)), ("kind", case.kind), ("ns", ns),
        ]
        text = "".join(f"{key}={value}\n" for key, value in lines)
        (self.directory / "case.txt").write_text(text)


def units_of(case):
    """Per rank: the number of its list or -1, and its unit. Units: lists of ranks."""
    group = [-1] * case.world
    for number, ranks in enumerate(case.groups):
        for rank in ranks:
            group[rank] = number
    units = []
    for rank in range(case.world):
        together = [rank]
        if group[rank] >= 0 and not case.local_statistics():
            together = sorted(case.groups[group[rank]])
        if together not in units:
            units.append(together)
    unit = [next(u for u, ranks in enumerate(units) if r in ranks) for r in range(case.world)]
    return group, unit, units


def parameters(case, rng):
    kind = PARAMETER_TYPE.get(case.dtype, np.float32)
    arrays = {
        "weight": rng.normal(1.0, 0.5, case.C), "bias": rng.normal(0.0, 0.5, case.C),
        "rm0": rng.normal(0.0, 1.0, case.C), "rv0": rng.uniform(0.5, 2.0, case.C),
    }
    if case.mode == "eval" and case.kind.startswith("offset"):
        arrays["rm0"] += catalogue.offsets(case)
    return {name: a.astype(kind).astype(np.float64) for name, a in arrays.items()}


def run_step(case, rng, ranks_of, p, running, step):
    """Inputs of all ranks and the units' results; index: where each rank's samples lie."""
    ns = case.ns[step]
    begin = np.concatenate([[0], np.cumsum(ns)]).astype(int)
    shape = (int(begin[-1]), case.C) + tuple(case.spatial)
    owner = np.repeat(np.arange(case.world), ns)
    x = rounded(case, catalogue.draw(case, rng, shape, owner))
    dy = rounded(case, catalogue.draw_gradient(case, rng, x))
    z = rounded(case, rng.normal(0.0, 1.0, shape)) if case.fuse == "add_relu" else None
    weight, bias = (p["weight"], p["bias"]) if case.affine else (None, None)
    units = []
    for u, ranks in enumerate(ranks_of):
        index = np.concatenate([np.arange(begin[r], begin[r + 1]) for r in ranks])
        unit = Unit(case, x[index], dy[index], None if z is None else z[index], weight, bias,
                    (running[u].mean, running[u].unbiased))
        unit.index, unit.ranks = index, ranks
        running[u].record(unit)
        units.append(unit)
    return x, dy, z, units


def write_step(w, case, k, x, dy, z, units, running):
    outputs = {"y": np.zeros(x.shape), "dx": np.zeros(x.shape), "dz": np.zeros(x.shape)}
    gw, gb = np.zeros((case.world, case.C)), np.zeros((case.world, case.C))
    for unit in units:
        at = 0
        dy[unit.index] = unit.dy
        for name, values in outputs.items():
            values[unit.index] = getattr(unit, name)
        for rank in unit.ranks:
            gw[rank], gb[rank] = unit.local_gradients(at, at + case.ns[k][rank])
            at += case.ns[k][rank]
    w.activations(f"s{k}_x", x)
    w.activations(f"s{k}_dy", dy)
    if z is not None:
        w.activations(f"s{k}_z", z)
    else:
        del outputs["dz"]
    for name, values in outputs.items():
        w.array(f"s{k}_{name}", values)
    w.array(f"s{k}_gw", gw)
    w.array(f"s{k}_gb", gb)
    for name in ("mean", "var"):
        w.array(f"s{k}_{name}", [getattr(unit, name) for unit in units])
    w.array(f"s{k}_count", [unit.count for unit in units], np.int64)
    w.array(f"s{k}_sum_dy", [unit.sums()[0] for unit in units])
    w.array(f"s{k}_sum_dy_xmu", [unit.sums()[1] for unit in units])
    if case.track:
        w.array(f"s{k}_rm", [r.mean for r in running])
        w.array(f"s{k}_rv_unbiased", [r.unbiased for r in running])
        w.array(f"s{k}_rv_biased", [r.biased for r in running])
        w.array(f"s{k}_nbt", [r.tracked for r in running], np.int64)


def write_case(directory, case, seed):
    rng = np.random.Generator(np.random.PCG64([seed, zlib.crc32(case.name.encode())]))
    group, unit, ranks_of = units_of(case)
    p = parameters(case, rng)
    running = [Running(case, p["rm0"], p["rv0"]) for _ in ranks_of]
    w = Writer(directory, case)
    w.text()
    w.array("ns", case.ns, np.int64)
    w.array("group", group, np.int64)
    w.array("unit", unit, np.int64)
    kind = PARAMETER_TYPE.get(case.dtype, np.float32)
    for name in (["weight", "bias"] if case.affine else []):
        w.array(name, p[name], kind)
    for name in (["rm0", "rv0"] if case.track else []):
        w.array(name, p[name])
    for k in range(len(case.ns)):
        write_step(w, case, k, *run_step(case, rng, ranks_of, p, running, k), running)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--set", choices=["standard", "large", "random"], default="standard")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("directory", nargs="?", type=pathlib.Path)
    args = parser.parse_args()
    if args.directory is None:
        if args.set != "standard":
            parser.error("name a directory: only the standard set has a place of its own")
        args.directory = pathlib.Path(__file__).parent / "cases"
        shutil.rmtree(args.directory, ignore_errors=True)
    chosen = {"standard": catalogue.standard, "large": catalogue.large,
              "random": lambda: catalogue.random(args.seed, args.count)}[args.set]()
    names = [case.name for case in chosen]
    assert len(set(names)) == len(names), "two cases of one name"
    for case in chosen:
        write_case(args.directory, case, args.seed)
    print(f"{len(chosen)} cases in {args.directory}")


if __name__ == "__main__":
    main()
