"""steps_per_epoch over data that is longer or shorter than an epoch, as Keras 3 walks it; class weights for steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

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
    assert walked(x, 7, 2, **settings) == [[0, 2, 4, 6, 8]] * 2


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
