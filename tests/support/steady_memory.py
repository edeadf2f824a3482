"""Trains on batches of ever-changing shapes and watches memory: ``python -m tests.support.steady_memory --steps 2000``.

Prints the most resident MiB in each half of the steps, and ends with 1 where the second half's is more than 5 % above
the first's. Run it with ``MALLOC_MMAP_THRESHOLD_=65536``: glibc otherwise keeps freed arrays of up to 32 MiB in its
heap, and what is resident then depends on where in the heap they lay.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

from recurra import layers, models

PAGE_KIB = 4
ROWS, STEPS = 32, 60  # of the largest batch


def resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_KIB / 1024


def model() -> Any:
    made = models.Sequential(
        [
            layers.Input((None,)),
            layers.Embedding(300, 16, mask_zero=True),
            layers.LSTM(40, return_sequences=True, dropout=0.1),
            layers.Bidirectional(layers.GRU(24)),
            layers.Dense(20, "softmax"),
        ]
    )
    made.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args(arguments)
    rng = np.random.default_rng(0)
    trained = model()
    most = [0.0, 0.0]
    for step in range(options.steps):
        rows, steps = (ROWS, STEPS) if step == 0 else (int(n) for n in rng.integers(1, (ROWS + 1, STEPS + 1)))
        trained.train_on_batch(rng.integers(0, 300, (rows, steps)), rng.integers(0, 20, rows))
        half = 2 * step // options.steps
        most[half] = max(most[half], resident_mib())
    print(f"{most[0]:.1f} MiB in the first half of {options.steps} steps, {most[1]:.1f} MiB in the second")
    return 1 if most[1] > 1.05 * most[0] else 0


if __name__ == "__main__":
    sys.exit(main())
