# SPDX-License-Identifier: Apache-2.0
"""Which cases are recorded, and what their inputs look like."""
import dataclasses
import itertools

import numpy as np


@dataclasses.dataclass
class Case:
    name: str
    ns: list  # batch sizes: a list of steps, each a list of ranks
    C: int = 5
    spatial: tuple = (5, 3)
    groups: list = None  # None: all ranks together
    dtype: str = "f32"
    eps: float = 1e-5
    momentum: float = 0.1  # torch's; None: the cumulative average
    affine: bool = True
    track: bool = True
    mode: str = "train"
    fuse: str = "None"
    slope: float = 0.01
    kind: str = "normal"
    scale: float = 1.0  # of kind huge
    dy_mean: float = 0.0
    dy_x: float = 0.0  # how much of the standardized x is in dy

    def __post_init__(self):
        self.world = len(self.ns[0])
        if self.groups is None:
            self.groups = [list(range(self.world))]

    def by_running(self):
        return self.mode == "eval" and self.track

    def local_statistics(self):
        return self.mode == "eval" and not self.track


# ---- inputs ----

def offsets(case):
    """Of each channel, by kind."""
    if case.kind == "offset1e3":
        return np.full(case.C, 1e3)
    if case.kind == "offset1e5":
        return np.full(case.C, 1e5)
    return 1e3 * (1 + np.arange(case.C) % 8)


def mixed(case, rng, x, owner):
    """Every channel of another nature."""
    const = (0, rng.normal()) if case.eps >= 1e-5 else (1, 0)
    large = 100.0 if case.dtype == "f16" else 1e4
    natures = [(1, 0), const, (1e-3, 0), (1, 1e3), (large, -1.0)]
    for c in range(case.C):
        factor, offset = natures[c % len(natures)]
        x[:, c] = x[:, c] * factor + offset
    if case.C > len(natures):
        x[:, len(natures)] = owner.reshape((-1,) + (1,) * (x.ndim - 2))
    return x


def draw(case, rng, shape, owner):
    """x of all ranks; owner: each sample's rank."""
    x = rng.normal(0.0, 1.0, shape)
    channels = (1, -1) + (1,) * len(case.spatial)
    if case.kind in ("offset1e3", "offset1e5"):
        return x + offsets(case).reshape(channels)
    if case.kind == "offset_channels":
        return 0.1 * x + offsets(case).reshape(channels)
    if case.kind == "const":
        return np.broadcast_to(rng.normal(0.0, 3.0, case.C).reshape(channels), shape).copy()
    if case.kind == "close":  # with eps 1e-5, dx of two values is a hundredth of its terms
        return 0.03 * x
    if case.kind == "tiny":
        return 1e-20 * x
    if case.kind == "huge":
        return case.scale * (x + 0.5)  # a mean of 0 would be left over from sums of 1e19
    if case.kind == "outlier" and len(x) > 0:
        x[rng.integers(len(x))].reshape(case.C, -1)[:, 0] = 3e4
    if case.kind == "mixed":
        return mixed(case, rng, x, owner)
    return x


def draw_gradient(case, rng, x):
    """dy of all ranks."""
    dy = rng.normal(case.dy_mean, 1.0, x.shape)
    if case.dy_x != 0:
        axes = (0,) + tuple(range(2, x.ndim))
        dy += case.dy_x * (x - x.mean(axis=axes, keepdims=True)) / x.std(axis=axes, keepdims=True)
    return dy


# ---- the standard set ----

def kinds():
    shapes = itertools.cycle([((7,), 3), ((5, 3), 8), ((), 17), ((7, 7), 3), ((2, 3, 5), 3)])
    splits = itertools.cycle([[9, 8], [6], [3, 4, 5], [2, 5, 3, 4], [2] * 8])
    for dtype in ("f32", "f64", "f16", "bf16"):
        for kind in ("normal", "offset1e3", "offset1e5", "offset_channels", "const", "tiny",
                     "huge", "outlier", "mixed"):
            if dtype == "f16" and kind in ("offset1e5", "tiny", "huge"):
                continue
            spatial, channels = next(shapes)
            for scale in (1e15, 1e19) if kind == "huge" else (1.0,):
                suffix = f"{scale:.0e}".replace("+", "") if kind == "huge" else ""
                yield Case(f"kind_{kind}{suffix}_{dtype}", [next(splits)], channels, spatial,
                           dtype=dtype, kind=kind, scale=scale,
                           dy_mean=3.0 if kind == "outlier" else 0.0)


def far_off():
    """Where dy adds up to thousands, dgamma shows what one double loses of a mean of 1e5."""
    for name, ns in (("alone", [50]), ("three", [20, 0, 30]), ("eight", [7, 1, 9, 0, 8, 12, 5, 6])):
        yield Case(f"far_off_{name}_f64", [ns], 3, (40,), dtype="f64", kind="offset1e5",
                   dy_mean=3.0)
    yield Case("far_off_2d_c2050_f64", [[2, 1]], 2050, (), dtype="f64", kind="offset1e5")


def few():
    for dtype in ("f32", "bf16"):
        yield Case(f"few_2_{dtype}", [[1, 1]], 200, (), dtype=dtype, kind="close")
    yield Case("few_3", [[1, 0, 2]], 200, (), kind="close", fuse="leaky_relu", slope=0.2)
    yield Case("few_4_add_relu", [[1, 1]], 100, (2,), kind="close", fuse="add_relu")
    yield Case("few_12_offset1e3", [[1, 2]], 33, (2, 2), kind="offset1e3")


def epsilons():
    for eps in (1e-3, 1e-2, 1e-12, 0.0):
        for dtype in ("f32", "f64"):
            yield Case(f"eps_{eps:g}_{dtype}", [[4, 3]], 8, (7,), dtype=dtype, eps=eps)
        yield Case(f"eps_{eps:g}_eval", [[2, 3]], 3, (5, 3), eps=eps, mode="eval")
    for dtype in ("f32", "f64"):
        yield Case(f"eps_1e-12_const_{dtype}", [[4, 3, 2]], 3, (7,), dtype=dtype, eps=1e-12,
                   kind="const")
        yield Case(f"eps_1e-12_tiny_{dtype}", [[4, 3]], 3, (7,), dtype=dtype, eps=1e-12,
                   kind="tiny")
    yield Case("eps_0_offset1e5", [[4, 3]], 3, (7,), eps=0.0, kind="offset1e5")


def momenta():
    steps = [[4, 3], [2, 5], [3, 3]]
    for momentum in (0.1, 0.0, 1.0, 0.37, None):
        name = "cumulative" if momentum is None else f"{momentum:g}"
        yield Case(f"momentum_{name}", steps, 3, (7,), momentum=momentum)
    for dtype in ("f64", "bf16"):
        yield Case(f"momentum_cumulative_{dtype}", steps, 3, (7,), dtype=dtype, momentum=None)
    yield Case("momentum_1_const", steps, 3, (7,), momentum=1.0, kind="const")
    yield Case("momentum_cumulative_offset1e5", steps, 3, (7,), momentum=None, kind="offset1e5")
    yield Case("momentum_cumulative_empty_step", [[3, 0], [0, 0], [2, 4]], 3, (7,), momentum=None)


def modes():
    for dtype in ("f32", "f16"):
        for affine, track, mode in itertools.product((1, 0), (1, 0), ("train", "eval")):
            yield Case(f"mode_affine{affine}_track{track}_{mode}_{dtype}", [[4, 3, 2], [2, 2, 3]],
                       3, (5,), dtype=dtype, affine=bool(affine), track=bool(track), mode=mode)
    yield Case("mode_eval_local_f64", [[4, 0, 2]], 3, (5,), dtype="f64", track=False, mode="eval")
    yield Case("mode_eval_local_groups", [[4, 3, 2, 2]], 3, (5,), track=False, mode="eval",
               groups=[[0, 2], [1, 3]], fuse="relu")
    yield Case("mode_eval_offset1e5", [[4, 3]], 3, (7,), mode="eval", kind="offset1e5")


def fused():
    choices = [("relu", 0.01), ("leaky_relu", 0.01), ("leaky_relu", 0.2), ("add_relu", 0.01)]
    for dtype in ("f32", "f64", "f16", "bf16"):
        for fuse, slope in choices:
            name = f"fuse_{fuse}" + ("_0.2" if slope == 0.2 else "")
            yield Case(f"{name}_{dtype}", [[3, 4]], 8, (7,), dtype=dtype, fuse=fuse, slope=slope)
    for fuse, slope in choices:
        yield Case(f"fuse_{fuse}_{slope:g}_eval", [[2, 3], [3, 1]], 3, (7,), fuse=fuse,
                   slope=slope, mode="eval")
        yield Case(f"fuse_{fuse}_{slope:g}_plain", [[2, 3]], 17, (), fuse=fuse, slope=slope,
                   affine=False)
    yield Case("fuse_add_relu_offset1e3", [[3, 4]], 8, (7,), fuse="add_relu", kind="offset1e3")
    # g is far from 0 and its distance from its mean is not, and invstd is 316
    yield Case("fuse_leaky_relu_0.2_const", [[9, 0, 8], [40, 40, 20]], 8, (7,), fuse="leaky_relu",
               slope=0.2, kind="const", dy_mean=3.0)
    yield Case("fuse_add_relu_empty_rank", [[3, 0, 2]], 8, (3, 3), fuse="add_relu")
    yield Case("fuse_relu_mixed", [[3, 2]], 8, (3, 3), fuse="relu", kind="mixed")


def grouped():
    def case(name, ns, groups, **others):
        return Case(f"groups_{name}", [ns], others.pop("C", 3), (5, 3), groups=groups, **others)

    yield case("halves", [2, 3, 4, 2], [[0, 1], [2, 3]])
    yield case("crossed", [2, 3, 4, 2], [[0, 2], [1, 3]])
    yield case("reversed", [2, 3, 4, 2], [[3, 1, 0]])
    yield case("list_of_one", [2, 3, 4, 2], [[2], [3, 0]])
    yield case("none", [2, 3, 4], [])
    yield case("none_of_two_bf16", [2, 3], [], dtype="bf16")
    yield case("in_eight", [1, 2, 1, 2, 1, 2, 1, 2], [[7, 0], [3, 5, 4]], C=8)
    yield case("fours", [1, 2, 1, 2, 1, 2, 1, 2], [[0, 1, 2, 3], [4, 5, 6, 7]], C=17)
    yield case("an_empty_one", [0, 3, 0, 2], [[0, 2], [1, 3]])
    yield case("eval", [2, 3, 4, 2], [[0, 2], [1, 3]], mode="eval", fuse="relu")
    yield Case("groups_steps", [[2, 3, 1, 2], [1, 1, 4, 1], [2, 0, 0, 3]], 3, (7,), dtype="f64",
               groups=[[2, 0], [3, 1]], momentum=0.37)


def batches():
    def case(name, ns, **others):
        return Case(f"batch_{name}", [ns], others.pop("C", 3), others.pop("spatial", (7,)),
                    **others)

    for world in (1, 2, 3, 4, 8):
        yield case(f"equal_{world}", [2] * world)
        yield case(f"unequal_{world}", [1 + (3 * r) % 5 for r in range(world)])
    yield case("first_empty", [0, 3, 2])
    yield case("last_empty", [2, 3, 0])
    yield case("one_rank_has_all", [0, 0, 4, 0])
    for dtype in ("f32", "f64", "f16", "bf16"):
        yield case(f"all_empty_{dtype}", [0, 0], dtype=dtype)
        yield case(f"one_value_each_{dtype}", [1, 1], spatial=(), dtype=dtype)
    yield case("empty_alone", [0])
    yield case("all_empty_eval", [0, 0], mode="eval")
    yield case("empty_eval", [0, 2], mode="eval")
    yield case("one_value_eval", [1], spatial=(1, 1), mode="eval")
    yield case("one_value_on_eight", [1] * 8, spatial=(), C=16)


def shapes():
    spatials = [(), (7,), (1,), (1, 1), (7, 7), (5, 3), (3, 5, 2), (1, 1, 1), (4, 1, 9)]
    channels = itertools.cycle([1, 3, 8, 16, 17, 33, 64])
    for spatial, dtype in itertools.product(spatials, ("f32", "bf16")):
        c = next(channels)
        shape = "x".join(map(str, spatial)) if spatial else "2d"
        ns = [3, 2] if c * int(np.prod(spatial)) > 300 else [6, 3]
        yield Case(f"shape_{shape}_c{c}_{dtype}", [ns], c, spatial, dtype=dtype)
    yield Case("shape_2049_c1", [[1, 2]], 1, (2049,))
    yield Case("shape_45x46_c1_f16", [[1, 1]], 1, (45, 46), dtype="f16", fuse="relu")
    yield Case("shape_130_rows_c2", [[131, 129]], 2, (3,), kind="offset1e3")
    yield Case("shape_2d_c33_rows", [[65, 40]], 33, (), fuse="leaky_relu", slope=0.2)
    yield Case("shape_7x7_c64_f64", [[1, 1]], 64, (7, 7), dtype="f64")


def onnx():
    """The node tests of ONNX BatchNormalization, whose momentum 0.9 keeps the old value."""
    for world, ns in ((1, [2]), (2, [1, 1])):
        for name, eps in (("example", 1e-5), ("epsilon", 1e-2)):
            for mode in ("eval", "train"):
                suffix = "_training_mode" if mode == "train" else ""
                yield Case(f"onnx_{name}{suffix}_world{world}", [ns], 3, (4, 5), eps=eps,
                           mode=mode)


def standard():
    families = (kinds, far_off, few, epsilons, momenta, modes, fused, grouped, batches, shapes, onnx)
    return [case for family in families for case in family()]


# ---- sets that are not kept ----

def large():
    """Layers of ResNet-50 and MobileNetV2, small batches."""
    return list(large_layers())


def large_layers():
    # sums of many thousands that come to nearly 0 would show how float32 adds, and nothing else
    alike = {"dy_mean": 1.0, "dy_x": 0.5}
    layers = [(64, (112, 112)), (64, (56, 56)), (256, (56, 56)), (512, (28, 28)),
              (1024, (14, 14)), (2048, (7, 7)), (1280, (7, 7)), (96, (57, 55))]
    for i, (channels, spatial) in enumerate(layers):
        for dtype in ("f32", "bf16") if channels <= 256 else ("f32",):
            yield Case(f"large_{channels}_{spatial[0]}x{spatial[1]}_{dtype}", [[1, 2]], channels,
                       spatial, dtype=dtype, fuse="add_relu" if i % 2 else "None",
                       kind="offset1e3" if i == 2 else "normal", **alike)
    yield Case("large_8_d16x56x56", [[1, 1, 2, 1]], 8, (16, 56, 56), **alike)


def random_groups(rng, world):
    ranks = list(map(int, rng.permutation(world)))
    groups = []
    while ranks and rng.random() < 0.8:
        n = int(rng.integers(1, len(ranks) + 1))
        groups.append(ranks[:n])
        ranks = ranks[n:]
    return groups


def random_kind(rng, dtype, eps):
    kinds_of = ["normal", "normal", "offset1e3", "offset_channels", "const", "outlier", "mixed"]
    if dtype != "f16":
        kinds_of += ["offset1e5", "tiny", "huge"]
    kind = str(rng.choice(kinds_of))
    return "normal" if kind == "const" and eps < 1e-5 else kind


def random_case(rng, name):
    """A case that may be refused by is_legal()."""
    def one_of(*choices):
        return choices[int(rng.integers(len(choices)))]

    world = one_of(1, 2, 2, 3, 4, 8)
    spatial = one_of((), (1,), (9,), (1, 1), (7, 7), (5, 3), (13, 1), (3, 5, 2), (40, 60))
    channels = one_of(1, 2, 3, 5, 8, 15, 16, 17, 24, 31, 33, 40, 64)
    most = max(1, 4000 // (channels * int(np.prod(spatial)) * world))
    dtype = one_of("f32", "f32", "f64", "f16", "bf16")
    eps = one_of(1e-5, 1e-5, 1e-3, 1e-2, 1e-12, 0.0)
    kind = random_kind(rng, dtype, eps)
    mode = one_of("train", "train", "eval")
    ns = [[int(n) for n in rng.integers(0, min(most, 40) + 1, world)]
          for _ in range(one_of(1, 2, 3))]
    return Case(name, ns, channels, spatial, one_of(None, None, random_groups(rng, world)), dtype,
                eps, one_of(0.1, 0.1, 0.0, 1.0, 0.37, None), one_of(True, True, False),
                one_of(True, True, False), mode,
                one_of("None", "None", "relu", "leaky_relu", "add_relu"), one_of(0.01, 0.2), kind,
                one_of(1e15, 1e19), one_of(0.0, 3.0))


def is_legal(case):
    """
    No unit normalizes one value by itself. A channel whose variance may be 0 needs an eps, and
    after a normalization to exactly 0 a relu would show nothing but roundings.
    """
    if case.eps < 1e-5 and (case.dtype in ("f16", "bf16") or case.kind in ("tiny", "mixed")):
        return False
    if case.fuse != "None" and not case.affine and case.kind in ("const", "mixed"):
        return False
    if case.by_running():
        return True
    groups = [] if case.local_statistics() else case.groups
    lone = [[r] for r in range(case.world) if not any(r in g for g in groups)]
    values = int(np.prod(case.spatial))
    return all(sum(step[r] for r in ranks) * values != 1
               for step in case.ns for ranks in groups + lone)


def random(seed, count):
    rng = np.random.Generator(np.random.PCG64(seed))
    chosen = []
    while len(chosen) < count:
        case = random_case(rng, f"random_{seed}_{len(chosen):04d}")
        if is_legal(case):
            chosen.append(case)
    return chosen
