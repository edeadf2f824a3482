"""Every recurrent layer of the kernels, and what tests must know of it."""

from __future__ import annotations

from typing import Any

import numpy as np

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


def zoneouts_of(kind: str) -> list[str]:
    """The probabilities of zoneout that a layer takes."""
    return [f"zoneout_{state}" for state in declared(kind).states]


def dropouts_of(kind: str) -> list[str]:
    """The dropout rates that a layer takes."""
    return ["dropout", "recurrent_dropout"] if declared(kind).has_recurrent_kernel else ["dropout"]


# --- layers with random weights, and what goes in ----------------------------------------------------------------

B, T, I, H = 3, 5, 4, 2
RANDOM = np.random.RandomState(3)
X = RANDOM.standard_normal((B, T, I))
ROWS = X[:, 0]
MASK = np.array([[True, False, True, True, True], [False, True, False, True, False], [False] * 5])
F64: dict[str, Any] = {"dtype": "float64"}


def made(kind: str, **options: Any) -> Any:
    """A built layer with random weights; `use_bias` counts where the cell has a bias."""
    if not declared(kind).biases:
        options.pop("use_bias", None)
    layer = KINDS[kind](H, **F64, **options)
    layer.build((B, T, I))
    layer.set_weights([0.5 * RANDOM.standard_normal(w.shape) for w in layer.get_weights()])
    return layer


def states(kind: str) -> list[Any]:
    return [RANDOM.standard_normal((B, size)) for size in sizes_of(kind, H)]


def in_steps(layer: Any) -> Any:
    """A copy of the layer whose cell runs in Python, step by step."""
    copy = type(layer).from_config(layer.get_config())
    copy.build((B, T, I))
    copy.set_weights(layer.get_weights())
    copy.cell.runs_in_kernel = False
    return copy


def same(results: Any, others: Any) -> None:
    for one, other in zip(results, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
