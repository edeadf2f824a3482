"""Data-parallel training with these modules over gloo: ``python -m bench.python.distributed``.

PyTorch's DistributedDataParallel in one process and in two, with PyTorch's modules and with accelerated ones. The
joined batch stays the same: two processes take half of its rows each. First the gradients of both must agree.

    samples/s    rows of the joined batch, median of the steps; a step is forward, backward and one of SGD
    scaling      over one process with one thread of the same modules

Two processes need two cores: a row whose threads are more than the machine's cores says so.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

LAYOUTS = ((1, 1), (1, 2), (2, 1))  # processes, threads of each
NAMES = {"torch": False, "recurra": True}


def network(options: argparse.Namespace, accelerated: bool) -> Any:
    import torch
    from torch import nn

    from recurra.torch import accelerate

    class Model(nn.Module):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            made = getattr(nn, options.cell)
            self.rnn = made(options.inputs, options.units, options.layers, batch_first=True)
            self.out = nn.Linear(options.units, 10)

        def forward(self, x: Any) -> Any:
            return self.out(self.rnn(x)[0])

    torch.manual_seed(0)
    model = Model()
    return accelerate(model, report=False) if accelerated else model


def worker(rank: int, processes: int, threads: int, accelerated: bool, options: argparse.Namespace, out: str) -> None:
    """Train on this process's rows; save the first step's gradients and the seconds of the others."""
    import torch
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel

    import recurra

    torch.set_num_threads(threads)
    recurra.set_num_threads(threads)
    meeting = f"file://{out}/meeting-{processes}-{threads}-{accelerated}"
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=processes)
    torch.manual_seed(1)
    x = torch.randn(options.batch, options.time, options.inputs)
    target = torch.randint(0, 10, (options.batch, options.time))
    rows = slice(rank * options.batch // processes, (rank + 1) * options.batch // processes)
    x, target = x[rows].contiguous(), target[rows].contiguous()
    model = DistributedDataParallel(network(options, accelerated))
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    gradients: list[Any] = []
    times = []
    for _ in range(options.steps + 2):
        dist.barrier()
        start = time.perf_counter()
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x).flatten(0, 1), target.flatten()).backward()
        gradients = gradients or [parameter.grad.clone() for parameter in model.parameters()]
        optimizer.step()
        times.append(time.perf_counter() - start)
    torch.save((gradients, times[2:]), f"{out}/{rank}.pt")
    dist.destroy_process_group()


def run(processes: int, threads: int, accelerated: bool, options: argparse.Namespace) -> tuple[list[Any], float]:
    """The gradients of the first step, and the median seconds of a step: of the slowest process."""
    import torch
    from torch import multiprocessing

    with tempfile.TemporaryDirectory() as out:
        context = multiprocessing.get_context("spawn")
        started = [
            context.Process(target=worker, args=(rank, processes, threads, accelerated, options, out))
            for rank in range(processes)
        ]
        for process in started:
            process.start()
        for process in started:
            process.join()
            if process.exitcode:
                raise SystemExit(f"a process of {processes} ended with code {process.exitcode}")
        found = [torch.load(Path(out) / f"{rank}.pt", weights_only=True) for rank in range(processes)]
    slowest = [max(one) for one in zip(*(times for _, times in found), strict=True)]
    return found[0][0], statistics.median(slowest)


def check(found: list[Any], expected: list[Any], label: str) -> None:
    for one, other in zip(found, expected, strict=True):
        largest = float(other.abs().max()) or 1.0
        worst = float((one - other).abs().max()) / largest
        if not worst <= 1e-4:
            raise SystemExit(f"{label}: gradients differ from those of one process by {worst:.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", default="LSTM", choices=["LSTM", "GRU", "RNN"])
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64, help="of all processes together; even")
    parser.add_argument("--time", type=int, default=100)
    parser.add_argument("--inputs", type=int, default=64)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3, help="all rows in turns, so often")
    options = parser.parse_args()
    if options.batch % 2:
        parser.error(f"--batch must be even, got {options.batch}: equal halves give the mean of the joined batch")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    seconds: dict[tuple[str, int, int], list[float]] = {}
    expected: list[Any] = []
    for _ in range(options.rounds):
        for name, accelerated in NAMES.items():
            for processes, threads in LAYOUTS:
                gradients, median = run(processes, threads, accelerated, options)
                expected = expected or gradients
                check(gradients, expected, f"{name}, {processes} process(es)")
                seconds.setdefault((name, processes, threads), []).append(median)
    print(
        f"{options.cell}({options.units}) x {options.layers}, {options.batch} x {options.time} x {options.inputs}; "
        f"{cores} cores; gradients equal"
    )
    print(f"{'modules':8} {'processes':>9} {'threads each':>12} {'samples/s':>10} {'scaling':>8}")
    for (name, processes, threads), found in seconds.items():
        rate, base = (options.batch / statistics.median(one) for one in (found, seconds[name, 1, 1]))
        note = "  more threads than cores" if processes * threads > cores else ""
        print(f"{name:8} {processes:9} {threads:12} {rate:10.0f} {rate / base:7.2f}x{note}")


if __name__ == "__main__":
    main()
