"""What layers, losses and metrics give to a program while install() is in force, and to recurra itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import recurra
import recurra.compat
from recurra import layers
from recurra.compat import tf
from recurra.compat.installing import real_packages
from recurra.compat.tf.tensors import EagerTensor

pytestmark = pytest.mark.skipif(bool(real_packages()), reason="the real ones are installed")


@pytest.fixture(autouse=True)
def installed():
    recurra.compat.install()
    yield
    recurra.compat.uninstall()


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype("float32")


def test_layers_give_tensors() -> None:
    x = numbers(2, 5, 3)
    lstm = layers.LSTM(4, return_sequences=True, return_state=True)
    found = lstm(x)
    assert [type(one) for one in found] == [EagerTensor] * 3
    assert [one.shape.as_list() for one in found] == [[2, 5, 4], [2, 4], [2, 4]]
    recurra.compat.uninstall()
    for one, plain in zip(found, lstm(x), strict=True):
        assert type(plain) is np.ndarray
        np.testing.assert_array_equal(one.numpy(), plain)
    recurra.compat.install()


def test_masks_stay() -> None:
    ids = np.array([[3, 1, 0], [2, 0, 0]])
    embedding, lstm = layers.Embedding(5, 4, mask_zero=True), layers.LSTM(3)
    embedded = embedding(tf.constant(ids))
    np.testing.assert_array_equal(embedded._keras_mask, ids != 0)
    padded = lstm(embedded).numpy()
    np.testing.assert_allclose(padded[1], lstm(embedding(np.array([[2]]))).numpy()[0], atol=1e-6)


def test_own_layers_are_given_tensors() -> None:
    seen = []

    class Own(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner = layers.Dense(2)

        def call(self, inputs):
            h = self.inner(inputs)
            seen.append((type(inputs), type(h), inputs.shape.as_list()))
            return h * tf.cast(tf.shape(inputs)[0], tf.float32)

    own = Own()
    model = recurra.Sequential([recurra.Input((3,)), own])
    seen.clear()
    assert type(own(numbers(4, 3))) is EagerTensor
    model.compile("sgd", "mse")
    model.fit(numbers(4, 3), numbers(4, 2), verbose=0)
    assert seen and {one[:2] for one in seen} == {(EagerTensor, EagerTensor)} and seen[-1][2] == [4, 3]
    assert type(model.predict(numbers(4, 3), verbose=0)) is np.ndarray


def test_what_is_cast_for_own_calls_are_tensors_too() -> None:
    class Own(layers.Layer):
        def call(self, inputs, other=None):
            self.seen = [(type(one), one.dtype, one.shape.as_list()) for one in tf.nest.flatten([inputs, other])]
            return tf.nest.flatten(inputs)[0] * 2.0

    class Whole(recurra.Model):
        call = Own.call

    x = numbers(4, 3).astype("float64")
    for kind in (Own, Whole):
        for inputs in (x, tf.constant(x), {"a": x}, (tf.constant(x),), [{"a": x}]):
            own = kind()
            found = own(inputs, other={"b": x[:2]})
            assert own.seen == [(EagerTensor, tf.float32, [4, 3]), (EagerTensor, tf.float32, [2, 3])]
            np.testing.assert_array_equal(found.numpy(), x.astype("float32") * 2)
            weight = tf.constant(x)
            with tf.GradientTape() as tape:
                tape.watch(weight)
                loss = tf.reduce_sum(own({"a": weight}, other=x))
            assert own.seen[0][:2] == (EagerTensor, tf.float32)
            assert (tape.gradient(loss, weight).numpy() == 2).all()


def test_own_calls_are_given_ragged_sparse_and_complex_tensors_as_they_are() -> None:
    class Own(layers.Layer):
        def call(self, inputs):
            self.seen = inputs
            return tf.zeros((2, 1))

    class Whole(recurra.Model):
        call = Own.call

    ragged = tf.ragged.constant([[1.0, 2.0], [3.0]])
    sparse = tf.sparse.from_dense([[1.0, 0.0], [0.0, 3.0]])
    for kind in (Own, Whole):
        for given in (ragged, sparse, ragged[:1]):
            own = kind()
            own(given)
            assert own.seen is given
            own({"a": given})
            assert own.seen["a"] is given
    whole = Whole()
    whole(tf.constant([1 + 2j]))
    assert whole.seen.dtype.name == "complex128"


def test_inside_recurra_nothing_changes() -> None:
    kinds = []

    class Kinds(recurra.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kinds.extend(type(value) for value in logs.values())
            kinds.append(type(self.model(numbers(2, 5, 3))))

    model = recurra.Sequential([layers.LSTM(4), layers.Dense(1)])
    model.compile("adam", recurra.losses.MeanSquaredError(), metrics=[recurra.metrics.MeanAbsoluteError()])
    history = model.fit(numbers(8, 5, 3), numbers(8, 1), callbacks=[Kinds()], verbose=0)
    assert EagerTensor not in kinds[:-1] and kinds[-1] is EagerTensor
    assert all(isinstance(value, float) for values in history.history.values() for value in values)


def test_losses_and_metrics_give_tensors() -> None:
    from tensorflow import keras

    y, p = numbers(3, 2), numbers(2, 3).reshape(3, 2)
    wanted = np.mean((y - p) ** 2)
    assert keras.losses.MeanSquaredError()(y, p).numpy() == pytest.approx(wanted, rel=1e-6)
    assert keras.losses.mean_squared_error(y, p).numpy().shape == (3,)
    metric = keras.metrics.MeanSquaredError()
    assert metric(y, p).numpy() == pytest.approx(wanted, rel=1e-6)
    assert f"{metric.result():.3f}" == f"{wanted:.3f}"
    assert keras.backend.sum(y).numpy() == pytest.approx(y.sum(), rel=1e-5)
    assert type(keras.backend.get_value(tf.Variable(y))) is np.ndarray
    assert keras.backend.int_shape(keras.backend.ones((2, 3))) == (2, 3)


def test_texts_in_tensors_can_be_predicted_on() -> None:
    vectorize = layers.TextVectorization(vocabulary=["good", "bad"])
    model = recurra.Sequential([vectorize, layers.Embedding(4, 3), layers.GRU(2)])
    texts = ["good good", "bad"]
    np.testing.assert_array_equal(model.predict(tf.constant(texts), verbose=0), model.predict(texts, verbose=0))


def test_weights_and_symbols() -> None:
    dense = layers.Dense(2)
    dense(numbers(4, 3))
    assert dense.kernel.shape.as_list() == [3, 2] and dense.kernel.get_shape().rank == 2
    np.testing.assert_array_equal((dense.kernel * 2).numpy(), dense.kernel.value * 2)
    symbol = recurra.Input((None, 3))
    assert symbol.shape.as_list() == [None, None, 3] == symbol.get_shape().as_list()
    pooled = tf.reduce_mean(layers.LSTM(4, return_sequences=True)(symbol), axis=1)
    model = recurra.Model(symbol, tf.concat([pooled, tf.nn.relu(pooled)], axis=-1))
    assert model.predict(numbers(2, 5, 3), verbose=0).shape == (2, 8)


@pytest.mark.parametrize("name", ["tanh", "relu", "sigmoid", "elu", "softplus", "gelu"])
def test_functions_of_tf_as_activations_are_recurras(name: str) -> None:
    own = getattr(recurra.activations, name)
    for given in (getattr(tf.nn, name), getattr(tf.keras.activations, name), name):
        cell = layers.SimpleRNN(3, activation=given)
        assert cell.cell.activation is own and layers.Dense(2, activation=given).get_config()["activation"] == name


def test_functions_of_keras_as_losses_are_recurras() -> None:
    from tensorflow import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", loss=keras.losses.mean_squared_error, metrics=[keras.metrics.mean_absolute_error])
    history = model.fit(numbers(4, 3), numbers(4, 2), verbose=0)
    assert sorted(history.history) == ["loss", "mean_absolute_error"]


def test_datasets_of_utils_give_tensors() -> None:
    from tensorflow import keras

    windows = keras.utils.timeseries_dataset_from_array(np.arange(9.0), None, 3, batch_size=4)
    assert next(iter(windows)).shape.as_list() == [4, 3]
    assert type(keras.utils.to_categorical([1, 0], 3)[0]) is np.ndarray


def test_datasets_of_folders_name_their_classes(tmp_path: Path) -> None:
    for name in ("no", "yes"):
        (tmp_path / name).mkdir()
        for number in range(4):
            (tmp_path / name / f"{number}.txt").write_text(name)
    options = {"validation_split": 0.25, "seed": 3, "verbose": False}
    found = tf.keras.utils.text_dataset_from_directory(tmp_path, subset="training", **options)
    both = tf.keras.utils.text_dataset_from_directory(tmp_path, subset="both", **options)
    assert [part.class_names for part in (found, *both)] == [["no", "yes"]] * 3
    assert type(next(iter(both[1]))[0]) is EagerTensor


def test_a_sparse_tensor_that_keras_casts_stays_one() -> None:
    from keras import ops

    found = ops.cast(tf.SparseTensor([[0, 1]], [2], [1, 3]), "float32")
    assert tf.sparse.to_dense(found).numpy().tolist() == [[0.0, 2.0, 0.0]] and found.dtype == tf.float32


def test_ragged_texts() -> None:
    vectorize = layers.TextVectorization(vocabulary=["a", "b"], ragged=True)
    found = vectorize(tf.constant(["a b a", "b"]))
    assert found.row_lengths().numpy().tolist() == [3, 1] and found.to_tensor().numpy()[1].tolist() == [3, 0, 0]


def test_minimize() -> None:
    v, w = tf.Variable(3.0), tf.Variable([1.0])
    optimizer = recurra.optimizers.SGD(0.1)
    optimizer.minimize(lambda: v * v + tf.reduce_sum(w), var_list=[v, w])
    assert v.numpy() == pytest.approx(2.4) and w.numpy() == pytest.approx(0.9)
    with tf.GradientTape() as tape:
        loss = v * v
    optimizer.minimize(loss, [v], tape=tape)
    assert v.numpy() == pytest.approx(1.92)
    with pytest.raises(ValueError, match="loss must be a function"):
        optimizer.minimize(loss, [v])
    recurra.compat.uninstall()
    assert not hasattr(optimizer, "minimize")


def test_layers_on_ragged_tensors() -> None:
    rows = tf.ragged.constant([[3, 1, 2], [], [2]])
    embedding, gru = layers.Embedding(5, 4), layers.GRU(3, return_sequences=True, return_state=True)
    embedded = embedding(rows)
    assert embedded.row_lengths().numpy().tolist() == [3, 0, 1] and embedded.to_tensor().shape == (3, 3, 4)
    outputs, state = gru(embedded)
    assert outputs.row_lengths().numpy().tolist() == [3, 0, 1]
    alone, last = gru(embedding(tf.constant([[3, 1, 2]])))
    np.testing.assert_allclose(outputs[0].numpy(), alone.numpy()[0], atol=1e-6)
    np.testing.assert_allclose(state.numpy()[0], last.numpy()[0], atol=1e-6)
    with pytest.raises(TypeError, match="to_tensor"):
        layers.Flatten()(embedded)


def test_texts_are_bytes() -> None:
    class Words(layers.Layer):
        def call(self, inputs):
            return np.array(["a", "ñ"], object)[np.asarray(inputs)]

    assert Words(autocast=False)(tf.constant([1, 0])).numpy().tolist() == ["ñ".encode(), b"a"]


def test_a_step_is_given_a_single_input_by_itself() -> None:
    seen = []

    class Own(recurra.Model):
        def train_step(self, data):
            seen.append(data)
            return {"loss": 0.0}

        def test_step(self, data):
            seen.append(data)
            return super().test_step(data)

        def call(self, inputs):
            return inputs

    model, x = Own(), numbers(4, 3)
    model.compile("sgd", "mse")
    model.fit(x, verbose=0)
    model.fit(x, x, verbose=0)
    assert type(seen[0]) is np.ndarray and [type(part) for part in seen[1]] == [np.ndarray, np.ndarray]
    recurra.compat.uninstall()
    model.fit(x, verbose=0)
    assert isinstance(seen[2], tuple) and len(seen[2]) == 1
    recurra.compat.install()
