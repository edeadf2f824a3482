"""Files of PyTorch and of Keras, made from one another: what ``recurra convert`` runs.

A state dict holds arrays and their names, no model. Its modules, in the dict's order, are taken for a chain: Embedding,
LSTM, GRU or RNN with any number of layers and directions, LayerNorm, Linear. What the arrays do not tell is asked for.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.files import atomic_write
from recurra.saving import pytorch
from recurra.saving.api import load_model, save_model

if TYPE_CHECKING:
    from recurra.models.model import Model

PYTORCH = (".pt", ".pth")
KERAS = (".keras", ".h5", ".hdf5")


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    nonlinearity: str = "tanh",
    last_state: bool = False,
) -> Model:
    """Write the model of `source` as `target`; their endings say the formats.

    source, target : ``.pt`` or ``.pth``, a PyTorch state dict (needs PyTorch); ``.keras``, ``.h5``, ``.hdf5``, a model
    nonlinearity : of an ``nn.RNN``, "tanh" or "relu": a state dict does not tell
    last_state : whether the last recurrent layer of a state dict gives its last output only

    Returns the model. Raises ValueError where the endings or the contents have no counterpart.
    """
    ends = Path(source).suffix.lower(), Path(target).suffix.lower()
    for name, path, end in zip(("source", "target"), (source, target), ends, strict=True):
        if end not in PYTORCH + KERAS:
            raise ValueError(f"{name} must end in one of {', '.join(PYTORCH + KERAS)}, got {os.fspath(path)}")
    if ends[0] in PYTORCH:
        model = model_of_state_dict(pytorch.read_pt(source), nonlinearity=nonlinearity, last_state=last_state)
    else:
        model = load_model(source, compile=False)
    if ends[1] in PYTORCH:
        _write_pt(state_dict_of_model(model), target)
    else:
        save_model(model, target)
    return model


def model_of_state_dict(
    state_dict: Mapping[str, Any], *, nonlinearity: str = "tanh", last_state: bool = False
) -> Model:
    """A Sequential model with a state dict's modules and weights; the arguments are those of :func:`convert`."""
    from recurra import layers
    from recurra.models import Sequential

    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"nonlinearity must be 'tanh' or 'relu', got {nonlinearity!r}")
    groups: dict[str, dict[str, Any]] = {}
    for key, value in state_dict.items():
        prefix, dot, name = key.rpartition(".")
        groups.setdefault(prefix + dot, {})[name] = np.asarray(value)
    recurrent = [prefix for prefix, arrays in groups.items() if _is_recurrent(arrays)]
    if not recurrent:
        names = ", ".join(list(state_dict)[:6])
        raise ValueError(f"the state dict must hold an LSTM, GRU or RNN (weight_ih_l0, ...), got {names or 'nothing'}")
    model = Sequential()
    parts: list[tuple[str, list[Any]]] = []
    size: int | None = None  # of the features so far
    for prefix, arrays in groups.items():
        if prefix in recurrent:
            last = last_state and prefix == recurrent[-1]
            made, inputs, outputs = _recurrent_layers(arrays, nonlinearity, last)
        else:
            one, inputs, outputs = _plain_layer(prefix, arrays, first=not parts)
            made = [one]
        if size is not None and inputs != size:
            raise ValueError(
                f"{prefix or 'the module'} takes {inputs} features, the one before gives {size}: not a chain"
            )
        if size is None:
            model.add(layers.Input((None,) if isinstance(made[0], layers.Embedding) else (None, inputs)))
        for layer in made:
            model.add(layer)
        parts.append((prefix, made))
        size = outputs
    for prefix, made in parts:
        pytorch.from_state_dict(made if prefix in recurrent else made[0], state_dict, prefix)
    return model


def state_dict_of_model(model: Model) -> dict[str, Any]:
    """The weights of a model's layers as a state dict: each under its layer's name, in their order."""
    found: dict[str, Any] = {}
    for layer in model.layers:
        if layer.weights:
            if getattr(layer, "go_backwards", False):
                raise ValueError(
                    f"{layer.name} reads backwards (go_backwards=True): no module of PyTorch does so alone"
                )
            try:
                found.update(pytorch.to_state_dict(layer, f"{layer.name}."))
            except ValueError as error:
                raise ValueError(f"{layer.name} has no counterpart in PyTorch: {error}") from None
    if not found:
        raise ValueError("the model must have layers with weights, got none")
    return found


def _is_recurrent(arrays: Mapping[str, Any]) -> bool:
    return any(name.startswith("weight_hh") for name in arrays)


def _recurrent_layers(arrays: Mapping[str, Any], nonlinearity: str, last_state: bool) -> tuple[list[Any], int, int]:
    """The layers of one module, the features that it takes and that it gives."""
    from recurra import layers

    W, U = (arrays.get(f"weight_{which}_l0", arrays.get(f"weight_{which}")) for which in ("ih", "hh"))
    if W is None or U is None or W.ndim != 2 or U.ndim != 2 or len(W) != len(U):
        names = ", ".join(arrays)
        raise ValueError(f"a recurrent module must have weight_ih_l0 and weight_hh_l0 of as many rows, got {names}")
    projection = arrays.get("weight_hr_l0")
    units = U.shape[1] if projection is None else projection.shape[1]
    gates, rest = divmod(len(U), max(1, units))
    kinds: dict[int, Any] = {4: layers.LSTM, 3: layers.GRU, 1: layers.SimpleRNN}
    if rest or gates not in kinds:
        raise ValueError(f"weight_hh_l0 must have 4*H, 3*H or H rows for H = {units}, got {len(U)}")
    options: dict[str, Any] = {"use_bias": any(name.startswith("bias_ih") for name in arrays)}
    if gates == 1:
        options["activation"] = nonlinearity
    make = kinds[gates]
    if projection is not None:
        make = layers.ProjectionLSTM
        options["projection_units"] = U.shape[1]
    count = 1 + max((int(name.split("_l")[1].split("_")[0]) for name in arrays if "_l" in name), default=0)
    both = any(name.endswith("_reverse") for name in arrays)
    made = []
    for index in range(count):
        layer = make(units, return_sequences=not (last_state and index + 1 == count), **options)
        made.append(layers.Bidirectional(layer, merge_mode="concat") if both else layer)
    return made, W.shape[1], U.shape[1] * (2 if both else 1)


def _plain_layer(prefix: str, arrays: Mapping[str, Any], first: bool) -> tuple[Any, int, int]:
    from recurra import layers

    weight, bias = arrays.get("weight"), arrays.get("bias")
    if set(arrays) <= {"weight", "bias"} and weight is not None:
        if weight.ndim == 2 and bias is None and first:
            return layers.Embedding(*weight.shape), 1, weight.shape[1]
        if weight.ndim == 2:
            return layers.Dense(len(weight), use_bias=bias is not None), weight.shape[1], len(weight)
        if weight.ndim == 1 and bias is not None and bias.shape == weight.shape:
            return layers.LayerNormalization(epsilon=1e-5), len(weight), len(weight)
    shapes = ", ".join(f"{prefix}{name} {value.shape}" for name, value in arrays.items())
    raise ValueError(f"the state dict's modules must be Embedding, LSTM, GRU, RNN, LayerNorm or Linear, got {shapes}")


def _write_pt(state_dict: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    try:
        import torch
    except ImportError:
        raise ImportError("writing .pt files needs PyTorch: pip install 'recurra[torch]'") from None
    buffer = io.BytesIO()
    torch.save({name: torch.from_numpy(np.array(value)) for name, value in state_dict.items()}, buffer)
    with atomic_write(path) as file:
        file.write(buffer.getvalue())
