"""The rarer functions of Keras 2's backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import recurra
from recurra import GradientTape, Variable, gradcheck, ops
from recurra import backend as K
from recurra.layers import Dropout, Layer

X = np.random.RandomState(0).standard_normal((3, 5, 4))
W = np.random.RandomState(1).standard_normal((4, 2))
MASK = np.array([[True, True, False, True, True], [False, True, True, False, False], [True] * 5])


def step(x: Any, states: Any) -> Any:
    h, scale = states
    new = K.tanh(K.dot(x, W) + h) * scale
    return new, [new]


def by_hand(x: Any, mask: Any = None, zeros: bool = False) -> Any:
    h, y, out = np.ones((len(x), 2)), np.zeros((len(x), 2)), []
    for t in range(x.shape[1]):
        new = np.tanh(x[:, t] @ W + h) * 0.5
        keep = np.ones((len(x), 1), bool) if mask is None else mask[:, t, None]
        y, h = np.where(keep, new, 0 if zeros else y), np.where(keep, new, h)
        out.append(y)
    return np.stack(out, 1), h


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("mask", [None, MASK, MASK[..., None]], ids=["", "mask", "mask3"])
@pytest.mark.parametrize("zeros", [False, True])
def test_rnn(backwards: bool, mask: Any, zeros: bool) -> None:
    x, m = (X[:, ::-1], MASK[:, ::-1]) if backwards else (X, MASK)
    wanted, state = by_hand(x, None if mask is None else m, zeros)
    last, outputs, states = K.rnn(
        step, X, [np.ones((3, 2))], backwards, mask, constants=[0.5], zero_output_for_mask=zeros
    )
    np.testing.assert_allclose(outputs, wanted, rtol=1e-12)
    np.testing.assert_allclose(last, wanted[:, -1], rtol=1e-12)
    np.testing.assert_allclose(states[0], state, rtol=1e-12)


def test_rnn_in_other_forms() -> None:
    _, wanted, _ = K.rnn(step, X, [np.ones((3, 2))], constants=[0.5])
    _, outputs, _ = K.rnn(
        step, np.swapaxes(X, 0, 1), [np.ones((3, 2))], constants=[0.5], time_major=True, unroll=True, input_length=5
    )
    np.testing.assert_array_equal(np.swapaxes(outputs, 0, 1), wanted)
    _, only, _ = K.rnn(step, X, [np.ones((3, 2))], constants=[0.5], return_all_outputs=False)
    np.testing.assert_array_equal(only, wanted[:, -1:])
    gradcheck(lambda x: K.rnn(step, x, [np.ones((3, 2))], constants=[0.5])[1], [X])


def test_an_attention_layer_of_keras_2() -> None:
    """A decoder that writes its own loop, as popular packages do."""

    class Decoder(Layer):
        def build(self, input_shape: Any) -> None:
            self.W = self.add_weight(name="W", shape=(input_shape[-1], 6), initializer="uniform")
            super().build(input_shape)

        def call(self, inputs: Any) -> Any:
            def energy(x: Any, states: Any) -> Any:
                with K.name_scope("energy"):
                    scores = K.softmax(K.sum(K.dot(x, self.W), axis=-1, keepdims=True))
                return K.bias_add(scores, K.constant([0.5])), states

            first = K.zeros_like(K.sum(inputs, axis=(1, 2), keepdims=False))
            return K.rnn(energy, inputs, [K.expand_dims(first)])[1]

        def compute_output_shape(self, input_shape: Any) -> Any:
            return (*input_shape[:2], 1)

    model = recurra.Sequential([recurra.Input((5, 4)), Decoder()])
    assert model.output_shape == (None, 5, 1)
    np.testing.assert_allclose(model.predict(X, verbose=0), np.full((3, 5, 1), 1.5), rtol=1e-6)


def test_loops_of_functions() -> None:
    np.testing.assert_allclose(K.map_fn(lambda x: x * 2, X), X * 2)
    assert K.map_fn(lambda x: x[0], X, dtype="float32").dtype == "float32"
    numbers = np.array([1.0, 2.0, 5.0])
    assert K.foldl(lambda a, x: a - x, numbers) == -6.0 and K.foldl(lambda a, x: a - x, numbers, 10.0) == 2.0
    assert K.foldr(lambda a, x: a - x, numbers) == 2.0


def test_bias_add() -> None:
    np.testing.assert_array_equal(K.bias_add(X, np.arange(4.0)), X + np.arange(4.0))
    full = np.arange(20.0).reshape(5, 4)
    np.testing.assert_array_equal(K.bias_add(X, full), X + full)
    first = np.swapaxes(X, 1, 2)
    np.testing.assert_array_equal(K.bias_add(first, np.arange(4.0), "channels_first"), first + np.arange(4.0)[:, None])
    np.testing.assert_array_equal(K.bias_add(first, full, "channels_first"), first + full.T)
    with pytest.raises(ValueError, match="bias must have 1 or 2 axes for x of"):
        K.bias_add(X, np.zeros((1, 5, 4)))


def test_windows() -> None:
    kernel = np.random.RandomState(2).standard_normal((3, 4, 2))
    np.testing.assert_array_equal(K.conv1d(X, kernel, padding="same"), ops.conv(X, kernel, padding="same"))
    image = X[..., None]
    square = kernel[..., None][:2, :3]
    np.testing.assert_array_equal(
        K.conv2d(image, square.reshape(2, 3, 1, 2)), ops.conv(image, square.reshape(2, 3, 1, 2))
    )
    np.testing.assert_array_equal(K.pool2d(image, (2, 2)), ops.max_pool(image, 2, 1))
    np.testing.assert_array_equal(K.pool2d(image, (2, 2), (2, 2), pool_mode="avg"), ops.average_pool(image, 2))
    assert K.temporal_padding(X, (2, 1)).shape == (3, 8, 4)
    assert K.spatial_2d_padding(image, ((1, 0), (2, 1))).shape == (3, 6, 7, 1)
    assert K.spatial_2d_padding(image, ((1, 0), (2, 1)), "channels_first").shape == (3, 5, 5, 4)
    with pytest.raises(ValueError, match="pool_mode must be 'max' or 'avg', got 'sum'"):
        K.pool2d(image, 2, pool_mode="sum")


def test_ctc() -> None:
    z = np.random.RandomState(3).standard_normal((2, 7, 4)) * 3
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    labels = np.array([[0, 1, 1], [2, 0, 0]])
    cost = K.ctc_batch_cost(labels, p, np.array([[7], [5]]), np.array([[3], [1]]))
    assert cost.shape == (2, 1)
    np.testing.assert_allclose(cost[:, 0], ops.ctc_loss(labels, z, [3, 1], [7, 5], mask_index=3), rtol=1e-4)
    for greedy in (True, False):
        decoded, scores = K.ctc_decode(p, [7, 5], greedy=greedy, beam_width=20)
        assert len(decoded) == 1 and decoded[0].shape == (2, 7) and scores.shape == (2, 1)
        strategy = "greedy" if greedy else "beam_search"
        wanted, _ = ops.ctc_decode(z, [7, 5], strategy, 20, mask_index=3)
        np.testing.assert_array_equal(decoded[0], wanted[0])
    with GradientTape() as tape:
        watched = tape.watch(p)
        total = ops.sum(K.ctc_batch_cost(labels, watched, [7, 5], [3, 1]))
    assert np.isfinite(tape.gradient(total, watched)).all()


def test_numbers() -> None:
    np.testing.assert_array_equal(K.slice(X, [1, 0, 2], [2, -1, 1]), X[1:3, :, 2:3])
    with pytest.raises(ValueError, match="one number for each axis"):
        K.slice(X, [1], [2])
    np.testing.assert_allclose(K.prod(X, axis=1), X.prod(1))
    np.testing.assert_array_equal(K.eye(3), np.eye(3))
    assert K.identity(X) is X and K.count_params(X) == 60 and not K.is_sparse(X)
    np.testing.assert_array_equal(K.in_top_k(np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]]), [2, 2], 2), [True, False])
    draws = K.random_binomial((1000,), p=0.3, seed=1)
    assert set(draws) == {0.0, 1.0} and 0.2 < draws.mean() < 0.4
    assert np.abs(K.truncated_normal((200,), stddev=0.5, seed=2)).max() <= 1.0


def test_variables() -> None:
    v = Variable(np.array([1.0, 2.0]))
    K.update_add(v, [1.0, 1.0])
    K.update_sub(v, [0.5, 0.0])
    np.testing.assert_array_equal(v.value, [1.5, 3.0])
    K.moving_average_update(v, np.array([0.0, 1.0]), 0.5)
    np.testing.assert_array_equal(K.batch_get_value([v])[0], [0.75, 2.0])
    K.batch_set_value([(v, [7.0, 8.0])])
    np.testing.assert_array_equal(v.value, [7.0, 8.0])


def test_what_belonged_to_graphs(capsys: pytest.CaptureFixture[str]) -> None:
    assert K.tensorflow_backend._get_available_gpus() == []
    assert K.tensorflow_backend.set_session is K.set_session
    K.set_session(object())
    K.manual_variable_initialization(True)
    with pytest.raises(RuntimeError, match="there are no sessions"):
        K.get_session()
    with K.name_scope("a") as scope:
        assert scope == "a"
    assert K.print_tensor(X[0, 0, 0], "x =") == X[0, 0, 0] and capsys.readouterr().out.startswith("x = ")
    assert K.get_uid("cell") == 1 and K.get_uid("cell") == 2 and K.get_uid("other") == 1
    assert K.in_test_phase(1, lambda: 2) == 1 and K.in_test_phase(1, lambda: 2, training=True) == 2


def test_learning_phase() -> None:
    from recurra.layers.base.context import context

    layer = Dropout(0.5)
    try:
        K.set_learning_phase(1)
        assert K.learning_phase() == 1 and (layer(np.ones((20, 20))) == 0).any()
        K.set_learning_phase(0)
        assert K.learning_phase() == 0 and (layer(np.ones((20, 20))) == 1).all()
        with pytest.raises(ValueError, match="value must be 0 or 1, got 2"):
            K.set_learning_phase(2)
    finally:
        context.training = None
