"""steps_per_epoch over data that is longer or shorter than an epoch, as Keras 3 walks it; class weights for steps."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import recurra
from recurra.data import Dataset
from recurra.layers import GRU, Dense, Embedding, Input
from recurra.models import Model, Sequential


class Seen(Model):
    """Notes what it is trained on."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[list[int]] = []

    def train_step(self, data: Any) -> dict[str, Any]:
        self.seen[-1].append(int(data[0][0, 0]))
        return {"loss": 0.0}

    def call(self, inputs: Any) -> Any:
        return inputs


def walked(x: Any, steps: int | None, epochs: int, **settings: Any) -> list[list[int]]:
    from recurra.callbacks import LambdaCallback

    model = Seen()
    model.compile("sgd", "mse")
    begin = LambdaCallback(on_epoch_begin=lambda epoch, logs: model.seen.append([]))
    model.fit(x, steps_per_epoch=steps, epochs=epochs, verbose=0, callbacks=[begin], **settings)
    return model.seen


X = np.arange(9.0)[:, None]


@pytest.mark.parametrize(
    "data",
    [
        lambda: (X, X),
        lambda: Dataset.from_tensor_slices((X, X)).batch(2),
        lambda: Dataset.from_tensor_slices((X, X)).batch(2).filter(lambda x, y: True),  # of unknown length
    ],
    ids=["arrays", "dataset", "unknown length"],
)
def test_epochs_go_on_where_the_one_before_stopped(data: Callable[[], Any]) -> None:
    given = data()
    x, settings = (
        (given[0], {"y": given[1], "batch_size": 2, "shuffle": False}) if isinstance(given, tuple) else (given, {})
    )
    assert walked(x, None, 2, **settings) == [[0, 2, 4, 6, 8]] * 2
    assert walked(x, 2, 4, **settings) == [[0, 2], [4, 6], [8], [0, 2]]
    assert walked(x, 5, 2, **settings) == [[0, 2, 4, 6, 8]] * 2
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "steps_per_epoch asks for 7 batches")  # where the number is known
        assert walked(x, 7, 2, **settings) == [[0, 2, 4, 6, 8]] * 2


def test_more_steps_than_there_are_batches() -> None:
    model = Sequential([Input((1,)), Dense(1)])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="steps_per_epoch asks for 7 batches, and the data has 5: repeat it, or ask"):
        model.fit(X, X, batch_size=2, steps_per_epoch=7, verbose=0)
    with pytest.warns(UserWarning, match="validation_steps asks for 3 batches, and the data has 2"):
        model.fit(X, X, validation_data=(X, X), validation_batch_size=5, validation_steps=3, verbose=0)
    for call in (lambda: model.evaluate(X, X, batch_size=4, steps=9), lambda: model.predict(X, batch_size=4, steps=9)):
        with pytest.warns(UserWarning, match="^steps asks for 9 batches, and the data has 3"):
            call()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, X, batch_size=2, steps_per_epoch=5, validation_data=(X, X), validation_steps=1, verbose=0)
        model.evaluate(Dataset.from_tensor_slices((X, X)).batch(4).repeat(), steps=9, verbose=0)


def test_every_sample_is_seen_once_in_a_shuffled_pass() -> None:
    first, second, third = walked(X, 3, 3, y=X, batch_size=1)
    assert sorted(first + second + third) == list(range(9))


def test_class_weights_of_labels_for_each_step(rng: np.random.Generator) -> None:
    """With one label for each step the weight goes with the step, whatever the shape of the labels."""
    model = Sequential(
        [Input((5,), dtype="int32"), Embedding(7, 4), GRU(3, return_sequences=True), Dense(3, "softmax")]
    )
    x, y = rng.integers(0, 7, (4, 5)), rng.integers(0, 3, (4, 5))
    weights = {0: 1.0, 1: 5.0, 2: 0.5}
    table = np.array([1.0, 5.0, 0.5])
    found = []
    for labels, loss, given in (
        (y, "sparse_categorical_crossentropy", {"class_weight": weights}),
        (y[..., None], "sparse_categorical_crossentropy", {"class_weight": weights}),
        (np.eye(3)[y], "categorical_crossentropy", {"class_weight": weights}),
        (y, "sparse_categorical_crossentropy", {"sample_weight": table[y]}),
    ):
        model.compile("sgd", loss)
        model.optimizer.learning_rate = 0.0
        found.append(model.fit(x, labels, verbose=0, shuffle=False, **given).history["loss"][0])
    np.testing.assert_allclose(found, found[-1], rtol=1e-6)


def test_a_model_of_steps_alone() -> None:
    """No call, only steps: as variational autoencoders and adversarial networks are written."""

    class Autoencoder(recurra.Model):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = recurra.Sequential([recurra.layers.GRU(3)])  # built by the first step
            self.decoder = recurra.Sequential([recurra.layers.Dense(8)])
            self.mean = recurra.metrics.Mean(name="loss")

        @property
        def metrics(self):
            return [self.mean]

        def _loss(self, x):
            rebuilt = self.decoder(self.encoder(x))
            return recurra.ops.mean(recurra.ops.square(rebuilt - np.reshape(x, (len(x), -1))))

        def train_step(self, data):
            (x,) = data if isinstance(data, tuple) else (data,)
            with recurra.GradientTape() as tape:
                loss = self._loss(x)
            self.optimizer.apply_gradients(
                zip(tape.gradient(loss, self.trainable_weights), self.trainable_weights, strict=True)
            )
            self.mean.update_state(loss)
            return {"loss": self.mean.result()}

        def test_step(self, data):
            (x,) = data if isinstance(data, tuple) else (data,)
            self.mean.update_state(self._loss(x))
            return {"loss": self.mean.result()}

    model = Autoencoder()
    model.compile(recurra.optimizers.Adam(0.02))
    x = np.random.default_rng(2).normal(size=(20, 4, 2)).astype("float32")
    history = model.fit(x, batch_size=5, epochs=6, validation_data=x, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] and len(history["val_loss"]) == 6
    assert model.evaluate(x, verbose=0) == pytest.approx(history["val_loss"][-1], rel=0.1)
    with pytest.raises(TypeError, match="must define call"):
        model.predict(x, verbose=0)
