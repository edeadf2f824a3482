"""What is promised about times, measured: ``python -m bench.python.promises``, on an otherwise idle machine.

* denormals: a training step of every cell whose inputs, states and gradients are denormal, over the same with zeros
  (promised: 1.2 times at most)
* threads: a step with 8 kernel threads over one with as many as there are CPUs (2.5 times at most)
* neighbour: a step beside a process that keeps one CPU busy, over one without (2.5 times at most)

Prints each ratio of medians; ends with 1 where one is over its bound.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

SIZES = [(1, 4, 8, 16), (4, 100, 32, 64), (64, 100, 64, 128), (64, 30, 256, 512)]  # B, T, I, H
BUSY = "while True: pass"


def step(cell: str, sizes: tuple[int, int, int, int], scale: float) -> Callable[[], None]:
    """One forward and backward call; inputs, states and gradients are normal numbers times `scale`."""
    from recurra._core.cells import CELLS
    from recurra._core.select import core

    rows, steps, features, units = sizes
    rng = np.random.default_rng(1)

    def normal(*shape: int, scale: float) -> Any:
        return (rng.normal(size=shape) * scale).astype("float32")

    declared = CELLS[cell]
    weights = [normal(*shape, scale=shape[0] ** -0.5) for shape in declared.shapes(features, units).values()]
    if scale < 1e-30 and "bias" in declared.weights:
        weights[declared.weights.index("bias")][:] = 0
    x, dy = normal(rows, steps, features, scale=scale), normal(rows, steps, units, scale=scale)
    states = [normal(rows, units, scale=scale) for _ in declared.states]
    names = ("tanh", "sigmoid", False, True, False, True, None, None, None)

    def run() -> None:
        *_, cache = core.recurrent_forward(cell, x, states, weights, None, None, None, None, *names)
        core.recurrent_backward(cache, dy, [None] * len(states), True)

    return run


def medians(calls: list[Callable[[], None]], rounds: int) -> list[float]:
    """Seconds of each call; the calls take turns, so that what the machine does meanwhile hits all."""
    times: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    for _ in range(rounds):
        for call, found in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            found.append(time.perf_counter() - start)
    return [statistics.median(found) for found in times]


def denormals(rounds: int) -> list[tuple[str, float, float]]:
    from recurra._core.cells import CELLS

    found = []
    for cell in CELLS:
        for sizes in SIZES:
            tiny, zeros = medians([step(cell, sizes, 1e-40), step(cell, sizes, 0.0)], rounds)
            found.append((f"denormals {cell} {'x'.join(map(str, sizes))}", tiny / zeros, 1.2))
    return found


def many_threads(rounds: int) -> list[tuple[str, float, float]]:
    from recurra import set_num_threads
    from recurra._core.threads import usable_cpus

    def with_threads(n: int, run: Callable[[], None]) -> Callable[[], None]:
        def call() -> None:
            set_num_threads(n)
            run()

        return call

    found = []
    for sizes in SIZES:
        run = step("lstm", sizes, 1.0)
        few, many = medians([with_threads(usable_cpus(), run), with_threads(8, run)], rounds)
        found.append((f"8 threads lstm {'x'.join(map(str, sizes))}", many / few, 2.5))
    set_num_threads(usable_cpus())
    return found


def neighbour(rounds: int) -> list[tuple[str, float, float]]:
    found = []
    for sizes in SIZES:
        run = step("lstm", sizes, 1.0)
        (alone,) = medians([run], rounds)
        with subprocess.Popen([sys.executable, "-c", BUSY]) as busy:
            try:
                (beside,) = medians([run], rounds)
            finally:
                busy.kill()
        found.append((f"busy neighbour lstm {'x'.join(map(str, sizes))}", beside / alone, 2.5))
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = {"denormals": denormals, "threads": many_threads, "neighbour": neighbour}
    parser.add_argument("kinds", nargs="*", choices=[*kinds, []], help="all by default")
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args(arguments)
    broken = 0
    for kind in options.kinds or kinds:
        for name, ratio, bound in kinds[kind](options.rounds):
            broken += ratio > bound
            print(f"{name:<55} {ratio:6.2f}{'  over ' + str(bound) if ratio > bound else ''}", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
