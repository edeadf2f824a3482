"""How a layer may be called: its call's parameters, and arguments made into arrays of the layer's dtype."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import Tensor
from recurra.layers.base.context import Masked, set_mask
from recurra.ops.common import refuse_masked
from recurra.symbolic import KerasTensor
from recurra.tree import PLAIN, map_structure, sequence_of


class CallSpec:
    """What ``Layer.__call__`` must know of ``call(self, ...)``; made once for each class.

    names : the parameters after self, in order
    has_training, has_mask : whether they are among them
    training_default : the default of `training`, None if it has none
    """

    __slots__ = ("_parameters", "first", "has_mask", "has_training", "mask_names", "names", "training_default")

    def __init__(self, call: Callable[..., Any]) -> None:
        parameters = list(inspect.signature(call).parameters.values())[1:]
        self._parameters = inspect.Signature(parameters)
        kinds = inspect.Parameter
        self.names = tuple(p.name for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD))
        every = {p.name: p for p in parameters}
        self.first = self.names[0] if self.names else "inputs"
        self.has_training = "training" in every
        self.has_mask = "mask" in every
        self.mask_names = frozenset(name for name in every if name.endswith("_mask"))
        default = every["training"].default if self.has_training else None
        self.training_default = None if default is kinds.empty else default

    def check(self, layer: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """TypeError for arguments that ``call`` does not take; every layer may be given `training`."""
        if not self.has_training:
            kwargs = {name: value for name, value in kwargs.items() if name != "training"}
        try:
            self._parameters.bind_partial(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{layer}: {error}; its call takes ({', '.join(self.names)})") from None


def spec_of(kind: type) -> CallSpec:
    """The CallSpec of a layer class, kept on the class."""
    spec = kind.__dict__.get("_spec_of_call")
    if spec is None:
        spec = CallSpec(kind.call)  # type: ignore[attr-defined]
        kind._spec_of_call = spec  # type: ignore[attr-defined]
    return spec


def is_tensor(value: Any) -> bool:
    """Whether `value` is an array or a tensor, symbolic or not."""
    return isinstance(value, (np.ndarray, Tensor, KerasTensor))


_QUICK = frozenset({np.ndarray, Masked, Tensor})


def is_ready(value: Any, dtype: np.dtype[Any]) -> bool:
    """Whether `value` is an array or Tensor of `dtype`, or a list or tuple of such: nothing is to be converted."""
    kind = type(value)
    if kind is list or kind is tuple:
        for item in value:
            if type(item) not in _QUICK or item.dtype is not dtype:
                return False
        return len(value) > 0
    return kind in _QUICK and value.dtype is dtype


def holds_tensors(value: Any) -> bool:
    """Whether `value` is a tensor or a list, tuple or dict with one."""
    if isinstance(value, (list, tuple)):
        return any(holds_tensors(item) for item in value)
    if isinstance(value, dict):
        return any(holds_tensors(item) for item in value.values())
    return is_tensor(value)


def convert(
    value: Any, dtype: np.dtype[Any], integers: bool = False, numbers: bool = False, listed: bool = False
) -> Any:
    """`value` with its float arrays in the layer's dtype.

    value : an array, Tensor, nested list, tuple or dict of them, or anything else (returned as it is)
    integers : integer and bool arrays are converted too
    numbers : a list without arrays in it, a single number, and what numpy takes for an array are made into one
    listed : lists of numbers in dicts are. A number in a dict is a setting and stays
    """
    if isinstance(value, np.ndarray):
        refuse_masked(value, "inputs")
        kind = value.dtype.kind
        if value.dtype == dtype or (kind in "iub" and not integers):
            return value
        if is_text(value) or (listed and not numbers and kind == "c"):
            return value  # for a layer inside that takes it, or a model's own call
        if kind not in "fiub" and value.dtype.name != "bfloat16":
            raise TypeError(f"inputs must hold numbers, got an array of dtype {value.dtype} and shape {value.shape}")
        changed = value.astype(dtype)
        mask = getattr(value, "_keras_mask", None)
        if mask is not None:
            changed = set_mask(changed, mask)
        return changed
    if isinstance(value, Tensor):
        if value.dtype == dtype or (value.dtype.kind != "f" and not integers):
            return value
        changed = ops.cast(value, dtype.name)
        mask = getattr(value, "_keras_mask", None)
        if mask is not None and isinstance(changed, Tensor):
            changed._keras_mask = mask
        return changed
    if isinstance(value, (list, tuple)):
        if numbers and not holds_tensors(value) and not isinstance(_first_leaf(value), dict):
            return convert(array_of_numbers(value), dtype, integers)
        return sequence_of(type(value), [convert(item, dtype, integers, numbers, listed) for item in value])
    if isinstance(value, dict):
        return {
            key: convert(array_of_numbers(item), dtype, integers)
            if listed and _is_list_of_numbers(item)
            else convert(item, dtype, integers, numbers and hasattr(item, "__array__"), listed)
            for key, item in value.items()
        }
    if numbers and isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
        return convert(np.asarray(value), dtype, integers)
    if (
        numbers
        and hasattr(value, "__array__")
        and not (isinstance(value, KerasTensor) or hasattr(value, "ragged_rank"))
    ):
        return convert(np.asarray(value), dtype, integers)  # a tensor of another library, a DataFrame, a lazy array
    return value


def _is_list_of_numbers(item: Any) -> bool:
    return isinstance(item, (list, tuple)) and isinstance(_first_leaf(item), (int, float)) and not holds_tensors(item)


def _first_leaf(value: Any) -> Any:
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return value


def is_text(array: Any) -> bool:
    """Whether an array holds strings."""
    kind = array.dtype.kind
    return kind in "US" or (kind == "O" and array.size > 0 and isinstance(array.flat[0], (str, bytes)))


def array_of_numbers(value: Any) -> Any:
    """A nested list of numbers (or texts) as an array, or an error that says what is uneven."""
    if isinstance(_first_leaf(value), (str, bytes)):
        return np.array(value, object)  # each as long as it is
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(
            "inputs given as lists must be even: every sequence of the same length (pad them with "
            f"recurra.utils.pad_sequences). numpy says: {error}"
        ) from None
    return array.astype(np.float64) if array.size == 0 and array.dtype.kind == "O" else array


def shapes_of(value: Any) -> Any:
    """The shape of a tensor, or the shapes of a nested list or dict of them; None for anything else."""
    return map_structure(
        lambda leaf: tuple(leaf.shape) if hasattr(leaf, "shape") else None, value, PLAIN, sequence=list
    )
