"""Predictions of many texts or sentences, in this process or in several, in their order."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

import recurra
from recurra.cli.options import Integer

Batch = list[Any]

jobs_option = click.option(
    "--jobs", type=Integer(min=1), default=1, show_default=True, metavar="N",
    help="Processes to predict in, each with the model in memory; for large files.",
)  # fmt: skip


def predicted(
    task: Any,
    model: Path,
    batches: Iterable[Batch],
    jobs: int,
    method: str,
    progress: Callable[[int], Any] | None = None,
    **arguments: Any,
) -> Iterator[tuple[Batch, list[Any]]]:
    """Each batch with its predictions, in order; at most twice as many batches as processes are held in memory.

    task : the loaded classifier, tagger, ..., which predicts where one process is enough
    model : its file, which each of `jobs` processes loads
    method, arguments : the name of the task's method that predicts a batch, and its arguments beside the batch
    progress : called with numbers of texts that are done; in one process the method itself calls it
    """
    if jobs == 1:
        for texts in batches:
            yield texts, getattr(task, method)(texts, progress=progress, **arguments)
        return
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    threads = max(1, recurra.get_num_threads() // jobs)
    begin = (type(task), method, arguments, os.fspath(model), threads)
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _begin, begin)
    waiting: deque[tuple[Batch, Any]] = deque()
    try:
        for texts in batches:
            with _ctrl_c_later():
                waiting.append((texts, pool.submit(_predict, texts)))
            if len(waiting) >= 2 * jobs:
                yield _first(waiting, progress)
        while waiting:
            yield _first(waiting, progress)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _first(waiting: deque[tuple[Batch, Any]], progress: Callable[[int], Any] | None) -> tuple[Batch, list[Any]]:
    texts, future = waiting.popleft()
    found = future.result()
    if progress is not None:
        progress(len(texts))
    return texts, found


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Ctrl-C waits for the end of the block, and processes that are started in it never see it, however early."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_predict_batch: Any = None


def _begin(kind: Any, method: str, arguments: dict[str, Any], model: str, threads: int) -> None:
    """Load the task in a new process, which ends with the one that started it, and leaves Ctrl-C to that one."""
    global _predict_batch
    from multiprocessing import parent_process

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    recurra.set_num_threads(threads)
    _predict_batch = partial(getattr(kind.load(model), method), **arguments)


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def _predict(texts: Batch) -> list[Any]:
    found: list[Any] = _predict_batch(texts)
    return found
