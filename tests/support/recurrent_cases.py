"""Recurrent calls with random content, for comparing implementations: what is called, and all that comes back."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from recurra._core import cells
from tests.support.tolerances import assert_close

Array = np.ndarray[Any, Any]

GATES = {name: len(cell.gates) for name, cell in cells.CELLS.items()}
CELLS = tuple(GATES)
#: cells that take different ways through the loops: by carry, biases, stages, statistics, projection
DISTINCT = ("lstm", "gru", "gru_reset_before", "simple_rnn", "layer_norm_lstm", "projection_lstm")
MASKS = ("none", "right", "left", "holes", "empty_rows", "full")
ACTIVATIONS = ("tanh", "sigmoid", "relu", "hard_sigmoid", "linear")


def every_cell(*axes: Sequence[Any]) -> list[tuple[Any, ...]]:
    """(cell, one of each axis): all of them for `DISTINCT` cells, a third for each other cell, spread over the axes."""
    return [
        (cell, *(axis[place] for axis, place in zip(axes, places, strict=True)))
        for number, cell in enumerate(CELLS)
        for places in itertools.product(*map(range, map(len, axes)))
        if cell in DISTINCT or (number + sum(places)) % 3 == 0
    ]


@dataclass(frozen=True)
class Case:
    """One forward and backward call. `sizes` is (B, T, I, H); dropouts are None, "shared" or "gates"."""

    cell: str
    dtype: str = "float64"
    sizes: tuple[int, int, int, int] = (3, 5, 4, 7)
    mask: str = "none"
    reverse: bool = False
    return_sequences: bool = True
    zero_output_for_mask: bool = False
    input_dropout: str | None = None
    recurrent_dropout: str | None = None
    embeddings: bool = False
    vocabulary: int | None = None  # None: a few more than features
    zoneout: str | None = None  # of each state: None, "number" or "units"
    bias: bool = True
    states: bool = True
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    gradients: str = "all"  # of what gradients are given: all, y, state, none
    need_dx: bool = True
    seed: int = 0

    def __str__(self) -> str:
        default = Case(self.cell)
        parts = [self.cell, self.dtype, "x".join(map(str, self.sizes))]
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if name not in ("cell", "dtype", "sizes") and value != getattr(default, name):
                parts.append(name if value is True else f"{name}={value}")
        return "-".join(parts)


@dataclass
class Inputs:
    """The arrays of a case, by the kernels' argument names."""

    arrays: dict[str, Array | None]
    upstream: dict[str, Array | None] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Array | None:
        return self.arrays[name]


def make_mask(kind: str, rows: int, steps: int, rng: np.random.Generator) -> Array | None:
    if kind == "none":
        return None
    if kind == "full":
        return np.ones((rows, steps), bool)
    lengths = rng.integers(1, steps + 1, rows)
    time = np.arange(steps)
    if kind == "right":
        return time < lengths[:, None]
    if kind == "left":
        return time >= steps - lengths[:, None]
    if kind == "nearly_full":
        return (rng.random((rows, steps)) < 0.96) & (np.arange(rows) != rows // 2)[:, None]
    mask = rng.random((rows, steps)) < 0.55
    if kind == "empty_rows":
        mask[rng.integers(rows)] = False
    return mask


def h_size(case: Case) -> int:
    """The size of h."""
    units = case.sizes[3]
    return max(1, units - 1) if cells.CELLS[case.cell].projects else units


def make_inputs(case: Case) -> Inputs:
    rng = np.random.default_rng([case.seed, *case.sizes])
    rows, steps, features, units = case.sizes
    cell, gates, projected = cells.CELLS[case.cell], GATES[case.cell], h_size(case)

    gain = 1.0 if case.activation in ("tanh", "sigmoid", "hard_sigmoid") else 0.5  # unbounded ones must not run away

    def normal(*shape: int, scale: float = 1.0) -> Array:
        return (scale * rng.normal(size=shape)).astype(case.dtype)

    def dropout(kind: str | None, size: int) -> Array | None:
        if kind is None:
            return None
        shape = (rows, size) if kind == "shared" else (gates, rows, size)
        return np.where(rng.random(shape) < 0.4, 0, 1 / 0.6).astype(case.dtype)

    vocabulary = case.vocabulary or 2 * features + 3
    table = normal(vocabulary, features) if case.embeddings else None
    x: Array = normal(rows, steps, features)
    if case.embeddings:
        x = rng.integers(0, vocabulary, (rows, steps)).astype(np.int32)
    scales = {
        "kernel": gain * max(features, 1) ** -0.5,
        "recurrent_kernel": 0.7 * gain * units**-0.5,
        "bias": 0.5,
        "projection_kernel": units**-0.5,
    }
    arrays: dict[str, Array | None] = {"x": x}
    state_sizes = dict(zip(cell.states, cell.state_sizes(units, projected), strict=True))
    for state, size in state_sizes.items():
        arrays[f"{state}0"] = normal(rows, size) if case.states else None
    for name, shape in cell.shapes(features, units, projected).items():
        arrays[name] = normal(*shape, scale=scales.get(name, 0.3)) if case.bias or name != "bias" else None
    arrays["mask"] = make_mask(case.mask, rows, steps, rng)
    arrays["input_dropout"] = dropout(case.input_dropout, features)
    arrays["recurrent_dropout"] = dropout(case.recurrent_dropout, projected) if cell.has_recurrent_kernel else None
    arrays["embeddings"] = table
    for state, size in state_sizes.items():
        shares = None
        if case.zoneout == "units":
            shares = rng.choice([0.0, 0.0, 1.0, 0.3], (rows, steps, size)).astype(case.dtype)
        arrays[f"zoneout_{state}"] = shares
    y_shape = (rows, steps, projected) if case.return_sequences else (rows, projected)
    upstream: dict[str, Array | None] = {"dy": normal(*y_shape) if case.gradients in ("all", "y") else None}
    for state, size in state_sizes.items():
        upstream[f"d{state}"] = normal(rows, size) if case.gradients in ("all", "state") else None
    return Inputs(arrays, upstream)


def zoneout_of(case: Case, arrays: dict[str, Any]) -> list[Any] | None:
    """The argument `zoneout`."""
    states = cells.CELLS[case.cell].states
    if case.zoneout == "number":
        return [0.3, 0.2][: len(states)]
    shares = [arrays.get(f"zoneout_{state}") for state in states]
    return None if all(one is None for one in shares) else shares


def forward(
    core: ModuleType,
    case: Case,
    arrays: dict[str, Any],
    training: bool = True,
    packed_weights: Any = None,
    out: Any = None,
) -> tuple[Any, ...]:
    """(y, *states, cache)."""
    cell, a = cells.CELLS[case.cell], arrays
    y, states, cache = core.recurrent_forward(
        case.cell, a["x"], [a[f"{state}0"] for state in cell.states], [a[name] for name in cell.weights], a["mask"],
        a["input_dropout"], a["recurrent_dropout"], a["embeddings"], case.activation, case.recurrent_activation,
        case.reverse, case.return_sequences, case.zero_output_for_mask, training, packed_weights, out,
        zoneout_of(case, a),
    )  # fmt: skip
    return (y, *states, cache)


def backward(core: ModuleType, case: Case, cache: Any, upstream: dict[str, Any], need_dx: bool = True) -> Any:
    """(dx, gradients of the states, of the weights), flat."""
    states = [upstream[f"d{state}"] for state in cells.CELLS[case.cell].states]
    dx, dstates, dweights = core.recurrent_backward(cache, upstream["dy"], states, need_dx)
    return (dx, *dstates, *dweights)


def run(core: ModuleType, case: Case, inputs: Inputs | None = None) -> dict[str, Array | None]:
    """Everything that one forward and one backward call give, by name; a row-sparse gradient made dense."""
    inputs = inputs or make_inputs(case)
    *outputs, cache = forward(core, case, inputs.arrays)
    grads = backward(core, case, cache, inputs.upstream, case.need_dx)
    cell = cells.CELLS[case.cell]
    names = ["dx", *(f"d{state}0" for state in cell.states), *(f"d{name}" for name in cell.weights)]
    found = dict(zip(["y", *cell.states], outputs, strict=True))
    found.update(zip(names, grads, strict=True))
    if case.embeddings and case.need_dx:
        found["dx"] = dense_rows(found["dx"], inputs["embeddings"])
    return found


def compare(variants: list[ModuleType], reference: ModuleType, case: Case, threads: tuple[int, ...] = ()) -> None:
    """Every variant against the reference, with each of these numbers of threads."""
    inputs = make_inputs(case)
    expected = run(reference, case, inputs)
    for compiled in variants:
        if not threads:
            assert_same(run(compiled, case, inputs), expected, compiled.__name__)
            continue
        before = compiled.get_num_threads()
        try:
            for number in threads:
                compiled.set_num_threads(number)
                assert_same(run(compiled, case, inputs), expected, f"{compiled.__name__} with {number} threads")
        finally:
            compiled.set_num_threads(before)


def assert_same(actual: dict[str, Any], expected: dict[str, Any], label: str) -> None:
    """Results of :func:`run`, each within its tolerance."""
    assert actual.keys() == expected.keys(), label
    for name, value in expected.items():
        if value is None:
            assert actual[name] is None, f"{label}: {name}"
        else:
            assert_close(actual[name], value, "gradient" if name.startswith("d") else "recurrent", f"{label}: {name}")


def dense_rows(sparse: Any, table: Array | None) -> Array:
    """The dense gradient of `table`, after a check of the row-sparse one."""
    assert table is not None
    ids, rows = sparse
    assert ids.dtype == np.int32
    assert rows.shape == (len(ids), table.shape[1])
    assert (np.diff(ids) > 0).all(), "ids must ascend"
    dense = np.zeros_like(table)
    dense[ids] = rows
    return dense


def take_rows(inputs: Inputs, rows: Any) -> Inputs:
    """The same call with these rows of the batch only."""
    per_row = ("x", "h0", "c0", "mask", "zoneout_h", "zoneout_c")
    arrays = dict(inputs.arrays)
    for name in per_row:
        value = arrays.get(name)
        if value is not None:
            arrays[name] = np.ascontiguousarray(value[rows])
    for name in ("input_dropout", "recurrent_dropout"):
        value = arrays[name]
        arrays[name] = None if value is None else np.ascontiguousarray(value[..., rows, :])
    upstream = {k: None if d is None else np.ascontiguousarray(d[rows]) for k, d in inputs.upstream.items()}
    return Inputs(arrays, upstream)
