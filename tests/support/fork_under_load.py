"""Forks children while threads of the parent compute: ``python -m tests.support.fork_under_load --forks 3000``.

Threads pack weights, run kernels on the pool, train models, make layers and draw seeds. Each child uses the very
objects that the threads are using, on a pool of its own, and must give the parent's answer within `--seconds`.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from typing import Any

import numpy as np

import recurra
from recurra import layers, models
from recurra._core.select import core
from recurra.random import derive_seed


class Load:
    """What the threads of the parent and its children compute."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self.arrays = [
            rng.normal(size=shape).astype("f4") * 0.1 for shape in ((3, 9, 17), (17, 1200), (300, 1200), (1200,))
        ]
        self.states = [np.zeros((3, 300), "f4")] * 2
        self.packed = core.packed_weights_cache()
        self.long_x = rng.normal(size=(16, 30, 17)).astype("f4")
        self.model = models.Sequential([layers.Input((5, 4)), layers.GRU(9, return_sequences=True), layers.LSTM(7)])
        self.model_x = rng.normal(size=(6, 5, 4)).astype("f4")
        self.expected = self.answers()

    def forward(self, packed: Any, x: Any = None, training: bool = False) -> Any:
        first, *weights = self.arrays
        x = first if x is None else x
        states = [np.zeros((len(x), 300), "f4")] * 2
        return core.recurrent_forward(
            "lstm", x, states, weights, None, None, None, None, "tanh", "sigmoid", False, True, False, training, packed,
            None, None,
        )  # fmt: skip

    def answers(self) -> list[Any]:
        y, _, cache = self.forward(None, self.long_x, training=True)
        dx, *_ = core.recurrent_backward(cache, y, (None, None), True)
        return [self.forward(self.packed)[0], y, dx, self.model.predict(self.model_x, verbose=0)]

    def pack(self) -> None:
        self.packed = core.packed_weights_cache()
        self.forward(self.packed)

    def train(self) -> None:
        model = models.Sequential([layers.Input((4, 3)), layers.LSTM(5, dropout=0.2), layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(np.ones((7, 4, 3), "f4"), np.ones((7, 1), "f4"), verbose=0)

    def name_and_draw(self) -> None:
        for _ in range(200):
            layers.LSTM(3)
            derive_seed()


def wait(pid: int, seconds: float) -> str:
    """How the child ended: "" when well."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            code = os.waitstatus_to_exitcode(status)
            return f"a child ended with {code}" if code else ""
        time.sleep(0.0005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return "a child hung"


def child(load: Load) -> int:
    load.name_and_draw()
    load.train()
    return 0 if all(np.array_equal(a, b) for a, b in zip(load.answers(), load.expected, strict=True)) else 3


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--forks", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=30.0, help="for each child")
    parser.add_argument("--threads", type=int, default=2, help="of the kernels")
    options = parser.parse_args(arguments)
    recurra.set_num_threads(options.threads)
    load = Load()
    stop = threading.Event()

    def repeat(work: Any) -> None:
        while not stop.is_set():
            work()

    child(load)  # imports what is imported when first used: Python's own import locks are not renewed in a child
    works = [load.pack, load.pack, load.answers, load.train, load.name_and_draw]
    threads = [threading.Thread(target=repeat, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    failures = []
    for number in range(1, options.forks + 1):
        pid = os.fork()
        if pid == 0:
            code = 4
            try:
                code = child(load)
            finally:
                os._exit(code)
        if failure := wait(pid, options.seconds):
            failures.append(failure)
        if number % 100 == 0:
            print(f"{number} forks, {len(failures)} failed", file=sys.stderr, flush=True)
    stop.set()
    for thread in threads:
        thread.join()
    print(f"{options.forks} forks, {len(failures)} failed", *sorted(set(failures)), sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
