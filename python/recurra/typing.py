"""Types of the public signatures: what arrays, shapes, settings by name and data may be.

Where a signature says ``Any``, what comes depends on what went in: an operation gives an array, under a
``GradientTape`` a Tensor, in a graph of layers a KerasTensor; a layer may return a list.

>>> from recurra.typing import ArrayLike
>>> from recurra import ops
>>> def double(x: ArrayLike) -> ArrayLike:
...     return ops.add(x, x)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeAlias

    import numpy.typing as npt

    from recurra.autograd import Tensor
    from recurra.callbacks import Callback
    from recurra.constraints import Constraint
    from recurra.initializers import Initializer
    from recurra.losses import Loss
    from recurra.metrics import Metric
    from recurra.optimizers import Optimizer
    from recurra.regularizers import Regularizer
    from recurra.symbolic import KerasTensor

__all__ = [
    "ActivationLike",
    "Array",
    "ArrayLike",
    "Axis",
    "CallbacksLike",
    "Config",
    "ConstraintLike",
    "DType",
    "Data",
    "InitializerLike",
    "LossLike",
    "MetricLike",
    "OptimizerLike",
    "Outputs",
    "PathLike",
    "RegularizerLike",
    "Shape",
    "TensorLike",
]

Array: TypeAlias = np.ndarray[Any, Any]

#: sizes of the axes, the batch first; None where a size is open
Shape: TypeAlias = "tuple[int | None, ...]"

#: one axis, several, or None for all
Axis: TypeAlias = "int | Sequence[int] | None"

#: "float32", ``np.float32``, ``np.dtype("float32")``
DType: TypeAlias = "str | type[Any] | np.dtype[Any]"

#: what operations and layers take: numbers, nested lists, arrays, Tensors, Variables, symbolic tensors
ArrayLike: TypeAlias = "npt.ArrayLike | Tensor | KerasTensor"

#: what the `call` of a layer with one input is given: an array, or under a tape a Tensor
TensorLike: TypeAlias = "Array | Tensor"

#: what models train on: an array, a list or dict of arrays for several inputs, or what gives batches
Data: TypeAlias = "ArrayLike | Sequence[ArrayLike] | Mapping[str, ArrayLike] | Iterable[Any]"

#: what a model predicts: an array; of several outputs, a list or dict of arrays
Outputs: TypeAlias = "Array | Any"

#: the configuration of an object, as files hold it
Config: TypeAlias = "dict[str, Any]"

#: a name, a function or a layer, a configuration, or None for the identity
ActivationLike: TypeAlias = "str | Callable[..., Any] | Mapping[str, Any] | None"

#: a name, an Initializer or its class, a function of shape and dtype, an array of values, or a configuration
InitializerLike: TypeAlias = "str | Initializer | Callable[..., Any] | Array | Mapping[str, Any]"

#: a name, a Regularizer or its class, a function of the weight, a configuration, or None
RegularizerLike: TypeAlias = "str | Regularizer | Callable[..., Any] | Mapping[str, Any] | None"

#: a name, a Constraint or its class, a function of the weight, a configuration, or None
ConstraintLike: TypeAlias = "str | Constraint | Callable[..., Any] | Mapping[str, Any] | None"

#: a name, a Loss or its class, a function ``(y_true, y_pred)``, or a configuration
LossLike: TypeAlias = "str | Loss | Callable[..., Any] | Mapping[str, Any]"

#: a name, a Metric or its class, a function ``(y_true, y_pred)``, or a configuration
MetricLike: TypeAlias = "str | Metric | Callable[..., Any] | Mapping[str, Any]"

#: a name, an Optimizer or its class, or a configuration
OptimizerLike: TypeAlias = "str | Optimizer | type[Optimizer] | Mapping[str, Any]"

#: one callback, or several, called in this order
CallbacksLike: TypeAlias = "Callback | Iterable[Callback] | None"

#: the name of a file or folder
PathLike: TypeAlias = "str | os.PathLike[str]"
