"""Bad input: one clear error that names the argument, before any work is done."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, losses, metrics, ops, optimizers
from recurra.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from recurra.data import Dataset
from recurra.layers import GRU, LSTM, Dense, Embedding, Input, SimpleRNN
from recurra.models import Model, Sequential
from recurra.utils import to_categorical

IDS = np.random.default_rng(0).integers(0, 9, (12, 5))
REAL = np.random.default_rng(1).normal(size=(12, 5, 3))


def classifier(loss: Any = "sparse_categorical_crossentropy", units: int = 4) -> Any:
    model = Sequential([Embedding(9, 3), LSTM(3), Dense(units, activation="softmax" if units > 1 else "sigmoid")])
    model.compile("adam", loss)
    return model


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: losses.get("mean_square_error"), "unknown loss .*did you mean .*'mean_squared_error'"),
        (lambda: optimizers.get("adm"), "unknown optimizer 'adm': expected one of .*; did you mean .*'adam'"),
        (lambda: optimizers.get("ftrl"), "not offered"),
        (lambda: metrics.get("accurracy"), "unknown metric 'accurracy': expected one of .*; did you mean 'accuracy'"),
        (lambda: classifier("sparse_crossentropy"), "unknown loss 'sparse_crossentropy': expected one of "),
        (lambda: Sequential([]).compile(metrics=["precison"]), "did you mean 'precision'"),
        (lambda: Dense(3, activation="rleu"), "unknown activation .*did you mean .*'relu'"),
        (lambda: Sequential([]).compile("sgd", steps_per_execution=0), "steps_per_execution must be an int >= 1"),
        (lambda: losses.MeanSquaredError(reduction="average"), "reduction must be one of"),
        (lambda: optimizers.SGD(-0.1), "learning_rate must be >= 0"),
        (lambda: optimizers.SGD(0.1, momentum=1.5), r"momentum must be in \[0, 1\]"),
        (lambda: optimizers.Adam(clipnorm=1.0, global_clipnorm=1.0), "global_clipnorm may not be set beside"),
        (lambda: optimizers.Adam(clipnorm=0.0), "clipnorm must be a number > 0"),
        (lambda: optimizers.Adam(gradient_accumulation_steps=1), "gradient_accumulation_steps must be an int >= 2"),
        (lambda: optimizers.Adam(use_ema=True, ema_momentum=2.0), r"ema_momentum must be in \[0, 1\]"),
        (lambda: optimizers.AdamW(weight_decay=None), "weight_decay must be a float"),
        (lambda: optimizers.schedules.PiecewiseConstantDecay([1], [0.1]), "one entry fewer"),
        (lambda: optimizers.schedules.ExponentialDecay(0.1, 0, 0.5), "decay_steps must be a number > 0"),
        (lambda: metrics.Precision(thresholds=1.5), r"thresholds must be in \[0, 1\]"),
        (lambda: metrics.AUC(curve="R"), "curve must be 'ROC' or 'PR'"),
        (lambda: metrics.F1Score(average="mean"), "average must be None"),
        (lambda: ReduceLROnPlateau(factor=1.0), r"factor must be in \(0, 1\)"),
        (lambda: EarlyStopping(mode="lower"), "mode must be 'auto', 'min' or 'max'"),
        (lambda: ModelCheckpoint("x.keras", save_weights_only=True), "must end in .weights.h5"),
        (lambda: ModelCheckpoint("x.keras", save_freq="step"), "save_freq must be 'epoch'"),
    ],
)
def test_names_and_settings(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize("bad", [3.5, object(), "0.1x"])
def test_learning_rate_must_be_a_number(bad: Any) -> None:
    if isinstance(bad, float):
        assert float(optimizers.SGD(bad).learning_rate) == 3.5
        return
    with pytest.raises(TypeError, match="learning_rate must be a float, a schedule or a function"):
        optimizers.SGD(bad)


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (IDS, np.zeros(11, int), "same number of samples"),
        (IDS, np.full(12, 4), r"y must hold class ids in \[0, 4\) .* got ids from 4 to 4"),
        (IDS, np.full(12, -1), "got ids from -1 to -1"),
        (IDS, np.full(12, 0.5), "whole numbers"),
        (IDS, np.full(12, np.nan), "y must not hold NaN, got one at index"),
        (IDS, np.zeros((12, 4)), "one-hot labels use categorical_crossentropy"),
        (IDS, to_categorical(np.zeros(12, int), 4), "one-hot labels use categorical_crossentropy"),
        (IDS, None, "y must be given"),
        (np.full((12, 5), 9), np.zeros(12, int), r"x must hold ids in \[0, 9\) .*embedding.*got ids from 9 to 9"),
        (np.full((12, 5), -3), np.zeros(12, int), "got ids from -3 to -3"),
        (np.full((12, 5), 1.5), np.zeros(12, int), "whole numbers"),
        (np.full((12, 5), np.nan), np.zeros(12, int), "x must not hold NaN"),
        (np.full((12, 5), np.inf), np.zeros(12, int), r"x must not hold infinities, got one at index \(0, 0\)"),
        (IDS, np.full(12, -np.inf), "y must not hold infinities, got one at index"),
    ],
)
def test_labels_and_ids(x: Any, y: Any, said: str) -> None:
    model = classifier()
    with pytest.raises(ValueError, match=said):
        model.fit(x, y, verbose=0)
    assert int(model.optimizer.iterations) == 0


@pytest.mark.parametrize(
    ("loss", "units", "y", "said"),
    [
        ("binary_crossentropy", 1, np.full(12, 2), r"y must hold labels in \[0, 1\] .* got values from 2 to 2"),
        ("binary_crossentropy", 1, np.zeros((12, 3)), r"y must have shape \(samples, 1\)"),
        ("categorical_crossentropy", 4, np.zeros(12, int), "for class ids use sparse_categorical_crossentropy"),
        ("categorical_crossentropy", 4, np.zeros((12, 3)), "one number for each of 4 classes"),
        ("mse", 4, np.zeros((12, 5)), r"y must have shape \(samples, 4\) for mean_squared_error"),
        ("mse", 4, np.zeros((12, 2, 4)), r"y must have shape \(samples, 4\)"),
    ],
)
def test_labels_of_other_losses(loss: str, units: int, y: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        classifier(loss, units).fit(IDS, y, verbose=0)


def test_validation_data_is_checked_before_training() -> None:
    model = classifier()
    y = np.zeros(12, int)
    with pytest.raises(ValueError, match="validation y must hold class ids"):
        model.fit(IDS, y, validation_data=(IDS, y + 7), verbose=0)
    with pytest.raises(ValueError, match="validation x must hold ids"):
        model.fit(IDS, y, validation_data=(IDS + 7, y), verbose=0)
    assert int(model.optimizer.iterations) == 0


def test_shapes_of_inputs() -> None:
    model = Sequential([Input((5, 3)), LSTM(2), Dense(1)])
    model.compile("sgd", "mse")
    y = np.zeros((12, 1))
    with pytest.raises(ValueError, match=r"x must have shape \(samples, 5, 3\), got \(12, 5, 4\)"):
        model.fit(np.zeros((12, 5, 4)), y, verbose=0)
    with pytest.raises(ValueError, match=r"x must have shape .*got \(12, 5\); add an axis"):
        model.fit(np.zeros((12, 5)), y, verbose=0)
    with pytest.raises(ValueError, match=r"must have shape \(any, 5, 3\), got \(2, 4, 3\)"):
        model(np.zeros((2, 4, 3)))


@pytest.mark.parametrize("steps", [None, 7])
def test_a_last_axis_of_one_may_be_missing(steps: int | None) -> None:
    model = Sequential([Input((steps, 1)), SimpleRNN(3), Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.random.default_rng(3).random((5, 7), "float32"), np.zeros(5)
    model.fit(x, y, verbose=0)
    batches = Dataset.from_tensor_slices((x, y)).batch(2)
    model.fit(batches, validation_data=batches, verbose=0)
    whole = model.predict(x[..., None], verbose=0)
    for got in (model.predict(x, verbose=0), model.predict(batches, verbose=0), model(x), model.predict_on_batch(x)):
        np.testing.assert_allclose(got, whole, rtol=1e-6)
    with pytest.raises(ValueError, match=r"must have shape .*got \(5, 7, 2\)"):
        model.fit(np.zeros((5, 7, 2)), y, verbose=0)
    with GradientTape() as tape:
        tracked = tape.watch(x)
        loss = ops.sum(model(tracked))
    assert np.abs(tape.gradient(loss, tracked)).min() > 0


def test_a_last_axis_of_one_may_be_too_many() -> None:
    model = Sequential([Input((None,)), Embedding(9, 3), GRU(2), Dense(1)])
    model.compile("sgd", "mse")
    ids = np.arange(35).reshape(5, 7) % 9
    model.fit(ids[..., None], np.zeros(5), verbose=0)
    np.testing.assert_array_equal(model.predict(ids[..., None], verbose=0), model.predict(ids, verbose=0))


def test_several_inputs() -> None:
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model([a, b], Dense(1)(a))
    model.compile("sgd", "mse")
    x, y = np.zeros((4, 3)), np.zeros((4, 1))
    with pytest.raises(ValueError, match=r"takes a list or dict of the inputs \['a', 'b'\], got one ndarray"):
        model.fit(x, y, verbose=0)
    with pytest.raises(ValueError, match=r"must hold the keys \['a', 'b'\], got \['a', 'c'\]"):
        model.fit({"a": x, "c": x}, y, verbose=0)
    with pytest.raises(ValueError, match=r"x\['b'\] must have shape"):
        model.fit([x, x[:, :2]], y, verbose=0)
    with pytest.raises(ValueError, match=r"x\['a'\] must not hold NaN|x must not hold NaN"):
        model.predict({"a": x * np.nan, "b": x}, verbose=0)


def test_several_outputs() -> None:
    i = Input((3,))
    model = Model(i, [Dense(1, name="one")(i), Dense(2, name="two")(i)])
    x, y = np.zeros((4, 3)), np.zeros((4, 1))
    model.compile("sgd", {"one": "mse", "three": "mse"})
    with pytest.raises(
        ValueError, match=r"loss has the keys \['three'\], but the model's outputs are \['one', 'two'\]"
    ):
        model.fit(x, [y, y], verbose=0)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="y must be a list or dict with one entry for each of the outputs"):
        model.fit(x, y, verbose=0)
    with pytest.raises(ValueError, match=r"y\['two'\] must have shape"):
        model.fit(x, [y, np.zeros((4, 3))], verbose=0)
    with pytest.raises(ValueError, match="y must have one entry for each of the outputs"):
        model.fit(x, [y, y, y], verbose=0)


@pytest.mark.parametrize(
    ("settings", "kind", "said"),
    [
        ({"epochs": -1}, ValueError, "epochs must be an int >= 0"),
        ({"epochs": 1.5}, ValueError, "epochs must be an int >= 0"),
        ({"verbose": -1}, ValueError, "verbose must be 'auto', 0, 1 or 2"),
        ({"validation_split": 1.0}, ValueError, r"validation_split must be in \(0, 1\)"),
        ({"validation_split": "a"}, ValueError, r"validation_split must be in \(0, 1\), got 'a'"),
        ({"validation_freq": 0}, ValueError, "validation_freq must be an int >= 1 or a list of epochs, got 0"),
        ({"validation_freq": "2"}, ValueError, "validation_freq must be an int >= 1 or a list of epochs, got '2'"),
        ({"shuffle": "btach"}, ValueError, "shuffle must be True, False or 'batch', got 'btach'"),
        ({"class_weight": "balanced"}, TypeError, "class_weight must be a dict of class ids and weights"),
        ({"validation_split": 0.99}, ValueError, "leaves 0 for training and 12"),
        ({"steps_per_epoch": 0}, ValueError, "steps_per_epoch must be an int >= 1"),
        ({"batch_size": 0}, ValueError, "batch_size must be an int >= 1"),
        ({"callbacks": ["stop"]}, TypeError, "callbacks must hold Callback objects"),
        ({"callbacks": [EarlyStopping]}, TypeError, r"callbacks must hold objects, got the class EarlyStopping"),
        ({"sample_weight": np.full(12, np.nan)}, ValueError, "sample_weight must not hold NaN"),
        ({"sample_weight": np.full(12, np.inf)}, ValueError, "sample_weight must not hold infinities"),
        ({"class_weight": {0: np.inf}}, ValueError, "class_weight must map to finite numbers, got inf for class 0"),
        ({"class_weight": {1: np.nan}}, ValueError, "class_weight must map to finite numbers, got nan for class 1"),
        ({"sample_weight": np.ones((12, 5, 2))}, ValueError, "sample_weight must have one weight"),
        ({"sample_weight": np.ones(11)}, ValueError, "same number of samples"),
        ({"callbacks": [EarlyStopping("val_spam")]}, ValueError, "pass mode='max' or mode='min'"),
    ],
)
def test_arguments_of_fit(settings: dict[str, Any], kind: type[Exception], said: str) -> None:
    model = classifier()
    with pytest.raises(kind, match=said):
        model.fit(IDS, np.zeros(12, int), **{"verbose": 0, **settings})
    assert int(model.optimizer.iterations) == 0


def test_validation_split_of_batches() -> None:
    with pytest.raises(ValueError, match="validation_split needs arrays"):
        classifier().fit([(IDS, np.zeros(12, int))], validation_split=0.5, verbose=0)


def test_nan_in_a_later_batch_of_a_generator() -> None:
    model = Sequential([Input((5, 3)), LSTM(2), Dense(1)])
    model.compile("sgd", "mse")
    bad = REAL.copy()
    bad[3, 2, 1] = np.nan
    y = np.zeros((12, 1))
    with pytest.raises(ValueError, match=r"x of batch 1 must not hold NaN, got one at index \(3, 2, 1\)"):
        model.fit([(REAL, y), (bad, y)], verbose=0)


def test_uncompiled_and_unbuilt_models() -> None:
    model = Sequential([Dense(1)])
    for method in ("fit", "evaluate", "train_on_batch", "test_on_batch"):
        with pytest.raises(RuntimeError, match=f"{method} needs a compiled model"):
            getattr(model, method)(np.zeros((2, 3)), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="is not built"):
        model.count_params()
    with pytest.raises(ValueError, match="has no layers"):
        Sequential([]).build((None, 3))


def test_fixed_batch_sizes_are_checked_before_training() -> None:
    model = Sequential([LSTM(2, stateful=True, batch_input_shape=(4, 5, 3)), Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"is made for batches of 4 .*got batch_size=3 and 12 samples"):
        model.fit(REAL, np.zeros((12, 1)), batch_size=3, verbose=0)
    with pytest.raises(ValueError, match="multiple of 4 samples, got batch_size=4 and 10 samples"):
        model.fit(REAL[:10], np.zeros((10, 1)), batch_size=4, verbose=0)
    model.fit(REAL, np.zeros((12, 1)), verbose=0)  # the size is known
    assert int(model.optimizer.iterations) == 3


def test_an_optimizer_does_not_take_variables_that_it_was_not_built_on() -> None:
    from recurra import Variable

    one, two = Variable(np.ones(3)), Variable(np.ones(3))
    optimizer = optimizers.SGD()
    optimizer.apply([np.ones(3)], [one])
    with pytest.raises(ValueError, match="is not one that this optimizer was built on"):
        optimizer.apply([np.ones(3)], [two])
    with pytest.raises(ValueError, match=r"must have its shape \(3,\), got \(4,\)"):
        optimizer.apply([np.ones(4)], [one])
    with pytest.raises(ValueError, match="at least one variable"):
        optimizer.apply([None], [one])
    with pytest.raises(TypeError, match="made with a schedule"):
        optimizers.SGD(optimizers.schedules.CosineDecay(0.1, 5)).learning_rate = 0.1


def test_arguments_that_batches_leave_no_place_for() -> None:
    model = Sequential([Input((5, 3)), LSTM(2), Dense(1)])
    model.compile("sgd", "mse")
    x, y = REAL.astype("float32"), np.zeros((12, 1), "float32")
    with pytest.raises(ValueError, match="class_weight must not be given where the batches hold sample weights"):
        model.fit([(x, y, np.ones(12, "float32"))], class_weight={0: 2.0}, verbose=0)
    with pytest.raises(ValueError, match="validation_batch_size must not be given"):
        model.fit(x, y, validation_data=[(x, y)], validation_batch_size=4, verbose=0)
    model.fit(x, y, batch_size=4, validation_data=[(x, y)], verbose=0)


def test_validation_batch_size_is_that_of_validation_alone() -> None:
    model = Sequential([Input((5, 3)), LSTM(2), Dense(1)])
    model.compile("sgd", "mse")
    x, y = REAL.astype("float32"), np.arange(12.0, dtype="float32")[:, None]
    model.fit(x, y, verbose=0)
    found = model.fit(x, y, validation_data=(x, y), validation_batch_size=3, validation_steps=1, verbose=0)
    expected = model.evaluate(x[:3], y[:3], verbose=0)
    assert found.history["val_loss"][0] == pytest.approx(expected, rel=1e-6)


def real() -> Any:
    model = Sequential([Input((5, 3)), LSTM(2), Dense(1)])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("rows", [3, 40])
def test_what_is_not_finite_is_refused_everywhere(value: float, rows: int) -> None:
    model = real()
    good = np.random.default_rng(0).normal(size=(rows, 5, 3))
    y = np.zeros((rows, 1))
    bad = good.copy()
    bad[rows - 1, 2, 1] = value
    said = rf"x must not hold (NaN|infinities), got one at index \({rows - 1}, 2, 1\)"
    for call in (
        lambda: model.fit(bad, y, verbose=0),
        lambda: model.evaluate(bad, y, verbose=0),
        lambda: model.predict(bad, verbose=0),
        lambda: model.train_on_batch(bad, y),
        lambda: model.fit(good, y, validation_data=(bad, y), verbose=0),
    ):
        with pytest.raises(ValueError, match=said):
            call()
    y_bad = np.full((rows, 1), value)
    with pytest.raises(ValueError, match="y must not hold"):
        model.evaluate(good, y_bad, verbose=0)
    for batches in ([(good, y), (good, y_bad)], [(good, y), (good, y, y_bad[:, 0])]):
        with pytest.raises(ValueError, match=r"(y|sample_weight) of batch 1 must not hold"):
            real().fit(batches, verbose=0)
    with pytest.raises(ValueError, match="x of batch 1 must not hold"):
        real().evaluate([(good, y), (bad, y)], verbose=0)


def test_large_numbers_are_finite() -> None:
    real().predict(np.full((4, 5, 3), 3e38, "float32"), verbose=0)


@pytest.mark.parametrize("call", ["fit", "evaluate", "predict", "call", "batches", "on_batch"])
def test_numpy_masked_arrays_are_refused(call: str) -> None:
    model = real()
    plain = np.zeros((6, 5, 3), "float32")
    masked = np.ma.masked_array(plain, mask=plain == 1)
    y = np.zeros((6, 1))
    calls: dict[str, Any] = {
        "fit": lambda: model.fit(plain, np.ma.masked_array(y), verbose=0),
        "evaluate": lambda: model.evaluate(plain, y, sample_weight=np.ma.ones(6), verbose=0),
        "predict": lambda: model.predict(masked, verbose=0),
        "call": lambda: model(masked),
        "batches": lambda: model.fit([(masked, y)], verbose=0),
        "on_batch": lambda: model.train_on_batch(masked, y),
    }
    with pytest.raises(TypeError, match=r"must be a plain array, got a numpy masked array.*fill it"):
        calls[call]()


def test_ids_with_fractions_are_refused_everywhere() -> None:
    model = classifier()
    ids = IDS.astype("float64")
    np.testing.assert_array_equal(model.predict(ids, verbose=0), model.predict(IDS, verbose=0))
    ids[3, 2] = 1.5
    for call in (
        lambda: model.predict(ids, verbose=0),
        lambda: model.predict(ids[:4].astype("float32"), verbose=0),
        lambda: model(ids),
        lambda: model.predict_on_batch(ids),
        lambda: model.predict([ids[:4], ids[:4]][0], batch_size=2, verbose=0),
    ):
        with pytest.raises(ValueError, match="whole numbers"):
            call()


@pytest.mark.parametrize("size", [0, -1, "a"])
def test_predict_refuses_a_batch_size_that_is_none(size: object) -> None:
    model = Sequential([LSTM(3)])
    with pytest.raises(ValueError, match="batch_size must be an int >= 1"):
        model.predict(np.ones((4, 5, 2), "float32"), batch_size=size)


def test_lists_of_arrays_for_one_input() -> None:
    x, y = np.ones((7, 5, 2), "float32"), np.ones((7, 1))

    def fit(x: object, y: object = None) -> None:
        model = Sequential([LSTM(3), Dense(1)])
        model.compile("sgd", "mse")
        model.fit(x, y, verbose=0)

    with pytest.raises(TypeError, match=r"x must be one array, got a list of 2, .* \(7, 5, 2\), \(7, 1\): labels are"):
        fit([x, y])
    with pytest.raises(ValueError, match=r"x: 5, 5, 5, 5, ... \(7 arrays\), y: 7 \(x is a list .* numpy.stack"):
        fit(list(x), y)
    with pytest.raises(ValueError, match=r"y: 1, 1, 1, 1, ... \(7 arrays\) \(y is a list .* numpy.stack"):
        fit(x, list(y))
