"""Every recurrent cell of the kernels, as a caller must know it. The other half of ``cpp/recurra/cells/list.hpp``.

The stub, the reference, the operations, the layers, the tests and the bench read this table.
"""

from __future__ import annotations

from dataclasses import dataclass

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Cell:
    """Weights are of ``kernel, recurrent_kernel, bias, projection_kernel, <unit parameters>`` those that a cell has."""

    name: str
    gates: tuple[str, ...]  # in the order of the weights' columns; an empty name for a single one
    has_recurrent_kernel: bool = True
    biases: int = 1  # rows of the bias: 1, or 2 for one of x W and one of h U
    unit_parameters: int = 0  # rows of the array that holds weights of each unit
    unit_parameters_name: str = ""
    states: tuple[str, ...] = ("h",)
    projects: bool = False  # whether h, with fewer units than c, is a product with a projection kernel
    row_statistics: bool = False  # whether the columns are normalised over the units of each row
    activation: str = "tanh"
    recurrent_activation: str | None = "sigmoid"  # None: the cell has none

    @property
    def weights(self) -> tuple[str, ...]:
        """The names of the weights, in the kernels' order."""
        names = ["kernel"]
        if self.has_recurrent_kernel:
            names.append("recurrent_kernel")
        if self.biases:
            names.append("bias")
        if self.projects:
            names.append("projection_kernel")
        if self.unit_parameters:
            names.append(self.unit_parameters_name)
        return tuple(names)

    def shapes(self, inputs: int, units: int, projection_units: int | None = None) -> dict[str, Shape]:
        """The shape of each weight. projection_units : the size of h, of a cell that projects it."""
        columns = len(self.gates) * units
        every = {
            "kernel": (inputs, columns),
            "recurrent_kernel": (projection_units or units, columns),
            "bias": (2, columns) if self.biases == 2 else (columns,),
            "projection_kernel": (units, projection_units or units),
            self.unit_parameters_name: (self.unit_parameters, units),
        }
        return {name: every[name] for name in self.weights}

    def state_sizes(self, units: int, projection_units: int | None = None) -> tuple[int, ...]:
        """The size of each state, h first."""
        return (projection_units or units, *(units for _ in self.states[1:]))


CELLS: dict[str, Cell] = {
    cell.name: cell
    for cell in (
        Cell("lstm", ("i", "f", "c", "o"), states=("h", "c")),
        Cell("gru", ("z", "r", "h"), biases=2),
        Cell("gru_reset_before", ("z", "r", "h")),
        Cell("simple_rnn", ("",), recurrent_activation=None),
        Cell(
            "peephole_lstm",
            ("i", "f", "c", "o"),
            unit_parameters=3,
            unit_parameters_name="peepholes",
            states=("h", "c"),
        ),
        Cell("cifg_lstm", ("i", "c", "o"), states=("h", "c")),
        Cell(
            "indrnn",
            ("",),
            has_recurrent_kernel=False,
            unit_parameters=1,
            unit_parameters_name="recurrent_weights",
            activation="relu",
            recurrent_activation=None,
        ),
        Cell("min_gru", ("z", "h"), has_recurrent_kernel=False, activation="linear"),
        Cell("min_lstm", ("f", "i", "h"), has_recurrent_kernel=False, activation="linear", recurrent_activation=None),
        Cell(
            "layer_norm_lstm",
            ("i", "f", "c", "o"),
            biases=0,
            unit_parameters=8,
            unit_parameters_name="scale_and_shift",
            row_statistics=True,
            states=("h", "c"),
        ),
        Cell(
            "layer_norm_gru",
            ("z", "r", "h"),
            biases=0,
            unit_parameters=8,
            unit_parameters_name="scale_and_shift",
            row_statistics=True,
        ),
        Cell("projection_lstm", ("i", "f", "c", "o"), projects=True, states=("h", "c")),
    )
}
