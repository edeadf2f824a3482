"""Whole models: what is saved is what is loaded, in both formats, whatever the layer and the optimizer."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import layers as L
from recurra import losses, metrics, optimizers, saving
from recurra.models import Model, Sequential
from recurra.saving import FileFormatError, load_model
from tests.support.saving_cases import predict, train
from tests.support.saving_models import IDS, LAYERS, OPTIMIZERS, PAIRS, X, randomize

FORMATS = ["a.keras", "a.h5"]


def check_same(model: Any, path: Path, x: Any) -> Any:
    model.save(path)
    again = load_model(path)
    assert again is not model
    assert again.name == model.name
    for expected, found in zip(model.weights, again.weights, strict=True):
        assert (expected.name, expected.trainable) == (found.name, found.trainable)
        np.testing.assert_array_equal(expected.numpy(), found.numpy())
    for expected, found in zip(predict(model, x), predict(again, x), strict=True):
        np.testing.assert_array_equal(expected, found)
    return again


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(tmp_path: Path, name: str, format: str) -> None:
    model = Sequential([L.Input((5, 4)), LAYERS[name]()])
    randomize(model)
    again = check_same(model, tmp_path / format, [X])
    if name != "Sequential":  # a nested one takes open sizes from now on
        assert again.get_config() == model.get_config()


@pytest.mark.parametrize("format", FORMATS)
def test_numbers_of_numpy_are_saved_as_numbers(tmp_path: Path, format: str) -> None:
    rates = optimizers.schedules.PiecewiseConstantDecay(np.array([3, 5]), np.array([0.1, 0.2, 0.3], np.float32))
    optimizer = optimizers.Adam(rates, beta_1=np.float32(0.75), global_clipnorm=np.float32(0.5))
    model = Sequential([L.Input((5, 4)), L.LSTM(np.int64(3), dropout=np.float32(0.25)), L.Dense(2)])
    loss = losses.Huber(delta=np.float32(1.5))
    model.compile(optimizer, loss, metrics=[metrics.BinaryAccuracy(threshold=np.float16(0.25))])
    model.fit(X, np.ones((len(X), 2)), verbose=0)
    again = check_same(model, tmp_path / format, [X])
    assert again.optimizer.get_config()["beta_1"] == 0.75 and again.optimizer.get_config()["global_clipnorm"] == 0.5
    assert '"delta": 1.5' in json.dumps(losses.serialize(loss))
    saved = json.loads(json.dumps(optimizers.serialize(optimizer)))["config"]
    assert saved["learning_rate"]["config"]["boundaries"] == [3, 5]


def pair(layer: Any) -> Any:
    a, b = L.Input((5, 4), name="a"), L.Input((5, 4), name="b")
    return Model([a, b], layer([a, b]))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", PAIRS)
def test_every_layer_of_two_inputs(tmp_path: Path, name: str, format: str) -> None:
    model = pair(PAIRS[name]())
    randomize(model)
    again = check_same(model, tmp_path / format, [X, X[:, ::-1].copy()])
    assert again.get_config() == model.get_config()


@pytest.mark.parametrize("format", FORMATS)
def test_embedding_and_repeat_vector(tmp_path: Path, format: str) -> None:
    model = Sequential(
        [L.Input((None,), dtype="int32"), L.Embedding(7, 3, mask_zero=True), L.LSTM(2), L.RepeatVector(4)]
    )
    randomize(model)
    check_same(model, tmp_path / format, [IDS])


@pytest.mark.parametrize("format", FORMATS)
def test_graphs(tmp_path: Path, format: str) -> None:
    words, numbers = L.Input((5,), dtype="int32", name="words"), L.Input((5, 4), name="numbers")
    embedded = L.Embedding(7, 3)(words)
    sequence, h, c = L.LSTM(4, return_sequences=True, return_state=True)(embedded)
    other = L.LSTM(4, return_sequences=True, name="decoder")(numbers, initial_state=[h, c])
    shared = L.Dense(2, name="shared")
    inner_input = L.Input((4,))
    inner = Model(inner_input, L.Dense(3)(inner_input), name="inner")
    mixed = 1.0 - (sequence + other * 2.0) / 3.0
    outputs = {
        "first": shared(mixed[:, -1, :]) - shared(other[:, 0]),
        "second": inner(h) + inner(c) ** 2,
        "third": -sequence[:, 1, ..., None],
    }
    model = Model([words, numbers], outputs)
    randomize(model)
    model.save(tmp_path / format)
    again = load_model(tmp_path / format)
    expected, found = model.predict([IDS, X], verbose=0), again.predict([IDS, X], verbose=0)
    assert list(found) == ["first", "second", "third"]
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)
    assert again.get_config() == model.get_config()


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("tied", [True, False])
def test_an_embedding_that_is_the_output_too(tmp_path: Path, format: str, tied: bool) -> None:
    words = L.Input((None,), dtype="int32")
    table = L.ReversibleEmbedding(7, 4, tie_weights=tied)
    model = Model(words, table(L.LSTM(4, return_sequences=True)(table(words)), reverse=True))
    randomize(model)
    again = check_same(model, tmp_path / format, [IDS])
    assert len(again.weights) == (4 if tied else 5)


def small(optimizer: Any) -> Any:
    model = Sequential([L.Input((5, 4)), L.LSTM(3), L.Dense(2)])
    randomize(model)
    model.compile(optimizer, loss="mse", metrics=["mae"])
    return model


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_as_if_nothing_had_happened(tmp_path: Path, name: str, format: str) -> None:
    model, t = small(OPTIMIZERS[name]()), X[:, 0, :2]
    train(model, [X], [t], steps=3)
    model.save(tmp_path / format)
    again = load_model(tmp_path / format)
    assert train(again, [X], [t], steps=4) == train(model, [X], [t], steps=4)
    for expected, found in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(expected.numpy(), found.numpy())


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adagrad", "adam"])
def test_tables_whose_rows_are_updated_alone(tmp_path: Path, name: str) -> None:
    """Whatever an optimizer has put off for rows that no batch used, the file holds the true weights and state."""
    batches = [np.array([[1, 2, 1]], "int32"), np.array([[5, 4, 6]], "int32"), np.array([[1, 6, 0]], "int32")]
    model, t = Sequential([L.Input((3,), dtype="int32"), L.Embedding(9, 4), L.GRU(2)]), np.ones((1, 2), "float32")
    randomize(model)
    model.compile(name, loss="mse")
    for batch in batches[:2]:
        train(model, [batch], [t], steps=1)
    model.save(tmp_path / "a.keras")
    again = load_model(tmp_path / "a.keras")
    for batch in (*batches[1:], batches[0]):
        assert train(again, [batch], [t], steps=1) == train(model, [batch], [t], steps=1)
    for expected, found in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, found)


@pytest.mark.parametrize("format", FORMATS)
def test_double_precision(tmp_path: Path, format: str) -> None:
    model = Sequential([L.Input((5, 4), dtype="float64"), L.LSTM(3, dtype="float64"), L.Dense(2, dtype="float64")])
    randomize(model)
    again = check_same(model, tmp_path / format, [X.astype("float64")])
    assert {weight.dtype.name for weight in again.weights} == {"float64"}


@pytest.mark.parametrize("format", FORMATS)
def test_frozen_layers_stay_frozen(tmp_path: Path, format: str) -> None:
    model = Sequential([L.Input((5, 4)), L.LSTM(3, trainable=False), L.BatchNormalization(), L.Dense(2)])
    model.layers[2].trainable = False
    randomize(model)
    again = check_same(model, tmp_path / format, [X])
    assert [len(layer.trainable_weights) for layer in again.layers] == [0, 2, 0]


def test_weights_files_carry_the_optimizer(tmp_path: Path) -> None:
    model, t = small("adam"), X[:, 0, :2]
    train(model, [X], [t])
    model.save_weights(tmp_path / "a.weights.h5")
    other = small("adam")
    other.load_weights(tmp_path / "a.weights.h5")
    assert train(other, [X], [t]) == train(model, [X], [t])
    model.save_weights(tmp_path / "b.weights.h5")
    plain = small("sgd")
    with pytest.warns(UserWarning, match="its saved state was not loaded"):
        plain.load_weights(tmp_path / "b.weights.h5")
    np.testing.assert_array_equal(predict(plain, [X])[0], predict(model, [X])[0])


def test_an_optimizer_that_has_not_stepped(tmp_path: Path) -> None:
    model = small(optimizers.Adam(0.03))
    model.optimizer.learning_rate = 0.02
    for format in FORMATS:
        model.save(tmp_path / format)
        again = load_model(tmp_path / format)
        assert float(again.optimizer.learning_rate) == pytest.approx(0.02)
        assert train(again, [X], [X[:, 0, :2]]) == train(load_model(tmp_path / format), [X], [X[:, 0, :2]])


@pytest.mark.parametrize("format", FORMATS)
def test_what_a_model_was_compiled_with(tmp_path: Path, format: str) -> None:
    model = Sequential([L.Input((5, 4)), L.GRU(2), L.Dense(3)])
    model.compile(
        optimizers.RMSprop(optimizers.schedules.PiecewiseConstantDecay([2, 5], [0.1, 0.01, 0.001])),
        loss=losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2),
        metrics=["accuracy", metrics.SparseTopKCategoricalAccuracy(k=2, name="top")],
        loss_weights=[0.5],
    )
    model.save(tmp_path / format)
    again = load_model(tmp_path / format)
    ids = np.array([0, 1, 2])
    expected, found = (
        model.evaluate(X, ids, verbose=0, return_dict=True),
        again.evaluate(X, ids, verbose=0, return_dict=True),
    )
    assert found == expected
    assert sorted(found) == ["accuracy", "loss", "top"]
    assert again.optimizer.get_config() == model.optimizer.get_config()
    model.save(tmp_path / format, include_optimizer=False)
    assert not load_model(tmp_path / format).compiled


# --- names and places ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rnn", "models/rnn", "v1.2", "model.bin"])
def test_a_name_without_an_ending_is_an_archive_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    model = small("adam")
    model.save(name)
    assert zipfile.is_zipfile(name)
    np.testing.assert_array_equal(predict(load_model(name), [X])[0], predict(model, [X])[0])


def test_open_files_and_unpacked_folders(tmp_path: Path) -> None:
    model, buffer = small("adam"), io.BytesIO()
    saving.save_model(model, buffer)
    np.testing.assert_array_equal(predict(load_model(buffer), [X])[0], predict(model, [X])[0])
    with zipfile.ZipFile(buffer) as archive:
        archive.extractall(tmp_path / "unpacked")
    np.testing.assert_array_equal(predict(load_model(tmp_path / "unpacked"), [X])[0], predict(model, [X])[0])


def test_a_slash_at_the_end_of_a_name(tmp_path: Path) -> None:
    model = small("adam")
    model.save(f"{tmp_path}/m/")
    back = load_model(f"{tmp_path}/m/")
    np.testing.assert_array_equal(predict(back, [X])[0], predict(model, [X])[0])
    assert sorted(os.listdir(tmp_path)) == ["m"]


def test_formats_by_argument(tmp_path: Path) -> None:
    model = small("adam")
    model.save(tmp_path / "a", save_format="h5")
    assert (tmp_path / "a").read_bytes()[:4] == b"\x89HDF"
    np.testing.assert_array_equal(predict(load_model(tmp_path / "a"), [X])[0], predict(model, [X])[0])
    expected = predict(model, [X])[0]
    for name in ("b", "c.h5"):
        with pytest.warns(UserWarning, match="TensorFlow's own formats are not written; the file is Keras's archive"):
            model.save(tmp_path / name, save_format="tf")
        np.testing.assert_array_equal(predict(load_model(tmp_path / name), [X])[0], expected)
        (tmp_path / name).unlink()
    with pytest.warns(UserWarning, match="the file is in HDF5, which is loaded by the same name"):
        model.save_weights(tmp_path / "ckpt", save_format="tf")
    model.load_weights(tmp_path / "ckpt")
    for left in tmp_path.glob("*ck*"):
        left.unlink()
    with pytest.raises(ValueError, match="save_format must be None or one of 'keras', 'h5', got 'pickle'"):
        model.save(tmp_path / "b", save_format="pickle")
    with pytest.raises(ValueError, match="zipped must be None or True"):
        model.save(tmp_path / "b", zipped=False)
    with pytest.raises(ValueError, match="a name for weights alone"):
        model.save(tmp_path / "b.weights.h5")
    with pytest.raises(ValueError, match="a name for a whole model"):
        model.save_weights(tmp_path / "b.keras")
    assert sorted(os.listdir(tmp_path)) == ["a"]


def test_overwriting(tmp_path: Path) -> None:
    model = small("adam")
    for save, name in ((model.save, "a.keras"), (model.save, "a.h5"), (model.save_weights, "a.weights.h5")):
        save(tmp_path / name)
        before = (tmp_path / name).read_bytes()
        with pytest.raises(FileExistsError, match="overwrite=False"):
            save(tmp_path / name, overwrite=False)
        assert (tmp_path / name).read_bytes() == before
        save(tmp_path / name)
    with pytest.raises(IsADirectoryError, match="choose another name"):
        model.save(tmp_path)


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.weights.h5"])
def test_a_failure_while_writing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    model = small("adam")
    save = model.save_weights if "weights" in name else model.save
    save(tmp_path / name)
    before = (tmp_path / name).read_bytes()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saving.hdf5, "write", full)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path / name)
    assert (tmp_path / name).read_bytes() == before
    assert os.listdir(tmp_path) == [name]


# --- weights ---------------------------------------------------------------------------------------------------------


def test_checkpoints_under_a_prefix(tmp_path: Path) -> None:
    from recurra import train as front_door
    from recurra.callbacks import ModelCheckpoint

    model, t = small("adam"), X[:, 0, :2]
    checkpoint = ModelCheckpoint(str(tmp_path / "run" / "ckpt_{epoch}"), save_weights_only=True)
    model.fit(X, t, epochs=3, verbose=0, callbacks=[checkpoint])
    latest = front_door.latest_checkpoint(tmp_path / "run")
    assert latest == str(tmp_path / "run" / "ckpt_3")
    other = small("adam")
    other.load_weights(latest)
    np.testing.assert_array_equal(predict(other, [X])[0], predict(model, [X])[0])
    other.load_weights(tmp_path / "run" / "ckpt_1")
    assert np.abs(predict(other, [X])[0] - predict(model, [X])[0]).max() > 1e-4
    assert front_door.latest_checkpoint(tmp_path) is None
    with pytest.raises(ValueError, match="latest_checkpoint found no checkpoint"):
        other.load_weights(None)
    with pytest.raises(FileFormatError, match="is a folder"):
        other.load_weights(tmp_path / "run")


def test_legacy_weights_by_order_and_by_name(tmp_path: Path) -> None:
    first = Sequential([L.Input((5, 4)), L.LSTM(3, name="one"), L.Dense(2, name="two")])
    randomize(first)
    first.save_weights(tmp_path / "a.h5")
    second = Sequential([L.Input((5, 4)), L.LSTM(3, name="x"), L.Dropout(0.1), L.Dense(2, name="y")])
    second.load_weights(tmp_path / "a.h5")
    np.testing.assert_array_equal(predict(second, [X])[0], predict(first, [X])[0])
    third = Sequential(
        [L.Input((5, 4)), L.GRU(2), L.RepeatVector(5), L.Reshape((5, 2)), L.LSTM(6), L.Dense(2, name="two")]
    )
    kept = third.get_weights()
    with pytest.raises(FileFormatError, match="the model has 3 layers with weights, the file 2"):
        third.load_weights(tmp_path / "a.h5")
    with pytest.raises(FileFormatError, match=r"layer 'two' \(Dense, 'two' in the file\) must have"):
        third.load_weights(tmp_path / "a.h5", by_name=True)
    for expected, found in zip(kept, third.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, found)
    with pytest.warns(UserWarning, match="layer 'two'"):
        third.load_weights(tmp_path / "a.h5", by_name=True, skip_mismatch=True)


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    model = small("adam")
    model.save_weights(tmp_path / "a.weights.h5")
    other = Sequential([L.Input((5, 4)), L.LSTM(3), L.Dense(7, name="out")])
    before = other.get_weights()
    with pytest.raises(FileFormatError, match=r"out \(Dense\): kernel must have shape \(3, 7\), got \(3, 2\)"):
        other.load_weights(tmp_path / "a.weights.h5")
    for expected, found in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(expected, found)
    with pytest.warns(UserWarning, match=r"out \(Dense\): kernel must have shape"):
        other.load_weights(tmp_path / "a.weights.h5", skip_mismatch=True)
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    np.testing.assert_array_equal(other.get_weights()[3], before[3])
    deeper = Sequential([L.Input((5, 4)), L.LSTM(3, return_sequences=True), L.GRU(3), L.Dense(2)])
    with pytest.raises(
        FileFormatError, match=r"the file holds nothing for gru\w* \(GRU\) at 'layers/gru/vars'|gru_cell"
    ):
        deeper.load_weights(tmp_path / "a.weights.h5")
    smaller = Sequential([L.Input((5, 4)), L.LSTM(3)])
    with pytest.warns(UserWarning, match="weights that the model has no place for: layers/dense"):
        smaller.load_weights(tmp_path / "a.weights.h5")
    with pytest.raises(ValueError, match="by_name works for legacy"):
        model.load_weights(tmp_path / "a.weights.h5", by_name=True)


def test_models_without_weights_yet(tmp_path: Path) -> None:
    model = Sequential([L.LSTM(3), L.Dense(2)])
    with pytest.raises(ValueError, match="has no weights yet"):
        model.save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(ValueError, match="is not built"):
        model.load_weights(tmp_path / "a.weights.h5")
    model.save(tmp_path / "a.keras")
    again = load_model(tmp_path / "a.keras")
    assert not again.built
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]


def test_missing_files(tmp_path: Path) -> None:
    for name in ("a.keras", "a.h5", "a"):
        with pytest.raises(FileNotFoundError, match="there is no such file"):
            load_model(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        small("adam").load_weights(tmp_path / "ckpt")
