"""Layers whose matrices are 8-bit integers: how they become so, and the names of it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recurra.autograd import Variable
from recurra.config import standardize_dtype
from recurra.layers.base.context import context
from recurra.ops.quantization import Int8Weights, abs_max_quantize
from recurra.typing import DType

#: Keras's modes; the others are refused
_MODES = ("int8", "int4", "float8", "gptq", "awq")
_PREFIX = "int8_from_"


class Quantization:
    """``quantize`` and what follows from it. Part of :class:`recurra.layers.Layer`."""

    #: the matrices that can be 8-bit, and the axis over which a scale is taken; none: the layer stays float
    int8_matrices: ClassVar[dict[str, int]] = {}
    _quantization: str | None = None
    _own_trainable: list[Variable]
    _own_non_trainable: list[Variable]
    name: str
    dtype: str
    built: bool

    @property
    def quantization_mode(self) -> str | None:
        """What the layer's matrices are, "int8" or None for floats."""
        return self._quantization

    @property
    def dtype_policy(self) -> str:
        """The layer's dtype, or "int8_from_float32" and the like."""
        return f"{_PREFIX}{self.dtype}" if self.quantization_mode else self.dtype

    def _set_dtype(self, dtype: DType | None) -> None:
        """The dtype of the computation, from a dtype or a policy."""
        mode, name = split_policy(dtype)
        if mode and not self.int8_matrices:
            raise ValueError(
                f"dtype must be 'float32' or 'float64': {type(self).__name__} has no 8-bit form, got {dtype!r}"
            )
        self._quantization = mode
        self.dtype = standardize_dtype(name)
        self._numpy_dtype = np.dtype(self.dtype)

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """Turn the layer's matrices into 8-bit integers with one scale for each column, for inference.

        The layer has ``kernel_scale`` and the like afterwards, and its matrices are int8 variables that are not
        trained; the float ones are gone. ``dtype_policy`` is "int8_from_float32".

        mode : "int8"
        type_check : whether subclasses of recurra's layers are refused
        config : None
        raises : ValueError where the layer is not built, or quantized already; NotImplementedError where it has no
            8-bit form
        """
        check_mode(mode, config)
        if not self.built:
            raise ValueError(
                f"{self.name} ({type(self).__name__}) must be built before quantize(), call it on data first"
            )
        if self.quantization_mode:
            raise ValueError(f"{self.name} is quantized already, with dtype_policy={self.dtype_policy!r}")
        if not self._can_quantize(type_check):
            raise NotImplementedError(f"{self.name} ({type(self).__name__}) has no 8-bit form")
        self._to_int8()

    def _can_quantize(self, type_check: bool) -> bool:
        return bool(self.int8_matrices) and (not type_check or "int8_matrices" in type(self).__dict__)

    def _matrices(self) -> dict[str, int]:
        """Those of `int8_matrices` that this layer has."""
        return self.int8_matrices

    def _to_int8(self) -> None:
        pairs = {name: abs_max_quantize(getattr(self, name), axis) for name, axis in self._matrices().items()}
        for name, pair in pairs.items():
            old = getattr(self, name)
            self._own_trainable = [variable for variable in self._own_trainable if variable is not old]
            self._add_int8(name, pair)
        self._quantization = "int8"

    def _build_int8(self, name: str, shape: tuple[int, ...]) -> None:
        """A matrix of zeros for values to come, with its scales."""
        if context.loading is not None:
            context.loading(self.name, name, shape)
        scales = np.ones(shape[1 - self.int8_matrices[name]], self.dtype)
        self._add_int8(name, Int8Weights(np.zeros(shape, np.int8), scales))

    def _add_int8(self, name: str, pair: Int8Weights) -> None:
        for attribute, value in ((name, pair.values), (f"{name}_scale", pair.scales)):
            variable = Variable(value, name=attribute, trainable=False)
            setattr(self, attribute, variable)
            self._own_non_trainable.append(variable)

    def _int8(self, name: str) -> Int8Weights:
        return Int8Weights(getattr(self, name), getattr(self, f"{name}_scale"))

    def _file_variables(self) -> list[Variable]:
        """The layer's own variables in the order of Keras's files: the scales last."""
        own: list[Variable] = self._own_variables()  # type: ignore[attr-defined]
        if not self.quantization_mode or not self.int8_matrices:
            return own
        scales = [f"{name}_scale" for name in self._matrices()]
        others = [variable for variable in own if variable.name not in (*self._matrices(), *scales)]
        return [*(getattr(self, name) for name in self._matrices()), *others, *(getattr(self, name) for name in scales)]


def check_mode(mode: Any, config: Any) -> None:
    """Refuse what is not 8-bit weights with the usual scales."""
    if config is not None:
        raise ValueError(f"config must be None: there is one way to quantize, mode='int8', got {config!r}")
    if mode != "int8":
        known = " of Keras's modes" if mode in _MODES else ""
        raise ValueError(f"mode must be 'int8', the only one here{known}, got {mode!r}")


def split_policy(dtype: Any) -> tuple[str | None, Any]:
    """The mode of a quantized policy, and the float dtype; None and `dtype` for any other."""
    name = dtype
    if isinstance(dtype, dict):
        inner = dtype.get("config", {})
        if "mode" in inner:
            name = f"{inner['mode']}_from_{inner.get('source_name')}"
    if isinstance(name, str) and name.startswith(_PREFIX):
        return "int8", name.removeprefix(_PREFIX)
    return None, dtype


def policy_config(layer: Any) -> dict[str, Any]:
    """The dtype's entry in a layer's configuration."""
    if not layer.quantization_mode:
        return {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": layer.dtype},
            "registered_name": None,
        }
    return {
        "module": "keras.dtype_policies",
        "class_name": "QuantizedDTypePolicy",
        "config": {"mode": "int8", "source_name": layer.dtype},
        "registered_name": None,
    }
