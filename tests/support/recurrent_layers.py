"""Every recurrent layer of the kernels, and what tests must know of it."""

from __future__ import annotations

from typing import Any

from recurra import layers
from recurra._core.cells import Cell

KINDS: dict[str, Any] = {name: getattr(layers, name) for name in layers.LAYER_OF_CELL.values()}
IN_KERAS = ("LSTM", "GRU", "SimpleRNN")
NOT_IN_KERAS = tuple(name for name in KINDS if name not in IN_KERAS)


def declared(kind: str) -> Cell:
    """What the list of cells says of a layer's cell."""
    cell: Cell = KINDS[kind].cell_class.kernel_cell
    return cell


def states_of(kind: str) -> int:
    """How many states a layer has."""
    return len(declared(kind).states)


def output_of(kind: str, units: int) -> int:
    """The size of h that a layer of so many units has by default."""
    return (units + 1) // 2 if declared(kind).projects else units


def sizes_of(kind: str, units: int) -> tuple[int, ...]:
    """The size of each state."""
    return declared(kind).state_sizes(units, output_of(kind, units))


def settings_of(kind: str, setting: str) -> list[str]:
    """The arguments that end in `setting` ("initializer", "regularizer", "constraint"), one for each weight."""
    return [f"{prefix}_{setting}" for prefix in KINDS[kind].cell_class.weight_prefixes().values()]


def dropouts_of(kind: str) -> list[str]:
    """The dropout rates that a layer takes."""
    return ["dropout", "recurrent_dropout"] if declared(kind).has_recurrent_kernel else ["dropout"]
