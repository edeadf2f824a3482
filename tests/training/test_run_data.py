"""The place in the data of a run that was interrupted, for each kind of data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import callbacks as c
from recurra import data
from tests.support.interrupted_runs import (
    BATCH,
    EPOCHS,
    STEPS,
    PowerCut,
    X,
    Y,
    alone,
    interrupt_and_resume,
    same,
    words,
)


def endless() -> Iterator[Any]:
    rng = np.random.default_rng(8)
    while True:
        rows = rng.integers(0, len(X), BATCH)
        yield X[rows], Y[rows]


class Shuffled:
    """A keras.utils.Sequence as people write them: numpy's global generator shuffles at the end of an epoch."""

    def __init__(self) -> None:
        self.order = np.arange(len(X))
        self.on_epoch_end()

    def __len__(self) -> int:
        return STEPS

    def __getitem__(self, index: int) -> Any:
        rows = self.order[index * BATCH : (index + 1) * BATCH]
        return X[rows], Y[rows]

    def on_epoch_end(self) -> None:
        np.random.shuffle(self.order)


class Passes:
    """An iterable whose passes differ, and which knows how many there were."""

    def __init__(self) -> None:
        self.passes = 0

    def __iter__(self) -> Iterator[Any]:
        rng = np.random.default_rng(self.passes)
        self.passes += 1
        for _ in range(STEPS):
            rows = rng.integers(0, len(X), BATCH)
            yield X[rows], Y[rows]


class Stateful(Passes):
    def state_dict(self) -> dict[str, Any]:
        return {"passes": self.passes}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.passes = state["passes"]


def pairs() -> Any:
    return data.Dataset.from_tensor_slices((X, Y)).shuffle(22, seed=4)


SOURCES: dict[str, Callable[[], dict[str, Any]]] = {
    "batches shuffled": lambda: {"x": X, "y": Y, "batch_size": BATCH, "shuffle": "batch"},
    "in order, weighted": lambda: {"x": X, "y": Y, "batch_size": 5, "shuffle": False, "class_weight": {0: 2.0}},
    "steps of an array": lambda: {"x": X, "y": Y, "batch_size": BATCH, "steps_per_epoch": 4},
    "sequence": lambda: {"x": Shuffled()},
    "sequence, steps": lambda: {"x": Shuffled(), "steps_per_epoch": 4, "shuffle": False},
    "iterable": lambda: {"x": Passes()},
    "iterable with a state": lambda: {"x": Stateful()},
    "iterable, steps": lambda: {"x": Passes(), "steps_per_epoch": 5},
    "generator": lambda: {"x": endless(), "steps_per_epoch": STEPS},
    "dataset": lambda: {"x": pairs().batch(BATCH)},
    "dataset, cached": lambda: {"x": pairs().cache().shuffle(9, seed=2).batch(BATCH)},
    "dataset without end": lambda: {"x": pairs().repeat().batch(BATCH), "steps_per_epoch": 5},
    "validation of a generator": lambda: {
        "x": X, "y": Y, "batch_size": BATCH, "validation_data": endless(), "validation_steps": 3
    },
    "validation without end": lambda: {
        "x": X, "y": Y, "batch_size": BATCH, "validation_data": pairs().repeat().batch(3), "validation_steps": 2
    },
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize(("after", "save_freq"), [(9, 4), (11, "epoch"), (11, 1), (12, 2)])
@pytest.mark.filterwarnings("error")
def test_any_data_is_found_again(tmp_path: Path, name: str, after: int, save_freq: Any) -> None:
    model = words()
    expected = model.fit(**SOURCES[name](), epochs=EPOCHS, verbose=0)
    resumed, history = interrupt_and_resume(tmp_path / "b", after, words, SOURCES[name], alone, save_freq=save_freq)
    same(resumed, model)
    assert history.history == expected.history


def test_other_data_is_said(tmp_path: Path) -> None:
    model = words()
    with pytest.raises(RuntimeError, match="power cut"):
        model.fit(X, Y, batch_size=BATCH, verbose=0, callbacks=[PowerCut(4), c.BackupAndRestore(tmp_path, 3)])
    with pytest.warns(UserWarning, match="the batch before the checkpoint differs"):
        words().fit(X[::-1], Y, batch_size=BATCH, verbose=0, callbacks=[c.BackupAndRestore(tmp_path)])
