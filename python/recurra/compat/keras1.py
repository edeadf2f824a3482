"""The arguments of Keras 1 in terms of Keras 2's, which took their place: `output_dim`, `nb_filter`, `border_mode`, …

`start` puts a wrapper around the constructors of the layers that had other names for their arguments, and around
that of Model; `stop` takes them away. What Keras 1 gave with other defaults (the gates' `hard_sigmoid`) has the
defaults of today.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from recurra.layers.base.layer import Layer
from recurra.models import Model
from recurra.regularizers import L1, L2

_KERNEL = {
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
    "b_constraint": "bias_constraint",
    "b_regularizer": "bias_regularizer",
    "bias": "use_bias",
    "init": "kernel_initializer",
}
_RECURRENT = _KERNEL | {
    "U_regularizer": "recurrent_regularizer",
    "dropout_U": "recurrent_dropout",
    "dropout_W": "dropout",
    "inner_init": "recurrent_initializer",
    "output_dim": "units",
}
_GATED = _RECURRENT | {"inner_activation": "recurrent_activation"}
_WINDOWS = {"border_mode": "padding", "dim_ordering": "data_format"}
_DENSE = _KERNEL | {"output_dim": "units"}
_CONVOLUTION = _KERNEL | _WINDOWS | {"nb_filter": "filters", "atrous_rate": "dilation_rate"}

#: for each layer the names that Keras 1 had, with those of today
ARGUMENTS: dict[str, dict[str, str]] = {
    "BatchNormalization": {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"},
    "Conv1D": _CONVOLUTION | {"filter_length": "kernel_size", "subsample_length": "strides"},
    "Conv2D": _CONVOLUTION | {"subsample": "strides"},
    "ConvLSTM2D": _CONVOLUTION
    | {"subsample": "strides"}
    | {name: new for name, new in _GATED.items() if name != "output_dim"},
    "Dense": _DENSE,
    "Dropout": {"p": "rate"},
    "Embedding": {
        "W_constraint": "embeddings_constraint",
        "W_regularizer": "embeddings_regularizer",
        "init": "embeddings_initializer",
    },
    "GRU": _GATED,
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "LSTM": _GATED,
    "LocallyConnected1D": _KERNEL
    | {"nb_filter": "filters", "filter_length": "kernel_size", "subsample_length": "strides", "border_mode": "padding"},
    "MaxPooling1D": {"border_mode": "padding", "pool_length": "pool_size", "stride": "strides"},
    "MaxPooling2D": _WINDOWS,
    "AveragePooling1D": {"border_mode": "padding", "pool_length": "pool_size", "stride": "strides"},
    "AveragePooling2D": _WINDOWS,
    "SimpleRNN": _RECURRENT,
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate", "dim_ordering": "data_format"},
    "UpSampling1D": {"length": "size"},
}
#: layers whose kernel had its two sizes as two arguments
_SQUARE = ("Conv2D", "ConvLSTM2D")
_ORDERINGS = {"tf": "channels_last", "th": "channels_first"}
_MODES = {"ave": "average", "max": "maximum", "mul": "multiply", "sum": "add"}
#: what Keras 2 called the factor of a regularizer
FACTORS = {L1: "l1", L2: "l2"}
_undo: list[tuple[type, str, Any]] = []
_plain_init_subclass = Layer.__dict__["__init_subclass__"]


def translated(layer: str, given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a layer with those of Keras 1 under their names of today.

    >>> translated("LSTM", {"output_dim": 8, "inner_activation": "sigmoid", "return_sequences": True})
    {'return_sequences': True, 'units': 8, 'recurrent_activation': 'sigmoid'}
    """
    names = ARGUMENTS[layer]
    found = {name: value for name, value in given.items() if name not in names}
    for old, value in given.items():
        if old in names:
            name = names[old]
            if name in found:
                raise TypeError(f"{layer} was given {name} twice: as {name} and as {old}, its name in Keras 1")
            found[name] = _ORDERINGS.get(value, value) if old == "dim_ordering" else value
    special = _SPECIAL.get(layer)
    if special is not None:
        special(found)
    return found


def _recurrent(given: dict[str, Any]) -> None:
    """`forget_bias_init` is a choice of two today; `consume_less` chose between graphs that gave the same numbers."""
    if "forget_bias_init" in given:
        start = given.pop("forget_bias_init")
        if start not in ("one", "ones", "zero", "zeros"):
            raise ValueError(f"forget_bias_init must be 'one' or 'zero' here, got {start!r}")
        given["unit_forget_bias"] = start in ("one", "ones")
    how = given.pop("consume_less", "cpu")
    if how not in ("cpu", "gpu", "mem"):
        raise ValueError(f"consume_less must be 'cpu', 'gpu' or 'mem', got {how!r}")


def _square(given: dict[str, Any]) -> None:
    if "nb_row" in given and "nb_col" in given:
        given["kernel_size"] = (given.pop("nb_row"), given.pop("nb_col"))


def _embedding(given: dict[str, Any]) -> None:
    if given.get("dropout") is not None:
        warnings.warn(
            "Embedding has no argument dropout since Keras 2: nothing is dropped; SpatialDropout1D after it does so",
            UserWarning,
            stacklevel=4,
        )
    given.pop("dropout", None)


def _normalization(given: dict[str, Any]) -> None:
    mode = given.pop("mode", 0)
    if mode not in (0, 2):
        raise ValueError(f"BatchNormalization: mode must be 0 or 2, as Keras 2 has it, got {mode!r}")


_SPECIAL: dict[str, Callable[[dict[str, Any]], None]] = {
    "BatchNormalization": _normalization,
    "Conv2D": _square,
    "ConvLSTM2D": _square,
    "Embedding": _embedding,
    "GRU": _recurrent,
    "LSTM": _recurrent,
    "SimpleRNN": _recurrent,
}


def merge(
    inputs: Sequence[Any],
    mode: Any = "sum",
    concat_axis: int = -1,
    dot_axes: Any = -1,
    output_shape: Any = None,
    name: str | None = None,
) -> Any:
    """Keras 1's ``merge([a, b], mode="concat")``: the layer of today for each mode, called.

    mode : "sum", "mul", "ave", "max", "concat", "dot", or a function of the list of inputs
    """
    from recurra import layers

    if callable(mode):
        return layers.Lambda(mode, output_shape=output_shape, name=name)(list(inputs))
    if mode == "concat":
        return layers.concatenate(list(inputs), axis=concat_axis, name=name)
    if mode == "dot":
        return layers.dot(list(inputs), axes=dot_axes, name=name)
    if mode not in _MODES:
        known = ", ".join(repr(one) for one in (*_MODES, "concat", "dot"))
        raise ValueError(
            f"merge: mode must be {known} or a function, got {mode!r}; layers.Dot(normalize=True) is 'cos'"
        )
    return getattr(layers, _MODES[mode])(list(inputs), name=name)


def slice_X(X: Any, start: Any = None, stop: Any = None) -> Any:
    """Rows of an array, or of each array in a list: from `start` to `stop`, or those that a list `start` names."""
    if isinstance(X, list):
        return [slice_X(one, start, stop) for one in X]
    if hasattr(start, "__len__"):
        return X[np.asarray(start)]
    return X[start:stop]


def _wrap(kind: Any) -> None:
    """Let the constructor of a layer take Keras 1's names."""
    layer = kind.__name__
    plain: Any = kind.__init__

    @functools.wraps(plain)
    def renaming(self: Any, *args: Any, **kwargs: Any) -> None:
        if layer in _SQUARE and len(args) == 3 and kwargs.keys() & ARGUMENTS[layer].keys():
            args = (args[0], args[1:])  # Keras 1's nb_filter, nb_row, nb_col
        plain(self, *args, **translated(layer, kwargs))

    _undo.append((kind, "__init__", kind.__dict__.get("__init__")))
    kind.__init__ = renaming


def _wrap_if_listed(kind: type) -> None:
    if kind.__name__ in ARGUMENTS and kind.__module__.startswith("recurra.layers."):
        _wrap(kind)


def _init_subclass(cls: type[Layer], **kwargs: Any) -> None:
    _plain_init_subclass.__get__(None, cls)(**kwargs)
    _wrap_if_listed(cls)


def _wrap_factor(kind: Any, name: str) -> None:
    """``l2(l=0.01)``."""
    plain: Any = kind.__init__

    @functools.wraps(plain)
    def renaming(self: Any, *args: Any, **kwargs: Any) -> None:
        plain(self, *args, **{name if key == "l" else key: value for key, value in kwargs.items()})

    _undo.append((kind, "__init__", plain))
    kind.__init__ = renaming


def _ends(kwargs: dict[str, Any]) -> dict[str, Any]:
    """``Model(input=, output=)``."""
    if "input" not in kwargs and "output" not in kwargs:
        return kwargs
    names = {"input": "inputs", "output": "outputs"}
    return {names.get(key, key): value for key, value in kwargs.items()}


def start(loaded: list[type]) -> None:
    """Let constructors take the names of Keras 1, those of layers that are loaded later too.

    loaded : the classes of layers that exist already
    """
    for kind in loaded:
        _wrap_if_listed(kind)
    for kind, name in FACTORS.items():
        _wrap_factor(kind, name)
    Layer.__init_subclass__ = classmethod(_init_subclass)  # type: ignore[assignment,arg-type]
    new, init = Model.__new__, Model.__init__
    _undo.append((Model, "__new__", Model.__dict__["__new__"]))
    _undo.append((Model, "__init__", init))

    def making(cls: Any, *args: Any, **kwargs: Any) -> Any:
        return new(cls, *args, **_ends(kwargs))

    @functools.wraps(init)
    def renaming(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **_ends(kwargs))

    Model.__new__ = making  # type: ignore[method-assign]
    Model.__init__ = renaming  # type: ignore[method-assign]


def stop() -> None:
    """Undo :func:`start`."""
    Layer.__init_subclass__ = _plain_init_subclass  # type: ignore[method-assign]
    while _undo:
        kind, name, method = _undo.pop()
        if method is None:
            delattr(kind, name)
        else:
            setattr(kind, name, method)
