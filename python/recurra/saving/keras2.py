"""What Keras 1 and 2 wrote differently, translated to Keras 3's configurations and shapes of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.autograd import Array
from recurra.saving.file_errors import FileFormatError
from recurra.typing import Config

if TYPE_CHECKING:
    pass

_RENAMED = {
    "CuDNNLSTM": "LSTM",
    "CuDNNGRU": "GRU",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "Model": "Functional",
}
_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional", "CuDNNLSTM", "CuDNNGRU", "ConvLSTM2D")
_OPTIMIZERS = ("SGD", "RMSprop", "Adam", "AdamW", "Adagrad", "Adadelta", "Adamax", "Nadam", "Lion")


def upgrade(config: Config, version: int, where: str) -> Config:
    """The configuration of one object, not looking into nested ones, as Keras 3 would have written it."""
    name = config["class_name"].rpartition(">")[2]
    inner = config["config"]
    if isinstance(inner, list) and name == "Sequential":  # Keras before 2.2.3
        inner = {"layers": inner}
    if not isinstance(inner, dict):
        return {**config, "class_name": name}
    inner = dict(inner)
    if name == "Model" and "layers" not in inner:
        return config
    if version < 3:
        inner = _inner(name, inner, where)
    if name in ("CuDNNLSTM", "CuDNNGRU"):
        config = {key: value for key, value in config.items() if key not in ("module", "registered_name")}
    return {**config, "class_name": _RENAMED.get(name, name), "config": inner}


def _inner(name: str, inner: Config, where: str) -> Config:
    if inner.get("time_major"):
        raise FileFormatError(f"{where} is not supported: time_major=True (the batch must be the first axis)")
    inner.pop("time_major", None)
    if name == "InputLayer" and "batch_input_shape" in inner:
        inner["batch_shape"] = inner.pop("batch_input_shape")
    if name == "Embedding":
        inner.pop("input_length", None)
    if name == "CuDNNGRU":
        inner["reset_after"] = True
    if name in ("GRU", "GRUCell"):
        inner.setdefault("reset_after", False)
    if name in ("LSTM", "GRU", "LSTMCell", "GRUCell", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"):
        inner.setdefault("recurrent_activation", "hard_sigmoid")
    if name in ("CuDNNLSTM", "CuDNNGRU"):
        inner["recurrent_activation"] = "sigmoid"
    for key in ("activation", "recurrent_activation"):
        if inner.get(key) == "hard_sigmoid":
            inner[key] = "hard_sigmoid_keras2"
    if name == "BatchNormalization" and isinstance(inner.get("axis"), list) and len(inner["axis"]) == 1:
        inner["axis"] = inner["axis"][0]
    if name in _OPTIMIZERS:
        inner = _optimizer(name, inner)
    if inner.get("reduction") == "auto":
        inner["reduction"] = "sum_over_batch_size"
        inner.pop("fn", None)
    if name in ("Sequential", "Functional", "Model") and "layers" in inner:
        inner["layers"] = _layers(inner["layers"], where)
        if name != "Sequential":
            nested = _stacks(inner["layers"])
            for key in ("input_layers", "output_layers"):
                inner[key] = _ends(inner.get(key), nested, where)
    return inner


def _optimizer(name: str, inner: Config) -> Config:
    if "lr" in inner:
        inner.setdefault("learning_rate", inner["lr"])
        del inner["lr"]
    if name == "Nadam" and "schedule_decay" not in inner and "jit_compile" not in inner:
        inner["schedule_decay"] = inner.pop("decay", None) or 0.004  # before 2.11 "decay" is the momentum's
    if not inner.get("decay"):
        inner.pop("decay", None)
    if inner.get("epsilon", 0.0) is None:
        inner["epsilon"] = 1e-7
    for key in ("clipnorm", "clipvalue"):
        if inner.get(key) == 0:
            del inner[key]
    return inner


def _layers(layers: Any, where: str) -> list[Config]:
    """The layers of a model, their calls in Keras 3's form, and only the first with a shape of its input."""
    if not isinstance(layers, list) or not all(_is_object(layer) for layer in layers):
        raise FileFormatError(f"{where}: 'layers' must be a list of layers' configurations")
    nested = {layer.get("name") for layer in layers if layer["class_name"] in ("Sequential", "Functional", "Model")}
    names = {layer.get("name") for layer in layers}
    result = []
    for index, layer in enumerate(layers):
        layer = dict(layer)
        inner = layer["config"]
        if isinstance(inner, dict) and index and layer["class_name"] != "InputLayer":
            layer["config"] = {key: value for key, value in inner.items() if key != "batch_input_shape"}
        if "inbound_nodes" in layer:
            try:
                layer["inbound_nodes"] = [
                    node if isinstance(node, dict) else _node(node, layer, names, nested)
                    for node in layer["inbound_nodes"]
                ]
            except (TypeError, ValueError, IndexError, AttributeError):
                raise FileFormatError(
                    f"{layer['class_name']} {layer.get('name')!r}: its inbound_nodes cannot be read"
                ) from None
        result.append(layer)
    return result


def _stacks(layers: list[Config]) -> set[Any]:
    """The names of Sequential models among `layers`. At the ends of a graph Keras 2 counts the calls of models from 1;
    so does Keras 3, but only those of functional models.
    """
    return {layer.get("name") for layer in layers if layer["class_name"] == "Sequential"}


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("class_name"), str) and "config" in value


def _node(node: Any, layer: Config, names: set[Any], nested: set[Any]) -> Config:
    """One call of a layer: Keras 2 lists its tensors as ``[layer, node, tensor, other arguments]``."""
    if node and isinstance(node[0], str):
        node = [node]
    tensors = [_argument(item, nested) for item in node]
    kwargs: Config = {}
    for item in node:
        if len(item) > 3:
            kwargs.update({key: _keyword(value, names, nested) for key, value in item[3].items()})
    if len(tensors) == 1:
        args = [tensors[0]]
    elif layer["class_name"] in _RECURRENT:
        args, kwargs["initial_state"] = [tensors[0]], tensors[1:]
    else:
        args = [tensors]
    return {"args": args, "kwargs": kwargs}


def _argument(item: Any, nested: set[Any]) -> Any:
    if item[0] == "_CONSTANT_VALUE":
        return item[2]
    return _tensor(item[0], item[1], item[2], nested)


def _keyword(value: Any, names: set[Any], nested: set[Any]) -> Any:
    if isinstance(value, list):
        if len(value) == 3 and isinstance(value[0], str) and value[0] in names and isinstance(value[1], int):
            return _tensor(value[0], value[1], value[2], nested)
        return [_keyword(item, names, nested) for item in value]
    return value


def _tensor(layer: str, node: Any, tensor: Any, nested: set[Any]) -> Config:
    if layer in nested:  # between layers Keras 2 counts the calls of all models from 1, Keras 3 from 0
        node -= 1
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": None, "dtype": "float32", "keras_history": [layer, node, tensor]},
    }


def _ends(ends: Any, nested: set[Any], where: str) -> Any:
    """The model's inputs or outputs: one is given plainly in Keras 3, not as a list of one."""
    if isinstance(ends, dict):
        return {key: _ends(item, nested, where) for key, item in ends.items()}
    if not isinstance(ends, list) or not ends:
        raise FileFormatError(f"{where}: input_layers and output_layers must be lists, got {type(ends).__name__}")
    if isinstance(ends[0], str):
        if len(ends) != 3 or not all(isinstance(number, int) for number in ends[1:]):
            raise FileFormatError(f"{where}: an end of the graph must be [layer, node, tensor], got {ends}")
        return [ends[0], ends[1] - (ends[0] in nested), ends[2]]
    items = [_ends(item, nested, where) for item in ends]
    return items[0] if len(items) == 1 else items


# --- what a model was compiled with ----------------------------------------------------------------------------------


def compile_arguments(config: Config) -> Config:
    """``compile``'s arguments from a legacy file's training_config."""
    result = {"optimizer": config.get("optimizer_config") or config.get("optimizer")}
    for key in ("loss", "loss_weights", "metrics", "weighted_metrics"):
        value = config.get(key)
        if key.endswith("metrics"):
            value = _metrics(value)
        result[key] = value or None
    return result


def _metrics(metrics: Any) -> Any:
    if isinstance(metrics, list):
        if len(metrics) == 1 and isinstance(metrics[0], list):
            metrics = metrics[0]
        return [_metrics(metric) for metric in metrics]
    if isinstance(metrics, dict) and "class_name" not in metrics:
        return {key: _metrics(metric) for key, metric in metrics.items()}
    if isinstance(metrics, dict) and metrics["class_name"].endswith("MetricWrapper"):
        inner = metrics.get("config") or {}
        name = inner.get("name")
        return name if name in ("accuracy", "acc", "crossentropy", "ce") else inner.get("fn", name)
    return metrics


# --- weights of CuDNNLSTM and CuDNNGRU -------------------------------------------------------------------------------


def from_cudnn(kernel: Array, recurrent_kernel: Array, bias: Array, gates: int) -> list[Array]:
    """The weights of a CuDNNLSTM (4 gates) or CuDNNGRU (3) as those of an LSTM or a GRU with reset_after.

    kernel : (I, gates*H), each gate's (I, H) block holding the memory of a (H, I) matrix
    recurrent_kernel : (H, gates*H), each gate's (H, H) block transposed
    bias : (2*gates*H,), the input's biases and then the recurrent ones; an LSTM has their sum
    """
    inputs, units = kernel.shape[0], recurrent_kernel.shape[0]
    blocks = [block.reshape(units, inputs).T for block in np.split(np.ascontiguousarray(kernel), gates, axis=1)]
    recurrent = [block.T for block in np.split(recurrent_kernel, gates, axis=1)]
    halves = bias.reshape(2, gates * units)
    return [
        np.concatenate(blocks, axis=1),
        np.concatenate(recurrent, axis=1),
        halves.sum(axis=0) if gates == 4 else halves,
    ]


def convert_weights(values: list[Array], shapes: list[tuple[int, ...]]) -> list[Array]:
    """One layer's arrays, converted if they are a CuDNNLSTM's or CuDNNGRU's.

    values : the arrays in the file
    shapes : of the weights that they are for; (I, 4H), (H, 4H), (4H,) or (I, 3H), (H, 3H), (2, 3H) if there is
        anything to convert
    """
    if len(values) != 3 or len(shapes) != 3 or len(shapes[1]) != 2 or values[0].shape != shapes[0]:
        return values
    units, width = shapes[1]
    if values[1].shape != shapes[1] or not units:
        return values
    gates = width // units
    if gates in (3, 4) and values[2].shape == (2 * width,) and shapes[2] == ((width,) if gates == 4 else (2, width)):
        return from_cudnn(values[0], values[1], values[2], gates)
    return values
