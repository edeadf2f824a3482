"""BackupAndRestore: a run that was interrupted anywhere ends as one that was not."""

from __future__ import annotations

import errno
import os
import random as python_random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, ops, optimizers
from recurra import callbacks as c
from recurra.layers import LSTM, Dense, Embedding, Input
from recurra.metrics import Mean
from recurra.models import Model, Sequential
from recurra.utils import set_random_seed
from tests.support.interrupted_runs import (
    BATCH,
    EPOCHS,
    RNG,
    STEPS,
    PowerCut,
    X,
    Y,
    alone,
    arrays,
    interrupt_and_resume,
    same,
    usual,
    words,
)

OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "adam": lambda: optimizers.Adam(0.01),
    "lazy adam": lambda: optimizers.LazyAdam(0.01),
    "rmsprop": lambda: optimizers.RMSprop(0.01),
    "momentum": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "accumulation": lambda: optimizers.SGD(0.1, gradient_accumulation_steps=4),
    "average": lambda: optimizers.Nadam(0.01, use_ema=True, ema_overwrite_frequency=5),
    "adadelta": lambda: optimizers.Adadelta(0.5),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(("after", "save_freq"), [(2, 1), (8, 3), (16, 5), (7, "epoch"), (19, "epoch"), (13, 4)])
def test_ends_as_if_never_interrupted(tmp_path: Path, name: str, after: int, save_freq: Any) -> None:
    def make() -> Any:
        return words(OPTIMIZERS[name]())

    whole = make()
    expected = whole.fit(**arrays(), epochs=EPOCHS, verbose=0, callbacks=usual(tmp_path / "other")[1:])
    folder = tmp_path / "backup"
    model, history = interrupt_and_resume(folder, after, make, save_freq=save_freq)
    same(model, whole)
    assert history.history == expected.history and history.epoch == expected.epoch
    assert not folder.exists()


def test_every_batch_of_a_run(tmp_path: Path) -> None:
    whole = words()
    whole.fit(**arrays(), epochs=EPOCHS, verbose=0, callbacks=usual(tmp_path / "other")[1:])
    for after in range(1, EPOCHS * STEPS, 5):
        model, _ = interrupt_and_resume(tmp_path / "b", after, save_freq=2) if after > 2 else (whole, None)
        same(model, whole)


def test_twice_interrupted(tmp_path: Path) -> None:
    whole = words()
    whole.fit(**arrays(), epochs=EPOCHS, verbose=0, callbacks=usual(tmp_path / "other")[1:])
    model = words()
    for after in (7, 8, 3):
        with pytest.raises(RuntimeError, match="power cut"):
            model.fit(
                **arrays(), epochs=EPOCHS, verbose=0, callbacks=[*usual(tmp_path / "b", save_freq=1), PowerCut(after)]
            )
        model = words()
    model.fit(**arrays(), epochs=EPOCHS, verbose=0, callbacks=usual(tmp_path / "b"))
    same(model, whole)


# --- what else is remembered ----------------------------------------------------------------------------------------
def test_states_of_stateful_layers(tmp_path: Path) -> None:
    x, y = RNG.normal(size=(24, 3, 2)), RNG.normal(size=(24, 1))

    def make() -> Any:
        set_random_seed(2)
        model = Sequential([Input((3, 2), batch_size=4), LSTM(3, stateful=True), Dense(1)])
        model.compile("rmsprop", "mse", metrics=["mae"])
        return model

    def reading() -> dict[str, Any]:
        return {"x": x, "y": y, "batch_size": 4, "shuffle": False}

    whole = make()
    whole.fit(**reading(), epochs=EPOCHS, verbose=0)
    model, _ = interrupt_and_resume(tmp_path / "b", 10, make, reading, alone, save_freq=4)
    same(model, whole)


def test_a_training_step_of_ones_own_with_two_optimizers(tmp_path: Path) -> None:
    class Both(Model):
        def __init__(self) -> None:
            super().__init__()
            self.reader, self.head = Sequential([Embedding(9, 3), LSTM(2, dropout=0.2)]), Dense(1)
            self.seen = Mean("seen")

        def compile(self, *arguments: Any, **options: Any) -> None:
            super().compile(*arguments, **options)
            self.second = optimizers.RMSprop(0.01)

        def call(self, inputs: Any, training: bool = False) -> Any:
            return self.head(self.reader(inputs, training=training))

        def train_step(self, batch: Any) -> dict[str, Any]:
            x, y = batch
            with GradientTape() as tape:
                loss = ops.mean((self(x, training=True)[:, 0] - y) ** 2)
            parts = self.reader.trainable_weights, self.head.trainable_weights
            grads = tape.gradient(loss, [*parts[0], *parts[1]])
            self.optimizer.apply_gradients(zip(grads[: len(parts[0])], parts[0], strict=True))
            self.second.apply_gradients(zip(grads[len(parts[0]) :], parts[1], strict=True))
            self.seen.update_state(float(loss))
            return {"seen": self.seen.result()}

    def make() -> Any:
        set_random_seed(6)
        model = Both()
        model(X)
        model.compile(optimizers.Adam(0.01))
        return model

    def reading() -> dict[str, Any]:
        return {"x": X, "y": Y.astype("float32"), "batch_size": BATCH}

    whole = make()
    expected = whole.fit(**reading(), epochs=EPOCHS, verbose=0)
    model, history = interrupt_and_resume(tmp_path / "b", 15, make, reading, alone, save_freq=2)
    for one, other in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert history.history == expected.history


def test_global_generators_go_on(tmp_path: Path) -> None:
    class Draws(c.Callback):
        state_attributes = ("seen",)

        def __init__(self) -> None:
            super().__init__()
            self.seen: list[Any] = []

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.seen.append((python_random.random(), float(np.random.random())))

    found = []

    def callbacks(folder: Any, **settings: Any) -> list[c.Callback]:
        found.append(Draws())
        return [c.BackupAndRestore(folder, **settings), found[-1]]

    words().fit(**arrays(), epochs=EPOCHS, verbose=0, callbacks=callbacks(tmp_path / "other"))
    interrupt_and_resume(tmp_path / "b", 9, callbacks=callbacks, save_freq=2)
    assert found[-1].seen == found[0].seen


@pytest.mark.parametrize("append", [False, True])
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # the file that was open at the power cut
def test_a_csv_file_goes_on(tmp_path: Path, append: bool) -> None:
    def callbacks(folder: Path, **settings: Any) -> list[c.Callback]:
        log = folder.parent / f"{folder.name}.csv"
        if append and not log.exists():
            log.write_text("of another run\n")
        return [c.CSVLogger(log, append=append), c.BackupAndRestore(folder, **settings)]

    words().fit(**arrays(), epochs=EPOCHS, verbose=0, callbacks=callbacks(tmp_path / "a"))
    interrupt_and_resume(tmp_path / "b", 21, callbacks=callbacks, save_freq=5)
    text = (tmp_path / "b.csv").read_text()
    assert text == (tmp_path / "a.csv").read_text() and len(text.splitlines()) == 1 + EPOCHS


def test_a_model_checkpoint_goes_on(tmp_path: Path) -> None:
    def callbacks(folder: Path, **settings: Any) -> list[c.Callback]:
        kept = str(folder) + "-{epoch}-{batch}.weights.h5"
        best = str(folder) + "-best-{epoch}.keras"
        return [
            c.ModelCheckpoint(best, "accuracy", save_best_only=True, mode="max"),
            c.BackupAndRestore(folder, **settings),
            c.ModelCheckpoint(kept, save_weights_only=True, save_freq=4),
        ]

    words().fit(**arrays(), epochs=EPOCHS, verbose=0, callbacks=callbacks(tmp_path / "a"))
    interrupt_and_resume(tmp_path / "b", 11, callbacks=callbacks, save_freq=3)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [n[1:] for n in names if n[0] == "a"] == [n[1:] for n in names if n[0] == "b"]


def test_early_stopping_stays_stopped(tmp_path: Path) -> None:
    def callbacks(folder: Any) -> list[c.Callback]:
        return [c.BackupAndRestore(folder, delete_checkpoint=False), c.EarlyStopping("loss", min_delta=9, patience=1)]

    model = words()
    assert len(model.fit(X, Y, epochs=9, verbose=0, callbacks=callbacks(tmp_path)).epoch) == 2
    again = words()
    assert again.fit(X, Y, epochs=9, verbose=0, callbacks=callbacks(tmp_path)).epoch == [0, 1]
    same(again, model)


# --- files ----------------------------------------------------------------------------------------------------------
def cut_run(folder: Path, **settings: Any) -> list[Path]:
    with pytest.raises(RuntimeError, match="power cut"):
        words().fit(**arrays(), epochs=EPOCHS, verbose=0, callbacks=[*usual(folder, **settings), PowerCut(11)])
    return sorted(folder.iterdir())


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(tmp_path: Path) -> None:
    whole = words()
    whole.fit(**arrays(), epochs=EPOCHS, verbose=0, callbacks=usual(tmp_path / "other")[1:])
    older, newest = cut_run(tmp_path / "b", save_freq=2)
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 4
    newest.write_bytes(content)
    model = words()
    with pytest.warns(UserWarning, match=rf"{newest.name} is damaged.*the checkpoint before it"):
        model.fit(**arrays(), epochs=EPOCHS, verbose=0, callbacks=usual(tmp_path / "b"))
    same(model, whole)
    older, newest = cut_run(tmp_path / "b", save_freq=2)
    for path in (older, newest):
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.warns(UserWarning), pytest.raises(ValueError, match=rf"{older.name} is damaged.*no older checkpoint"):
        words().fit(**arrays(), verbose=0, callbacks=usual(tmp_path / "b"))


def test_one_generation_only_where_asked(tmp_path: Path) -> None:
    assert len(cut_run(tmp_path / "b", save_freq=2, double_checkpoint=False)) == 1


def test_files_of_killed_writes_are_removed_and_those_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / ".checkpoint-00000002.state.abc.tmp").write_bytes(b"torn")
    (tmp_path / "notes.txt").write_text("mine")
    words().fit(X, Y, epochs=2, verbose=0, callbacks=[c.BackupAndRestore(tmp_path)])
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_a_full_disk_names_the_file_and_keeps_the_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.read_bytes() for path in cut_run(tmp_path / "b", save_freq=2)}

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"No space left on device: .*checkpoint-\d{8}.state"):
            words().fit(**arrays(), epochs=EPOCHS, verbose=0, callbacks=usual(tmp_path / "b", save_freq=1))
    assert {path: path.read_bytes() for path in (tmp_path / "b").iterdir()} == before


def test_another_model_is_refused(tmp_path: Path) -> None:
    cut_run(tmp_path / "b", save_freq=2)
    model = Sequential([Embedding(9, 4), LSTM(2), Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match=r"checkpoint-\d+.state is of another model"):
        model.fit(X, Y, verbose=0, callbacks=[c.BackupAndRestore(tmp_path / "b")])


def test_a_backup_of_keras_is_told_of(tmp_path: Path) -> None:
    model = words()
    model.save_weights(tmp_path / "latest.weights.h5")
    (tmp_path / "training_metadata.json").write_text('{"epoch": 1, "batch": 0}')
    with pytest.warns(UserWarning, match="exact resumption is not possible"):
        words().fit(X, Y, verbose=0, callbacks=[c.BackupAndRestore(tmp_path)])


def test_minutes(tmp_path: Path) -> None:
    backup = c.BackupAndRestore(tmp_path, save_minutes=1e-9)
    saved = []

    class Count(c.BackupAndRestore):
        def save_run(self, state: dict[str, Any]) -> None:
            saved.append((state["epoch"], state["batch"]))
            super().save_run(state)

    backup.__class__ = Count
    words().fit(X, Y, batch_size=11, epochs=2, verbose=0, callbacks=[backup])
    assert saved == [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0)]
    for bad in (0, -1):
        with pytest.raises(ValueError, match="save_minutes must be a number of minutes > 0"):
            c.BackupAndRestore(tmp_path, save_minutes=bad)
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "a file").touch()
    with pytest.raises(NotADirectoryError, match=r"backup_dir must be a folder, got the file .*a file"):
        c.BackupAndRestore(tmp_path / "a file")
