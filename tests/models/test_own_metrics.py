"""Model.add_metric and metrics that layers keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import layers, metrics, models, ops
from recurra.layers.add_metric import AddMetric

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(11, 4, 3)).astype("float32"), RNG.normal(size=(11, 1)).astype("float32")


def model_with_metric() -> tuple[Any, Any]:
    x = layers.Input((4, 3))
    h = layers.LSTM(5)(x)
    model = models.Model(x, layers.Dense(1)(h))
    model.add_metric(ops.mean(ops.square(h)), name="activity", aggregation="mean")
    return model, models.Model(x, h)


def test_a_functional_model_logs_it() -> None:
    model, states = model_with_metric()
    model.compile("sgd", "mse", metrics=["mae"])
    assert "activity" in [metric.name for metric in model.metrics]
    found = model.evaluate(X, Y, batch_size=11, verbose=0, return_dict=True)
    assert list(found) == ["loss", "mae", "activity"] == model.metrics_names
    assert found["activity"] == pytest.approx(float(np.mean(np.square(states.predict(X, verbose=0)))), rel=1e-5)
    assert found["loss"] == pytest.approx(float(np.mean((model.predict(X, verbose=0) - Y) ** 2)), rel=1e-5)
    again = model.evaluate(X, Y, batch_size=11, verbose=0, return_dict=True)
    assert again == pytest.approx(found)
    history = model.fit(X, Y, batch_size=11, epochs=2, validation_data=(X, Y), verbose=0).history
    assert set(history) == {"loss", "mae", "activity", "val_loss", "val_mae", "val_activity"}
    assert history["activity"][0] == pytest.approx(found["activity"], rel=1e-5)
    assert history["activity"][1] == pytest.approx(history["val_activity"][0], rel=1e-5)


def test_files_hold_it(tmp_path: Path) -> None:
    model, _ = model_with_metric()
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.keras")
    read = models.load_model(tmp_path / "m.keras")
    assert read.evaluate(X, Y, verbose=0, return_dict=True) == model.evaluate(X, Y, verbose=0, return_dict=True)
    assert any(isinstance(layer, AddMetric) for layer in read.layers)


def test_a_layer_adds_in_its_call() -> None:
    class Counting(layers.Layer):
        def call(self, inputs):
            self.add_metric(ops.max(inputs), name="largest")
            return inputs

    class Own(models.Model):
        def __init__(self) -> None:
            super().__init__()
            self.counting, self.dense, self.share = Counting(), layers.Dense(1), metrics.Mean("share")

        def call(self, inputs):
            h = self.counting(inputs[:, -1])
            self.add_metric(ops.min(inputs), name="least")
            self.share.update_state(0.25)
            return self.dense(h)

    model = Own()
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=11, verbose=0)
    found = model.evaluate(X, Y, batch_size=11, verbose=0, return_dict=True)
    assert found["largest"] == pytest.approx(X[:, -1].max()) and found["least"] == pytest.approx(X.min())
    assert found["share"] == 0.25
    model.reset_metrics()
    assert [float(metric.result()) for metric in model.metrics if metric.name == "largest"] == [0.0]


def test_metrics_that_layers_keep_are_logged() -> None:
    class Watching(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.seen = metrics.Mean("seen")

        def call(self, inputs):
            self.seen.update_state(np.asarray(inputs if isinstance(inputs, np.ndarray) else inputs.value))
            return inputs

        def compute_output_shape(self, shape):
            return shape

    model = models.Sequential([Watching(), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.build((None, 4, 3))
    found = model.evaluate(X, Y, batch_size=11, verbose=0, return_dict=True)
    assert found["seen"] == pytest.approx(X.mean(), rel=1e-4)


def test_what_it_refuses() -> None:
    model, _ = model_with_metric()
    with pytest.raises(ValueError, match="needs a name"):
        model.add_metric(model.output)
    with pytest.raises(ValueError, match="aggregation must be 'mean', got 'sum'"):
        layers.Dense(2).add_metric(1.0, name="a", aggregation="sum")
    mean = next(metric for metric in model.metrics if metric.name == "activity")
    with pytest.raises(ValueError, match="sample_weight must be None"):
        mean.update_state(1.0, sample_weight=2.0)
