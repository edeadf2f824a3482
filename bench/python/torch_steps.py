"""One step at a time through recurra.torch, beside PyTorch's modules: ``python -m bench.python.torch_steps``.

    cell     one call of a cell
    layer    one call of a layer on one step
    loop     a step of ``for t in range(20): state = cell(x[t], state)``

Each in inference and in training, where the gradients of all weights are taken. Microseconds of the thread's CPU time,
the least of many rounds, PyTorch's and ours in turns on one thread: other work on the machine hardly changes them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import Any

NAMES = ("LSTM", "GRU", "RNN")
SIZES = ("1x4x16", "8x3x64", "32x20x100", "1x64x512")  # rows, input features, units
STEPS = 20


def first(state: Any) -> Any:
    return state[0] if isinstance(state, tuple) else state


def infer(call: Callable[[], Any]) -> Any:
    import torch

    with torch.no_grad():
        return call()


def train(call: Callable[[], Any], weights: list[Any], dy: Any) -> Any:
    import torch

    return torch.autograd.grad(call(), weights, dy)


def calls(source: Any, name: str, size: tuple[int, int, int]) -> dict[str, tuple[Callable[[], Any], int]]:
    """What is timed of one module's source, and its number of steps."""
    import torch

    B, I, H = size
    torch.manual_seed(0)
    cell, layer = getattr(source, f"{name}Cell")(I, H), getattr(source, name)(I, H)
    x, h, c = torch.randn(STEPS, B, I), torch.randn(B, H), torch.randn(B, H)
    state: Any = (h, c) if name == "LSTM" else h
    layer_state: Any = (h[None], c[None]) if name == "LSTM" else h[None]
    one = x[:1]

    def loop() -> Any:
        new = state
        for t in range(STEPS):
            new = cell(x[t], new)
        return first(new)

    forward = {
        "cell": (lambda: first(cell(x[0], state)), cell, h, 1),
        "layer": (lambda: layer(one, layer_state)[0], layer, h[None], 1),
        "loop": (loop, cell, h, STEPS),
    }
    found: dict[str, tuple[Callable[[], Any], int]] = {}
    for label, (call, module, dy, steps) in forward.items():
        found[label] = partial(infer, call), steps
        found[f"{label}, training"] = partial(train, call, list(module.parameters()), dy), steps
    return found


def least(candidates: list[tuple[Callable[[], Any], int]], seconds: float) -> list[float]:
    """The least CPU seconds a step of each, in turns."""
    found = [float("inf")] * len(candidates)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or max(found) == float("inf"):
        for n, (call, steps) in enumerate(candidates):
            repeats = max(1, 40 // steps)
            start = time.thread_time()
            for _ in range(repeats):
                call()
            found[n] = min(found[n], (time.thread_time() - start) / repeats / steps)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), help="rows x input features x units")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each line")
    options = parser.parse_args()
    import torch

    import recurra
    import recurra.torch

    torch.set_num_threads(1)
    recurra.set_num_threads(1)
    print(f"{'':36} {'torch':>8} {'ours':>8}  µs a step")
    for size in options.sizes:
        rows, inputs, units = (int(part) for part in size.split("x"))
        for name in options.cells:
            theirs, ours = (calls(source, name, (rows, inputs, units)) for source in (torch.nn, recurra.torch))
            for label, pair in ((label, [theirs[label], ours[label]]) for label in ours):
                for one, other in zip(*(call() for call, _ in pair), strict=True):
                    torch.testing.assert_close(one, other, atol=1e-3, rtol=1e-3)
                before, after = (seconds * 1e6 for seconds in least(pair, options.seconds))
                print(f"{f'{name} {size} {label}':36} {before:8.1f} {after:8.1f}  {before / after:5.2f}x", flush=True)


if __name__ == "__main__":
    main()
