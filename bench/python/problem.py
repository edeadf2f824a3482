"""One problem: a case, a cell, a mode and a dtype, with the numbers that every candidate is given.

The numbers come from a counter-based seed, so that each worker process draws the same ones. Weights are in Keras's
layout (gates LSTM i f c o, GRU z r h); each peer's module converts them to its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.cases import SEED, Case, find
from bench.cells import CELLS, Cell, output_units, weight_shapes

Array = NDArray[Any]
Answer = dict[str, Array]

TOLERANCE = {"float32": 5e-4, "float64": 1e-10}  # of the largest magnitude in our own answer, whatever the array


@dataclass(frozen=True)
class Weights:
    """One direction's weights: kernel (I, G*H), recurrent_kernel (H, G*H), bias (G*H,) or (2, G*H); empty where the
    cell has none. others: what else it has, by name."""

    kernel: Array
    recurrent_kernel: Array
    bias: Array
    others: Mapping[str, Array] = field(default_factory=dict)

    def of(self, cell: Cell) -> list[Array]:
        """Those that the cell has, in the kernels' order."""
        return [self.others[name] if name in self.others else getattr(self, name) for name in cell.weights]


@dataclass(frozen=True)
class Problem:
    """What is computed and its operands.

    x : (B, T, I); h0, c0 : (directions, B, H), c0 for cells that have it; weights : one entry a direction;
    dy : (B, T, directions*H), the gradient of the output sequence, zero on padding;
    mask : (B, T) bool, or None when no row is padded.
    """

    case: Case
    cell: Cell
    mode: str
    dtype: str
    threads: int
    x: Array = field(repr=False)
    h0: Array = field(repr=False)
    c0: Array | None = field(repr=False)
    weights: tuple[Weights, ...] = field(repr=False)
    dy: Array = field(repr=False)

    @property
    def training(self) -> bool:
        return self.mode == "training"

    @cached_property
    def mask(self) -> NDArray[np.bool_] | None:
        if self.case.lengths is None:
            return None
        mask: NDArray[np.bool_] = np.arange(self.case.time)[None, :] < np.array(self.case.lengths)[:, None]
        return mask

    @cached_property
    def lengths(self) -> NDArray[np.int32]:
        lengths = self.case.lengths
        return np.array(lengths if lengths is not None else [self.case.time] * self.case.batch, np.int32)


def make_problem(case: str, cell: str, mode: str, dtype: str, threads: int) -> Problem:
    """The problem of these names. Weights are uniform in ±1/sqrt(H), everything else normal."""
    shape, kind = find(case), CELLS[cell]
    draw = np.random.Generator(np.random.Philox(SEED))

    def normal(*size: int) -> Array:
        return draw.standard_normal(size).astype(dtype)

    def uniform(*size: int) -> Array:
        edge = shape.units**-0.5
        return draw.uniform(-edge, edge, size).astype(dtype)

    def weights() -> Weights:
        arrays = {name: uniform(*size) for name, size in weight_shapes(shape, cell).items()}
        usual = (arrays.pop(name, uniform(0)) for name in ("kernel", "recurrent_kernel", "bias"))
        return Weights(*usual, others=arrays)

    def state(units: int) -> Array:
        return normal(shape.directions, shape.batch, units) * np.asarray(0.5, dtype)

    outputs = output_units(shape, cell)
    problem = Problem(
        case=shape,
        cell=kind,
        mode=mode,
        dtype=dtype,
        threads=threads,
        x=normal(shape.batch, shape.time, shape.inputs),
        h0=state(outputs),
        c0=state(shape.units) if "c" in kind.states else None,
        weights=tuple(weights() for _ in range(shape.directions)),
        dy=normal(shape.batch, shape.time, shape.directions * outputs),
    )
    if problem.mask is not None:
        problem.dy[~problem.mask] = 0
    return problem


def gradient_names(problem: Problem) -> list[str]:
    """What an answer of a training step must hold beside ``y``."""
    names = ["dx", "dh0"] + (["dc0"] if problem.c0 is not None else [])
    for suffix in ("", "_reverse")[: problem.case.directions]:
        names += [f"d{name}{suffix}" for name in problem.cell.weights]
    return names


def differences(problem: Problem, ours: Mapping[str, Array], theirs: Mapping[str, Array]) -> dict[str, float]:
    """Largest difference of each array, relative to the largest magnitude in ours. Padding is not compared.

    Raises ValueError when an array is missing, has another shape or is further off than TOLERANCE.
    """
    found: dict[str, float] = {}
    for name in ["y", *(gradient_names(problem) if problem.training else [])]:
        if name not in ours or name not in theirs:
            raise ValueError(f"the answer must hold {name}, got {sorted(theirs if name in ours else ours)}")
        a, b = ours[name], theirs[name]
        if a.shape != b.shape:
            raise ValueError(f"{name} must have shape {a.shape}, got {b.shape}")
        if problem.mask is not None and name in ("y", "dx"):
            a, b = a[problem.mask], b[problem.mask]
        scale = float(np.max(np.abs(a))) or 1.0
        found[name] = float(np.max(np.abs(a.astype(np.float64) - b))) / scale
        if not found[name] <= TOLERANCE[problem.dtype]:
            raise ValueError(f"{name} must agree within {TOLERANCE[problem.dtype]:g}, differs by {found[name]:.3g}")
    return found
