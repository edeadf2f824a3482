"""Operations called on symbolic tensors."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import numpy as np
import pytest

from recurra import Input, Model, ops
from recurra.layers import LSTM, Dense, Embedding, Operation
from recurra.models import KerasTensor, Sequential
from recurra.ops.dispatch import SymbolicOperand, accepting_symbolic, operation

RNG = np.random.default_rng(3)


def test_every_operation_has_the_parameters_and_the_text_of_the_one_on_arrays() -> None:
    import recurra.ops.math as M

    for name in ("add", "sum", "where", "clip", "stop_gradient"):
        shown, eager = getattr(ops, name), getattr(M, name)
        assert shown is not eager and inspect.signature(shown) == inspect.signature(eager)
        assert shown.__doc__ == eager.__doc__ and shown.__name__ == name
        assert pickle.loads(pickle.dumps(shown)) is shown
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(ops.sum(x, keepdims=True, axis=1), x.sum(1, keepdims=True))
    with pytest.raises(TypeError, match="unexpected keyword argument 'axes'"):
        ops.sum(x, axes=1)  # type: ignore[call-arg]


def test_what_a_tensor_answers() -> None:
    x = Input((3,))
    with pytest.raises(SymbolicOperand, match="has no value yet") as answer:
        np.asarray(x)
    assert answer.value.record("negative", {"x": x}).shape == (None, 3)

    def halved(x: Any, *more: Any) -> Any:
        raise SymbolicOperand("no value", lambda op, values: (op, values))

    assert accepting_symbolic([halved])["halved"](1, 2, 3) == ("halved", {"x": 1, "more": (2, 3)})


def test_operations_that_are_loaded_when_used() -> None:
    import recurra.ops.statistics as statistics

    assert ops.median is statistics.median and "median" in dir(ops) and ops.linalg.det is ops.det
    assert inspect.signature(ops.quantile).parameters["method"].default == "linear"
    assert pickle.loads(pickle.dumps(ops.median)) is ops.median
    with pytest.raises(AttributeError, match="has no attribute 'mediane'"):
        ops.mediane  # noqa: B018

    @operation
    def halved(x: Any) -> Any:
        raise SymbolicOperand("no value", lambda op, values: (op, values))

    assert halved(3) == ("halved", {"x": 3})


def test_what_keras_calls_parts_of_the_module() -> None:
    from recurra.ops import nn, numpy

    x = Input((4,))
    assert nn.relu(x).shape == (None, 4) and numpy.exp is ops.exp


def test_a_tensor_anywhere_among_the_arguments() -> None:
    x, one = Input((4, 3)), np.ones((4, 3), "f")
    for y in (ops.add(one, x), ops.add(x1=one, x2=x), one + x, x + one, ops.maximum(0.0, x), 2.0**x, abs(x), one - x):
        assert isinstance(y, KerasTensor) and y.shape == (None, 4, 3) and y.dtype == "float32"
    assert ops.concatenate([x, x, x], axis=1).shape == (None, 12, 3)
    assert ops.concatenate(xs=(x, x)).shape == (None, 4, 6)
    assert ops.stack([x, x], axis=-1).shape == (None, 4, 3, 2)
    assert ops.einsum("btd,bsd->bts", x, x).shape == (None, 4, 4)
    assert [part.shape for part in ops.split(x, 2, axis=1)] == [(None, 2, 3)] * 2
    mean, variance = ops.moments(x, [1], keepdims=True)
    assert mean.shape == variance.shape == (None, 1, 3)
    assert ops.argmax(x, axis=-1).dtype == "int64" and ops.cast(x, np.float64).dtype == "float64"
    assert (x > 0).dtype == (x != 0).dtype == (~(x <= 1) | (x >= 2)).dtype == "bool"
    assert ops.shape(x) == (None, 4, 3)
    assert ops.clip(x, 0.0, ops.abs(x)).shape == (None, 4, 3)
    assert ops.swish(x).node.layer.name.startswith("silu")


def test_what_cannot_be_known_before_there_are_values() -> None:
    x = Input((None, 3))
    with pytest.raises(ValueError, match="where needs x1 and x2 on symbolic tensors"):
        ops.where(x > 0)
    with pytest.raises(ValueError, match="must have a known size, it gave 4 and 6 parts"):
        ops.unstack(x, axis=1)
    with pytest.raises(TypeError, match=r"cannot be an index: use ops\.take"):
        x[ops.cast(x, "int32")]
    with pytest.raises(TypeError, match="has no value yet"):
        ops.convert_to_numpy(x)
    with pytest.raises(ValueError, match="axis"):
        ops.split(x, 2, axis=4)


def test_masks_end_at_operations_as_in_keras() -> None:
    ids = np.array([[1, 2, 0, 0]])
    x = Input((4,), dtype="int32")
    embedded = Embedding(5, 3, mask_zero=True)(x)
    lstm = LSTM(2)
    masked, plain = Model(x, [lstm(embedded), lstm(embedded * 1.0)])(ids)
    np.testing.assert_allclose(plain, lstm(np.asarray(Model(x, embedded)(ids))), rtol=1e-6)
    assert not np.allclose(masked, plain)


def test_models_with_operations_between_layers_are_trained() -> None:
    x, weights = Input((6, 4)), Input((6,))
    hidden = LSTM(5, return_sequences=True)(x)
    attention = ops.softmax(ops.squeeze(Dense(1)(ops.tanh(hidden)), -1) + ops.log(weights + 1e-6), axis=1)
    context = ops.sum(hidden * ops.expand_dims(attention, -1), axis=1)
    inner_x = Input((5,))
    inner = Model(inner_x, Dense(3)(ops.concatenate([inner_x, ops.square(inner_x)])), name="inner")
    model = Model([x, weights], ops.mean(inner(context) * inner(ops.stop_gradient(context)), axis=-1, keepdims=True))
    model.compile("adam", "mse")
    data = [RNG.normal(size=(16, 6, 4)), RNG.uniform(size=(16, 6))]
    target = data[0][:, 0, :1]
    losses = model.fit(data, target, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    stack = Sequential([Input((6,)), Dense(4), Operation("relu"), Dense(2)])
    assert stack(data[1]).shape == (16, 2) and "Relu" in _summary(stack)
    assert "Softmax" in _summary(model) and "Operation" not in _summary(model)


def _summary(model: Any) -> str:
    lines: list[str] = []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    return "\n".join(lines)


def test_the_gradient_stops_where_the_graph_says_so() -> None:
    from recurra import GradientTape

    x = Input((3,))
    dense = Dense(1, use_bias=False)
    y = dense(x)
    model = Model(x, ops.multiply(y, ops.stop_gradient(y)))
    value = RNG.normal(size=(2, 3)).astype("f")
    with GradientTape() as tape:
        loss = ops.sum(model(value))
    (found,) = tape.gradient(loss, dense.trainable_weights)
    np.testing.assert_allclose(found, value.T @ (value @ np.asarray(dense.kernel.value)), rtol=1e-5)
