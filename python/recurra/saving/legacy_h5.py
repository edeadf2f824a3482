"""Keras's older format: a whole model, or its weights, in one HDF5 file with a group for each layer.

A model's configuration and training configuration are JSON in the root's attributes, the weights lie in the group
``model_weights`` and the optimizer's state in ``optimizer_weights``. Keras 1, 2 and 3 write it; weights are matched by
the order of the layers that have any, or by the layers' names.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.autograd import Array, Variable
from recurra.saving import hdf5, keras2
from recurra.saving.assignments import Assignments
from recurra.saving.file_errors import FileFormatError
from recurra.saving.keras_archive import KERAS_VERSION
from recurra.saving.weight_paths import walk
from recurra.saving.weights_h5 import plan_state

if TYPE_CHECKING:
    from recurra.layers.base.layer import Layer
    from recurra.models.model import Model
    from recurra.optimizers.base import Optimizer

_SLOTS = {
    "m": "momentum",
    "v": "velocity",
    "rms": "velocity",
    "mg": "average_gradient",
    "vhat": "velocity_hat",
    "u": "norm",
    "accum_grad": "accumulated_grad",
    "accum_var": "accumulated_delta_var",
}

# --- writing ---------------------------------------------------------------------------------------------------------


def write_weights(group: Any, model: Model) -> None:
    """Store the weights of `model` in an open h5py file or group."""
    layers = model.layers
    hdf5.write_names(group, "layer_names", [layer.name for layer in layers])
    group.attrs["backend"] = "recurra"
    group.attrs["keras_version"] = KERAS_VERSION
    prefix = f"{model.name}/" if _is_sequential(model) else ""
    for layer in sorted(layers, key=lambda layer: str(layer.name)):
        _write_variables(group.create_group(layer.name), _named(layer, prefix))
    _write_variables(group.create_group("top_level_model_weights"), [(v.name, v) for v in model._own_variables()])


def _is_sequential(model: Model) -> bool:
    from recurra.models import Sequential

    return isinstance(model, Sequential)


def _named(layer: Layer, prefix: str) -> list[tuple[str, Variable]]:
    """The weights of a layer, trainable ones first, each with a path that is its alone."""
    paths: dict[int, str] = {}
    for entry in walk(layer):
        below = entry.path.replace("/layers/", "/").removeprefix("layers/")
        for variable in entry.variables:
            name = variable.name.rpartition("/")[2]
            paths.setdefault(id(variable), "/".join(filter(None, [prefix + layer.name, below, name])))
    used: dict[str, int] = {}
    result = []
    for variable in _ordered(layer):
        path = paths[id(variable)]
        count = used.get(path, 0)
        used[path] = count + 1
        result.append((f"{path}_{count}" if count else path, variable))
    return result


def _ordered(layer: Layer) -> list[Variable]:
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _write_variables(group: Any, named: list[tuple[str, Variable]]) -> None:
    hdf5.write_names(group, "weight_names", [name for name, _ in named])
    for name, variable in named:
        hdf5.write(group, name, variable.value)


def write_model(file: Any, model: Model, model_config: Any, training_config: Any) -> None:
    """Store a whole model in an open h5py file.

    model_config : ``{"class_name", "config"}``
    training_config : what it was compiled with; None to leave it and the optimizer's state out
    """
    file.attrs["keras_version"] = KERAS_VERSION
    file.attrs["backend"] = "recurra"
    texts = {"model_config": json.dumps(model_config)}
    if training_config is not None:
        texts["training_config"] = json.dumps(training_config)
    hdf5.write_texts(file, texts)
    write_weights(file.create_group("model_weights"), model)
    if training_config is None:
        return
    optimizer = model.optimizer
    store: dict[str, Array] = {}
    optimizer.save_own_variables(store)
    names = [f"{optimizer.name}/{index}_{v.name.replace('/', '_')}" for index, v in enumerate(optimizer.variables)]
    group = file.create_group("optimizer_weights")
    hdf5.write_names(group, "weight_names", names)
    for name, value in zip(names, store.values(), strict=True):
        hdf5.write(group, name, value)


# --- reading weights -------------------------------------------------------------------------------------------------


def weights_group(file: Any) -> Any:
    """The group with the layers' groups: the root of a file of weights, ``model_weights`` of a whole model."""
    if "layer_names" in file.attrs or "layer_names0" in file.attrs:
        return file
    return hdf5.group(file, "model_weights")


def is_legacy(file: Any) -> bool:
    """Whether an open HDF5 file has the older layout."""
    return any(name in file.attrs for name in ("layer_names", "layer_names0", "model_config")) or (
        "model_weights" in file
    )


def plan_weights(group: Any, model: Model, by_name: bool = False, skip_mismatch: bool = False) -> Assignments:
    """The weights of `model`, read and checked; none is changed here.

    by_name : match layers by name, and leave those alone that the file lacks; otherwise match by order
    skip_mismatch : leave layers that do not fit as they are, with a warning
    raises : FileFormatError naming the layer that does not fit
    """
    saved = [(name, _datasets(hdf5.group(group, name))) for name in hdf5.read_names(group, "layer_names")]
    if by_name:
        layers = {layer.name: layer for layer in model.layers}
        pairs = [(name, found, layers[name]) for name, found in saved if name in layers]
    else:
        saved = [(name, found) for name, found in saved if found]
        layers_with = [layer for layer in model.layers if layer.weights]
        if len(saved) != len(layers_with):
            unbuilt = "" if model.built else ": it is not built yet, call it on data, or build() it, first"
            raise FileFormatError(
                f"{group.label}: the model has {len(layers_with)} layers with weights, the file {len(saved)}{unbuilt}"
            )
        pairs = [(name, found, layer) for (name, found), layer in zip(saved, layers_with, strict=True)]
    plan = Assignments(group.label)
    for name, found, layer in pairs:
        problem, values = _fit(layer, found)
        if problem:
            message = f"layer {layer.name!r} ({type(layer).__name__}, {name!r} in the file) {problem}"
            if not skip_mismatch:
                raise FileFormatError(f"{group.label}: {message}")
            warnings.warn(message, stacklevel=3)
            continue
        for variable, value in zip(_ordered(layer), values, strict=True):
            plan.set(variable, value, layer.name)
    for variable, value in _top_level(group, model, skip_mismatch):
        plan.set(variable, value, model.name)
    return plan


def _datasets(group: Any) -> list[Any]:
    return [hdf5.dataset(group, name) for name in hdf5.read_names(group, "weight_names")]


def _top_level(group: Any, model: Model, skip_mismatch: bool) -> list[tuple[Variable, Array]]:
    """The model's own weights, which Keras stores apart."""
    own = model._own_variables()
    if not own or not hdf5.has(group, "top_level_model_weights"):
        return []
    found = _datasets(hdf5.group(group, "top_level_model_weights"))
    shapes = [variable.shape for variable in own]
    if [array.shape for array in found] != shapes:
        message = f"{model.name}: its own weights must have shapes {shapes}, got {[array.shape for array in found]}"
        if not skip_mismatch:
            raise FileFormatError(f"{group.label}: {message}")
        warnings.warn(message, stacklevel=4)
        return []
    return [(variable, array.read()) for variable, array in zip(own, found, strict=True)]


def _fit(layer: Layer, found: list[Any]) -> tuple[str, list[Array]]:
    """What is wrong with the arrays for `layer` ("" if nothing), and the arrays, converted from cuDNN's layout."""
    variables = _ordered(layer)
    if len(found) != len(variables):
        return f"has {len(variables)} weights, the file holds {len(found)}", []
    parts = _parts(layer, variables)
    result: list[Array] = []
    for part in parts:
        arrays = [found[index] for index in part]
        shapes = [variables[index].shape for index in part]
        sizes = sum(array.size for array in arrays)
        if sizes > 2 * sum(int(np.prod(shape)) for shape in shapes):
            shapes_found = [array.shape for array in arrays]
            return f"must have weights of shapes {shapes}, got {shapes_found}", []
        values = keras2.convert_weights([array.read() for array in arrays], shapes)
        for index, value in zip(part, values, strict=True):
            if value.shape != variables[index].shape:
                expected = variables[index]
                return f"must have {expected.name} of shape {expected.shape}, got {value.shape}", []
        result.extend(values)
    flat = {index: value for index, value in zip((i for part in parts for i in part), result, strict=True)}
    return "", [flat[index] for index in range(len(variables))]


def _parts(layer: Layer, variables: list[Variable]) -> list[list[int]]:
    """The positions of `variables` grouped by the innermost layer that owns them."""
    position = {id(variable): index for index, variable in enumerate(variables)}
    groups: list[list[int]] = []
    for entry in walk(layer):
        here = [position.pop(id(variable)) for variable in entry.variables if id(variable) in position]
        if here:
            groups.append(here)
    groups.extend([index] for index in position.values())
    return groups


# --- reading a model -------------------------------------------------------------------------------------------------


def mark_reset_after(config: Any, group: Any) -> None:
    """Give each GRU that was saved without reset_after the form that its bias in the file has.

    Older Keras had no such argument, and some versions with two rows of biases did not store it.
    """
    layers = config.get("config", {})
    layers = layers.get("layers", []) if isinstance(layers, dict) else layers
    for layer in layers if isinstance(layers, list) else []:
        if not isinstance(layer, dict) or not isinstance(layer.get("config"), (dict, list)):
            continue
        name = layer.get("name") or (layer["config"].get("name") if isinstance(layer["config"], dict) else None)
        if isinstance(name, str) and hdf5.has(group, name):
            _mark(layer, hdf5.group(group, name))


def _mark(config: Any, group: Any, depth: int = 0) -> None:
    if isinstance(config, list):
        for item in config:
            _mark(item, group, depth + 1)
    if not isinstance(config, dict) or depth > 100:
        return
    inner = config.get("config")
    if config.get("class_name") in ("GRU", "GRUCell") and isinstance(inner, dict):
        if "reset_after" not in inner:
            names = hdf5.read_names(group, "weight_names")
            mine = [n for n in names if str(inner.get("name")) in n] or names
            biases = [hdf5.dataset(group, n) for n in mine if n.rpartition("/")[2].startswith("bias")]
            inner["reset_after"] = any(len(bias.shape) == 2 for bias in biases)
        return
    for item in config.values():
        _mark(item, group, depth + 1)


def plan_optimizer(file: Any, optimizer: Optimizer) -> Assignments:
    """The state of a built optimizer from the group ``optimizer_weights``, if the file has it, read and checked."""
    if not hdf5.has(file, "optimizer_weights"):
        return Assignments(file.label)
    group = hdf5.group(file, "optimizer_weights")
    names = hdf5.read_names(group, "weight_names")
    arrays = {name: hdf5.dataset(group, name) for name in names}
    if any(name.endswith(":0") for name in names):
        return plan_state(file.label, optimizer, _ordered_like(optimizer, arrays))
    return plan_state(file.label, optimizer, list(arrays.values()))


def _ordered_like(optimizer: Optimizer, arrays: Mapping[str, Any]) -> list[Any]:
    """Keras 2's optimizer state in Keras 3's order: its names tell what each array is.

    Keras 2.11 to 2.15 write ``Adam/m/<weight>:0`` weight by weight, older ones ``Adam/<weight>/m:0`` state by state.
    """
    slots: dict[str, list[Any]] = {}
    steps: list[Any] = []
    products: list[Any] = []  # of Nadam's momenta
    unnamed: list[Any] = []  # Keras before 2.3 gave no names, but kept all of one state together
    for name, array in arrays.items():
        parts = name.removesuffix(":0").split("/")
        if parts[-1] in ("iter", "iteration", "iterations"):
            steps.append(array)
            continue
        if parts[-1] in ("momentum_cache", "m_schedule"):
            products.append(array)
            continue
        for part in (parts[-1], parts[1] if len(parts) > 1 else ""):
            slot = _SLOTS.get(part, part)
            if slot == "velocity" and "norm" in optimizer._slots and "velocity" not in optimizer._slots:
                slot = "norm"
            if slot in optimizer._slots:
                slots.setdefault(slot, []).append(array)
                break
        else:
            unnamed.append(array)
    ordered = steps[:1]
    count = len(optimizer._trained)
    for index, slot in enumerate(name for group in optimizer.slots() for name in group if name not in slots):
        slots[slot] = unnamed[index * count : (index + 1) * count]
    groups = [(name,) for name in ("average", "gradient_accumulator") if name in optimizer._slots]
    for group in [*groups, *optimizer.slots()]:
        for index in range(count):
            ordered.extend(slots[name][index] for name in group if index < len(slots.get(name, [])))
    return ordered + products
