"""Every callback."""

from __future__ import annotations

import csv
import io
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import callbacks as c
from recurra.layers import Dense, Input
from recurra.models import Sequential, load_model
from recurra.optimizers import SGD
from recurra.utils import set_random_seed
from tests.support.limited import small_files

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 3)).astype("float32"), RNG.normal(size=(16, 2)).astype("float32")


def line(optimizer: Any = "sgd", **compiled: Any) -> Any:
    set_random_seed(1)
    model = Sequential([Input((3,)), Dense(2)])
    model.compile(optimizer, "mse", metrics=["mae"], **compiled)
    return model


class Say(c.Callback):
    """Puts values of its own into the logs, as if they had been measured."""

    def __init__(self, **values: list[float]) -> None:
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs.update({key: values[epoch] for key, values in self.values.items()})


def epochs_run(callbacks: list[Any], epochs: int = 10) -> int:
    return len(line().fit(X, Y, epochs=epochs, verbose=0, callbacks=callbacks).epoch)


@pytest.mark.parametrize(
    ("settings", "values", "expected"),
    [
        ({"patience": 0}, [5, 4, 4, 3, 2, 1], 3),
        ({"patience": 2}, [5, 4, 4, 3, 4, 4, 1], 6),
        ({"patience": 1, "min_delta": 0.5}, [5, 4.8, 4.6, 4.4, 4.2], 2),
        ({"patience": 1, "mode": "max"}, [1, 2, 1, 3], 3),
        ({"patience": 2, "baseline": 3.0}, [5, 5, 5, 5], 2),
        ({"patience": 2, "baseline": 3.0}, [5, 4, 2, 1, 1, 1, 1], 6),
        ({"patience": 0, "start_from_epoch": 3}, [1, 2, 3, 4, 5], 5),
    ],
)
def test_early_stopping(settings: dict[str, Any], values: list[float], expected: int) -> None:
    stop = c.EarlyStopping("val_loss", **settings)
    assert epochs_run([Say(val_loss=[*values, *[values[-1]] * 10]), stop]) == expected


def test_early_stopping_restores_the_best_weights(capsys: pytest.CaptureFixture[str]) -> None:
    kept: list[Any] = []

    class Keep(c.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            kept.append(self.model.get_weights())

    for values, best, verbose in (([5.0, 2, 3, 4], 1, 1), ([5.0, 4, 3, 2], 3, 0), ([1.0, 2, 3, 4], 0, 0)):
        kept.clear()
        model = line(SGD(0.1))
        stop = c.EarlyStopping(patience=8, restore_best_weights=True, verbose=verbose)
        model.fit(X, Y, epochs=4, verbose=0, callbacks=[Say(val_loss=values), Keep(), stop])
        for a, b in zip(model.get_weights(), kept[best], strict=True):
            np.testing.assert_array_equal(a, b)
    assert "Restoring the weights of the best epoch: 2" in capsys.readouterr().out


def test_the_direction_of_a_metric_is_known() -> None:
    model = Sequential([Input((3,)), Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    up = c.EarlyStopping("accuracy", patience=1)
    down = c.EarlyStopping("val_loss", patience=1)
    model.fit(X, RNG.integers(0, 2, 16), epochs=1, validation_split=0.5, verbose=0, callbacks=[up, down])
    assert (up._sign, down._sign) == (1, -1)
    with pytest.raises(ValueError, match="pass mode='max' or mode='min'"):
        model.fit(X, RNG.integers(0, 2, 16), verbose=0, callbacks=[c.EarlyStopping("val_accuraccy")])


def test_a_quantity_that_is_not_logged_warns() -> None:
    with pytest.warns(UserWarning, match="monitors 'val_loss', which is not logged; there are: loss, mae"):
        line().fit(X, Y, epochs=1, verbose=0, callbacks=[c.EarlyStopping()])


def test_reduce_lr_on_plateau(capsys: pytest.CaptureFixture[str]) -> None:
    values = [5.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]
    reduce = c.ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1, min_lr=0.02, verbose=1)
    model = line(SGD(0.1))
    history = model.fit(X, Y, epochs=8, verbose=0, callbacks=[Say(val_loss=values), reduce]).history
    np.testing.assert_allclose(history["learning_rate"], [0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025], rtol=1e-6)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.02)
    assert "Epoch 4: ReduceLROnPlateau reducing learning rate to 0.05" in capsys.readouterr().out


def test_learning_rate_scheduler() -> None:
    for schedule in (lambda epoch, rate: rate * 0.5, lambda epoch: 0.1 * 0.5 ** (epoch + 1)):
        history = line(SGD(0.1)).fit(X, Y, epochs=3, verbose=0, callbacks=[c.LearningRateScheduler(schedule)]).history
        np.testing.assert_allclose(history["learning_rate"], [0.05, 0.025, 0.0125], rtol=1e-6)
    with pytest.raises(ValueError, match="schedule must return a float, got 'fast'"):
        line().fit(X, Y, verbose=0, callbacks=[c.LearningRateScheduler(lambda epoch: "fast")])


def test_csv_logger(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    line().fit(X, Y, epochs=2, verbose=0, callbacks=[c.CSVLogger(path)], validation_split=0.25, validation_freq=2)
    line().fit(X, Y, epochs=1, verbose=0, callbacks=[c.CSVLogger(path, append=True)])
    rows = list(csv.reader(path.read_text().splitlines()))
    assert rows[0] == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    assert [row[0] for row in rows[1:]] == ["0", "1", "0"]
    assert rows[1][3] == "NA" and float(rows[2][3]) > 0 and rows[3][3] == "NA"
    line().fit(X, Y, epochs=1, verbose=0, callbacks=[c.CSVLogger(path, separator=";")], validation_split=0.25)
    assert path.read_text().splitlines()[0] == "epoch;loss;mae;val_loss;val_mae"


def test_terminate_on_nan(capsys: pytest.CaptureFixture[str]) -> None:
    model = line(SGD(1e30))
    with np.errstate(all="ignore"):
        history = model.fit(X, Y, batch_size=2, epochs=9, verbose=0, callbacks=[c.TerminateOnNaN()])
        assert len(history.epoch) == 1 and int(model.optimizer.iterations) < 8
        assert "training ends" in capsys.readouterr().out
        with pytest.raises(RuntimeError, match="the loss is"):
            line(SGD(1e30)).fit(X, Y, batch_size=2, epochs=9, verbose=0, callbacks=[c.TerminateOnNaN(raise_error=True)])


def test_lambda_callback() -> None:
    seen: list[Any] = []
    hooks = {
        "on_train_begin": lambda logs: seen.append("begin"),
        "on_epoch_begin": lambda epoch, logs: seen.append(epoch),
        "on_train_batch_end": lambda batch, logs: seen.append(("batch", batch, round(logs["loss"], 9) > 0)),
        "on_epoch_end": lambda epoch, logs: seen.append(sorted(logs)),
        "on_test_batch_end": lambda batch, logs: seen.append(("test", batch)),
        "on_train_end": lambda logs: seen.append("end"),
    }
    line().fit(X, Y, batch_size=8, verbose=0, callbacks=[c.LambdaCallback(**hooks)], validation_data=(X, Y))
    assert seen == [
        "begin", 0, ("batch", 0, True), ("batch", 1, True), ("test", 0), ("test", 1),
        ["loss", "mae", "val_loss", "val_mae"], "end",
    ]  # fmt: skip
    with pytest.raises(TypeError, match="no hook"):
        c.LambdaCallback(on_epoch=print)


def test_every_hook_is_called_in_order() -> None:
    seen: list[str] = []

    class All(c.Callback):
        pass

    for name in dir(c.Callback):
        if name.startswith("on_") and "train_batch" not in name:
            setattr(All, name, lambda self, *args, name=name: seen.append(name))
    model = line()
    model.fit(X, Y, batch_size=16, verbose=0, callbacks=[All()], validation_data=(X[:4], Y[:4]))
    assert seen == [
        "on_train_begin", "on_epoch_begin", "on_batch_begin", "on_batch_end", "on_test_begin", "on_test_batch_begin",
        "on_test_batch_end", "on_test_end", "on_epoch_end", "on_train_end",
    ]  # fmt: skip
    seen.clear()
    model.predict(X, batch_size=16, verbose=0, callbacks=All())
    assert seen == ["on_predict_begin", "on_predict_batch_begin", "on_predict_batch_end", "on_predict_end"]


def test_model_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run" / "{epoch:02d}-{val_loss:.1f}.keras"
    values = [3.0, 2.0, 2.5, 1.0]
    save = c.ModelCheckpoint(path, save_best_only=True, verbose=1)
    model = line()
    model.fit(X, Y, epochs=4, verbose=0, callbacks=[Say(val_loss=values), save])
    assert sorted(os.listdir(tmp_path / "run")) == ["01-3.0.keras", "02-2.0.keras", "04-1.0.keras"]
    for a, b in zip(load_model(tmp_path / "run" / "04-1.0.keras").get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    said = capsys.readouterr().out
    assert "val_loss improved from 3.00000 to 2.00000" in said and "did not improve from 2.00000" in said


def test_model_checkpoint_under_a_prefix(tmp_path: Path) -> None:
    from recurra.train import latest_checkpoint

    model = line()
    save = c.ModelCheckpoint(filepath=str(tmp_path / "ckpt_{epoch}"), save_weights_only=True)
    model.fit(X, Y, epochs=11, verbose=0, callbacks=[save])
    latest = latest_checkpoint(str(tmp_path))
    assert latest is not None and latest.endswith("ckpt_11")
    other = line()
    other.load_weights(latest)
    for a, b in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_model_checkpoint_every_few_batches(tmp_path: Path) -> None:
    save = c.ModelCheckpoint(tmp_path / "{epoch}-{batch}.weights.h5", save_weights_only=True, save_freq=3)
    line().fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[save])
    assert sorted(os.listdir(tmp_path)) == ["1-3.weights.h5", "2-2.weights.h5"]
    bad = c.ModelCheckpoint(tmp_path / "{spam}.keras")
    with pytest.raises(KeyError, match="asks for 'spam', which is not logged"):
        line().fit(X, Y, verbose=0, callbacks=[bad])


def test_a_threshold_to_beat_first(tmp_path: Path) -> None:
    save = c.ModelCheckpoint(tmp_path / "{epoch}.keras", save_best_only=True, initial_value_threshold=2.5)
    line().fit(X, Y, epochs=3, verbose=0, callbacks=[Say(val_loss=[3.0, 2.6, 2.0]), save])
    assert os.listdir(tmp_path) == ["3.keras"]


def test_swap_ema_weights() -> None:
    optimizer = SGD(0.3, use_ema=True, ema_momentum=0.9)
    model = line(optimizer)
    seen: list[Any] = []

    class Look(c.Callback):
        def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
            seen.append(self.model.get_weights()[0])

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seen.append(self.model.get_weights()[0])

    model.fit(X, Y, epochs=1, batch_size=4, verbose=0, validation_data=(X, Y), callbacks=[c.SwapEMAWeights(), Look()])
    assert not np.array_equal(seen[0], seen[-1])  # averages in the evaluation, weights after it
    np.testing.assert_array_equal(seen[0], model.get_weights()[0])  # and averages when all is over
    model = line(SGD(0.3, use_ema=True, ema_momentum=0.9))
    seen.clear()
    model.fit(X, Y, epochs=2, batch_size=4, verbose=0, callbacks=[c.SwapEMAWeights(swap_on_epoch=True), Look()])
    np.testing.assert_array_equal(seen[-1], model.get_weights()[0])
    with pytest.raises(ValueError, match="use_ema=True"):
        line().fit(X, Y, verbose=0, callbacks=[c.SwapEMAWeights()])


def test_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []

    class Writer:
        def __init__(self, folder: str, max_queue: int) -> None:
            self.part = Path(folder).name

        def add_scalar(self, name: str, value: float, step: int) -> None:
            written.append((self.part, name, step))

        def add_histogram(self, name: str, values: Any, step: int) -> None:
            written.append((self.part, name, values.shape))

        def add_text(self, name: str, text: str, step: int) -> None:
            written.append((self.part, name, "dense" in text))

        def flush(self) -> None:
            pass

        def close(self) -> None:
            written.append((self.part, "closed"))

    import sys
    import types

    monkeypatch.setitem(sys.modules, "tensorboardX", types.SimpleNamespace(SummaryWriter=Writer))
    board = c.TensorBoard(tmp_path, histogram_freq=1, update_freq=2, write_steps_per_second=True)
    line().fit(X, Y, batch_size=8, epochs=1, verbose=0, validation_data=(X, Y), callbacks=[board])
    assert ("train", "batch_loss", 2) in written and ("train", "batch_loss", 1) not in written
    assert ("train", "epoch_mae", 0) in written and ("validation", "epoch_loss", 0) in written
    assert ("train", "epoch_steps_per_second", 0) in written and ("train", "model", True) in written
    assert [w for w in written if w[1].startswith("dense") and w[2] == (3, 2)]
    assert ("validation", "closed") in written
    with pytest.raises(ValueError, match="profile_batch is not offered"):
        c.TensorBoard(profile_batch=2)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"recurra\[tensorboard\]"):
        line().fit(X, Y, verbose=0, callbacks=[c.TensorBoard(tmp_path)])


def test_tensorboard_files(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    line().fit(X, Y, verbose=0, callbacks=[c.TensorBoard(tmp_path)], validation_data=(X, Y))
    for part in ("train", "validation"):
        files = list((tmp_path / part).glob("events*"))
        assert files and b"epoch_loss" in files[0].read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files' sizes")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("frequency", ["epoch", "batch"])
def test_tensorboard_on_a_full_disk(tmp_path: Path, frequency: str) -> None:
    pytest.importorskip("tensorboardX")
    with small_files(9000), pytest.raises(OSError, match=str(tmp_path / "train")):
        line().fit(
            X, Y, verbose=0, epochs=400, batch_size=1,
            callbacks=[c.TensorBoard(tmp_path, histogram_freq=1, update_freq=frequency)],
        )  # fmt: skip


def test_callback_list_finds_the_history() -> None:
    mine = c.History()
    model = line()
    assert model.fit(X, Y, verbose=0, callbacks=[mine]) is mine
    together = c.CallbackList([c.Callback()], add_history=True, add_progbar=True, model=model, epochs=2, steps=3)
    assert [type(one).__name__ for one in together] == ["Callback", "ProgbarLogger", "History"]
    assert together.callbacks[0].model is model and together.callbacks[0].params == {"epochs": 2, "steps": 3}
    assert c.CallbackList(together).callbacks == together.callbacks


def test_a_callback_of_ones_own_may_be_called_history() -> None:
    class History(c.Callback):
        pass

    class ProgbarLogger(c.Callback):
        pass

    own = [History(), ProgbarLogger()]
    together = c.CallbackList(own, add_history=True, add_progbar=True)
    assert type(together.history) is c.History
    assert [type(one) for one in together] == [History, ProgbarLogger, c.ProgbarLogger, c.History]
    model = line()
    assert type(model.fit(X, Y, callbacks=[History()], verbose=0)) is c.History


def test_history_plot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = line().fit(X, Y, epochs=2, verbose=0, validation_data=(X, Y))
    matplotlib = pytest.importorskip("matplotlib")
    figure = history.plot(path=tmp_path / "curves.png")
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "mae"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 2]
    assert (tmp_path / "curves.png").stat().st_size > 1000
    assert len(history.plot(["val_loss"]).axes) == 1
    with pytest.raises(ValueError, match="keys must be among"):
        history.plot(["spam"])
    with pytest.raises(TypeError, match=r"keys must be a list of names such as \['loss'\], got 'curves.png'"):
        history.plot("curves.png")
    del matplotlib
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"recurra\[plot\]"):
        history.plot()


def test_a_broken_stream_does_not_end_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", Broken())
    talkative = [
        c.EarlyStopping("loss", patience=1, min_delta=9, verbose=1, restore_best_weights=True),
        c.ReduceLROnPlateau("loss", patience=1, min_delta=9, verbose=1),
        c.LearningRateScheduler(lambda epoch: 0.01, verbose=1),
        c.ProgbarLogger(),
    ]
    for verbose in (1, 2):
        assert len(line().fit(X, Y, epochs=4, verbose=verbose, callbacks=talkative).epoch) == 2
        assert len(line().fit(X, Y, epochs=2, verbose=verbose).epoch) == 2
    monkeypatch.setattr(sys, "stdout", None)
    assert len(line().fit(X, Y, epochs=2, verbose=2).epoch) == 2


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: c.LearningRateScheduler(0.1), "schedule must be a function of the epoch"),
        (lambda: c.LambdaCallback(on_epoch_end=3), "on_epoch_end must be a function or None, got 3"),
        (lambda: c.CSVLogger(10**6), r"filename must be a path .*, got int"),
        (lambda: c.TensorBoard(10**6), r"log_dir must be a path .*, got int"),
    ],
)
def test_what_is_no_function_or_path_is_refused(make: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        make()
