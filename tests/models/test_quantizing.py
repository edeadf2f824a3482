"""Models with 8-bit weights: numbers, memory, files, and what is refused."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, generation, layers, ops
from recurra.generation.compiled import compile_model
from recurra.layers import (
    GRU,
    LSTM,
    RNN,
    BatchNormalization,
    Bidirectional,
    Conv1D,
    Dense,
    Embedding,
    Input,
    LSTMCell,
    ReversibleEmbedding,
    SimpleRNN,
    TimeDistributed,
)
from recurra.limits import FileFormatError
from recurra.models import Model, Sequential, clone_model, load_model
from recurra.ops.quantization import abs_max_quantize

CELLS = ("LSTM", "GRU", "SimpleRNN", "PeepholeLSTM", "CIFGLSTM", "IndRNN", "MinGRU", "MinLSTM", "LayerNormGRU")
RNG = np.random.default_rng(0)


def _model(cell: Any = LSTM, **options: Any) -> Any:
    """A model that reads words, its weights random and biases not zero."""
    model = Sequential(
        [
            Input((None,), dtype="int32"),
            Embedding(23, 7, mask_zero=True),
            Bidirectional(cell(9, return_sequences=True, **options)),
            cell(12, **options),
            Dense(5, activation="softmax"),
        ]
    )
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.4, weight.shape) for weight in model.weights])
    return model


IDS = np.random.default_rng(2).integers(0, 23, (6, 11))


def _rounded(model: Any) -> Any:
    """A float model with the values that the 8-bit weights stand for."""
    copy = clone_model(model)
    copy.set_weights(model.get_weights())
    for layer in copy._flatten_layers():
        for name, axis in layer._matrices().items():
            weight = getattr(layer, name)
            values, scales = abs_max_quantize(weight, axis)
            weight.assign(values / np.expand_dims(scales, axis))
    return copy


@pytest.mark.parametrize("cell", CELLS)
def test_predictions_stay_near_and_files_keep_them(cell: str, tmp_path: Path) -> None:
    model = _model(getattr(layers, cell))
    before, number = model.predict(IDS, verbose=0), model.count_params()
    model.quantize("int8")
    after = model.predict(IDS, verbose=0)
    assert 0 < np.abs(after - before).max() < 0.08
    assert model.count_params() > number  # the scales
    model.save(tmp_path / "model.keras")
    read = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(read.predict(IDS, verbose=0), after)
    assert [w.dtype for w in read.weights] == [w.dtype for w in model.weights]
    model.save_weights(tmp_path / "model.weights.h5")
    other = _model(getattr(layers, cell))
    other.quantize("int8")
    for weight in other.weights:
        weight.assign(np.zeros(weight.shape))
    other.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(other.predict(IDS, verbose=0), after)


def test_rows_alone_have_the_same_bits() -> None:
    model = _model(GRU)
    model.quantize("int8")
    whole = model.predict(IDS, verbose=0)
    for row in range(len(IDS)):
        np.testing.assert_array_equal(model.predict(IDS[row : row + 1], verbose=0)[0], whole[row])


def test_names_and_memory(capsys: pytest.CaptureFixture[str]) -> None:
    model = Sequential([Input((None,)), Embedding(50, 8), LSTM(16), Dense(4)])
    kernel = weakref.ref(model.layers[1].cell.kernel)
    model.compile("adam", "mse")
    model.fit(np.zeros((2, 3)), np.zeros((2, 4)), verbose=0)
    model.quantize("int8")
    gc.collect()
    assert kernel() is None, "the float weights must be gone"
    embedding, lstm, dense = model.layers
    assert [layer.dtype_policy for layer in model.layers] == ["int8_from_float32"] * 3
    assert [layer.dtype for layer in model.layers] == ["float32"] * 3
    assert lstm.quantization_mode == lstm.cell.quantization_mode == "int8"
    assert [w.name for w in dense.weights] == ["bias", "kernel", "kernel_scale"]
    assert [w.name for w in dense.trainable_weights] == ["bias"]
    assert embedding.embeddings_scale.shape == (50,)
    assert (lstm.cell.kernel_scale.shape, lstm.cell.recurrent_kernel_scale.shape) == ((64,), (64,))
    assert not model.optimizer.built
    model.summary()
    size = sum(w.value.nbytes for w in model.weights)
    assert size == 50 * 8 + 50 * 4 + 24 * 64 + 2 * 64 * 4 + 64 * 4 + 16 * 4 + 4 * 4 + 4 * 4
    assert f"Total params: {model.count_params():,} ({size / 1024:.2f} KB)" in capsys.readouterr().out


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "SimpleRNN", "LayerNormLSTM", "MinLSTM"])
def test_generation(cell: str) -> None:
    kind = getattr(layers, cell)
    model = Sequential(
        [Input((None,)), Embedding(31, 8), kind(20, return_sequences=True), kind(13, return_sequences=True), Dense(31)]
    )
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(0, 0.5, weight.shape) for weight in model.weights])
    assert compile_model(model) is not None
    before = compile_model(model).handle()  # type: ignore[union-attr]
    model.quantize("int8")
    compiled = compile_model(model)
    assert compiled is not None
    assert compiled.handle() is not before
    prompt = np.array([[3, 4, 5], [6, 7, 8]], np.int32)
    found = [
        generation.generate(
            generation.Stepper(model, compiled=whole), prompt, length=40, sampler=generation.Sampler(seed=4)
        )
        for whole in (True, False)
    ]
    np.testing.assert_array_equal(*found)
    model.layers[1].cell.kernel_scale.assign(np.full(model.layers[1].cell.kernel_scale.shape, 1e9))
    assert compiled.handle() is not before


@pytest.mark.parametrize(
    "options", [{}, {"tie_weights": False}, {"logit_soft_cap": 1.5, "reverse_dtype": "float64"}], ids=str
)
def test_tied_embeddings_both_ways(options: dict[str, Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    table = ReversibleEmbedding(31, 13, **options)
    ids = Input((None,), dtype="int32")
    model = Model(ids, table(GRU(13, return_sequences=True)(table(ids)), reverse=True))
    model.set_weights([rng.normal(0, 0.5, weight.shape) for weight in model.weights])
    x = rng.integers(0, 31, (4, 9))
    vectors, given = table(x), rng.normal(0, 1, (4, 9, 13)).astype(np.float32)
    scores, whole = np.asarray(table(given, reverse=True)), model.predict(x, verbose=0)
    model.quantize("int8")
    assert table.quantization_mode == "int8" and table.embeddings.dtype == np.int8
    assert table.embeddings_scale.shape == (31,) and "reverse_embeddings" not in [
        w.name for w in table.weights if options.get("tie_weights", True)
    ]
    step = np.abs(vectors).max() / 127
    assert 0 < np.abs(table(x) - vectors).max() <= 0.51 * step
    found = np.asarray(table(given, reverse=True))
    assert found.dtype == scores.dtype and 0 < np.abs(found - scores).max() < 0.05 * np.abs(scores).max()
    if not options:  # the same integers on both ways
        rounded = np.asarray(table.embeddings) / np.asarray(table.embeddings_scale)[:, None]
        np.testing.assert_allclose(table(np.arange(31)), rounded, rtol=1e-6)
        np.testing.assert_allclose(found, given @ rounded.T, atol=0.02 * np.abs(scores).max())
    after = model.predict(x, verbose=0)
    assert 0 < np.abs(after - whole).max() < 0.1 * np.abs(whole).max()
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(load_model(tmp_path / "m.keras").predict(x, verbose=0), after)
    table.embeddings.assign(np.zeros(table.embeddings.shape, np.int8))
    if options.get("tie_weights", True):  # what was packed follows the table
        assert not np.asarray(table(given, reverse=True)).any()


def test_generation_with_a_tied_table() -> None:
    table = ReversibleEmbedding(31, 13)
    ids = Input((None,), dtype="int32")
    model = Model(ids, table(LSTM(13, return_sequences=True)(table(ids)), reverse=True))
    rng = np.random.default_rng(6)
    model.set_weights([rng.normal(0, 0.5, weight.shape) for weight in model.weights])
    model.quantize("int8")
    compiled = compile_model(model)
    assert compiled is not None
    prompt = np.array([[3, 4, 5], [6, 7, 8]], np.int32)
    found = [
        generation.generate(
            generation.Stepper(model, compiled=whole), prompt, length=40, sampler=generation.Sampler(seed=4)
        )
        for whole in (True, False)
    ]
    np.testing.assert_array_equal(*found)
    before = compiled.handle()
    table.embeddings_scale.assign(2 * np.asarray(table.embeddings_scale))
    assert compiled.handle() is not before


def test_keras2_hard_sigmoid_and_wrapped_cells() -> None:
    from recurra.activations import hard_sigmoid_keras2

    x = RNG.normal(size=(3, 5, 6)).astype("float32")
    model = Sequential(
        [
            Input((5, 6)),
            LSTM(7, recurrent_activation=hard_sigmoid_keras2, return_sequences=True),
            RNN([LSTMCell(4), LSTMCell(3)], return_sequences=True),
            TimeDistributed(Dense(2)),
        ]
    )
    near = _rounded(model)(x)
    model.quantize("int8")
    assert np.abs(model(x) - near).max() < 0.02
    assert model.layers[2].layer.quantization_mode == "int8"
    assert {cell.quantization_mode for cell in model.layers[1].cell.cells} == {"int8"}


def test_filters_and_layers_without_an_8_bit_form() -> None:
    x = Input((8, 3))
    h = Conv1D(4, 2, name="windows")(x)
    h = BatchNormalization()(h)
    h = SimpleRNN(5, activation="softplus", name="own")(h)
    model = Model(x, Dense(2, name="second")(Dense(6, name="first")(h)))
    with pytest.warns(UserWarning, match=r"stay float: windows \(Conv1D\), .*SimpleRNNCell\)"):
        model.quantize("int8", filters=["first", "windows", "cell"])
    assert model.get_layer("first").quantization_mode == "int8"
    assert model.get_layer("second").quantization_mode is None
    model.quantize("int8", filters=lambda layer: layer.name == "second")
    assert model.get_layer("second").kernel.dtype == np.int8
    with pytest.raises(ValueError, match="filters must be a pattern, a list"):
        model.quantize("int8", filters=3)  # type: ignore[arg-type]


class _Doubled(Dense):
    def call(self, inputs: Any, **kwargs: Any) -> Any:
        return 2 * super().call(inputs, **kwargs)


def test_subclasses_stay_float_unless_asked() -> None:
    model = Sequential([Input((3,)), _Doubled(2)])
    with pytest.warns(UserWarning, match="_Doubled"):
        model.quantize("int8")
    x = RNG.normal(size=(4, 3)).astype("float32")
    before = model(x)
    model.quantize("int8", type_check=False)
    assert model.layers[0].quantization_mode == "int8"
    assert np.abs(model(x) - before).max() < 0.05


def test_refused() -> None:
    model = _model()
    with pytest.raises(ValueError, match="mode must be 'int8', the only one here of Keras's modes, got 'int4'"):
        model.quantize("int4")
    with pytest.raises(ValueError, match="config must be None"):
        model.quantize("int8", config={"bits": 8})
    with pytest.raises(ValueError, match="must be built before quantize"):
        Sequential([Dense(3)]).quantize("int8")
    with pytest.raises(ValueError, match="must be built before quantize"):
        Dense(3).quantize("int8")
    with pytest.raises(NotImplementedError, match="has no 8-bit form"):
        _built(BatchNormalization(), (None, 3)).quantize("int8")
    with pytest.raises(ValueError, match="BatchNormalization has no 8-bit form, got 'int8_from_float32'"):
        BatchNormalization(dtype="int8_from_float32")
    model.quantize("int8")
    with pytest.raises(ValueError, match="is quantized already, with dtype_policy='int8_from_float32'"):
        model.quantize("int8")
    model.compile("adam", "sparse_categorical_crossentropy")
    labels = np.zeros(len(IDS))
    assert np.isfinite(model.evaluate(IDS, labels, verbose=0))
    for train in (model.fit, model.train_on_batch):
        with pytest.raises(ValueError, match=r"needs float weights, and layer 'embedding.* is quantized"):
            train(IDS, labels)
    with GradientTape(), pytest.raises(ValueError, match="no gradient tape"):
        model(IDS)
    weights = _built(Dense(3), (None, 4))
    weights.kernel.assign(np.full((4, 3), np.nan))
    with pytest.raises(ValueError, match="must be finite to be quantized"):
        weights.quantize("int8")
    assert weights.quantization_mode is None


def _built(layer: Any, shape: tuple[int | None, ...]) -> Any:
    layer.build(shape)
    return layer


def test_files_of_the_other_kind_are_refused(tmp_path: Path) -> None:
    plain = Sequential([Input((3,)), Dense(4)])
    quantized = Sequential([Input((3,)), Dense(4, use_bias=False)])
    quantized.quantize("int8")
    quantized.save_weights(tmp_path / "int8.weights.h5")
    with pytest.raises(FileFormatError, match="kernel must be float32, got int8: one of them is quantized"):
        plain.load_weights(tmp_path / "int8.weights.h5")
    plain.save_weights(tmp_path / "plain.weights.h5")
    with pytest.raises(FileFormatError, match="kernel must be int8, got float32: one of them is quantized"):
        quantized.load_weights(tmp_path / "plain.weights.h5")
    for save in (quantized.save, quantized.save_weights):
        with pytest.raises(ValueError, match=r"older \.h5 format has no place"):
            save(tmp_path / "model.h5")


def test_layers_made_quantized() -> None:
    lstm = LSTM(4, dtype="int8_from_float64")
    assert lstm(np.ones((2, 3, 5))).dtype == np.float64
    assert lstm.cell.kernel.dtype == np.int8
    assert lstm.get_config()["dtype"]["config"] == {"mode": "int8", "source_name": "float64"}
    assert LSTM.from_config(lstm.get_config()).dtype_policy == "int8_from_float64"


def test_empty_batches() -> None:
    model = Sequential([Input((None, 3)), GRU(4), Dense(2)])
    model.quantize("int8")
    assert model(np.zeros((0, 5, 3), "float32")).shape == (0, 2)
    assert ops.shape(model(np.zeros((2, 0, 3), "float32"))) == (2, 2)
