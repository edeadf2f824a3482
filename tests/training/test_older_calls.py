"""What scripts of Keras 2 say to models, and recurra understands beside Keras 3's ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recurra
from recurra.callbacks import ModelCheckpoint, ReduceLROnPlateau
from recurra.layers import GRU, Dense, Embedding, Input
from recurra.models import Model, Sequential


def test_one_list_of_metrics_for_all_outputs(rng: np.random.Generator) -> None:
    inputs = Input((3,))
    model = Model(inputs, [Dense(2, activation="softmax", name=name)(inputs) for name in ("one", "two", "three")])
    x, y = rng.normal(size=(8, 3)), [np.eye(2)[rng.integers(0, 2, 8)] for _ in range(3)]
    model.compile("sgd", "categorical_crossentropy", metrics=["accuracy", "mae"])
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    for name, truth, guess in zip(("one", "two", "three"), y, model.predict(x, verbose=0), strict=True):
        assert found[f"{name}_accuracy"] == pytest.approx(np.mean(truth.argmax(-1) == guess.argmax(-1)))
        assert found[f"{name}_mae"] == pytest.approx(np.mean(np.abs(truth - guess)), rel=1e-5)
    model.compile("sgd", "categorical_crossentropy", metrics="mae")
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    guess = model.predict(x, verbose=0)
    assert found["three_mae"] == pytest.approx(np.mean(np.abs(y[2] - guess[2])), rel=1e-5)
    model.compile("sgd", "categorical_crossentropy", metrics=[["accuracy"], ["mae"]])
    with pytest.raises(ValueError, match=r"metrics must have one entry for each of the outputs .*, got 2"):
        model.evaluate(x, y, verbose=0)


def test_sample_weight_mode(rng: np.random.Generator) -> None:
    model = Sequential([Embedding(9, 4), GRU(5, return_sequences=True), Dense(3, activation="softmax")])
    x, y = rng.integers(0, 9, (6, 7)), rng.integers(0, 3, (6, 7))
    weights = rng.random((6, 7))
    found = []
    for arguments in ({}, {"sample_weight_mode": "temporal"}, {"sample_weight_mode": ["temporal"]}):
        model.compile("sgd", "sparse_categorical_crossentropy", **arguments)  # type: ignore[arg-type]
        found.append(model.evaluate(x, y, sample_weight=weights, verbose=0))
    assert found[0] == found[1] == found[2]
    with pytest.raises(ValueError, match="sample_weight_mode must be None or \"temporal\", got 'daily'"):
        model.compile("sgd", "mse", sample_weight_mode="daily")


def test_a_model_that_hands_itself_to_its_base() -> None:
    class Generator(Model):
        def __init__(self, vocabulary: int) -> None:
            super().__init__(self)  # as in a well-known tutorial
            self.embedding = Embedding(vocabulary, 4)
            self.dense = Dense(vocabulary)

        def call(self, inputs: Any) -> Any:
            return self.dense(self.embedding(inputs))

    recurra.utils.clear_session()
    model = Generator(7)
    assert model(np.array([[1, 2, 3]])).shape == (1, 3, 7) and model.name == "generator"


def test_the_reduction_comes_before_the_axis() -> None:
    loss = recurra.losses.SparseCategoricalCrossentropy(False, None, "sum")  # Keras 2 and 3 agree on these places
    assert float(loss(np.array([0, 1]), np.array([[0.5, 0.5], [0.5, 0.5]]))) == pytest.approx(2 * np.log(2), rel=1e-5)


def test_older_arguments_of_callbacks(tmp_path: Path) -> None:
    x = np.linspace(-1, 1, 12).reshape(6, 2)
    model = Sequential([Dense(1)])
    model.compile("sgd", "mse")
    saving = ModelCheckpoint(tmp_path / "w{epoch}.weights.h5", save_weights_only=True, period=2)
    model.fit(x, x[:, 0], epochs=5, verbose=0, callbacks=[saving])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w2.weights.h5", "w4.weights.h5"]
    with pytest.raises(ValueError, match="period must be a number of epochs of at least 1, got 0"):
        ModelCheckpoint("w", period=0)
    assert ReduceLROnPlateau(epsilon=0.5).min_delta == ReduceLROnPlateau(min_delta=0.5).min_delta != 0


def test_older_names() -> None:
    losses, constraints = recurra.losses, recurra.constraints
    true, guess = np.array([[1.0], [0.0]]), np.array([[0.0], [3.0]])
    assert losses.MeanSquaredError(losses.Reduction.NONE)(true, guess).tolist() == [1, 9]
    assert float(losses.MeanSquaredError(losses.Reduction.SUM)(true, guess)) == 10
    assert float(losses.MeanSquaredError(losses.Reduction.AUTO)(true, guess)) == 5
    assert constraints.maxnorm(3).max_value == 3 and constraints.get("nonneg") and constraints.unitnorm is not None


def test_the_calls_of_a_shared_layer() -> None:
    one, two = Input((4, 3)), Input((5, 3))
    shared = GRU(2)
    first, second = shared(one), shared(two)
    assert shared.get_output_at(0) is first and shared.get_output_at(1) is second
    assert shared.get_input_at(0) is one and shared.get_input_at(1) is two
    with pytest.raises(ValueError, match="called 2 times on symbolic tensors, there is no call 2"):
        shared.get_output_at(2)


def test_how_batches_are_read(rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 1))
    batches = [(x[:4], y[:4]), (x[4:], y[4:])]
    model = Sequential([Dense(1)])
    model.compile("sgd", "mse")
    reading = {"workers": 4, "use_multiprocessing": True, "max_queue_size": 20}
    assert len(model.fit(batches, epochs=2, verbose=0, **reading).epoch) == 2
    loss = model.evaluate(batches, verbose=0, **reading)
    assert loss == pytest.approx(np.mean((model.predict(x) - y) ** 2))
    np.testing.assert_array_equal(model.predict(x, **reading), model.predict(x))
    for call in (model.fit, model.evaluate, model.predict):
        with pytest.raises(TypeError, match=r"got an unexpected keyword argument 'wrokers'"):
            call(x, wrokers=2)


def test_one_optimizer_object_as_a_default_argument() -> None:
    x, y = np.random.RandomState(0).standard_normal((6, 3)), np.ones((6, 1))

    def build(units: int, optimizer: Any = recurra.optimizers.Adam()) -> Any:  # noqa: B008
        model = Sequential([Input((3,)), Dense(units), Dense(1)])
        model.compile(optimizer, "mse")
        return model

    first, second = build(4), build(2)
    for model in (first, second, first):
        losses = model.fit(x, y, epochs=20, verbose=0).history["loss"]
        assert losses[-1] < losses[0]


def test_words_of_keras_1() -> None:
    model = Sequential([Input((3,)), Dense(6 / 2), Dense(1)])
    model.compile("sgd", "mse")
    assert model.layers[0].units == 3
    x, y = np.ones((4, 3)), np.ones((4, 1))
    assert len(model.fit(x, y, nb_epoch=3, verbose=0).history["loss"]) == 3
    with pytest.raises(TypeError, match="unexpected keyword argument 'nb_epochs'; did you mean epochs"):
        model.fit(x, y, nb_epochs=3)


def test_verbose_above_two_is_two(capsys: pytest.CaptureFixture[str]) -> None:
    model = Sequential([Input((3,)), Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.ones((4, 3)), np.ones((4, 1))
    model.fit(x, y, verbose=5)
    assert capsys.readouterr().out.count("loss") == 1


@pytest.mark.parametrize("kind", [recurra.layers.LSTM, GRU])
def test_implementation_0(kind: Any) -> None:
    layer = kind(3, implementation=0)
    assert layer.cell.implementation == 1
    with pytest.raises(ValueError, match="implementation must be one of 1, 2, got 3"):
        kind(3, implementation=3)
