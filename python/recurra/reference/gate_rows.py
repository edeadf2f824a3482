"""Weights stored gate by gate in rows, as PyTorch does, to and from the kernels' columns; checksums of weights."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.reference import checks

Array = np.ndarray[Any, Any]


def gate_rows_to_columns(
    gates: int,
    swap: bool,
    input_rows: Array,
    recurrent_rows: Array,
    input_bias: Array | None,
    recurrent_bias: Array | None,
    two_biases: bool,
) -> tuple[Array, Array, Array | None]:
    """Kernel (I, G*H), recurrent_kernel (H, G*H), and bias (G*H,), the sum, or with `two_biases` (2, G*H)."""
    order = _order(gates, swap)
    dtype = checks.floats("recurrent_rows", recurrent_rows).dtype
    H = _units(recurrent_rows, gates, 0)
    checks.floats("input_rows", input_rows, dtype)
    checks.shaped("input_rows", input_rows, "(G*H, I)", (gates * H, input_rows.shape[-1]))
    for name, bias in (("input_bias", input_bias), ("recurrent_bias", recurrent_bias)):
        checks.optional(name, bias, dtype, "(G*H,)", (gates * H,))
    if (input_bias is None) != (recurrent_bias is None):
        raise ValueError("input_bias and recurrent_bias must be given together, or neither")
    kernel, recurrent = (
        np.ascontiguousarray(rows.reshape(gates, H, -1)[order].reshape(gates * H, -1).T)
        for rows in (input_rows, recurrent_rows)
    )
    if input_bias is None or recurrent_bias is None:
        return kernel, recurrent, None
    biases = [bias.reshape(gates, H)[order].ravel() for bias in (input_bias, recurrent_bias)]
    return kernel, recurrent, np.stack(biases) if two_biases else biases[0] + biases[1]


def columns_to_gate_rows(
    gates: int, swap: bool, kernel: Array | None, recurrent_kernel: Array | None, bias: Array | None
) -> tuple[Array | None, Array | None, Array | None, Array | None]:
    """The way back, for gradients: a single bias is that of the input and of the state. None for what is None."""
    order = _order(gates, swap)
    named = {"recurrent_kernel": recurrent_kernel, "kernel": kernel, "bias": bias}
    given = {name: array for name, array in named.items() if array is not None}
    if not given:
        raise ValueError("one of kernel, recurrent_kernel and bias at least must not be None")
    name, first_given = next(iter(given.items()))
    dtype = checks.floats(name, first_given).dtype
    H = _units(first_given, gates, 1) if recurrent_kernel is not None else _units_of_columns(name, first_given, gates)
    if kernel is not None:
        checks.floats("kernel", kernel, dtype)
        checks.shaped("kernel", kernel, "(I, G*H)", (kernel.shape[0], gates * H))
    rows = [
        None
        if columns is None
        else np.ascontiguousarray(columns.T.reshape(gates, H, -1)[order].reshape(gates * H, columns.shape[0]))
        for columns in (kernel, recurrent_kernel)
    ]
    if bias is None:
        return rows[0], rows[1], None, None
    both = bias if checks.floats("bias", bias, dtype).ndim == 2 else np.stack([bias, bias])
    checks.shaped("bias", both, "(2, G*H)", (2, gates * H))
    first, second = (one.reshape(gates, H)[order].ravel() for one in both)
    return rows[0], rows[1], first, second


def checksum(arrays: Sequence[Array | None]) -> int:
    """A number below 2^64 that differs where the arrays' bytes do."""
    if not isinstance(arrays, (tuple, list)):
        raise TypeError(f"arrays must be a tuple or list, got {type(arrays).__name__}")
    digest = hashlib.blake2b(digest_size=8)
    for array in arrays:
        if array is not None:
            if not checks.array("arrays", array).flags.c_contiguous:
                raise ValueError("arrays must be C-contiguous and aligned")
            digest.update(array.tobytes())
    return int.from_bytes(digest.digest(), "little")


def _order(gates: int, swap: bool) -> list[int]:
    if not isinstance(gates, int) or isinstance(gates, bool):
        raise TypeError(f"gates must be an integer, got {type(gates).__name__}")
    if not 1 <= gates <= 4:
        raise ValueError(f"gates must be in [1, 4], got {gates}")
    if not isinstance(swap, bool):
        raise TypeError(f"swap must be True or False, got {swap!r}")
    if swap and gates < 2:
        raise ValueError("swap must be False for a cell with one gate, got True")
    return [1, 0, *range(2, gates)] if swap else list(range(gates))


def _units_of_columns(name: str, columns: Array, gates: int) -> int:
    GH = columns.shape[-1] if columns.ndim else 0
    if GH == 0 or GH % gates:
        raise ValueError(f"{name} must have G*H columns, H >= 1, with G = {gates}, got {columns.shape}")
    return int(GH // gates)


def _units(recurrent: Array, gates: int, axis: int) -> int:
    letters = "(G*H, H)" if axis == 0 else "(H, G*H)"
    if recurrent.ndim != 2:
        name = "recurrent_rows" if axis == 0 else "recurrent_kernel"
        raise ValueError(f"{name} must have shape {letters}, got {recurrent.shape}")
    H = int(recurrent.shape[1 - axis])
    if H < 1 or recurrent.shape[axis] != gates * H:
        raise ValueError(f"recurrent must have shape {letters}, H >= 1, with G = {gates}, got {recurrent.shape}")
    return H
