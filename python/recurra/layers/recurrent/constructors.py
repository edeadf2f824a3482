"""The constructors of cells and layers that have none of their own: their arguments follow from the list of cells."""

from __future__ import annotations

from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurra.layers.recurrent.cell import KernelCell

_INITIALIZERS = {
    "kernel": "glorot_uniform",
    "recurrent_kernel": "orthogonal",
    "bias": "zeros",
    "projection_kernel": "glorot_uniform",
}


def cell_parameters(kind: type[KernelCell]) -> list[Parameter]:
    """What a cell is made with; all but `units` and `activation` are given by name."""
    cell, prefixes = kind.kernel_cell, kind.weight_prefixes()
    defaults: dict[str, Any] = {"projection_units": None} if cell.projects else {}
    if cell.recurrent_activation is not None:
        defaults["recurrent_activation"] = cell.recurrent_activation
    if cell.biases:
        defaults["use_bias"] = True
    for weight, prefix in prefixes.items():
        defaults[f"{prefix}_initializer"] = _INITIALIZERS.get(weight, kind.unit_parameters_initializer)
    if kind.has_forget_bias():
        defaults["unit_forget_bias"] = True
    for setting in ("regularizer", "constraint"):
        defaults |= {f"{prefix}_{setting}": None for prefix in prefixes.values()}
    defaults["dropout"] = 0.0
    if cell.has_recurrent_kernel:
        defaults["recurrent_dropout"] = 0.0
    defaults["seed"] = None
    return [
        Parameter("units", Parameter.POSITIONAL_OR_KEYWORD),
        Parameter("activation", Parameter.POSITIONAL_OR_KEYWORD, default=cell.activation),
        *_by_name(defaults),
    ]


def layer_parameters(cell: list[Parameter], loop: list[Parameter]) -> list[Parameter]:
    """What a layer is made with: its cell's arguments, `activity_regularizer`, and those of the loop."""
    of_loop = {one.name: one.default for one in loop}
    return [*cell, *_by_name({"activity_regularizer": None, **of_loop})]


def _by_name(defaults: dict[str, Any]) -> list[Parameter]:
    return [Parameter(name, Parameter.KEYWORD_ONLY, default=value) for name, value in defaults.items()]


def add_constructor(kind: type, parameters: list[Parameter]) -> None:
    """Give `kind` an ``__init__`` with these parameters, which hands all of them on by name."""
    signature = Signature(
        [
            Parameter("self", Parameter.POSITIONAL_OR_KEYWORD),
            *parameters,
            Parameter("kwargs", Parameter.VAR_KEYWORD),
        ]
    )

    def constructor(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        del arguments["self"]
        arguments.update(arguments.pop("kwargs"))
        inherited(self, **arguments)

    inherited: Any = kind.__init__  # type: ignore[misc]
    constructor.__name__, constructor.__qualname__ = "__init__", f"{kind.__qualname__}.__init__"
    constructor.__signature__ = signature  # type: ignore[attr-defined]
    kind.__init__ = constructor  # type: ignore[misc]
