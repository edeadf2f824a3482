"""Models with weights of 8-bit integers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from recurra.layers.base.quantization import check_mode

if TYPE_CHECKING:
    from recurra.layers.base.layer import Layer

#: names of layers as patterns, or a function that says of each layer whether it is meant
Filters = str | Sequence[str] | Callable[[Any], bool] | None


class Quantizing:
    """``quantize`` of a model. Part of :class:`recurra.models.Model`."""

    name: str
    built: bool

    def quantize(
        self, mode: str | None = None, config: Any = None, filters: Filters = None, *, type_check: bool = True
    ) -> None:
        """Turn the weights of Dense, Embedding and recurrent layers into 8-bit integers, for inference.

        A matrix takes a quarter of its memory, generation and prediction with large layers are faster, and the numbers
        change a little. Biases and other layers stay float. The model predicts, evaluates, generates and is saved as
        before; it cannot be trained any more. An optimizer starts anew, so that no float copies remain.

        mode : "int8"
        config : None
        filters : a pattern for the layers' names, several, or a function of the layer; others stay float
        type_check : whether subclasses of recurra's layers stay float
        raises : ValueError where the model is not built, or a layer is quantized already
        warns : of layers with weights, other than normalisation, that stay float

        >>> from recurra.layers import Dense, Input
        >>> from recurra.models import Sequential
        >>> model = Sequential([Input((3,)), Dense(4)])
        >>> model.quantize("int8")
        >>> model.layers[0].kernel.dtype, model.layers[0].dtype_policy
        (dtype('int8'), 'int8_from_float32')
        """
        check_mode(mode, config)
        if not self.built:
            raise ValueError(f"{self.name} must be built before quantize(): call it on data, or build() it, first")
        chosen = [layer for layer in _leaves(self) if _matches(layer, filters)]
        for layer in chosen:
            if layer.quantization_mode:
                raise ValueError(f"{layer.name} is quantized already, with dtype_policy={layer.dtype_policy!r}")
            if layer._can_quantize(type_check) and not layer.built:
                raise ValueError(f"{layer.name} must be built before quantize(): call the model on data first")
        left = []
        for layer in chosen:
            if layer._can_quantize(type_check):
                layer.quantize(mode, type_check)
            elif any(variable.value.ndim > 1 for variable in layer._own_variables()):
                left.append(f"{layer.name} ({type(layer).__name__})")
        if left:
            warnings.warn(
                f"{self.name}: these layers have no 8-bit form and stay float: {', '.join(left)}", stacklevel=2
            )
        self._restart_optimizer()  # type: ignore[attr-defined]

    def _quantized_layer(self) -> Layer | None:
        """The first layer whose weights are 8-bit, if there is one."""
        if not any(layer.quantization_mode for layer in self._flatten_layers(include_self=False)):  # type: ignore[attr-defined]
            return None  # the common case, in one walk
        return next((layer for layer in _leaves(self) if layer.quantization_mode), None)


def _leaves(model: Any) -> list[Any]:
    """The layers without layers in them."""
    return [layer for layer in model._flatten_layers(include_self=False) if not layer._sublayers()]


def _matches(layer: Any, filters: Filters) -> bool:
    if filters is None:
        return True
    if callable(filters):
        return bool(filters(layer))
    patterns = [filters] if isinstance(filters, str) else filters
    if not isinstance(patterns, (list, tuple)) or not all(isinstance(pattern, str) for pattern in patterns):
        raise ValueError(f"filters must be a pattern, a list of patterns, or a function of a layer, got {filters!r}")
    return any(re.search(pattern, layer.name) for pattern in patterns)
