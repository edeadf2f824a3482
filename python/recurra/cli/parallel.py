"""Predictions of many texts, in this process or in several, in the order of the texts."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import recurra

Batch = list[str]


def predicted(classifier: Any, model: Path, batches: Iterable[Batch], jobs: int) -> Iterator[tuple[Batch, list[Any]]]:
    """Each batch with its predictions, in order; at most twice as many batches as processes are held in memory.

    classifier : the loaded classifier, which predicts where one process is enough
    model : its file, which each of `jobs` processes loads
    """
    if jobs == 1:
        for texts in batches:
            yield texts, classifier.predictions(texts)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    threads = max(1, recurra.get_num_threads() // jobs)
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (os.fspath(model), threads))
    waiting: deque[tuple[Batch, Any]] = deque()
    try:
        for texts in batches:
            waiting.append((texts, pool.submit(_predict, texts)))
            if len(waiting) >= 2 * jobs:
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_classifier: Any = None


def _begin(model: str, threads: int) -> None:
    """Load the classifier in a new process, which ends with the one that started it, and leaves Ctrl-C to that one."""
    global _classifier
    from multiprocessing import parent_process

    from recurra.tasks import TextClassifier

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    recurra.set_num_threads(threads)
    _classifier = TextClassifier.load(model)


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _predict(texts: Batch) -> list[Any]:
    found: list[Any] = _classifier.predictions(texts)
    return found
