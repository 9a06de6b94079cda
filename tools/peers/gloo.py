#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A peer of syncbn-perf that does its work through PyTorch and its gloo; ../perf_peer.h has the words.

argv: the folder with the pipes, the ranks' CPUs ("0,1/2,3"). Starts one process a rank.
"""
import os
import socket
import sys
import time

import peer_batch_norm

PAIR_DOUBLES = 2


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Work:
    def __init__(self, words, rank, size):
        import torch

        self.command, self.op = words[1], words[4]
        self.count, self.fresh = int(words[2]), words[5] == "1"
        self.batch, self.calls, self.warmup = (int(word) for word in words[6:9])
        self.size = size
        dtype = torch.float64 if words[3] == "float64" else torch.float32
        if self.command == "exchange":
            numbers = [self.pairs(other) for other in range(size)]
            self.numbers = numbers[rank]
            self.rows = [torch.zeros_like(self.numbers) for _ in range(size)]
            self.expected = self.merge(numbers)
        elif self.command == "allreduce":
            numbers = [self.uniform(other, self.count, dtype) for other in range(size)]
            self.numbers = numbers[rank]
            self.array = torch.empty_like(self.numbers)
            self.expected = sum(part.double() for part in numbers)
            if self.op == "mean":
                self.expected = self.expected / size

    @staticmethod
    def uniform(rank, count, dtype):
        import torch

        generator = torch.Generator().manual_seed(rank + 1)
        return torch.rand(count, generator=generator, dtype=dtype) / 2 + 0.5

    def pairs(self, rank):
        import torch

        row = self.uniform(rank, PAIR_DOUBLES * self.count + 1, torch.float64)
        row[0] = 1000 + rank
        return row

    def merge(self, rows):
        import torch

        count = sum(row[0] for row in rows)
        means = torch.stack([row[1::2] for row in rows])
        m2s = torch.stack([row[2::2] for row in rows])
        counts = torch.stack([row[0] for row in rows]).unsqueeze(1)
        mean = (means * (counts / count)).sum(0)
        return torch.stack([mean, m2s.sum(0) + (counts * (means - mean) ** 2).sum(0)])

    def prepare(self):
        import torch.distributed as dist

        if self.command == "allreduce":
            self.array.copy_(self.numbers)
        if self.fresh:
            dist.barrier()

    def call(self):
        import torch.distributed as dist

        if self.command == "exchange":
            dist.all_gather(self.rows, self.numbers)
            self.result = self.merge(self.rows)
        elif self.command == "allreduce":
            dist.all_reduce(self.array)
            if self.op == "mean":
                self.array /= self.size
        else:
            dist.barrier()

    def wrong(self):
        import torch
        import torch.distributed as dist

        self.prepare()
        self.call()
        wrong = torch.zeros(1, dtype=torch.float64)
        if self.command != "barrier":
            result = self.result if self.command == "exchange" else self.array
            tolerance = (self.size + 1) * torch.finfo(result.dtype).eps
            if self.command == "exchange":
                tolerance *= 64
            error = (result.double() - self.expected).abs()
            wrong += (~(error <= tolerance * self.expected.abs())).sum()
        dist.all_reduce(wrong)
        return int(wrong)

    def run(self, calls):
        us = []
        for done in range(0, calls, self.batch):
            n = min(self.batch, calls - done)
            self.prepare()
            start = time.perf_counter()
            for _ in range(n):
                self.call()
            us.append((time.perf_counter() - start) * 1e6 / n)
        return us


def answer(words, rank, size, out):
    import torch
    import torch.distributed as dist

    work = Work(words, rank, size)
    wrong = work.wrong()
    dist.barrier()
    work.run(work.warmup)
    us = torch.tensor(work.run(work.calls), dtype=torch.float64)
    dist.all_reduce(us, op=dist.ReduceOp.MAX)
    if rank == 0:
        out.write(f"result {wrong} {len(us)}\n" + "".join(f"{t:.4f}\n" for t in us.tolist()))
        out.flush()


def serve(folder, rank, size, cpus):
    os.sched_setaffinity(0, cpus)
    import torch
    import torch.distributed as dist

    torch.set_num_threads(len(cpus))
    dist.init_process_group("gloo", rank=rank, world_size=size)
    with open(f"{folder}/{rank}") as pipe, open(f"{folder}/out", "w") as out:
        dist.barrier()
        if rank == 0:
            out.write("ready\n")
            out.flush()
        for line in pipe:
            words = line.split()
            if words[0] == "end":
                break
            if words[0] == "bn":
                peer_batch_norm.answer(words, rank, size, out)
            elif words[0] == "errors":
                peer_batch_norm.answer_errors(words, rank, size, out)
            else:
                answer(words, rank, size, out)


def main():
    folder, places = sys.argv[1], sys.argv[2].split("/")
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    os.environ["MASTER_PORT"] = str(free_port())
    children = []
    for rank, place in enumerate(places):
        child = os.fork()
        if child == 0:
            serve(folder, rank, len(places), {int(cpu) for cpu in place.split(",")})
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


main()
