# SPDX-License-Identifier: Apache-2.0
"""Batch norms of PyTorch for peers of syncbn-perf.

torch: torch.nn's batch norm in one process. torch-gloo: synchronized by hand, each process sums its
part of the batch, gloo adds the sums, and each normalizes; torch.nn.SyncBatchNorm refuses CPUs.
"""
import math
import os
import time

EPS = 1e-5
SLOPE = 0.01
HEAD_START_S = 500e-6
# the names of its memory formats, by the dimensions of space
LAYOUTS = {"nchw": {}, "nhwc": {2: "channels_last", 3: "channels_last_3d"}}
DTYPES = {"f32": "float32", "f64": "float64", "bf16": "bfloat16"}


class Cannot(Exception):
    pass


def activate(y, act, z):
    from torch.nn import functional

    if act == "add_relu":
        y = y + z
    if act in ("relu", "add_relu"):
        return functional.relu(y)
    return functional.leaky_relu(y, SLOPE) if act == "leaky_relu" else y


class Batch:
    """This process's part of the tensors, once in each buffer."""

    def __init__(self, words, rank, size):
        import torch

        self.op, layout, dtype, self.act = words[2], words[4], words[5], words[6]
        n, c, *space = (int(size) for size in words[3].split("x"))
        if layout not in LAYOUTS or (layout, len(space)) == ("nhwc", 1):
            raise Cannot(f"the layout {layout} of {len(space) + 2} dimensions")
        if dtype not in DTYPES:
            raise Cannot(f"the type {dtype}")
        if n < size:
            raise Cannot("a batch below the number of processes")
        self.dtype = getattr(torch, DTYPES[dtype])
        self.param_dtype = torch.float64 if dtype == "f64" else torch.float32
        self.shape = (n // size + (rank < n % size), c, *space)
        self.last = LAYOUTS[layout].get(len(space))
        self.dims = (0, *range(2, len(self.shape)))
        self.view = (1, c) + (1,) * len(space)
        self.channels = c
        torch.manual_seed(rank + 1)
        n_inputs = int(words[7])
        self.x = self.buffers(n_inputs)
        # behind a large cache these take gigabytes, so only what the call reads
        self.dy = self.buffers(n_inputs) if self.op in ("bwd", "step") else [None] * n_inputs
        self.z = self.buffers(n_inputs) if self.act == "add_relu" else [None] * n_inputs
        self.count = n * math.prod(space)

    def buffers(self, n):
        import torch

        first = (torch.randn(self.shape, dtype=torch.float64) + 0.5).to(self.dtype)
        if self.last:
            first = first.contiguous(memory_format=getattr(torch, self.last))
        return [first] + [first.clone() for _ in range(n - 1)]


class Alone:
    """torch.nn's batch norm and autograd."""

    def __init__(self, batch):
        import torch

        self.batch = batch
        kind = getattr(torch.nn, f"BatchNorm{max(len(batch.shape) - 2, 1)}d")
        self.bn = kind(batch.channels, eps=EPS, dtype=batch.param_dtype)
        self.bn.train(batch.op != "eval")
        self.leaves = [self.bn.weight, self.bn.bias]
        if batch.op != "eval":
            for x in batch.x:
                x.requires_grad_(True)
        self.y = None
        if batch.op == "bwd":
            self.graphs = [self.forward(i) for i in range(len(batch.x))]

    def forward(self, i):
        return activate(self.bn(self.batch.x[i]), self.batch.act, self.batch.z[i])

    def backward(self, y, i, keep):
        import torch

        self.dx = torch.autograd.grad(
            y, [self.batch.x[i]] + self.leaves, self.batch.dy[i], retain_graph=keep)[0]

    def call(self, i):
        import torch

        if self.batch.op == "eval":
            with torch.no_grad():
                self.y = self.forward(i)
        elif self.batch.op == "bwd":
            self.backward(self.graphs[i], i, True)
        else:
            self.y = self.forward(i)
            if self.batch.op == "step":
                self.backward(self.y, i, False)


class ByHand:
    """Sums, gloo's all-reduce of the sums, then the formulas; the variance is E[x^2] - mean^2."""

    def __init__(self, batch):
        import torch

        if batch.dtype != batch.param_dtype:
            raise Cannot("a narrow type by hand")
        self.batch = batch
        self.gamma = torch.ones(batch.channels, dtype=batch.param_dtype)
        self.beta = torch.zeros_like(self.gamma)
        self.square = torch.empty_like(batch.x[0])
        self.sums = torch.empty(2 * batch.channels, dtype=torch.float64)
        self.mean, self.var = torch.zeros_like(self.gamma), torch.ones_like(self.gamma)
        if batch.op == "bwd":
            self.saved = [self.without_y(self.forward(i)) for i in range(len(batch.x))]

    def without_y(self, saved):
        """Only an activation's backward looks at y."""
        mean, var, y = saved
        return mean, var, None if self.batch.act == "none" else y

    def add(self, a, b):
        """The sums over all processes of a, and of a * b."""
        import torch
        import torch.distributed as dist

        c = self.batch.channels
        torch.mul(a, b, out=self.square)
        self.sums[:c] = a.sum(self.batch.dims)
        self.sums[c:] = self.square.sum(self.batch.dims)
        dist.all_reduce(self.sums)
        return self.sums[:c] / self.batch.count, self.sums[c:] / self.batch.count

    def forward(self, i):
        from torch.nn import functional

        x = self.batch.x[i]
        if self.batch.op != "eval":
            mean, square = self.add(x, x)
            self.mean = mean.to(x.dtype)
            self.var = (square - mean * mean).clamp_(min=0).to(x.dtype)
        y = functional.batch_norm(x, self.mean, self.var, self.gamma, self.beta, False, 0, EPS)
        return self.mean, self.var, activate(y, self.batch.act, self.batch.z[i])

    def masked(self, dy, y):
        import torch

        if self.batch.act == "none":
            return dy
        if self.batch.act == "leaky_relu":
            return torch.where(y > 0, dy, dy * SLOPE)
        return dy * (y > 0)

    def backward(self, saved, i):
        import torch

        mean, var, y = saved
        x = self.batch.x[i]
        g = self.masked(self.batch.dy[i], y)
        invstd = (var + EPS).rsqrt()
        mean_g, mean_gx = self.add(g, x)
        mean_gx = (mean_gx - mean * mean_g) * invstd
        a = (invstd * self.gamma).to(x.dtype)
        b = (-a * invstd * mean_gx).to(x.dtype)
        c = (-a * mean_g - b * mean).to(x.dtype)
        view = self.batch.view
        self.dx = torch.addcmul(c.view(view), g, a.view(view)).addcmul_(x, b.view(view))

    def call(self, i):
        if self.batch.op == "bwd":
            self.backward(self.saved[i], i)
            return
        saved = self.forward(i)
        self.y = saved[2]
        if self.batch.op == "step":
            self.backward(saved, i)


def all_sum(tensor, size):
    import torch.distributed as dist

    if size > 1:
        dist.all_reduce(tensor)
    return tensor


def differ(got, wanted):
    import torch

    rounding = max(2e-5, 2 * torch.finfo(got.dtype).eps)
    return int((~((got.double() - wanted).abs() <= rounding * (1 + wanted.abs()))).sum())


def wrong(layer, batch, size):
    """Against the formulas in double; an activation's step has either side."""
    x = batch.x[0].detach().double()
    dy, z = (t if t is None else t.double() for t in (batch.dy[0], batch.z[0]))
    layer.call(0)
    if batch.op == "eval":
        return differ(layer.y, activate(x / (1 + EPS) ** 0.5, batch.act, z))
    dims, view = batch.dims, batch.view
    mean = (all_sum(x.sum(dims), size) / batch.count).view(view)
    var = (all_sum(((x - mean) ** 2).sum(dims), size) / batch.count).view(view)
    xhat = (x - mean) / (var + EPS).sqrt()
    v = xhat + z if batch.act == "add_relu" else xhat
    y = activate(xhat, batch.act, z)
    found = differ(layer.y.detach(), y) if batch.op != "bwd" else 0
    if batch.op == "fwd":
        return found
    slope = {"none": 1.0, "leaky_relu": SLOPE}.get(batch.act, 0.0)
    g = dy * ((v > 0) * (1 - slope) + slope)
    mean_g = (all_sum(g.sum(dims), size) / batch.count).view(view)
    mean_gx = (all_sum((g * xhat).sum(dims), size) / batch.count).view(view)
    dx = (g - mean_g - xhat * mean_gx) / (var + EPS).sqrt()
    step = (v.abs() < 1e-5) if batch.act != "none" else v != v
    return found + differ(layer.dx.masked_fill(step, 0), dx.masked_fill(step, 0))


def meet():
    """All processes go on at one time. A barrier alone lets them out a whole exchange apart."""
    import torch
    import torch.distributed as dist

    start = torch.tensor([time.perf_counter()], dtype=torch.float64)
    dist.all_reduce(start, op=dist.ReduceOp.MAX)
    start = float(start) + HEAD_START_S
    while time.perf_counter() < start:
        pass
    return time.perf_counter()


class BatchNorm:
    """A line's layer; kept as long as the next lines ask for the same."""

    def __init__(self, words, rank, size):
        self.batch = Batch(words, rank, size)
        self.layer = Alone(self.batch) if words[1] == "torch" else ByHand(self.batch)
        self.turn = 0
        self.wrong = wrong(self.layer, self.batch, size)

    def run(self, calls):
        us = []
        for _ in range(calls):
            self.turn = (self.turn + 1) % len(self.batch.x)
            start = meet()
            self.layer.call(self.turn)
            us.append((time.perf_counter() - start) * 1e6)
        return us


def hard(kind, shape):
    """The kinds of numbers of perf_bn_data.h."""
    import torch

    sd1 = torch.randn(shape, dtype=torch.float64)
    same = torch.Generator().manual_seed(0)  # in all processes
    means = torch.rand((1, shape[1]) + (1,) * (len(shape) - 2), generator=same,
                       dtype=torch.float64) * 2 - 1
    if kind == 6:
        sd1.transpose(0, 1).reshape(shape[1], -1)[:, 0] = 1e4
        sd1[0].reshape(shape[1], -1)[:, 0] = 1e4
        return sd1 + means
    return (sd1 * 1.2 + means, 1e4 + sd1, 4500 + 3500 * means + 0.1 * sd1,
            (1000 * means).expand(shape), 1e-6 * sd1, 1e15 + 1e15 * sd1)[kind]


def statistics(layer, batch):
    if isinstance(layer, ByHand):
        return layer.mean.double(), layer.var.double()
    biased = (batch.count - 1) / batch.count
    return layer.bn.running_mean.double(), layer.bn.running_var.double() * biased


def largest(got, wanted, scale):
    if scale is None:
        scale = wanted.abs().max() or 1.0
    error = float(((got.double() - wanted).abs() / scale).max())
    return error if error == error else float("inf")


def errors(words, rank, size):
    """Of mean, variance, y and dx, as perf_bn_errors.h has them."""
    line = ["bn", words[1], "step"] + words[3:6] + ["none", "1", "1"]
    batch = Batch(line, rank, size)
    batch.x[0].copy_(hard(int(words[2]), batch.shape))
    layer = Alone(batch) if words[1] == "torch" else ByHand(batch)
    if words[1] == "torch":
        layer.bn.momentum = 1.0
    layer.call(0)
    x, dy = batch.x[0].detach().double(), batch.dy[0].double()
    view, dims = batch.view, batch.dims
    mean = (all_sum(x.sum(dims), size) / batch.count).view(view)
    var = (all_sum(((x - mean) ** 2).sum(dims), size) / batch.count).view(view)
    std = (var + EPS).sqrt()
    y = (x - mean) / std
    mean_g = (all_sum(dy.sum(dims), size) / batch.count).view(view)
    mean_gx = (all_sum((dy * y).sum(dims), size) / batch.count).view(view)
    dx = (dy - mean_g - y * mean_gx) / std
    own_mean, own_var = statistics(layer, batch)
    return [largest(own_mean.view(view), mean, std), largest(own_var.view(view), var, var + EPS),
            largest(layer.y.detach(), y, None),
            largest(layer.dx, dx, None)]


kept = {}


def answer_errors(words, rank, size, out):
    import torch
    import torch.distributed as dist

    try:
        found = torch.tensor(errors(words, rank, size), dtype=torch.float64)
        dist.all_reduce(found, op=dist.ReduceOp.MAX)
        text = "result 0 4\n" + "".join(f"{error:.9g}\n" for error in found.tolist())
    except Cannot as error:
        text = f"cannot {error}\n"
    if rank == 0:
        out.write(text)
        out.flush()


def answer(words, rank, size, out):
    import torch
    import torch.distributed as dist

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    spec = tuple(words[:9])
    if spec not in kept:
        kept.clear()
        try:
            kept[spec] = BatchNorm(words, rank, size)
        except (Cannot, RuntimeError, NotImplementedError) as error:
            if rank == 0:
                reason = str(error).splitlines()[0][:160]
                out.write(f"cannot {reason}\n")
                out.flush()
            return
    work = kept[spec]
    calls, warmup = int(words[9]), int(words[10])
    work.run(warmup)
    us = torch.tensor(work.run(calls), dtype=torch.float64)
    found = torch.tensor([float(work.wrong)], dtype=torch.float64)
    dist.all_reduce(us, op=dist.ReduceOp.MAX)
    dist.all_reduce(found)
    if rank == 0:
        out.write(f"result {int(found)} {len(us)}\n" + "".join(f"{t:.4f}\n" for t in us.tolist()))
        out.flush()
