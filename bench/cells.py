"""The cells of the bench, those of the kernels' list, and the arithmetic that each needs: ``python -m bench.cells``.

>>> forward_flops(find("64x100x256x256"), "lstm") / 1e9
6.7108864
"""

from __future__ import annotations

import math

from bench.cases import CASES, Case
from recurra._core.cells import CELLS, Cell

__all__ = [
    "CELLS", "COMPARED", "Cell", "compulsory_bytes", "flops", "forward_flops", "output_units", "title", "weight_count",
    "weight_shapes",
]  # fmt: skip

#: those that other frameworks have too; the rest is run when it is named
COMPARED = ("lstm", "gru", "gru_reset_before", "simple_rnn")

TITLES = {
    "lstm": "LSTM",
    "gru": "GRU (reset after)",
    "gru_reset_before": "GRU (reset before)",
    "simple_rnn": "SimpleRNN",
}


def title(cell: str) -> str:
    """The cell's name in tables and plots."""
    return TITLES.get(cell, cell)


def weight_shapes(case: Case, cell: str) -> dict[str, tuple[int, ...]]:
    """The weights of one direction. A cell that projects h projects it to half as many units."""
    return CELLS[cell].shapes(case.inputs, case.units, output_units(case, cell))


def output_units(case: Case, cell: str) -> int:
    """The size of h."""
    return max(1, case.units // 2) if CELLS[cell].projects else case.units


def forward_flops(case: Case, cell: str) -> int:
    """Floating-point operations of the matrix products forward: for LSTM and the like 2·tokens·G·H·(I+H) a direction.

    Element-wise work is left out, and so is padding: a candidate that computes on padding gets no credit for it.
    """
    matrices = ("kernel", "recurrent_kernel", "projection_kernel")
    numbers = sum(math.prod(shape) for name, shape in weight_shapes(case, cell).items() if name in matrices)
    return 2 * case.directions * case.tokens * numbers


def flops(case: Case, cell: str, mode: str) -> int:
    """Operations of one timed call: forward, and in training the products for the state's, input's and weights'
    gradients, which are twice as many again."""
    return forward_flops(case, cell) * (3 if mode == "training" else 1)


def weight_count(case: Case, cell: str) -> int:
    """Numbers in the weights of all directions."""
    return case.directions * sum(map(math.prod, weight_shapes(case, cell).values()))


def compulsory_bytes(case: Case, cell: str, mode: str, itemsize: int = 4) -> int:
    """Bytes that any implementation must move through memory: each operand of the call once.

    Forward reads x and the weights and writes y. A training step also reads dY and writes dx and the weights'
    gradients; what an implementation keeps for its backward pass is its own affair. The roofline's horizontal axis is
    :func:`flops` over this.
    """
    sequence = case.tokens * (case.inputs + case.directions * output_units(case, cell))
    moved = sequence + weight_count(case, cell)
    return moved * itemsize * (2 if mode == "training" else 1)


def main() -> None:
    """Print the operations of every case and cell."""
    print("GFLOP forward".ljust(22) + "".join(f"{cell:>18}" for cell in CELLS))
    for case in CASES.values():
        print(f"{case.name:22}" + "".join(f"{forward_flops(case, cell) / 1e9:18.4g}" for cell in CELLS))


if __name__ == "__main__":
    main()
