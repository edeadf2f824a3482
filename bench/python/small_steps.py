"""Training steps of small models beside an eager PyTorch loop: ``python -m bench.python.small_steps``.

The commonest small shapes, mean squared error and Adam, one thread. `fit` replays its steps; `eager` is the same with
``run_eagerly=True``. Every candidate and shape runs in processes of its own, in turns; each turn trains for an epoch to
warm up and is then timed by the process's CPU time, which a busy machine disturbs less than the clock. PyTorch is left
out where it is not installed; ``--torch`` names another Python that has it. Writes ``small_steps.json``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.python.session import ROOT

BATCHES = 200


class Shape(NamedTuple):
    """A recurrent layer, whose last output goes through a fully connected unit."""

    layer: str
    units: int
    batch: int
    steps: int
    features: int


SHAPES = {
    "SimpleRNN(6), 1 x 10 x 1": Shape("SimpleRNN", 6, 1, 10, 1),
    "LSTM(32), 32 x 10 x 1": Shape("LSTM", 32, 32, 10, 1),
    "GRU(32), 64 x 30 x 7": Shape("GRU", 32, 64, 30, 7),
    "LSTM(50), 72 x 1 x 8": Shape("LSTM", 50, 72, 1, 8),
}
CANDIDATES = ("fit", "eager", "torch")


def data(shape: Shape) -> tuple[Any, Any]:
    draw = np.random.default_rng(0)
    rows = shape.batch * BATCHES
    x = draw.standard_normal((rows, shape.steps, shape.features), dtype=np.float32)
    return x, draw.standard_normal((rows, 1), dtype=np.float32)


def ours(shape: Shape, eagerly: bool) -> Any:
    """One epoch of `fit`, as a function."""
    import recurra
    from recurra import layers, models

    recurra.set_num_threads(1)
    x, y = data(shape)
    first = layers.Input((shape.steps, shape.features))
    model = models.Sequential([first, getattr(layers, shape.layer)(shape.units), layers.Dense(1)])
    model.compile("adam", "mse", run_eagerly=eagerly)
    return lambda: model.fit(x, y, batch_size=shape.batch, epochs=1, verbose=0)


def torchs(shape: Shape) -> Any:
    """One epoch of a PyTorch loop over shuffled batches."""
    import torch

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    x, y = map(torch.from_numpy, data(shape))
    kind = {"SimpleRNN": torch.nn.RNN, "LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU}[shape.layer]
    layer, head = kind(shape.features, shape.units, batch_first=True), torch.nn.Linear(shape.units, 1)
    optimizer = torch.optim.Adam([*layer.parameters(), *head.parameters()])

    def epoch() -> None:
        for rows in torch.randperm(len(x)).split(shape.batch):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(head(layer(x[rows])[0][:, -1]), y[rows])
            loss.backward()
            optimizer.step()

    return epoch


def measure(candidate: str, name: str) -> float:
    """Milliseconds of CPU time a step: the least of some epochs."""
    shape = SHAPES[name]
    epoch = torchs(shape) if candidate == "torch" else ours(shape, candidate == "eager")
    epoch()
    found = []
    for _ in range(5):
        start = time.process_time()
        epoch()
        found.append((time.process_time() - start) / BATCHES)
    return min(found) * 1e3


def turn(python: str, candidate: str, name: str) -> float:
    command = [python, "-m", "bench.python.small_steps", "--measure", candidate, name]
    return float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()[-1])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.python.small_steps", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--torch", default=sys.executable, help="a Python that has PyTorch")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench" / "small_steps")
    chosen = parser.parse_args(arguments)
    if chosen.measure:
        print(measure(*chosen.measure))
        return 0
    has_torch = chosen.torch != sys.executable or importlib.util.find_spec("torch") is not None
    candidates = CANDIDATES if has_torch else CANDIDATES[:-1]
    times: dict[str, dict[str, list[float]]] = {name: {each: [] for each in candidates} for name in SHAPES}
    for _ in range(chosen.rounds):
        for name, found in times.items():
            for each in candidates:
                found[each].append(turn(chosen.torch if each == "torch" else sys.executable, each, name))
    medians = {
        name: {each: statistics.median(values) for each, values in found.items()} for name, found in times.items()
    }
    for name, found in medians.items():
        print(f"{name:28}" + "".join(f"{each} {value:8.4f} ms   " for each, value in found.items()))
    for each in candidates[1:]:
        ratios = [found[each] / found["fit"] for found in medians.values()]
        print(f"fit is {math.prod(ratios) ** (1 / len(ratios)):.2f} times as fast as {each} (geometric mean)")
    chosen.out.mkdir(parents=True, exist_ok=True)
    document = {"kind": "recurra-small-steps", "unit": "ms of CPU time a step", "turns": times}
    (chosen.out / "small_steps.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
