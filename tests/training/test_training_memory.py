"""Memory of training: flat over ever-changing shapes, and at its peak what the documentation says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

linux = pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="resident memory is read from /proc")
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "MALLOC_MMAP_THRESHOLD_": "65536"}


@linux
def test_memory_stays_flat_over_changing_shapes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.steady_memory", "--steps", "300"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr


PEAK = """
import re, sys
import numpy as np
from pathlib import Path
from recurra import layers, models, set_num_threads
set_num_threads(1)
kind, rows, steps, features, units, depth = sys.argv[1], *map(int, sys.argv[2:])
stack = [layers.Input((None, features))]
stack += [getattr(layers, kind)(units, return_sequences=True) for _ in range(depth)]
model = models.Sequential([*stack, layers.Dense(1)])
model.compile("adam", "mse")
def step(rows, steps):
    model.train_on_batch(np.ones((rows, steps, features), "f4"), np.ones((rows, steps, 1), "f4"))
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
step(1, 9)
before = peak()
step(rows, steps)
print(peak() - before)
"""


def documented(gates: int, carried: int, rows: int, steps: int, features: int, units: int, depth: int) -> int:
    """The formula in python/docs/pages/performance.md, in bytes."""
    numbers, weights = features, 0
    for layer in range(depth):
        inputs = features if layer == 0 else units
        numbers += 2 * inputs + (gates + carried + 3) * units
        weights += (inputs + units + 1) * gates * units
    return 4 * rows * steps * numbers + 24 * weights + 8 * 2**20


@linux
@pytest.mark.parametrize(
    ("kind", "gates", "carried", "sizes"),
    [
        ("LSTM", 4, 1, (64, 200, 96, 128, 1)),
        ("LSTM", 4, 1, (32, 300, 64, 160, 3)),
        ("GRU", 4, 1, (64, 200, 96, 128, 2)),  # the candidate gate has two sums
        ("SimpleRNN", 1, 0, (64, 300, 128, 256, 2)),
    ],
)
def test_the_peak_of_a_step_is_the_documented_formula(
    kind: str, gates: int, carried: int, sizes: tuple[int, int, int, int, int]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PEAK, kind, *map(str, sizes)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    expected = documented(gates, carried, *sizes)
    assert 0.75 * expected < int(done.stdout) < 1.05 * expected, int(done.stdout) / expected
