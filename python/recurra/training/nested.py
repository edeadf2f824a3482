"""Calls of ``evaluate`` and the like within a loop on the same model: in a callback of ``fit``, say."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from recurra.metrics.base import Metric
from recurra.training.run_state import metric_state, set_metric_state


class _Loops(threading.local):
    """The models on which this thread runs ``fit`` or ``evaluate``, the innermost call last."""

    def __init__(self) -> None:
        self.models: list[Any] = []


_loops = _Loops()


@contextmanager
def loop_on(model: Any) -> Iterator[None]:
    """The block is a loop on `model`."""
    _loops.models.append(model)
    try:
        yield
    finally:
        _loops.models.pop()


@contextmanager
def averages_kept(model: Any, apart: bool = True) -> Iterator[None]:
    """The block may use the running averages of a model; a loop on it that is under way finds its own again.

    apart : False where the block is to add to the averages of that loop
    """
    if not apart or not any(one is model for one in _loops.models):
        yield
        return
    before = [(metric, metric_state(metric)) for metric in _averages(model)]
    try:
        yield
    finally:
        for metric in _averages(model):
            metric.reset_state()
        for metric, state in before:
            set_metric_state(metric, state)


def _averages(model: Any) -> list[Metric]:
    compiled = model._compiled_state
    own = [compiled.tracker, *compiled.loss.trackers] if compiled is not None else []
    others = compiled.metrics.metrics if compiled is not None and compiled.metrics.built else []
    return [*own, *others, *model._extra_metrics()]
