"""The training loop: what is trained on, what is averaged, what is repeated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import recurra
from recurra.callbacks import Callback
from recurra.layers import LSTM, Dense, Dropout, Embedding, Input
from recurra.losses import SparseCategoricalCrossentropy
from recurra.metrics import SparseCategoricalAccuracy
from recurra.models import Model, Sequential
from recurra.optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
from recurra.utils import set_random_seed, to_categorical
from tests.support.fit_cases import data, line


def words(n: int = 24, steps: int = 6, vocabulary: int = 12, seed: int = 8) -> Any:
    return np.random.default_rng(seed).integers(0, vocabulary, (n, steps))


def tagger(**dense: Any) -> Any:
    return Sequential(
        [Input((None,), dtype="int32"), Embedding(12, 5), LSTM(4, return_sequences=True), Dense(12, **dense)]
    )


def test_history_has_a_value_for_each_epoch() -> None:
    model = line()
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = data()
    history = model.fit(x, y, epochs=5, initial_epoch=2, batch_size=4, verbose=0, validation_data=(x, y))
    assert history.epoch == [2, 3, 4]
    assert {key: len(values) for key, values in history.history.items()} == {
        "loss": 3,
        "mae": 3,
        "val_loss": 3,
        "val_mae": 3,
    }
    assert history.params == {"epochs": 5, "steps": 3, "verbose": 0}
    assert model.history is history


def test_epoch_loss_is_the_mean_over_samples_not_over_batches() -> None:
    x, y = data(7)
    model = line()
    model.compile(SGD(0.0), "mse")
    history = model.fit(x, y, batch_size=5, epochs=1, verbose=0)
    expected = np.mean((model.predict(x) - y) ** 2)
    assert history.history["loss"][0] == pytest.approx(expected, rel=1e-5)
    assert model.evaluate(x, y, batch_size=3, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_validation_split_holds_out_the_last_samples() -> None:
    x, y = data(10)
    split, given = line(), line()
    for model in (split, given):
        model.compile("sgd", "mse")
    one = split.fit(x, y, validation_split=0.25, epochs=2, shuffle=False, batch_size=4, verbose=0)
    two = given.fit(
        x[:7], y[:7], validation_data=(x[7:], y[7:]), epochs=2, shuffle=False, batch_size=4, verbose=0
    )  # floor(10 * 0.75) = 7
    assert one.history == two.history
    for a, b in zip(split.get_weights(), given.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_validation_does_not_change_training() -> None:
    x, y = data()
    weights = []
    for validation in (None, data(6, seed=9)):
        set_random_seed(4)
        model = line()
        model.compile("adam", "mse")
        model.fit(x, y, epochs=3, batch_size=4, verbose=0, validation_data=validation)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_validation_freq() -> None:
    x, y = data()
    model = line()
    model.compile("sgd", "mse")
    history = model.fit(x, y, epochs=5, verbose=0, validation_data=(x, y), validation_freq=2).history
    assert len(history["loss"]) == 5 and len(history["val_loss"]) == 2
    history = model.fit(x, y, epochs=5, verbose=0, validation_data=(x, y), validation_freq=[1, 4, 5]).history
    assert len(history["val_loss"]) == 3


def test_sample_weights_divide_by_the_number_of_samples() -> None:
    x, y = data()
    weight = np.random.default_rng(1).uniform(0, 2, 10)
    model = line()
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae"])
    loss, plain, weighted = model.evaluate(x, y, sample_weight=weight, batch_size=10, verbose=0)
    error = model.predict(x) - y
    assert loss == pytest.approx(np.sum(weight * (error**2).mean(1)) / 10, rel=1e-5)
    assert plain == pytest.approx(np.abs(error).mean(), rel=1e-5)
    assert weighted == pytest.approx(np.sum(weight * np.abs(error).mean(1)) / weight.sum(), rel=1e-5)
    assert model.metrics_names == ["loss", "mae", "weighted_mae"]


def test_class_weight_equals_sample_weight() -> None:
    x = np.random.default_rng(2).normal(size=(12, 3)).astype("float32")
    labels = np.random.default_rng(3).integers(0, 2, 12)
    found = []
    for extra in ({"class_weight": {0: 0.5, 1: 3.0}}, {"sample_weight": np.where(labels == 1, 3.0, 0.5)}):
        model = Sequential([Input((3,)), Dense(2, activation="softmax", kernel_initializer="ones")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        found.append(model.fit(x, labels, epochs=2, shuffle=False, batch_size=5, verbose=0, **extra).history)
    assert found[0] == found[1]


def test_masked_steps_do_not_count() -> None:
    x = words()
    x[:, 4:] = 0
    x[3, 1:] = 0
    model = Sequential([Embedding(12, 5, mask_zero=True), LSTM(4, return_sequences=True), Dense(12)])
    model.compile(
        "sgd", SparseCategoricalCrossentropy(from_logits=True), metrics=[SparseCategoricalAccuracy(name="right")]
    )
    loss, right = model.evaluate(x, x, batch_size=24, verbose=0)
    z = model.predict(x)
    each = np.log(np.exp(z).sum(-1)) - np.take_along_axis(z, x[..., None], -1)[..., 0]
    assert loss == pytest.approx(each[x > 0].mean(), rel=1e-5)
    assert right == pytest.approx((z.argmax(-1) == x)[x > 0].mean(), rel=1e-6)
    weight = np.random.default_rng(0).uniform(0, 2, 24)
    loss, _ = model.evaluate(x, x, batch_size=24, verbose=0, sample_weight=weight)
    assert loss == pytest.approx((weight[:, None] * each)[x > 0].sum() / (x > 0).sum(), rel=1e-5)


class NotFused(SparseCategoricalCrossentropy):
    """The same loss as a class of one's own, which the loop takes as it is."""


@pytest.mark.parametrize("labels", ["ids", "lazy"])
@pytest.mark.parametrize("masked", [False, True])
def test_softmax_and_loss_fused_equal_the_two_apart(labels: str, masked: bool) -> None:
    x = words()
    y: Any = words(seed=9)
    results = []
    for fused in (True, False):
        set_random_seed(2)
        model = Sequential(
            [
                Embedding(12, 5, mask_zero=masked, dtype="float64"),
                LSTM(4, return_sequences=True, dtype="float64"),
                Dense(12, activation="softmax", dtype="float64"),
            ]
        )
        target = to_categorical(y, 12) if fused and labels == "lazy" else y
        name = "categorical_crossentropy" if labels == "lazy" else "sparse_categorical_crossentropy"
        model.compile("adam", name if fused else NotFused(), metrics=["accuracy", "crossentropy"])
        history = model.fit(x, target, epochs=3, batch_size=7, verbose=0, sample_weight=np.linspace(0, 2, 24))
        results.append((history.history, model.get_weights(), model.predict(x)))
    (one, one_weights, one_p), (two, two_weights, two_p) = results
    for key in one:
        np.testing.assert_allclose(one[key], two[key], rtol=1e-9)
    for a, b in zip(one_weights, two_weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(one_p, two_p, rtol=1e-7)
    np.testing.assert_allclose(one_p.sum(-1), 1.0)  # predictions are probabilities, whatever training does


@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_a_model_with_a_call_of_its_own_is_trained_on_what_that_gives(kind: str) -> None:
    """Its last layer's softmax stays: what `call` does after it needs the probabilities."""

    def call(self: Any, inputs: Any, training: Any = None) -> Any:
        return 0.5 * super(type(self), self).call(inputs) + 0.125

    base: Any = Model if kind == "functional" else Sequential
    layers = [Input((3,)), Dense(4, activation="softmax")]
    arguments = (layers[0], layers[1](layers[0])) if kind == "functional" else (layers,)
    model = type("Smoothed", (base,), {"call": call})(*arguments)
    model.compile(SGD(0.1), "sparse_categorical_crossentropy")
    x, y = np.random.default_rng(5).standard_normal((6, 3), "float32"), np.array([0, 1, 2, 3, 0, 1])
    expected = -np.log(np.asarray(model(x))[np.arange(6), y]).mean()
    assert model.test_on_batch(x, y) == pytest.approx(expected, rel=1e-5)
    assert model.train_on_batch(x, y) == pytest.approx(expected, rel=1e-5)


def test_one_of_two_softmax_outputs_is_trained_on_logits() -> None:
    x = Input((3,))
    model = Model(x, [Dense(4, activation="softmax", name=name)(x) for name in ("a", "b")])
    model.compile(SGD(0.1), ["sparse_categorical_crossentropy", "mse"])
    values, ids = np.random.default_rng(6).standard_normal((6, 3), "float32"), np.array([0, 1, 2, 3, 0, 1])
    first, second = (np.asarray(one) for one in model(values))
    expected = -np.log(first[np.arange(6), ids]).mean() + (second**2).mean()
    assert model.train_on_batch(values, [ids, np.zeros((6, 4))])[0] == pytest.approx(expected, rel=1e-5)


def test_fused_loss_clips_as_probabilities_are_clipped() -> None:
    model = Sequential([Input((2,), dtype="float64"), Dense(3, activation="softmax", dtype="float64")])
    model.set_weights([np.array([[60.0, 0.0, -60.0], [1.0, 2.0, 3.0]]), np.zeros(3)])
    model.compile(SGD(1.0), "sparse_categorical_crossentropy")
    x = np.array([[1.0, 0.0]])
    before = model.get_weights()
    assert model.train_on_batch(x, np.array([2])) == pytest.approx(-np.log(1e-7))
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)  # a clipped probability has no gradient
    assert model.test_on_batch(x, np.array([0]), reset_metrics=True) == pytest.approx(-np.log(1 - 1e-7), rel=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: SGD(0.3),
        lambda: RMSprop(0.05),
        lambda: Adagrad(0.2),
        lambda: Adam(0.02, amsgrad=True),
        lambda: AdamW(0.02, weight_decay=0.1),
    ],
)
@pytest.mark.parametrize("clip", [{}, {"clipnorm": 0.05}, {"global_clipnorm": 0.1}, {"clipvalue": 0.002}])
def test_sparse_embedding_updates_equal_dense_ones(make: Any, clip: dict[str, float]) -> None:
    x = words(30, vocabulary=11)
    y = (x[:, 0] > 5).astype(int)
    found = []
    for rows in (True, False):
        set_random_seed(6)
        model = Sequential([Embedding(40, 5, dtype="float64"), LSTM(4, dtype="float64"), Dense(2, dtype="float64")])
        optimizer = make()
        for key, value in clip.items():
            setattr(optimizer, key, value)
        if not rows:
            optimizer.takes_rows = lambda weight_decay: False
        seen: list[bool] = []
        plain = optimizer.update_rows

        def spy(*args: Any, plain: Any = plain, seen: list[bool] = seen) -> None:
            seen.append(True)
            plain(*args)

        optimizer.update_rows = spy
        model.compile(optimizer, SparseCategoricalCrossentropy(from_logits=True))
        model.fit(x, y, epochs=3, batch_size=4, verbose=0)
        assert bool(seen) is rows
        found.append((model.get_weights(), optimizer.get_weights()))
    for one, two in zip(*found, strict=True):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("why", ["momentum", "decay", "ema", "regularizer", "tied"])
def test_where_sparse_updates_would_be_wrong_the_dense_one_is_made(why: str) -> None:
    from recurra.layers import ReversibleEmbedding

    x = words()
    found = []
    for rows in (True, False):
        set_random_seed(6)
        settings = {"momentum": {"momentum": 0.5}, "decay": {"weight_decay": 0.1}, "ema": {"use_ema": True}}
        optimizer = SGD(0.3, **settings.get(why, {}))
        if why == "tied":
            ids = Input((None,), dtype="int32")
            table = ReversibleEmbedding(14, 4, dtype="float64")
            outputs = table(LSTM(4, return_sequences=True, dtype="float64")(table(ids)), reverse=True)
            model: Any = Model(ids, outputs)
        else:
            regularizer = "l2" if why == "regularizer" else None
            model = Sequential(
                [
                    Embedding(14, 4, dtype="float64", embeddings_regularizer=regularizer),
                    LSTM(4, return_sequences=True, dtype="float64"),
                    Dense(14, dtype="float64"),
                ]
            )
        if not rows:
            optimizer.takes_rows = lambda weight_decay: False  # type: ignore[method-assign]
        model.compile(optimizer, SparseCategoricalCrossentropy(from_logits=True))
        model.fit(x, x, epochs=2, batch_size=5, verbose=0)
        found.append(model.get_weights())
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-14)


def test_lazy_adam_moves_only_the_rows_in_the_batch() -> None:
    model = Sequential([Embedding(40, 5), LSTM(4), Dense(2)])
    model.compile("lazy_adam", SparseCategoricalCrossentropy(from_logits=True))
    model.build((None, 6))
    before = model.layers[0].get_weights()[0]
    x = words(vocabulary=11)
    model.fit(x, x[:, 0] % 2, epochs=2, verbose=0)
    moved = np.abs(model.layers[0].get_weights()[0] - before).max(axis=1) > 0
    assert moved[:11].all() and not moved[11:].any()
    first = np.abs(model.layers[0].get_weights()[0] - before)[:11].max()
    assert 1e-3 < first < 3e-3  # two steps of about the learning rate, as Adam makes


def test_the_same_seed_gives_the_same_bits() -> None:
    def run() -> Any:
        set_random_seed(11)
        model = Sequential([Embedding(12, 5), LSTM(4, dropout=0.3, recurrent_dropout=0.2), Dropout(0.4), Dense(3)])
        model.compile("adam", SparseCategoricalCrossentropy(from_logits=True))
        x = words()
        history = model.fit(x, x[:, 0] % 3, epochs=3, batch_size=5, verbose=0, validation_split=0.2)
        return history.history, model.get_weights()

    (one, one_weights), (two, two_weights) = run(), run()
    assert one == two
    for a, b in zip(one_weights, two_weights, strict=True):
        np.testing.assert_array_equal(a, b)
    set_random_seed(12)
    model = Sequential([Dense(3)])
    model.build((None, 2))


def test_one_hot_labels_are_never_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    from recurra.utils.one_hot import OneHot

    x = words()
    labels = to_categorical(x, 12)
    model = tagger(activation="softmax")
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy", "top_k_categorical_accuracy"])

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("a one-hot label was made real")

    monkeypatch.setattr(OneHot, "__array__", refuse)
    history = model.fit(x, labels, epochs=1, batch_size=5, verbose=0, validation_split=0.2, class_weight=None)
    assert sorted(history.history) == sorted(
        ["loss", "accuracy", "top_k_categorical_accuracy", "val_loss", "val_accuracy", "val_top_k_categorical_accuracy"]
    )
    model.evaluate(x, labels, verbose=0)


def test_generators_need_steps_and_go_on() -> None:
    x, y = data(4)

    def endless() -> Iterator[Any]:
        while True:
            yield x, y

    model = line()
    model.compile("sgd", "mse")
    history = model.fit(
        endless(), steps_per_epoch=3, epochs=2, verbose=0, validation_data=endless(), validation_steps=2
    )
    assert len(history.history["val_loss"]) == 2
    assert int(model.optimizer.iterations) == 6
    assert model.predict(endless(), steps=3, verbose=0).shape == (12, 2)
    assert model.evaluate(endless(), steps=2, verbose=0) > 0
    ending = iter([(x, y), (x, y)])
    with pytest.warns(UserWarning, match="x ended with epoch 1 of 3, and so does the training"):
        history = model.fit(ending, epochs=3, verbose=0)
    assert history.epoch == [0] and len(history.history["loss"]) == 1
    with pytest.raises(ValueError, match="x gave no batch"):
        model.fit(ending, epochs=2, verbose=0)


def test_datasets() -> None:
    from recurra.data import Dataset

    x, y = data(11)
    one, two = line(), line()
    for model in (one, two):
        model.compile("sgd", "mse")
    batches = Dataset.from_tensor_slices((x, y)).batch(4)
    a = one.fit(batches, epochs=3, verbose=0, validation_data=batches, validation_steps=2)
    b = two.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0, validation_data=(x[:8], y[:8]))
    assert a.history == b.history and a.params["steps"] == 3
    assert one.evaluate(batches, verbose=0) == two.evaluate(x, y, batch_size=4, verbose=0)
    np.testing.assert_array_equal(one.predict(batches, verbose=0), two.predict(x, batch_size=4, verbose=0))
    shuffled = batches.shuffle(3).take(2)
    assert len(one.fit(shuffled, epochs=2, verbose=0).history["loss"]) == 2


def test_batches_with_sample_weights_equal_arrays() -> None:
    x, y = data(8)
    weight = np.linspace(0.5, 2, 8)
    batches = [(x[:5], y[:5], weight[:5]), (x[5:], y[5:], weight[5:])]
    one, two = line(), line()
    for model in (one, two):
        model.compile("sgd", "mse")
    a = one.fit(batches, epochs=3, verbose=0).history
    b = two.fit(x, y, sample_weight=weight, batch_size=5, epochs=3, shuffle=False, verbose=0).history
    assert a == b


def test_train_on_batch_gives_the_batchs_numbers_or_averages() -> None:
    x, y = data()
    model = line()
    model.compile(SGD(0.0), "mse", metrics=["mae"])
    first = model.train_on_batch(x[:5], y[:5])
    both = model.train_on_batch(x[5:], y[5:], reset_metrics=False)
    second = model.train_on_batch(x[5:], y[5:])
    np.testing.assert_allclose(both, (np.array(first) + np.array(second)) / 2, rtol=1e-6)
    model.reset_metrics()
    assert model.test_on_batch(x[:5], y[:5], return_dict=True) == pytest.approx(
        {"loss": first[0], "mae": first[1]}, rel=1e-6
    )
    assert model.predict_on_batch(x).shape == (10, 2)


def test_predict_gives_all_rows_in_order() -> None:
    x, _ = data(11)
    model = line()
    expected = np.asarray(model(x))
    for size in (1, 4, 11, 50):
        np.testing.assert_array_equal(model.predict(x, batch_size=size, verbose=0), expected)
    many = Model(inputs := Input((3,)), {"a": Dense(2)(inputs), "b": [Dense(1)(inputs), Dense(4)(inputs)]})
    found = many.predict(x, batch_size=4, verbose=0)
    assert found["a"].shape == (11, 2) and [value.shape for value in found["b"]] == [(11, 1), (11, 4)]


def test_predict_does_not_train() -> None:
    x = words()
    model = Sequential([Embedding(12, 5), LSTM(4, dropout=0.5), Dropout(0.5), Dense(3)])
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(x, batch_size=5, verbose=0))


def test_stop_training_ends_after_the_batch() -> None:
    class Stop(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            assert logs["loss"] > 0
            self.model.stop_training = batch == 1

    x, y = data(20)
    model = line()
    model.compile("sgd", "mse")
    history = model.fit(x, y, batch_size=4, epochs=3, callbacks=[Stop()], verbose=0)
    assert history.epoch == [0] and int(model.optimizer.iterations) == 2


def test_steps_per_execution_calls_batch_hooks_less_often() -> None:
    seen = []
    hook = recurra.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    x, y = data(20)
    model = line()
    model.compile("sgd", "mse", steps_per_execution=2)
    model.fit(x, y, batch_size=4, verbose=0, callbacks=[hook])
    assert seen == [1, 3]


def test_dict_outputs_are_trained_by_name() -> None:
    inputs = Input((3,), name="features")
    model = Model(inputs, {"a": Dense(2)(inputs), "b": Dense(1)(inputs)})
    model.compile("sgd", {"a": "mse", "b": "mae"}, metrics={"b": ["mse"]}, loss_weights={"b": 0.5})
    x, y = data()
    history = model.fit({"features": x}, {"a": y, "b": y[:, :1]}, epochs=1, verbose=0).history
    assert list(history) == ["loss", "a_loss", "b_loss", "b_mse"]
    assert history["loss"][0] == pytest.approx(history["a_loss"][0] + 0.5 * history["b_loss"][0], rel=1e-5)


def test_an_output_without_a_loss_is_not_trained() -> None:
    inputs = Input((3,))
    shown = Dense(4, name="shown")
    model = Model(inputs, [Dense(2, name="kept")(inputs), shown(inputs)])
    model.compile("sgd", ["mse", None])
    x, y = data()
    before = shown.get_weights()[0]
    with pytest.warns(UserWarning, match="shown.* has no gradient|has no gradient"):
        history = model.fit(x, [y, None], epochs=1, verbose=0).history
    np.testing.assert_array_equal(shown.get_weights()[0], before)
    assert list(history) == ["loss"]


def test_outputs_of_different_lengths_cannot_be_joined() -> None:
    model = Sequential([Embedding(9, 2), LSTM(3, return_sequences=True)])
    batches = [(np.ones((2, 5), int),), (np.ones((2, 4), int),)]
    with pytest.raises(ValueError, match=r"cannot be joined, their shapes differ: \[\(4, 3\), \(5, 3\)\]"):
        model.predict(iter(batches), verbose=0)
    with pytest.raises(ValueError, match=r"gave no batch"):
        model.predict(iter([]), verbose=0)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"gave no batch"):
        model.evaluate(iter([]), verbose=0)
    with pytest.raises(ValueError, match=r"a tuple of 4"):
        model.fit([(1, 2, 3, 4)].__iter__(), verbose=0)


def test_without_a_loss_there_is_nothing_to_train() -> None:
    model = line()
    model.compile("sgd")
    with pytest.raises(ValueError, match="nothing to train on"):
        model.fit(*data(), verbose=0)


def test_a_missing_axis_of_size_one_is_added() -> None:
    model = Sequential([Input((4, 1)), LSTM(3), Dense(1)])
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(6, 4))
    model.fit(x, np.zeros(6), verbose=0)
    np.testing.assert_array_equal(model.predict(x), model.predict(x[..., None]))
    flat = Sequential([Input((4,)), Dense(1)])
    np.testing.assert_array_equal(flat(x[..., None]), flat(x))


def test_lists_of_numbers_are_arrays() -> None:
    model = line()
    model.compile("sgd", "mse")
    model.fit([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[1.0, 2.0], [3.0, 4.0]], verbose=0)
    assert model.predict([[1.0, 2.0, 3.0]], verbose=0).shape == (1, 2)
    assert model([[1.0, 2.0, 3.0]]).shape == (1, 2)
    assert model.predict([np.ones((2, 3))], verbose=0).shape == (2, 2)


def test_a_callback_of_ones_own_called_progbarlogger_leaves_the_progress_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class ProgbarLogger(Callback):
        pass

    model = line()
    model.compile("sgd", "mse")
    model.fit(*data(), verbose=2, callbacks=[ProgbarLogger()])
    assert "Epoch 1/1" in capsys.readouterr().out
