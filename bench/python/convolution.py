"""Convolutions in front of recurrent layers: recurra beside PyTorch, forward and training step.

    python -m bench.python.convolution [--threads 1]

Each framework runs in a process of its own. Times are the least of the rounds in milliseconds; answers are compared
first. Shapes are (B, T, C) by so many filters over so many steps: text, hidden features, and a forecasting window.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

CASES = [(64, 500, 32, 64, 5), (32, 100, 128, 128, 3), (64, 30, 7, 64, 3)]
ROUNDS = 9


def arrays(case: tuple[int, ...]) -> tuple[Any, Any, Any]:
    batch, steps, channels, filters, window = case
    random = np.random.RandomState(0)
    x = random.standard_normal((batch, steps, channels)).astype("float32")
    kernel = random.standard_normal((window, channels, filters)).astype("float32")
    return x, kernel, random.standard_normal(filters).astype("float32")


def least(function: Callable[[], Any]) -> float:
    """The shortest of some runs, in milliseconds, after one to warm up."""
    function()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def recurra_times(case: tuple[int, ...], threads: int) -> dict[str, Any]:
    import recurra
    from recurra import ops

    recurra.set_num_threads(threads)
    x, kernel, bias = arrays(case)
    w, b = recurra.Variable(kernel), recurra.Variable(bias)

    def forward() -> Any:
        return ops.conv(x, kernel, padding="same", bias=bias)

    def step() -> None:
        with recurra.GradientTape() as tape:
            watched = tape.watch(x)
            y = ops.conv(watched, w, padding="same", bias=b)
        tape.gradient(y, [watched, w, b])

    return {"answer": float(np.abs(forward()).sum()), "forward": least(forward), "step": least(step)}


def torch_times(case: tuple[int, ...], threads: int) -> dict[str, Any]:
    import torch

    torch.set_num_threads(threads)
    x, kernel, bias = (torch.tensor(one) for one in arrays(case))
    layer = torch.nn.Conv1d(kernel.shape[1], kernel.shape[2], kernel.shape[0], padding="same")
    with torch.no_grad():
        layer.weight.copy_(kernel.permute(2, 1, 0))
        layer.bias.copy_(bias)
    inputs = x.transpose(1, 2).contiguous().requires_grad_()

    def forward() -> Any:
        with torch.no_grad():
            return layer(inputs)

    def step() -> None:
        y = layer(inputs)
        y.backward(torch.ones_like(y))

    return {"answer": float(forward().abs().sum()), "forward": least(forward), "step": least(step)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--worker", choices=["recurra", "torch"], help="used by the bench itself")
    chosen = parser.parse_args()
    if chosen.worker:
        times = recurra_times if chosen.worker == "recurra" else torch_times
        print(json.dumps([times(case, chosen.threads) for case in CASES]))
        return
    found = {}
    for name in ("recurra", "torch"):
        command = [sys.executable, "-m", "bench.python.convolution", "--worker", name, "--threads", str(chosen.threads)]
        found[name] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print("B, T, C, filters, window     forward ms (recurra, PyTorch)   step ms (recurra, PyTorch)")
    for case, own, other in zip(CASES, found["recurra"], found["torch"], strict=True):
        assert abs(own["answer"] - other["answer"]) < 1e-3 * other["answer"], (case, own["answer"], other["answer"])
        parts = (f"{one[what]:9.2f}" for what in ("forward", "step") for one in (own, other))
        print(f"{case!s:28}", *parts)


if __name__ == "__main__":
    main()
