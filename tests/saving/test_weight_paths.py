"""Where weights live in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from recurra import layers as L
from recurra.models import Model, Sequential
from recurra.saving.weight_paths import walk


def paths(model: Any) -> list[tuple[str, int]]:
    return [(entry.path, len(entry.variables)) for entry in walk(model)]


def test_counters_are_by_class_and_names_do_not_matter() -> None:
    model = Sequential(
        [L.Input((5, 4)), L.LSTM(3, return_sequences=True, name="x"), L.GRU(2), L.Dense(3, name="lstm"), L.Dense(2)]
    )
    assert paths(model) == [
        ("", 0),
        ("layers/lstm", 0),
        ("layers/lstm/cell", 3),
        ("layers/gru", 0),
        ("layers/gru/cell", 3),
        ("layers/dense", 2),
        ("layers/dense_1", 2),
    ]


def test_layers_within_layers() -> None:
    inner = Sequential([L.Input((5, 4)), L.Bidirectional(L.SimpleRNN(3, return_sequences=True))])
    model = Sequential(
        [inner, L.RNN([L.LSTMCell(2), L.LSTMCell(2)], return_sequences=True), L.TimeDistributed(L.Dense(2))]
    )
    assert [path for path, count in paths(model) if count] == [
        "layers/sequential/layers/bidirectional/backward_layer/cell",
        "layers/sequential/layers/bidirectional/forward_layer/cell",
        "layers/rnn/cell/cells/lstm_cell",
        "layers/rnn/cell/cells/lstm_cell_1",
        "layers/time_distributed/layer",
    ]


def test_shared_layers_and_operations_appear_once_or_not_at_all() -> None:
    x = L.Input((4,))
    shared = L.Dense(4)
    y = shared(shared(x) + x * 2.0)
    assert paths(Model(x, y - shared(y)))[1:] == [("layers/input_layer", 0), ("layers/dense", 2)]


class Subclass(Model):
    def __init__(self) -> None:
        super().__init__()
        self.zeta = L.Dense(2)
        self.alpha = [L.Dense(2), {"k": L.Dense(2)}]
        self._late = L.Dense(2)
        self.own = self.add_weight(shape=(2,), name="own")

    def call(self, inputs: Any) -> Any:
        return self._late(self.alpha[1]["k"](self.alpha[0](self.zeta(inputs)))) * self.own


def test_attributes_of_a_subclass_in_keras_order() -> None:
    model = Subclass()
    model(np.zeros((1, 2), "float32"))
    assert paths(model) == [
        ("", 1),
        ("alpha/dense", 2),
        ("alpha/container/dense", 2),
        ("layers/dense", 2),
        ("layers/dense_3", 2),
    ]


def test_a_model_of_ones_own_may_be_called_sequential(tmp_path: Path) -> None:
    """Only a true Sequential writes its name before its layers' in the older format."""
    inputs = L.Input((3,))
    outputs = L.Dense(2, name="head")(inputs)
    kinds = (Model, type("Sequential", (Model,), {}), type("Mine", (Sequential,), {}))
    models = [kinds[0](inputs, outputs), kinds[1](inputs, outputs), kinds[2]([L.Input((3,)), L.Dense(2, name="head")])]
    paths = []
    for i, model in enumerate(models):
        model.save_weights(tmp_path / f"{i}.h5")
        with h5py.File(tmp_path / f"{i}.h5") as file:
            paths.append([name.decode().rpartition("/")[0] for name in file["head"].attrs["weight_names"]])
    assert paths[0] == paths[1] == ["head"] * 2 and paths[2] == [f"{models[2].name}/head"] * 2
