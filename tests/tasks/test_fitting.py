"""The parts of the tasks' training that need no network."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest

from recurra import random
from recurra.layers import Dense, Input
from recurra.models import Sequential
from recurra.tasks.fitting import BestEpoch, Training, seeded
from recurra.tasks.training_bar import Progress


class Weights:
    """A model that is one number."""

    def __init__(self) -> None:
        self.value = 0.0
        self.stop_training = False

    def get_weights(self) -> list[Any]:
        return [np.array(self.value)]

    def set_weights(self, weights: list[Any]) -> None:
        self.value = float(weights[0])


def run(losses: list[float], patience: int) -> tuple[BestEpoch, Weights]:
    model, best = Weights(), BestEpoch("val_loss", patience)
    best.set_model(model)
    for epoch, loss in enumerate(losses):
        model.value = epoch + 1.0
        best.on_epoch_end(epoch, {"loss": 0.0, "val_loss": loss})
        if model.stop_training:
            break
    return best, model


def test_the_best_epoch_is_kept_and_patience_ends_the_run() -> None:
    best, model = run([3.0, 2.0, 2.5, 2.4, 1.0], patience=2)
    assert model.stop_training and best.epochs == 4 and best.epoch == 2 and best.wait == 2
    best.restore()
    assert model.value == 2.0 and best.logs["val_loss"] == 2.0


def test_an_improvement_starts_the_wait_anew() -> None:
    best, model = run([3.0, 3.5, 2.0, 2.5, 1.0], patience=2)
    assert not model.stop_training and best.epoch == 5


def test_the_highest_metric_is_the_best_and_the_loss_decides_between_equals() -> None:
    model, best = Weights(), BestEpoch("val_loss", 2, highest="val_accuracy")
    best.set_model(model)
    logged = [(0.5, 1.0), (0.7, 2.0), (0.7, 1.5), (0.9, float("nan")), (0.7, 1.6)]
    for epoch, (accuracy, loss) in enumerate(logged):
        model.value = epoch + 1.0
        best.on_epoch_end(epoch, {"val_accuracy": accuracy, "val_loss": loss})
    assert model.stop_training and best.epoch == 3 and best.epochs == 5
    best.restore()
    assert model.value == 3.0


def test_nan_is_no_improvement() -> None:
    best, model = run([3.0, float("nan")], patience=5)
    best.restore()
    assert best.epoch == 1 and model.value == 1.0


def test_seeded_leaves_the_global_seed_alone() -> None:
    random.set_global_seed(11)
    random.derive_seed()
    before = random.get_global_state()
    with seeded(3):
        inside = [random.derive_seed() for _ in range(3)]
    with seeded(3):
        assert [random.derive_seed() for _ in range(3)] == inside
    assert random.get_global_state() == before
    with seeded(None):
        random.derive_seed()
    assert random.get_global_state() != before


class Terminal(io.StringIO):
    """A text file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def play(progress: Progress) -> None:
    progress.on_train_begin()
    for epoch in range(2):
        progress.on_epoch_begin(epoch)
        for batch in range(3):
            progress.on_train_batch_end(batch, {"loss": 2.0 - epoch})
        progress.on_epoch_end(epoch, {"loss": 2.0 - epoch, "val_loss": 2.5 - epoch, "learning_rate": 0.1})
    progress.on_train_end()


def test_a_log_gets_a_line_an_epoch() -> None:
    out = io.StringIO()
    play(Progress(3, 2, 600, out))
    first, second = out.getvalue().splitlines()
    assert first.startswith("epoch 1/2: loss 2.0000, validation loss 2.5000, 0.0 s")
    assert second.startswith("epoch 2/2: loss 1.0000, validation loss 1.5000")


def test_a_log_gets_lines_within_long_epochs(monkeypatch: Any) -> None:
    clock = iter(range(0, 2000, 20))
    monkeypatch.setattr("recurra.tasks.training_bar.time.monotonic", lambda: float(next(clock)))
    out = io.StringIO()
    play(Progress(3, 2, 600, out))
    lines = out.getvalue().splitlines()
    assert len(lines) == 8
    assert lines[0] == "epoch 1/2  33%: loss 2.000, 10 tokens/s, 3:20 min left"


def test_a_terminal_gets_a_live_bar(monkeypatch: Any) -> None:
    clock = iter(range(2000))
    monkeypatch.setattr("recurra.tasks.training_bar.time.monotonic", lambda: float(next(clock)))
    out = Terminal()
    play(Progress(3, 2, 600, out))
    text = out.getvalue()
    assert "epoch 1/2" in text and "tokens/s" in text and "left" in text and "\r" in text
    assert "epoch 2/2: loss 1.0000, validation loss 1.5000" in text


def test_a_first_epoch_without_a_number_is_not_the_best() -> None:
    best, model = run([float("nan"), 2.0, 3.0], patience=5)
    assert best.epoch == 2 and best.wait == 1
    none, model = run([float("nan"), float("inf")], patience=5)
    assert none.epoch == 0 and none.logs == {}
    none.restore()
    assert model.value == 2.0  # as it was


def test_the_best_accuracy_counts_before_the_loss() -> None:
    model, best = Weights(), BestEpoch("val_loss", 3, "val_accuracy")
    best.set_model(model)
    best.on_train_begin()
    for epoch, (accuracy, loss) in enumerate([(0.7, 0.5), (0.9, 0.6), (0.9, 0.4), (0.8, 0.1), (0.95, math.nan)]):
        model.value = epoch
        best.on_epoch_end(epoch, {"val_accuracy": accuracy, "val_loss": loss})
    assert best.epoch == 3 and best.logs["val_loss"] == 0.4 and best.wait == 2


@pytest.mark.parametrize(
    ("epochs", "patience", "falls", "said"),
    [
        (5, 2, False, "stopped, no better epoch in 2: the weights of epoch 1 are kept"),
        (2, 4, False, "the weights of epoch 1 are kept"),
        (2, 4, True, None),
    ],
)
def test_the_end_says_which_weights_are_kept(
    capsys: pytest.CaptureFixture[str], epochs: int, patience: int, falls: bool, said: str | None
) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 3)).astype("float32"), np.arange(8) % 2
    training = Training(
        Sequential([Input((3,)), Dense(2, kernel_initializer="zeros")]), steps=1, tokens=8, epochs=epochs,
        validated=True, learning_rate=0.1, clipnorm=1.0, patience=patience, verbose=1,
    )  # fmt: skip
    training.run([(x, y)], [(x, y if falls else 1 - y)])
    lines = capsys.readouterr().err.splitlines()
    assert (lines[-1] == said) if said is not None else lines[-1].startswith("epoch 2/2")
