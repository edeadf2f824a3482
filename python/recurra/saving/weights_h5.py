"""Weights in Keras 3's layout: one group for each layer, ``<path>/vars/0, 1, ...``.

Used for ``.weights.h5`` files and for the weights inside a ``.keras`` archive. The optimizer's state lies under
``optimizer/vars``. Reading checks every array before it changes the first weight.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.autograd import Array, Variable
from recurra.saving import hdf5
from recurra.saving.assignments import Assignments
from recurra.saving.file_errors import FileFormatError
from recurra.saving.weight_paths import Entry, walk

if TYPE_CHECKING:
    from recurra.models.model import Model
    from recurra.optimizers.base import Optimizer

#: groups that other versions of Keras write and that hold nothing a model needs
_IGNORED = ("optimizer", "metrics", "seed_generator", "_metrics", "_compile_metrics", "_loss_tracker")


def write_weights(file: Any, model: Model, include_optimizer: bool = True) -> None:
    """Store the weights of `model`, and its optimizer's state, in the open h5py file or group."""
    for entry in walk(model):
        _write_group(file, entry.path, entry.name, [variable.value for variable in entry.variables])
    optimizer = getattr(model, "optimizer", None)
    if include_optimizer and optimizer is not None:
        store: dict[str, Array] = {}
        optimizer.save_own_variables(store)
        _write_group(file, "optimizer", optimizer.name, list(store.values()))


def _write_group(file: Any, path: str, name: str, values: list[Array]) -> None:
    group = file.create_group(f"{path}/vars" if path else "vars")
    group.attrs["name"] = name
    for index, value in enumerate(values):
        hdf5.write(group, str(index), value)


def plan_weights(file: Any, model: Model, skip_mismatch: bool = False) -> Assignments:
    """The weights of `model` from the root group of a file, read and checked; none is changed here.

    skip_mismatch : leave layers as they are, with a warning, where the file holds nothing or other shapes for them
    raises : FileFormatError naming each layer that does not fit
    """
    problems: list[str] = []
    plan = Assignments(file.label)
    used: set[str] = set()
    for entry in walk(model):
        path = f"{entry.path}/vars" if entry.path else "vars"
        used.add(path)
        if not entry.variables:
            if _count(file, path):
                problems.append(_unexpected(entry, _count(file, path)))
            continue
        problem, values = _values(file, path, entry)
        if problem:
            problems.append(problem)
        else:
            for variable, value in zip(entry.variables, values, strict=True):
                plan.set(variable, value, entry.name)
    if problems:
        message = "the weights do not fit the model: " + "; ".join(problems)
        if not skip_mismatch:
            raise FileFormatError(f"{file.label}: {message}")
        warnings.warn(message, stacklevel=3)
    else:
        _warn_unused(file, used)
    return plan


def _unexpected(entry: Entry, count: int) -> str:
    if entry.owner.built:
        return f"{entry.name} ({type(entry.owner).__name__}) has no weights, the file holds {count} arrays for it"
    return f"{entry.name} is not built, the file holds {count} arrays for it: call the model, or build() it, first"


def _count(file: Any, path: str) -> int:
    return len(hdf5.group(file, path)) if hdf5.has(file, path) else 0


def _values(file: Any, path: str, entry: Entry) -> tuple[str, list[Array]]:
    """What is wrong with the arrays for `entry` ("" if nothing), and the arrays."""
    what = f"{entry.name} ({type(entry.owner).__name__})"
    if not hdf5.has(file, path):
        return f"the file holds nothing for {what} at {path!r}", []
    group = hdf5.group(file, path)
    if len(group) != len(entry.variables):
        return f"{what} has {len(entry.variables)} weights, the file holds {len(group)} arrays for it", []
    found = [hdf5.dataset(group, str(index)) for index in range(len(entry.variables))]
    for variable, array in zip(entry.variables, found, strict=True):
        if array.shape != variable.shape:
            return f"{what}: {variable.name} must have shape {variable.shape}, got {array.shape}", []
        if (variable.dtype == np.int8) != (array.dtype == np.int8):
            kinds = [np.dtype(value.dtype).name for value in (variable, array)]
            return f"{what}: {variable.name} must be {kinds[0]}, got {kinds[1]}: one of them is quantized", []
    return "", [array.read() for array in found]


def _warn_unused(file: Any, used: set[str]) -> None:
    """Say which layers' weights in the file belong to nothing in the model."""
    unused = [
        path.removesuffix("/vars")
        for path in hdf5.groups_with_arrays(file)
        if path not in used and not set(path.split("/")) & set(_IGNORED)
    ]
    if unused:
        warnings.warn(
            f"{file.label} holds weights that the model has no place for: {', '.join(sorted(unused))}",
            stacklevel=4,
        )


def plan_optimizer(file: Any, optimizer: Optimizer) -> Assignments:
    """The state of a built optimizer from the group ``optimizer/vars``, if the file has it, read and checked."""
    if not hdf5.has(file, "optimizer/vars"):
        return Assignments(file.label)
    group = hdf5.group(file, "optimizer/vars")
    names = sorted(group, key=lambda name: (len(name), name))
    if names != [str(index) for index in range(len(names))]:
        raise FileFormatError(f"{file.label}: optimizer/vars must hold arrays 0, 1, ..., got {names[:5]}")
    return plan_state(file.label, optimizer, [hdf5.dataset(group, name) for name in names])


def plan_state(label: str, optimizer: Any, arrays: list[Any]) -> Assignments:
    """An optimizer's variables from datasets in Keras 3's order.

    An optimizer that was saved before its first step has only its step count and learning rate in the file; one saved
    by Keras 2 lacks the learning rate, which its configuration carries. Where the rest does not fit, the optimizer
    starts afresh, with a warning, as in Keras.
    """
    own: list[Variable] = optimizer.variables
    shapes = [tuple(array.shape) for array in arrays]
    if shapes == [()] * 4 + [variable.shape for variable in own]:
        arrays, shapes = arrays[4:], shapes[4:]  # Keras's with half precision, inside an optimizer that scales the loss
    scalars = [v for v in own if not v.shape and v.name in ("iteration", "learning_rate")]
    if len(arrays) == len(own) - 1 and len(scalars) == 2 and (len(arrays) == 1 or arrays[1].shape == own[2].shape):
        own = [own[0], *own[2:]]
    elif len(arrays) == len(scalars):
        own = scalars
    # Keras 2.11 to 2.15 leave out Nadam's product, which the number of steps tells
    incomplete = hasattr(optimizer, "product_after") and len(arrays) == len(own) - len(scalars) > 1
    if incomplete:
        own = [variable for variable in own[:-1] if variable.name != "learning_rate"]
    if shapes != [variable.shape for variable in own]:
        warnings.warn(
            f"optimizer {optimizer.name!r}: its saved state was not loaded, because the file holds {len(arrays)} "
            f"arrays and this optimizer has {len(own)}, or their shapes differ; it starts afresh",
            stacklevel=4,
        )
        return Assignments(label)
    values = [array.read() for array in arrays]
    plan = Assignments(label, zip(own, values, strict=True))
    if incomplete:
        product = optimizer.variables[-1]
        plan.set(product, np.asarray(optimizer.product_after(int(values[0])), product.dtype))
    return plan
