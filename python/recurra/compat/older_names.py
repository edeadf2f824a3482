"""Names that older versions had for what is spelt otherwise today, by the module that a program asks for them.

They are there for programs that run under ``install()`` alone: :mod:`recurra.compat.views` looks here for what a
module has not.
"""

from __future__ import annotations

from typing import Any

from recurra.callbacks import Callback
from recurra.compat.paths import at
from recurra.layers import Layer

__all__ = ["AbstractRNNCell", "BaseLogger", "find", "has_arg", "multi_gpu_model", "print_summary"]

#: by module of recurra, where each name lives: ``module:name``, ``module:`` for the module itself
NAMES: dict[str, dict[str, str]] = {
    "backend": {"_BACKEND": "recurra.compat.older_names:BACKEND", "tf": "recurra.compat.tf:"},
    "callbacks": {"BaseLogger": "recurra.compat.older_names:BaseLogger"},
    "initializers": {
        "normal": "recurra.initializers:RandomNormal",
        "one": "recurra.initializers:Ones",
        "uniform": "recurra.initializers:RandomUniform",
        "zero": "recurra.initializers:Zeros",
    },
    "layers": {
        "AbstractRNNCell": "recurra.compat.older_names:AbstractRNNCell",
        "K": ".backend:",
        "activations": "recurra.activations:",
        "constraints": "recurra.constraints:",
        "initializers": "recurra.initializers:",
        "regularizers": "recurra.regularizers:",
    },
    "losses": {
        "cosine": "recurra.losses:cosine_similarity",
        "cosine_proximity": "recurra.losses:cosine_similarity",
        "huber_loss": "recurra.losses:huber",
    },
    "metrics": {
        "cosine": "recurra.losses:cosine_similarity",
        "cosine_proximity": "recurra.losses:cosine_similarity",
    },
    "regularizers": {
        "WeightRegularizer": "recurra.regularizers:L1L2",
        "activity_l1": "recurra.regularizers:l1",
        "activity_l2": "recurra.regularizers:l2",
        "l1l2": "recurra.regularizers:l1_l2",
    },
    "utils": {
        "HDF5Matrix": "recurra.compat.hdf5_matrix:HDF5Matrix",
        "has_arg": "recurra.compat.older_names:has_arg",
        "model_to_dot": "recurra.compat.model_dot:model_to_dot",
        "multi_gpu_model": "recurra.compat.older_names:multi_gpu_model",
        "print_summary": "recurra.compat.older_names:print_summary",
    },
}
#: ``keras.backend._BACKEND``
BACKEND = "tensorflow"


def find(module: str, name: str) -> Any:
    """What the older `name` of a module stands for.

    raises : AttributeError where it is no older name
    """
    home = NAMES.get(module.removeprefix("recurra."), {}).get(name)
    if home is None:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    return at(f"recurra{home}" if home.startswith(".") else home, name)


class AbstractRNNCell(Layer):
    """The base of a cell of one's own for ``RNN``: give it `call(inputs, states)`, `state_size` and `output_size`."""

    def get_initial_state(self, inputs: Any = None, batch_size: int | None = None, dtype: Any = None) -> Any:
        """Zeros, of the sizes that `state_size` says."""
        from recurra import ops
        from recurra.tree import map_structure

        rows: Any = inputs.shape[0] if inputs is not None else batch_size
        kind = dtype or (inputs.dtype if inputs is not None else self.compute_dtype)
        sizes = self.state_size  # type: ignore[attr-defined]
        return map_structure(
            lambda size: ops.zeros((rows, *(size if isinstance(size, tuple) else (size,))), kind), sizes
        )


class BaseLogger(Callback):
    """Averaged the metrics of an epoch; logs hold the averages today.

    stateful_metrics : the names that were not to be averaged
    """

    def __init__(self, stateful_metrics: Any = None) -> None:
        super().__init__()
        self.stateful_metrics = set(stateful_metrics or [])


def has_arg(fn: Any, name: str, accept_all: bool = False) -> bool:
    """Whether a function takes an argument of that name.

    accept_all : ``**kwargs`` counts too
    """
    from inspect import Parameter, signature

    parameters = signature(fn).parameters
    kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    if name in parameters and parameters[name].kind in kinds:
        return True
    return accept_all and any(one.kind is Parameter.VAR_KEYWORD for one in parameters.values())


def multi_gpu_model(model: Any, gpus: Any = None, cpu_merge: bool = True, cpu_relocation: bool = False) -> Any:
    """The model itself, with a warning: there are no GPUs here to copy it to."""
    import warnings

    warnings.warn(f"multi_gpu_model: no GPU is here, {gpus!r} asked for; the model runs on the CPU", stacklevel=2)
    return model


def print_summary(model: Any, line_length: int | None = None, positions: Any = None, print_fn: Any = None) -> None:
    """``model.summary()``."""
    model.summary(line_length=line_length, positions=positions, print_fn=print_fn)
