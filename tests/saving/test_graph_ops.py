"""Operations in models' files: as Keras writes and reads them, and those that are ours alone."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import Input, Model, layers, ops
from recurra.models import clone_model
from recurra.saving import FileFormatError, graph_ops, load_model
from tests.support.saving_cases import as_list, predict

RNG = np.random.default_rng(5)
A, B = RNG.normal(size=(3, 4, 5)).astype("f"), RNG.normal(size=(3, 4, 5)).astype("f")
IDS = RNG.integers(0, 4, (3, 4))
W = RNG.normal(size=(5, 2)).astype("f")

#: what is made of two tensors (3, 4, 5) and ids (3, 4), with operations that Keras names alike
SHARED: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "arithmetic": lambda o, a, b, i: (a + b) * 2.0 / (o.abs(a) + 1.0) - o.power(o.square(b) + 1.0, 0.5),
    "constants": lambda o, a, b, i: o.multiply(a, W[:, 0]) + W[:, 1],
    "extremes": lambda o, a, b, i: o.maximum(a, b) * o.minimum(a, 0.25),
    "elementwise": lambda o, a, b, i: o.exp(-o.abs(a)) + o.log(o.exp(b)) + o.log1p(o.square(a)) + o.sqrt(o.abs(b)),
    "waves": lambda o, a, b, i: o.sin(a) * o.cos(b) + o.sign(a) + o.floor(b),
    "round": lambda o, a, b, i: o.round(a * 3.0, decimals=1),
    "clip": lambda o, a, b, i: o.clip(a, -0.5, 0.5),
    "reduce": lambda o, a, b, i: [
        o.sum(a, axis=1), o.mean(a, axis=(1, 2)), o.max(b, axis=-1, keepdims=True), o.min(a, axis=[1]),
        o.var(a, axis=1), o.std(b, axis=2), o.logsumexp(a, axis=-1), o.cumsum(a, axis=1),
    ],
    "moments": lambda o, a, b, i: list(o.moments(a, axes=[1])),
    "places": lambda o, a, b, i: [o.argmax(a, axis=-1), o.argmin(b, axis=1), o.argsort(a, axis=1)],
    "compare": lambda o, a, b, i: o.where(
        o.logical_or(o.logical_and(a > b, o.less_equal(a, 0.5)), o.logical_not(o.not_equal(b, b))), a, 0.0
    ),
    "any_all": lambda o, a, b, i: [o.any(a > 1.0, axis=1), o.all(a > -1.0, axis=-1), o.isfinite(a), o.isnan(b)],
    "shapes": lambda o, a, b, i: o.concatenate(
        [o.reshape(a, (-1, 20)), o.reshape(b, (-1, 2, 10))[:, 1] + o.reshape(a[:, 1:3], (-1, 10))], axis=-1
    ),
    "axes": lambda o, a, b, i: o.swapaxes(o.transpose(a, (0, 2, 1)), 1, 2) + o.moveaxis(o.moveaxis(b, 1, 2), 2, 1),
    "squeeze": lambda o, a, b, i: o.squeeze(o.expand_dims(a, 1), axis=1) + o.flip(b, axis=1),
    "join": lambda o, a, b, i: [o.stack([a, b], axis=1), o.concatenate([a, b, a], axis=2)],
    "cut": lambda o, a, b, i: [*o.split(a, 2, axis=1), *o.split(b, [1, 3], axis=2), *o.unstack(a, axis=1)],
    "repeat": lambda o, a, b, i: [
        o.tile(a, (1, 2, 1)), o.repeat(b, 3, axis=1), 
        o.broadcast_to(a[:1, :1], (3, 4, 5)), o.ravel(b),
    ],
    "pad": lambda o, a, b, i: [o.pad(a, ((0, 0), (1, 2), (0, 0))), o.pad(b, 1, constant_values=2.0)],
    "take": lambda o, a, b, i: [o.take(a, [0, 2], axis=1), o.take(W, i, axis=0)],
    "along": lambda o, a, b, i: o.take_along_axis(a, o.argsort(a, axis=-1), axis=-1),
    "one_hot": lambda o, a, b, i: o.one_hot(i, 4) + o.cast(i, "float32")[..., None],
    "products": lambda o, a, b, i: [
        o.matmul(a, W), o.einsum("bij,bkj->bik", a, b), o.tensordot(a, W, axes=1), o.dot(b, W),
        a @ o.transpose(b, [0, 2, 1]),
    ],
    "activations": lambda o, a, b, i: [
        getattr(o, name)(a)
        for name in (
            "elu", "gelu", "hard_sigmoid", "hard_silu", "leaky_relu", "log_sigmoid", "log_softmax", "relu", "relu6",
            "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "tanh",
        )
    ],
    "settings": lambda o, a, b, i: [o.elu(a, 0.3), o.leaky_relu(b, negative_slope=0.1), o.softmax(a, axis=1)],
    "erf": lambda o, a, b, i: o.erf(a),
    "norms": lambda o, a, b, i: [
        o.normalize(a, axis=1),
        o.batch_normalization(a, o.mean(b, axis=(0, 1)), o.var(b, axis=(0, 1)), axis=-1, scale=W[:, 0]),
        o.layer_normalization(a, gamma=W[:, 0], beta=W[:, 1], axis=-1, epsilon=1e-3),
    ],
    "losses": lambda o, a, b, i: [
        o.binary_crossentropy(o.sigmoid(a), b, from_logits=True),
        o.categorical_crossentropy(o.softmax(b), o.softmax(a)),
        o.sparse_categorical_crossentropy(i, a, from_logits=True),
    ],
    "constant": lambda o, a, b, i: o.stop_gradient(a) + o.ones_like(b),
}  # fmt: skip


def graph(name: str) -> Model:
    inputs = [Input((4, 5), name="a"), Input((4, 5), name="b"), Input((4,), dtype="int32", name="i")]
    return Model(inputs, SHARED[name](ops, *inputs))


def equal(found: Any, expected: Any) -> None:
    for one, other in zip(as_list(found), as_list(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", SHARED)
def test_symbolic_equals_eager(name: str) -> None:
    model = graph(name)
    expected = as_list(SHARED[name](ops, A, B, IDS))
    found = as_list(model([A, B, IDS]))
    equal(found, expected)
    for tensor, value in zip(as_list(model.output), found, strict=True):
        shape = tuple(n if m is not None else None for n, m in zip(value.shape, tensor.shape, strict=True))
        assert tensor.shape == shape and tensor.dtype == np.asarray(value).dtype.name


@pytest.mark.parametrize("format", ["a.keras", "a.h5"])
@pytest.mark.parametrize("name", SHARED)
def test_files_and_clones(tmp_path: Path, name: str, format: str) -> None:
    model = graph(name)
    expected = predict(model, [A, B, IDS])
    model.save(tmp_path / format)
    equal(predict(load_model(tmp_path / format), [A, B, IDS]), expected)
    equal(predict(clone_model(model), [A, B, IDS]), expected)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", SHARED)
def test_both_ways_with_keras(tmp_path: Path, name: str) -> None:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras", minversion="3.0")
    if name == "pad" and keras.backend.backend() == "torch":
        pytest.skip("with PyTorch Keras pads the last axis alone where the width is one number, against its own shapes")
    model = graph(name)
    expected = predict(model, [A, B, IDS])
    model.save(tmp_path / "ours.keras")
    theirs = keras.models.load_model(tmp_path / "ours.keras")
    equal([np.asarray(y) for y in as_list(theirs.predict_on_batch([A, B, IDS]))], expected)
    for ours, other in zip(as_list(model.output), as_list(theirs.output), strict=True):
        assert tuple(ours.shape) == tuple(other.shape)
    layers = keras.layers
    inputs = [
        layers.Input((4, 5), name="a"),
        layers.Input((4, 5), name="b"),
        layers.Input((4,), dtype="int32", name="i"),
    ]
    keras.Model(inputs, SHARED[name](keras.ops, *inputs)).save(tmp_path / "theirs.keras")
    equal(predict(load_model(tmp_path / "theirs.keras"), [A, B, IDS]), expected)


@pytest.mark.filterwarnings("default")
def test_one_slice_alone(tmp_path: Path) -> None:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras", minversion="3.0")
    a = Input((4, 5))
    model = Model(a, [a[:2], a[1], a[..., 2]])
    model.save(tmp_path / "a.keras")
    theirs = keras.models.load_model(tmp_path / "a.keras")
    equal([np.asarray(y) for y in theirs(A)], [A[:2], A[1], A[..., 2]])
    theirs.save(tmp_path / "b.keras")
    equal(load_model(tmp_path / "b.keras")(A), [A[:2], A[1], A[..., 2]])


@pytest.mark.parametrize("format", ["a.keras", "a.h5"])
def test_operations_that_keras_has_not(tmp_path: Path, format: str) -> None:
    a, b, i = Input((4, 5)), Input((4, 5)), Input((4,), dtype="int32")
    outputs = [ops.dense(a, W), ops.mish(b), ops.embedding(W, i), ops.clip(a, -0.1, ops.abs(b))]
    model = Model([a, b, i], outputs)
    equal(model([A, B, IDS])[3], np.clip(A, -0.1, np.abs(B)))
    model.save(tmp_path / format)
    equal(predict(load_model(tmp_path / format), [A, B, IDS]), predict(model, [A, B, IDS]))


def test_what_keras_says_of_operations() -> None:
    def read(kind: str, settings: dict[str, Any], kwargs: dict[str, Any] | None = None) -> Any:
        call = {"args": ["x"], "kwargs": kwargs or {}}
        entry = {"module": "keras.src.ops.nn", "class_name": kind, "config": {"name": "n", **settings}}
        return graph_ops.from_keras({**entry, "inbound_nodes": [call]}, "Operation 'n'")

    assert read("Normalize", {"axis": 1, "order": 2, "epsilon": None})["config"]["arguments"] == {
        "axis": 1,
        "epsilon": 1e-7,
    }
    assert (
        read("Pad", {"pad_width": 1, "mode": "constant"}, {"constant_values": None})["inbound_nodes"][0]["kwargs"] == {}
    )
    with pytest.raises(
        FileFormatError, match=r"Operation 'n' is not supported: recurra.ops.pad has no .*mode='reflect'"
    ):
        read("Pad", {"pad_width": 1, "mode": "reflect"})
    with pytest.raises(FileFormatError, match=r"recurra\.ops has no 'jvp'"):
        read("JVP", {})


@pytest.mark.filterwarnings("default")
def test_shared_layers_and_models_within_models(tmp_path: Path) -> None:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras", minversion="3.0")
    model = nested(Input, Model, layers, ops)
    for weight in model.weights:
        weight.assign(RNG.normal(size=weight.shape))
    model.save(tmp_path / "ours.keras")
    expected = predict(model, [A, B])
    equal(predict(load_model(tmp_path / "ours.keras"), [A, B]), expected)
    theirs = keras.models.load_model(tmp_path / "ours.keras")
    equal([np.asarray(y) for y in theirs.predict_on_batch([A, B])], expected)
    other = nested(keras.Input, keras.Model, keras.layers, keras.ops)
    other.set_weights(model.get_weights())
    other.save(tmp_path / "theirs.keras")
    equal(predict(load_model(tmp_path / "theirs.keras"), [A, B]), expected)


def nested(Input: Any, Model: Any, L: Any, o: Any) -> Any:
    x, y = Input((None, 5)), Input((4, 5))
    inner = Model([x, y], o.concatenate([o.tanh(x) * y, x - o.mean(y, axis=1, keepdims=True)], axis=-1), name="inner")
    a, b = Input((4, 5), name="a"), Input((4, 5), name="b")
    shared = L.LSTM(3, return_sequences=True, name="shared")
    left, right = shared(inner([a, b])), shared(inner([b, a]))
    score = o.softmax(o.einsum("bth,bsh->bts", left, right), axis=-1)
    return Model([a, b], [o.max(o.matmul(score, right), axis=1), o.stack([left, right], axis=1)[:, 0, -1]])


def test_a_model_within_a_model_comes_back(tmp_path: Path) -> None:
    model = nested(Input, Model, layers, ops)
    expected = predict(model, [A, B])
    for name in ("a.keras", "a.h5"):
        model.save(tmp_path / name)
        equal(predict(load_model(tmp_path / name), [A, B]), expected)
    copy = clone_model(model)
    copy.set_weights(model.get_weights())
    equal(predict(copy, [A, B]), expected)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("Tile", {"repeats": [1, 1 << 20, 1 << 20]}),
        ("Repeat", {"repeats": 1 << 40, "axis": 1}),
        ("Pad", {"pad_width": [[0, 0], [0, 1 << 30], [1 << 30, 0]]}),
        ("OneHot", {"num_classes": 1 << 45}),
    ],
)
def test_no_file_makes_arrays_beyond_reason(tmp_path: Path, kind: str, settings: dict[str, Any]) -> None:
    a = Input((4, 5), dtype="int32")
    Model(a, ops.square(a)).save(tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as source, zipfile.ZipFile(tmp_path / "b.keras", "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "config.json":
                config = json.loads(data)
                entry = config["config"]["layers"][1]
                entry.update(class_name=kind, config={"name": "square", **settings})
                data = json.dumps(config).encode()
            target.writestr(name, data)
    with pytest.raises(FileFormatError, match="no file is trusted that far"):
        load_model(tmp_path / "b.keras")
