"""Ctrl-C within one long kernel call: answered within a second; other signals are handled while it runs."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from recurra._core.cells import CELLS
from tests.support.recurrent_cases import Case, backward, forward, make_inputs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signals to send here")


def _seconds_to_answer(call: Callable[[], object]) -> float | None:
    """CPU time from Ctrl-C, 0.2 s into call(), to its answer; None where call() ended before.

    CPU time of this process, so that others on the machine do not count.
    """
    sent: list[float] = []
    ended = False

    def interrupt() -> None:
        sent.append(time.process_time())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.2, interrupt)
    timer.start()
    try:
        call()
        ended = True
        while True:
            time.sleep(0.001)
    except KeyboardInterrupt:
        seconds = time.process_time() - sent[0]
    timer.join()
    return None if ended else seconds


@pytest.mark.parametrize(("cell", "threads"), [("lstm", 1), *((cell, 2) for cell in CELLS)])
def test_a_long_call_is_interrupted(compiled: ModuleType, cell: str, threads: int) -> None:
    """20,000 steps, forward, training and backward."""
    sizes = (3, 20000, 8, 250) if cell == "lstm" else (2, 20000, 8, 120)
    case = Case(cell, "float32", sizes, seed=1)
    inputs = make_inputs(case)
    before = compiled.get_num_threads()
    compiled.set_num_threads(threads)
    try:
        inference = _seconds_to_answer(lambda: forward(compiled, case, inputs.arrays, training=False))
        training = _seconds_to_answer(lambda: forward(compiled, case, inputs.arrays))
        *_, cache = forward(compiled, case, inputs.arrays)
        gradients = _seconds_to_answer(lambda: backward(compiled, case, cache, inputs.upstream))
    finally:
        compiled.set_num_threads(before)
    for seconds in (inference, training, gradients):
        assert seconds is None or seconds < threads
    if cell == "lstm":  # others may be done before
        assert gradients is not None


def test_a_handler_that_returns_changes_nothing(compiled: ModuleType) -> None:
    """A handler may even call kernels; with other threads' signals pending the results are the same."""
    case = Case("gru", "float32", (12, 900, 20, 120), seed=2)
    inputs = make_inputs(case)
    small = Case("lstm", "float32", (3, 5, 4, 7))

    def results() -> list[np.ndarray]:
        *outputs, cache = forward(compiled, case, inputs.arrays)
        return [*outputs, *backward(compiled, case, cache, inputs.upstream)]

    expected = results()
    handled: list[bool] = []

    def handler(number: int, frame: object) -> None:
        tiny = np.float32(1e-38) * np.float32(0.01)  # a denormal: the program's own mode is in force
        handled.append(tiny > 0 and forward(compiled, small, make_inputs(small).arrays)[0].shape == (3, 5, 7))

    previous = signal.signal(signal.SIGUSR1, handler)
    stop = threading.Event()

    def send() -> None:
        while not stop.wait(0.02):
            os.kill(os.getpid(), signal.SIGUSR1)

    sender = threading.Thread(target=send)
    before = compiled.get_num_threads()
    try:
        sender.start()
        for threads in (1, 2):
            compiled.set_num_threads(threads)
            end = time.monotonic() + 1
            while time.monotonic() < end:
                for found, wanted in zip(results(), expected, strict=True):
                    np.testing.assert_array_equal(found, wanted)
    finally:
        stop.set()
        sender.join()
        compiled.set_num_threads(before)
        signal.signal(signal.SIGUSR1, previous)
    assert handled
    assert all(handled)


def test_a_call_after_an_interrupted_one_is_right(compiled: ModuleType) -> None:
    case = Case("lstm", "float32", (6, 4000, 12, 200), seed=3)
    inputs = make_inputs(case)
    short = Case("lstm", "float32", (6, 40, 12, 200), seed=4)
    expected = forward(compiled, short, make_inputs(short).arrays)[0]
    before = compiled.get_num_threads()
    try:
        for threads in (1, 2, 3):
            compiled.set_num_threads(threads)
            timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            with pytest.raises(KeyboardInterrupt):
                for _ in range(1000):
                    forward(compiled, case, inputs.arrays)
            timer.join()
            np.testing.assert_array_equal(forward(compiled, short, make_inputs(short).arrays)[0], expected)
    finally:
        compiled.set_num_threads(before)
