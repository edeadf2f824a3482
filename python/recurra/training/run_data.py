"""The batches of a ``fit``, epoch after epoch, and the place in them, which can be saved and found again."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from recurra.training.batches import Batch, Source
from recurra.training.run_state import fingerprint, global_random_state, set_global_random_state


class RunData:
    """Passes over a source.

    source : the training data
    steps : batches in an epoch where epochs have a number of their own: then a pass goes on from epoch to epoch.
        None: each epoch is a whole pass
    others : further sources that are read as training goes (validation data)
    watched : whether the place may be asked for
    """

    def __init__(self, source: Source, steps: int | None, others: list[Source], watched: bool) -> None:
        self.source, self.steps, self.others, self.watched = source, steps, others, watched
        self._pass: Iterator[Batch] | None = None
        self._taken = 0
        self._start: dict[str, Any] = {}  # of the pass under way
        self._last: Batch | None = None

    def _begin(self, epoch: int) -> Iterator[Batch]:
        if self.watched:
            self._start = {"epoch": epoch, "source": self.source.state(), "random": global_random_state()}
        self._taken = 0
        return self.source.epoch(epoch)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """What is left of the pass under way, if epochs have a number of steps of their own; else a whole pass."""
        if self.steps is not None and self._pass is not None and self._taken == self.source.steps:
            self._pass = None
        resumed = self._pass is not None
        while True:
            if self._pass is None:
                self._pass = self._begin(epoch)
            before = self._taken
            for batch in self._pass:
                self._taken += 1
                if self.watched:
                    self._last = batch
                yield batch
            self._pass = None
            if self.steps is None or not resumed or self._taken > before:
                return
            resumed = False  # the epoch before ended where the data did

    def state(self) -> dict[str, Any]:
        """The place in the data."""
        return {
            "start": {**self._start, "taken": self._taken} if self._pass is not None else None,
            "source": self.source.state(),
            "others": [source.state() for source in self.others],
            "last": None if self._last is None else fingerprint(self._last),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go to the place that :meth:`state` gave, reading what lies before it where it cannot be skipped.

        A warning says so where the batch before the place is not the one that was trained on.
        """
        if len(state["others"]) == len(self.others):
            for source, found in zip(self.others, state["others"], strict=True):
                source.restore(found)
        start = state["start"]
        if start is None:
            self.source.restore(state["source"])
            return
        self.source.restore(start["source"])
        set_global_random_state(start["random"])
        self._start = {key: start[key] for key in ("epoch", "source", "random")}
        self._taken = start["taken"]
        self._pass = self.source.epoch(start["epoch"], max(0, self._taken - 1))
        if self._taken:
            self._last = next(self._pass, None)
        self.source.restore_under_way(state["source"])
        if self._taken and (self._last is None or fingerprint(self._last) != state["last"]):
            warnings.warn(
                "the data is not what the interrupted run was trained on: the batch before the checkpoint differs, so "
                "that the resumed run will not repeat it exactly. Give the same data in the same order: seed what "
                "shuffles it, or give a data object with state_dict() and load_state_dict(state)",
                stacklevel=5,
            )
