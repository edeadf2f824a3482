"""Configurations as Keras 3 writes them: read here, and written here with the same keys and values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recurra import layers
from recurra.registry import deserialize_keras_object, serialize_keras_object
from tests.golden import GOLDEN

FILE = GOLDEN / "keras_layer_configs.json"
KERAS = json.loads(FILE.read_text())

#: what recurra leaves out where it says nothing, and what it says though Keras does not
LEFT_OUT = {
    "input_axes", "output_axes", "quantization_config", "rms_scaling", "optional", "renorm", "renorm_clipping",
    "renorm_momentum",
}  # fmt: skip
ADDED = {("SimpleRNN", "seed"), ("LSTM", "implementation"), ("GRU", "implementation")}


def compare(ours: Any, theirs: Any, where: str, kind: str = "") -> None:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours.keys() | theirs.keys():
            inner = f"{where}/{key}"
            if key not in ours:
                assert (key in LEFT_OUT and not theirs[key]) or key == "renorm_momentum", f"{inner} is missing"
            elif key not in theirs:
                assert (kind, key) in ADDED, f"{inner} is not Keras's"
            else:
                compare(ours[key], theirs[key], inner, theirs.get("class_name", "") if key == "config" else "")
        return
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs), where
        for k, (one, two) in enumerate(zip(ours, theirs, strict=True)):
            compare(one, two, f"{where}/{k}")
        return
    assert ours == theirs, where


@pytest.mark.parametrize("name", list(KERAS))
def test_a_configuration_of_keras_is_read_and_written_alike(name: str) -> None:
    layer = deserialize_keras_object(KERAS[name])
    assert type(layer).__name__ == KERAS[name]["class_name"]
    ours = json.loads(json.dumps(serialize_keras_object(layer)))
    compare(ours, json.loads(json.dumps(KERAS[name])), name)
    again = deserialize_keras_object(ours)
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    "old",
    [
        {"class_name": "LSTM", "config": {
            "name": "lstm_1", "trainable": True, "dtype": "float32", "return_sequences": True, "units": 4,
            "activation": "tanh", "recurrent_activation": "hard_sigmoid", "implementation": 1, "unroll": False,
            "time_major": False, "batch_input_shape": [None, 10, 3], "dropout": 0.2, "recurrent_dropout": 0.0,
            "kernel_initializer": {"class_name": "VarianceScaling", "config": {
                "scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}},
            "recurrent_initializer": {"class_name": "Orthogonal", "config": {"gain": 1.0, "seed": None}},
            "bias_initializer": {"class_name": "Zeros", "config": {}}, "unit_forget_bias": True,
            "kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.01}},
            "kernel_constraint": {"class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}},
            "activity_regularizer": None, "go_backwards": False, "stateful": False}},
        {"class_name": "Embedding", "config": {
            "name": "e", "batch_input_shape": [None, 10], "input_dim": 7, "output_dim": 3, "mask_zero": True,
            "embeddings_initializer": {"class_name": "RandomUniform", "config": {
                "minval": -0.05, "maxval": 0.05, "seed": None}},
            "embeddings_regularizer": None, "activity_regularizer": None, "embeddings_constraint": None,
            "input_length": 10, "dtype": "float32", "trainable": True}},
        {"class_name": "TimeDistributed", "config": {
            "name": "t", "trainable": True, "layer": {"class_name": "Dense", "config": {"name": "d", "units": 2}}}},
        {"class_name": "Bidirectional", "config": {
            "name": "b", "trainable": True, "merge_mode": "concat",
            "layer": {"class_name": "GRU", "config": {"name": "g", "units": 2, "reset_after": False}}}},
    ],
    ids=lambda config: config["class_name"],
)  # fmt: skip
def test_configurations_of_keras_2(old: dict[str, Any]) -> None:
    layer = deserialize_keras_object(old)
    assert isinstance(layer, getattr(layers, old["class_name"]))
    assert layer.name == old["config"]["name"]
    if "batch_input_shape" in old["config"]:
        assert layer._batch_input_shape == tuple(old["config"]["batch_input_shape"])
