"""Weights of PyTorch's recurrent modules, and back: arrays, state dicts and layers.

==========  ===================================================  ==================================================
            here (and in Keras)                                  PyTorch
==========  ===================================================  ==================================================
LSTM        gates i f c o; kernel (I, 4H), recurrent_kernel      gates i f g o; weight_ih (4H, I), weight_hh (4H, H),
            (H, 4H), bias (4H,)                                  bias_ih (4H,), bias_hh (4H,), added
Projection  as LSTM, recurrent_kernel (P, 4H);                   LSTM with proj_size: as LSTM, weight_hh (4H, P);
LSTM        projection_kernel (H, P)                             weight_hr (P, H)
GRU         gates z r h; kernel (I, 3H), recurrent_kernel        gates r z n; weight_ih (3H, I), weight_hh (3H, H),
            (H, 3H), bias (2, 3H), input's and recurrent's;      bias_ih (3H,), bias_hh (3H,); only the form that
            the form with reset_after=True                       resets after the product
SimpleRNN   kernel (I, H), recurrent_kernel (H, H), bias (H,)    weight_ih (H, I), weight_hh (H, H), bias_ih, bias_hh
Dense       kernel (I, O), bias (O,)                             Linear: weight (O, I), bias (O,)
Embedding   embeddings (V, I)                                    weight (V, I)
==========  ===================================================  ==================================================

Everything here works on numpy arrays and needs no PyTorch, but for :func:`read_pt`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.autograd import Array
from recurra.saving.pytorch_files import read_pt as read_pt
from recurra.saving.pytorch_settings import check_settings
from recurra.typing import ArrayLike

if TYPE_CHECKING:
    from recurra.layers.base.layer import Layer

Weights = list[Array]
GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1, "ProjectionLSTM": 4}
_SUFFIX = re.compile(r"(?:_l(\d+)(_reverse)?)?")


def _check_cell(cell: str) -> int:
    if cell not in GATES:
        raise ValueError(f'cell must be "LSTM", "GRU", "SimpleRNN" or "ProjectionLSTM", got {cell!r}')
    return GATES[cell]


def _check(name: str, array: Any, shape: tuple[int, ...], letters: str) -> Array:
    value = np.asarray(array)
    if value.shape != shape:
        raise ValueError(f"{name} must have shape {letters} = {shape}, got {value.shape}")
    return value


def _array(value: Any) -> Array:
    """A value of a state dict as an array; a tensor may need gradients, or be of 16 bits."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) in ("torch.bfloat16", "torch.float16") else value
    return np.asarray(value)


def _check_mapping(state_dict: Any) -> None:
    if not isinstance(state_dict, Mapping):
        advice = ": give its state_dict()" if hasattr(state_dict, "state_dict") else ""
        raise TypeError(f"state_dict must be a mapping from names to arrays, got {type(state_dict).__name__}{advice}")


def _swap(array: Array, axis: int) -> Array:
    """Gates z r h as r z n, or back: the first two thirds change places."""
    first, second, third = np.split(array, 3, axis=axis)
    return np.concatenate([second, first, third], axis=axis)


# --- one cell's arrays -----------------------------------------------------------------------------------------------


def from_pytorch(
    cell: str,
    weight_ih: ArrayLike,
    weight_hh: ArrayLike,
    bias_ih: ArrayLike | None = None,
    bias_hh: ArrayLike | None = None,
    weight_hr: ArrayLike | None = None,
) -> Weights:
    """Keras's ``[kernel, recurrent_kernel, bias]`` from one direction of one layer of a PyTorch module.

    cell : "LSTM", "GRU", "SimpleRNN", or "ProjectionLSTM" for an LSTM with `proj_size`
    weight_ih : (G*H, I), and weight_hh : (G*H, H), or (4*H, P) with a projection
    bias_ih, bias_hh : (G*H,), or None for a module without biases; the result then has no bias
    weight_hr : (P, H), of a "ProjectionLSTM" alone; the result then ends in its ``projection_kernel``
    """
    gates = _check_cell(cell)
    projects = cell == "ProjectionLSTM"
    if projects != (weight_hr is not None):
        raise ValueError(
            "weight_hr, of an LSTM with proj_size, goes with the cell 'ProjectionLSTM' and with no other, got "
            f"{cell!r} {'without' if projects else 'and'} it"
        )
    weight_hh = np.asarray(weight_hh)
    if projects:
        weight_hr = np.asarray(weight_hr)
        if weight_hr.ndim != 2:
            raise ValueError(f"weight_hr must have shape (P, H), got {weight_hr.shape}")
        shape = (4 * weight_hr.shape[1], weight_hr.shape[0])
        _check("weight_hh", weight_hh, shape, "(4*H, P)")
    elif weight_hh.ndim != 2 or weight_hh.shape[0] != gates * weight_hh.shape[1]:
        raise ValueError(
            f"weight_hh must have shape ({gates}*H, H), got {weight_hh.shape}: is it of another cell than {cell}, "
            "or of one with proj_size?"
        )
    units = weight_hh.shape[0] // gates
    weight_ih = np.asarray(weight_ih)
    inputs = weight_ih.shape[-1] if weight_ih.ndim else 0
    weight_ih = _check("weight_ih", weight_ih, (gates * units, inputs), f"({gates}*H, I)")
    if (bias_ih is None) != (bias_hh is None):
        raise ValueError("bias_ih and bias_hh must be given together, or neither")
    kernels = [weight_ih, weight_hh]
    biases = []
    if bias_ih is not None:
        for name, bias in (("bias_ih", bias_ih), ("bias_hh", bias_hh)):
            biases.append(_check(name, bias, (gates * units,), f"({gates}*H,)"))
    if cell == "GRU":
        kernels = [_swap(kernel, 0) for kernel in kernels]
        biases = [_swap(bias, 0) for bias in biases]
    result = [np.ascontiguousarray(kernel.T) for kernel in kernels]
    if biases:
        result.append(np.stack(biases) if cell == "GRU" else biases[0] + biases[1])
    if weight_hr is not None:
        result.append(np.ascontiguousarray(np.asarray(weight_hr).T))
    return result


def to_pytorch(
    cell: str,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    bias: ArrayLike | None = None,
    projection_kernel: ArrayLike | None = None,
) -> dict[str, Array]:
    """PyTorch's ``weight_ih``, ``weight_hh`` (and ``bias_ih``, ``bias_hh``, ``weight_hr``) from Keras's arrays.

    cell : "LSTM", "GRU", "SimpleRNN", or "ProjectionLSTM"
    kernel : (I, G*H), recurrent_kernel : (H, G*H), or (P, 4*H) with a projection
    projection_kernel : (H, P), of a "ProjectionLSTM" alone
    bias : (G*H,), for a GRU (2, 3*H), or None. A single bias becomes bias_ih, and bias_hh is zero.
    """
    gates = _check_cell(cell)
    recurrent_kernel = np.asarray(recurrent_kernel)
    units = size = recurrent_kernel.shape[0] if recurrent_kernel.ndim else 0
    if (cell == "ProjectionLSTM") != (projection_kernel is not None):
        raise ValueError(f"projection_kernel goes with the cell 'ProjectionLSTM' and with no other, got {cell!r}")
    if projection_kernel is not None:
        projection_kernel = np.asarray(projection_kernel)
        units = projection_kernel.shape[0] if projection_kernel.ndim else 0
        _check("projection_kernel", projection_kernel, (units, size), "(H, P)")
    letter = "H" if projection_kernel is None else "P"
    _check("recurrent_kernel", recurrent_kernel, (size, gates * units), f"({letter}, {gates}*H)")
    kernel = np.asarray(kernel)
    inputs = kernel.shape[0] if kernel.ndim else 0
    _check("kernel", kernel, (inputs, gates * units), f"(I, {gates}*H)")
    if bias is not None:
        bias = np.asarray(bias)
        if cell == "GRU" and bias.shape == (3 * units,):
            raise ValueError(
                f"bias has shape {bias.shape}, that of a GRU with reset_after=False: PyTorch's GRU has only the form "
                "with reset_after=True, so these weights cannot be used there"
            )
        shape = (2, 3 * units) if cell == "GRU" else (gates * units,)
        bias = _check("bias", bias, shape, "(2, 3*H)" if cell == "GRU" else f"({gates}*H,)")
    arrays = {"weight_ih": kernel.T, "weight_hh": recurrent_kernel.T}
    if bias is not None:
        arrays["bias_ih"], arrays["bias_hh"] = bias if cell == "GRU" else (bias, np.zeros_like(bias))
    if cell == "GRU":
        arrays = {name: _swap(array, 0) for name, array in arrays.items()}
    if projection_kernel is not None:
        arrays["weight_hr"] = np.asarray(projection_kernel).T
    return {name: np.array(array, order="C") for name, array in arrays.items()}


# --- state dicts -----------------------------------------------------------------------------------------------------


def read_state_dict(state_dict: Mapping[str, Any], cell: str, prefix: str = "") -> list[list[Weights]]:
    """The weights of an ``nn.LSTM``, ``nn.GRU`` or ``nn.RNN`` (or their cells): by layer, then by direction.

    state_dict : arrays by name, ``weight_ih_l0``, ``weight_hh_l0_reverse``, ...; others are left alone
    prefix : before the names, "encoder.rnn." say
    returns : for each layer one ``[kernel, recurrent_kernel, bias]``, or two where there is a reverse direction; a
        ``projection_kernel`` behind them for a "ProjectionLSTM", an LSTM with `proj_size`
    """
    _check_cell(cell)
    _check_mapping(state_dict)
    found: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, value in state_dict.items():
        if not name.startswith(prefix):
            continue
        part, _, rest = name[len(prefix) :].partition("_")
        which = f"{part}_{rest[:2]}"
        suffix = _SUFFIX.fullmatch(rest[2:])
        if which == "weight_hr" and suffix and cell != "ProjectionLSTM":
            raise ValueError(f"{name}: an LSTM with proj_size is a ProjectionLSTM here, got the cell {cell!r}")
        if which in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr") and suffix:
            found.setdefault((int(suffix[1] or 0), suffix[2] is not None), {})[which] = _array(value)
    layers = sorted({layer for layer, _ in found})
    if layers != list(range(len(layers))) or not layers:
        names = ", ".join(list(state_dict)[:6])
        raise ValueError(f"state_dict must hold {prefix}weight_ih_l0, weight_hh_l0, ..., got {names or 'nothing'}")
    result = []
    for layer in layers:
        directions = []
        for reverse in (False, True):
            arrays = found.get((layer, reverse))
            if arrays is None:
                continue
            if "weight_ih" not in arrays or "weight_hh" not in arrays:
                raise ValueError(
                    f"state_dict lacks weight_ih or weight_hh of {prefix}layer {layer}: pruning, weight_norm and "
                    "parametrizations must be removed first (prune.remove, remove_weight_norm, remove_parametrizations)"
                )
            directions.append(from_pytorch(cell, **arrays))
        result.append(directions)
    if len({len(directions) for directions in result}) != 1:
        raise ValueError("state_dict must hold the reverse direction of all layers, or of none")
    return result


def write_state_dict(layers: Sequence[Sequence[Weights]], cell: str, prefix: str = "") -> dict[str, Array]:
    """What :func:`read_state_dict` reads: arrays under the names of an ``nn.LSTM``, ``nn.GRU`` or ``nn.RNN``."""
    result = {}
    for index, directions in enumerate(layers):
        for weights, reverse in zip(directions, ("", "_reverse"), strict=False):
            arrays: Any = list(weights)
            if cell == "ProjectionLSTM" and len(arrays) == 3:  # without a bias
                arrays.insert(2, None)
            for name, array in to_pytorch(cell, *arrays).items():
                result[f"{prefix}{name}_l{index}{reverse}"] = array
    return result


# --- layers ----------------------------------------------------------------------------------------------------------


def _recurrent(layer: Any) -> tuple[str, list[Any]]:
    """The cell's name, and the layer's directions: one layer, or two."""
    from recurra import layers

    if isinstance(layer, layers.Bidirectional):
        names = [_recurrent(part)[0] for part in (layer.forward_layer, layer.backward_layer)]
        if names[0] != names[1] or layer.merge_mode != "concat":
            raise ValueError(f"{layer.name}: PyTorch has only two directions of one cell, with merge_mode='concat'")
        return names[0], [layer.forward_layer, layer.backward_layer]
    name = next((name for name in GATES if isinstance(layer, getattr(layers, name))), None)
    if name is None:
        raise ValueError(
            f"{layer.name} ({type(layer).__name__}) has no counterpart among PyTorch's modules: expected LSTM, GRU, "
            "SimpleRNN, ProjectionLSTM, Bidirectional of one of them, Dense, Embedding or LayerNormalization"
        )
    check_settings(layer, name)
    return name, [layer]


def _plain_layer(layer: Layer) -> dict[str, str] | None:
    """For layers that are not recurrent: PyTorch's name of each weight."""
    from recurra.layers import Dense, Embedding, LayerNormalization

    if isinstance(layer, Dense):
        return {"kernel": "weight", "bias": "bias"}
    if isinstance(layer, Embedding):
        return {"embeddings": "weight"}
    if isinstance(layer, LayerNormalization):
        return {"gamma": "weight", "beta": "bias"}
    return None


def to_state_dict(layers: Any, prefix: str = "") -> dict[str, Array]:
    """The weights of a layer, or of stacked recurrent layers, as a PyTorch module's state dict.

    layers : a built LSTM, GRU, SimpleRNN, ProjectionLSTM or Bidirectional of them, or a list of such layers of one
        cell (an ``nn.LSTM`` with `num_layers`); or a Dense, Embedding or LayerNormalization
    """
    if not isinstance(layers, (list, tuple)):
        plain = _plain_layer(layers)
        if plain is not None:
            _check_built(layers)
            values = {variable.name.rpartition("/")[2]: variable.numpy() for variable in layers.weights}
            if "kernel" in values:
                values["kernel"] = np.array(values["kernel"].T, order="C")
            return {prefix + plain[name]: value for name, value in values.items()}
        layers = [layers]
    cell, parts = _stack(layers)
    return write_state_dict([[part.get_weights() for part in directions] for directions in parts], cell, prefix)


def from_state_dict(layers: Any, state_dict: Mapping[str, Any], prefix: str = "") -> None:
    """Set the weights of a built layer, or of stacked recurrent layers, from a PyTorch module's state dict.

    layers : as for :func:`to_state_dict`
    raises : ValueError naming what is missing or of another shape; no weight is changed then
    """
    if not isinstance(layers, (list, tuple)):
        plain = _plain_layer(layers)
        if plain is not None:
            _check_built(layers)
            _check_mapping(state_dict)
            own = {plain[variable.name.rpartition("/")[2]] for variable in layers.weights}
            for name in plain.values():
                if prefix + name in state_dict and name not in own:
                    raise ValueError(f"state_dict holds {prefix}{name}, and {layers.name} has no weight for it")
            values = []
            for variable in layers.weights:
                name = variable.name.rpartition("/")[2]
                key = prefix + plain[name]
                if key not in state_dict:
                    names = ", ".join(list(state_dict)[:6])
                    raise ValueError(f"state_dict must hold {key} for {layers.name}, got {names or 'nothing'}")
                value = _array(state_dict[key])
                values.append(value.T if name == "kernel" else value)
            layers.set_weights(values)
            return
        layers = [layers]
    cell, parts = _stack(layers)
    found = read_state_dict(state_dict, cell, prefix)
    if [len(directions) for directions in found] != [len(directions) for directions in parts]:
        raise ValueError(
            f"state_dict must hold {len(parts)} layers of {len(parts[0])} direction(s), got {len(found)} of "
            f"{len(found[0])}"
        )
    pairs = [(p, w) for ps, ws in zip(parts, found, strict=True) for p, w in zip(ps, ws, strict=True)]
    for part, weights in pairs:
        shapes, given = [variable.shape for variable in part.weights], [array.shape for array in weights]
        if shapes != given:
            raise ValueError(f"{part.name} must have weights of shapes {shapes}, the state_dict gives {given}")
    for part, weights in pairs:
        part.set_weights(weights)


def _stack(layers: Sequence[Any]) -> tuple[str, list[list[Any]]]:
    if not layers:
        raise ValueError("layers must hold at least one layer, got an empty list")
    for layer in layers:
        if not hasattr(layer, "get_weights"):
            raise TypeError(f"layers must be a layer or a list of layers, got {type(layer).__name__}")
    found = [_recurrent(layer) for layer in layers]
    if len({(cell, len(parts)) for cell, parts in found}) != 1:
        raise ValueError("layers must be of one cell, all bidirectional or none, to be one PyTorch module")
    for layer in layers:
        _check_built(layer)
    return found[0][0], [parts for _, parts in found]


def _check_built(layer: Any) -> None:
    if not layer.built:
        raise ValueError(f"{layer.name} has no weights yet: call it on data, or build() it, first")
