# SPDX-License-Identifier: Apache-2.0
"""What a recorded case must give.

A unit is a set of ranks that normalize together. Its batch is normalized by the plain formulas in
extended precision, since torch's own float64 sums lose digits at an offset of 1e5 or over many
values; then torch's batch norm and autograd in float64 must agree. torch sees the batch with its
mean subtracted: batch norm does not care about a shift.
"""
import numpy as np
import torch

torch.set_num_threads(1)

LD = np.longdouble
FRINGE = 1e-5  # a pre-activation this near to zero may round to either side


def by_channel(x):
    """x: [n, C, spatial...] as [C, values], extended."""
    return np.moveaxis(x, 1, 0).reshape(x.shape[1], -1).astype(LD)


def shaped(per_channel, x):
    """[C] so that it broadcasts over x: [n, C, spatial...]."""
    return per_channel.reshape((1, -1) + (1,) * (x.ndim - 2))


def moments(x):
    """Mean and biased variance of each channel, extended; zeros of an empty batch."""
    rows = by_channel(x)
    if rows.shape[1] == 0:
        return np.zeros(rows.shape[0], LD), np.zeros(rows.shape[0], LD)
    mean = rows.mean(axis=1)
    mean += (rows - mean[:, None]).mean(axis=1)
    return mean, ((rows - mean[:, None]) ** 2).mean(axis=1)


def activate(case, v):
    if case.fuse in ("relu", "add_relu"):
        return torch.relu(v)
    if case.fuse == "leaky_relu":
        return torch.nn.functional.leaky_relu(v, case.slope)
    return v


def derivative(case, v):
    """Of the activation, as numpy; 1 without one."""
    if case.fuse == "None":
        return np.ones_like(v)
    return np.where(v > 0, 1.0, case.slope if case.fuse == "leaky_relu" else 0.0)


class Unit:
    """One unit's batch in one step, and what comes out of it."""

    def __init__(self, case, x, dy, z, weight, bias, running):
        self.case, self.x, self.dy, self.z = case, x, dy, z
        self.weight = weight if weight is not None else np.ones(case.C)
        self.bias = bias if bias is not None else np.zeros(case.C)
        self.running = running if case.by_running() else None
        if self.running is not None:
            self.mean, self.var = (np.asarray(a, LD) for a in self.running)
            self.count = 0
        else:
            self.mean, self.var = moments(x)
            self.count = x.size // case.C
            assert self.count != 1, f"{case.name}: one value per channel cannot be normalized"
        variance = self.var + LD(case.eps)
        self.invstd = np.where(variance > 0, 1 / np.sqrt(np.where(variance > 0, variance, 1)), 0)
        self.centered = x.astype(LD) - shaped(self.mean, x)
        self.xhat = self.centered * shaped(self.invstd, x)
        self.v = self.xhat * shaped(self.weight, x) + shaped(self.bias, x)
        if z is not None:
            self.v = self.v + z
        if case.fuse != "None":
            dy[np.abs(self.v) < FRINGE] = 0  # no reference depends on how a value rounds
        self.v = self.v.astype(np.float64)
        self.derive()
        self.check()

    def g(self):
        """dy behind the activation, extended."""
        return self.dy.astype(LD) * derivative(self.case, self.v)

    def local_gradients(self, begin, end):
        """dweight and dbias of the samples begin..end-1."""
        g = self.g()[begin:end]
        axes = (0,) + tuple(range(2, g.ndim))
        return (g * self.xhat[begin:end]).sum(axis=axes), g.sum(axis=axes)

    def sums(self):
        """sum g and sum g * (x - mean) over the unit."""
        g = self.g()
        axes = (0,) + tuple(range(2, g.ndim))
        return g.sum(axis=axes), (g * self.centered).sum(axis=axes)

    def derive(self):
        self.y = activate(self.case, torch.from_numpy(self.v)).numpy()
        self.dz = self.g()
        self.dweight, self.dbias = self.local_gradients(0, len(self.x))
        self.dx = self.dz * shaped(self.invstd * self.weight, self.x)
        if self.count > 0:
            mean_g, mean_g_xhat = self.dbias / self.count, self.dweight / self.count
            self.dx = ((self.dz - shaped(mean_g, self.x) - self.xhat * shaped(mean_g_xhat, self.x))
                       * shaped(self.invstd * self.weight, self.x))

    def torchs(self):
        """y, dx, dz, dweight, dbias by torch."""
        case = self.case
        x, z, weight, bias = (
            torch.from_numpy(np.ascontiguousarray(a, np.float64)).requires_grad_()
            for a in (self.centered, self.dz * 0 if self.z is None else self.z, self.weight,
                      self.bias))
        mean = var = None
        if self.running is not None:
            mean = torch.zeros(case.C, dtype=torch.float64)
            var = torch.from_numpy(np.asarray(self.var, np.float64))
        v = torch.nn.functional.batch_norm(x, mean, var, weight, bias, var is None, 0, case.eps)
        y = activate(case, v + z)
        grads = torch.autograd.grad(y, [x, z, weight, bias], torch.from_numpy(self.dy))
        return [y.detach().numpy()] + [g.numpy() for g in grads]

    def check(self):
        """Where torch can do it, it gives the same, as far as its own sums go."""
        if self.x.size == 0:
            return
        names = ("y", "dx", "dz", "dweight", "dbias")
        for name, theirs in zip(names, self.torchs()):
            ours = np.asarray(getattr(self, name), np.float64)
            worst = np.abs(ours - theirs).max() / (1 + np.abs(ours).max())
            assert worst < 1e-8, f"{self.case.name}: torch's {name} differs by {worst}"


class Running:
    """The running statistics of a unit: torch's variance and MindSpore's side by side."""

    def __init__(self, case, rm0, rv0):
        self.case = case
        self.mean, self.unbiased, self.biased = rm0.copy(), rv0.copy(), rv0.copy()
        self.tracked = 0

    def record(self, unit):
        case = self.case
        if case.mode == "eval" or not case.track:
            return
        self.tracked += 1
        if unit.count == 0:
            return
        m = LD(1) / self.tracked if case.momentum is None else LD(case.momentum)
        n = unit.count
        self.mean = (1 - m) * self.mean + m * unit.mean
        self.unbiased = (1 - m) * self.unbiased + m * unit.var * n / (n - 1)
        self.biased = (1 - m) * self.biased + m * unit.var
