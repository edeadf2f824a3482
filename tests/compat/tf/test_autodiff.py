"""tf.GradientTape: asked several times, nested, for watched tensors, for some of the variables."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import layers, optimizers
from recurra.autograd import RowSparse, thread_state
from recurra.compat import tf


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape) + sum(shape)).normal(size=shape).astype("float32")


@pytest.mark.parametrize("kind", [layers.LSTM, layers.GRU, layers.SimpleRNN, layers.Dense])
def test_a_persistent_tape_gives_the_same_twice(kind) -> None:
    layer, x = kind(3), tf.constant(numbers(4, 5, 2))
    layer(x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = layer(x)
        first, second = tf.reduce_sum(y * y), tf.reduce_mean(tf.tanh(y))
    sources = {"x": x, "weights": layer.trainable_weights}
    once = tape.gradient(first, sources)
    other = tape.gradient(second, sources)
    again = tape.gradient(first, sources)
    np.testing.assert_array_equal(once["x"].numpy(), again["x"].numpy())
    for a, b in zip(once["weights"], again["weights"], strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    with tf.GradientTape() as single:
        single.watch(x)
        loss = tf.reduce_mean(tf.tanh(layer(x)))
    np.testing.assert_allclose(other["x"].numpy(), single.gradient(loss, x).numpy(), rtol=1e-5, atol=1e-7)


def test_one_question_unless_persistent() -> None:
    x = tf.Variable([2.0, 3.0])
    with tf.GradientTape() as tape:
        y = x * x
    np.testing.assert_array_equal(tape.gradient(y, x), [4.0, 6.0])
    with pytest.raises(RuntimeError, match="persistent=True"):
        tape.gradient(y, x)


def test_tapes_that_are_open_at_once() -> None:
    """As adversarial networks are trained: two tapes, each asked for its own variables."""
    a, b = tf.Variable([2.0]), tf.Variable([5.0])
    with tf.GradientTape() as first, tf.GradientTape() as second:
        product = a * b
        one, two = product * 2.0, product * 3.0
    np.testing.assert_array_equal(first.gradient(one, [a])[0], [10.0])
    np.testing.assert_array_equal(second.gradient(two, [b])[0], [6.0])


def test_structures_and_what_is_not_connected() -> None:
    a, b, c = tf.Variable(2.0), tf.Variable([1.0, 4.0]), tf.Variable([7.0])
    with tf.GradientTape(persistent=True) as tape:
        y = a * tf.reduce_sum(b)
    found = tape.gradient(y, {"one": (a, b), "two": [c]})
    assert found["one"][0].numpy() == 5.0 and found["two"] == [None]
    np.testing.assert_array_equal(found["one"][1], [2.0, 2.0])
    zero = tape.gradient(y, c, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    np.testing.assert_array_equal(zero.numpy(), [0.0])
    assert tape.gradient(tf.constant(1.0), [a]) == [None]
    np.testing.assert_array_equal(tape.gradient([y, y * 0 + a], a), 5.0)  # the second was not recorded


def test_several_targets_and_output_gradients() -> None:
    x = tf.Variable([[1.0, 2.0, 3.0]])
    with tf.GradientTape(persistent=True) as tape:
        y, z = x * x, tf.reduce_sum(x)
    np.testing.assert_array_equal(tape.gradient([y, z], x), [[3.0, 5.0, 7.0]])
    weighted = tape.gradient(y, x, output_gradients=tf.constant([[1.0, 10.0, 0.0]]))
    np.testing.assert_array_equal(weighted, [[2.0, 40.0, 0.0]])


def test_stop_recording_and_reset() -> None:
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
        with tape.stop_recording():
            factor = x * 2.0
        z = y * factor
    assert tape.gradient(z, x).numpy() == 36.0  # the factor is a constant
    with tf.GradientTape() as tape:
        y = x * x
        tape.reset()
        z = x * 5.0
    assert tape.gradient(z, x).numpy() == 5.0


def test_only_what_is_watched() -> None:
    a, b = tf.Variable(2.0), tf.Variable(3.0, trainable=False)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(a)
        y = a * a * b
    assert tape.gradient(y, a).numpy() == 12.0
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        y = a * a
    assert tape.gradient(y, a) is None
    with pytest.raises(TypeError, match="make one with"), tf.GradientTape() as tape:
        tape.watch(np.ones(2))


def test_a_watched_result_of_an_earlier_tape() -> None:
    x = tf.constant([1.0, 2.0])
    for _ in range(3):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(x * x * x)
        x = x - 0.1 * tape.gradient(loss, x)
    np.testing.assert_allclose(x.numpy()[0], 0.46126, atol=1e-4)


def test_jacobian() -> None:
    x = tf.constant(numbers(2, 3))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(x * x, axis=1)
    found = tape.jacobian(y, x).numpy()
    assert found.shape == (2, 2, 3)
    np.testing.assert_allclose(found[0, 0], 2 * x.numpy()[0], rtol=1e-6)
    assert not found[0, 1].any() and not found[1, 0].any()


def test_gradients_of_embeddings_reach_the_optimizer() -> None:
    embedding = layers.Embedding(7, 2)
    ids = tf.constant([[1, 3], [3, 0]])
    embedding(ids)
    before = embedding.weights[0].numpy()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(embedding(ids))
    grads = tape.gradient(loss, embedding.trainable_variables)
    assert isinstance(grads[0], (RowSparse, tf.IndexedSlices))
    clipped, length = tf.clip_by_global_norm(grads, 1.0)
    assert length.numpy() == pytest.approx(np.sqrt(2 * (1 + 1 + 4)))
    optimizers.SGD(1.0).apply_gradients(zip(clipped, embedding.trainable_variables, strict=True))
    moved = before - embedding.weights[0].numpy()
    np.testing.assert_allclose(moved[[0, 1, 2, 3], 0], np.array([1, 1, 0, 2]) / np.sqrt(12), rtol=1e-5)


def test_functions_without_gradients_refuse() -> None:
    x = tf.Variable([1.0, 2.0])
    assert tf.math.ceil(x * 1.5).numpy().tolist() == [2.0, 3.0]
    with tf.GradientTape(), pytest.raises(NotImplementedError, match=r"math\.cumprod"):
        tf.math.cumprod(x * 1.5)


def test_custom_gradient() -> None:
    @tf.custom_gradient
    def clipped(x):
        return tf.identity(x), lambda upstream: tf.clip_by_value(upstream, -0.5, 0.5)

    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(clipped(x * 1.0) * [3.0, 0.1])
    np.testing.assert_allclose(tape.gradient(y, x), [0.5, 0.1], rtol=1e-6)


def test_variables_changed_between_two_questions() -> None:
    w = tf.Variable([2.0])
    with tf.GradientTape(persistent=True) as tape:
        y = w * w
    grad = tape.gradient(y, w)
    w.assign_sub(grad)  # the record is of the value before, as TensorFlow's
    np.testing.assert_array_equal(tape.gradient(y, w), [4.0])
    np.testing.assert_array_equal(w, [-2.0])
    w = tf.Variable([2.0])
    with tf.GradientTape(persistent=True) as tape:
        y = w * w
    tape.gradient(y, w)
    w.value[...] = 7.0
    w.touch()
    with pytest.raises(RuntimeError, match="was changed in place since this tape was asked first"):
        tape.gradient(y, w)


@pytest.mark.parametrize("inside", [True, False])
def test_a_variable_that_is_assigned_before_the_tape_is_asked(inside: bool) -> None:
    x = tf.Variable([2.0, 3.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(x**3)
        if inside:
            x.assign([10.0, 10.0])
    x.assign_add([1.0, 1.0])
    np.testing.assert_array_equal(tape.gradient(y, x), [12.0, 27.0])
    assert not thread_state.holding


@pytest.mark.parametrize("persistent", [True, False])
def test_updates_between_the_questions_of_two_tapes(persistent: bool) -> None:
    """As in actor and critic: the second gradient is that at the weights before the first update."""
    actor, critic = tf.keras.layers.LSTM(3), tf.keras.layers.Dense(1)
    x = np.random.default_rng(1).normal(size=(4, 5, 2)).astype("float32")
    critic(actor(x))
    found = []
    for between in (False, True):
        weights = [w.numpy() for w in (*actor.weights, *critic.weights)]
        optimizer = tf.keras.optimizers.SGD(0.5)
        with tf.GradientTape(persistent) as one, tf.GradientTape(persistent) as other:
            value = critic(actor(x))
            first, second = tf.reduce_sum(value**2), tf.reduce_sum(tf.tanh(value))
        update = one.gradient(first, critic.trainable_variables)
        if between:
            optimizer.apply_gradients(zip(update, critic.trainable_variables, strict=True))
        found.append([np.asarray(g) for g in other.gradient(second, actor.trainable_variables)])
        for weight, value in zip((*actor.weights, *critic.weights), weights, strict=True):
            weight.assign(value)
    for plain, after in zip(*found, strict=True):
        np.testing.assert_array_equal(after, plain)


def test_an_inner_tape_knows_nothing_of_what_was_before() -> None:
    a, b = tf.Variable([2.0]), tf.Variable([3.0])
    with tf.GradientTape() as outer:
        square = a * a
        with tf.GradientTape() as inner:
            product = square * b
        whole = product * 1.0
    assert inner.gradient(product, [a, b])[0] is None
    assert outer.gradient(whole, [a, b])[0].numpy() == [12.0]


def test_several_targets_of_a_tape_that_is_asked_once() -> None:
    layer, x = layers.LSTM(3, return_sequences=True, return_state=True), numbers(2, 4, 5)
    layer(x)

    def ask(joined: bool):
        with tf.GradientTape() as tape:
            y, h, c = layer(x)
            targets = (
                tf.reduce_sum(y * 2.0) + tf.reduce_sum(h * h) + tf.reduce_sum(c) if joined else [y * 2.0, h * h, c]
            )
        return tape.gradient(targets, layer.trainable_variables)

    for one, other in zip(ask(True), ask(False), strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-6)


def test_gradients_of_gradients_are_one_clear_error() -> None:
    x = tf.Variable(3.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = x * x * x
        first = inner.gradient(y, x)
        total = first * 2.0 + x
    assert first.numpy() == 27.0
    with pytest.raises(NotImplementedError, match="gradients of gradients are not here"):
        outer.gradient(total, x)


def test_a_gradient_inside_another_tape_may_be_used_and_left_out() -> None:
    x = tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as outer:
        with tf.GradientTape() as inner:
            y = x * x
        first = inner.gradient(y, x)
        stopped = tf.stop_gradient(first) * x
    assert outer.gradient(stopped, x).numpy() == 6.0 and outer.gradient(y, x).numpy() == 6.0
    x.assign_sub(0.5 * first)
    assert x.numpy() == 0.0
