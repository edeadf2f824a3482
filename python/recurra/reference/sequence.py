"""The time loop, once for every cell: masks, direction, dropout, states, and what is kept for the way back."""
# Arithmetic on arrays of any dtype is Any to a type checker:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from recurra._core.cells import Cell
from recurra.reference import checks
from recurra.reference.cells import STEPS, Saved, States, Weights
from recurra.reference.int8 import Int8Stack, is_pair, matrix
from recurra.reference.nn import ACTIVATIONS, embedding_backward

Array = np.ndarray[Any, Any]


@dataclass
class Cache:
    """What a forward pass leaves for its backward pass. Serves one call."""

    cell: Cell
    x: Array
    w: Weights
    has_bias: bool
    mask: Array | None
    input_dropout: Array | None
    recurrent_dropout: Array | None
    embeddings: Array | None
    sigma: str
    phi: str
    reverse: bool
    return_sequences: bool
    zero_output_for_mask: bool
    zoneout: tuple[Array | None, ...]
    steps: list[Saved] | None
    places: Any = None  # where x was not batch-major: (b, t) of each row of x, and
    leading: tuple[int, ...] = ()  # the leading axes of x


def forward(
    cell: Cell,
    x: Array,
    states: tuple[Array | None, ...],
    weights: dict[str, Any],
    mask: Array | None,
    input_dropout: Array | None,
    recurrent_dropout: Array | None,
    embeddings: Array | None,
    activation: str,
    recurrent_activation: str,
    reverse: bool,
    return_sequences: bool,
    zero_output_for_mask: bool,
    training: bool,
    zoneout: tuple[Array | float | None, ...],
) -> tuple[Array, States, Cache | None]:
    """Run `cell` over time. See ``_core/kernels.pyi`` for every argument.

    Output and states at step t, for a row whose mask says m, with (h', ...) = cell(x_t, states):
        m true:   states = (h', ...),  output = h', after zoneout
        m false:  states unchanged,    output = the previous output (zeros at first), or zeros with zero_output_for_mask
    Zoneout, with the share z of each unit: a state becomes z⊙(itself before) + (1 - z)⊙(itself after).
    """
    B, T, H, P, dtype = _check(cell, x, states, weights, mask, input_dropout, recurrent_dropout, embeddings)
    _check_int8(cell, weights, training, {"input_dropout": input_dropout, "recurrent_dropout": recurrent_dropout})
    phi = checks.one_of("activation", activation, ACTIVATIONS)
    sigma = checks.one_of("recurrent_activation", recurrent_activation, ACTIVATIONS)
    shares = _shares(cell, zoneout, (B, T), (H, P), dtype)
    x, input_dropout, recurrent_dropout = map(_contiguous, (x, input_dropout, recurrent_dropout))
    G, step = len(cell.gates), STEPS[cell.name]
    w = _stacked(cell, weights, H, dtype)
    sizes = cell.state_sizes(H, P)
    now: States = tuple(
        np.zeros((B, size), dtype) if s is None else s.copy() for s, size in zip(states, sizes, strict=True)
    )
    y = np.zeros((B, T, P), dtype)
    output = np.zeros((B, P), dtype)
    steps: list[Saved] = []
    for t in _order(T, reverse):
        x_t = x[:, t] if embeddings is None else embeddings[x[:, t]]
        valid = np.ones((B, 1), bool) if mask is None else mask[:, t, None]
        x_t = np.where(valid, x_t, 0)  # whatever stands at a masked step, NaN even, has no effect
        new, saved = step.forward(
            _per_gate(x_t, input_dropout, G), _per_gate(now[0], recurrent_dropout, G), now, w, sigma, phi
        )
        new = tuple(
            after if z is None else z[:, t] * before + (1 - z[:, t]) * after
            for z, before, after in zip(shares, now, new, strict=True)
        )
        output = np.where(valid, new[0], 0 if zero_output_for_mask else output)
        now = tuple(np.where(valid, after, before) for after, before in zip(new, now, strict=True))
        y[:, t] = output
        if training:
            steps.append(saved)
    cache = None
    if training:
        cache = Cache(
            cell, x, w, weights.get("bias") is not None, mask, input_dropout, recurrent_dropout, embeddings, sigma, phi,
            reverse, return_sequences, zero_output_for_mask, shares, steps,
        )  # fmt: skip
    return (y if return_sequences else output.copy()), now, cache


def backward(
    cache: Cache, dy: Array | None, dstates: tuple[Array | None, ...], need_dx: bool
) -> tuple[Any, States, tuple[Array | None, ...]]:
    """dx, the gradients of the initial states and of the weights: the loop of `forward`, from its end.

    dy : (B, T, P) with return_sequences, else (B, P); or None. dstates : (B, P) for h, (B, H) for c, or None.
    """
    if cache.steps is None:
        raise RuntimeError("cache was used already: it serves one call of recurrent_backward, run forward again")
    cell, w, mask = cache.cell, cache.w, cache.mask
    W, step = w.W, STEPS[cell.name]
    _, I, H = W.shape
    letter, P = ("P", w.V.shape[1]) if cell.projects else ("H", H)
    sizes = cell.state_sizes(H, P)
    B, T = cache.x.shape[:2]
    if dy is not None:
        checks.floats("dy", dy, W.dtype)
        if cache.return_sequences:
            checks.shaped("dy", dy, f"(B, T, {letter})", (B, T, P))
        else:
            checks.shaped("dy", dy, f"(B, {letter})", (B, P))
    for name, d, size, of in zip(("dh", "dc"), dstates, sizes, (letter, "H"), strict=False):
        checks.optional(name, d, W.dtype, f"(B, {of})", (B, size))
    steps, cache.steps = cache.steps, None

    carry: States = tuple(
        np.zeros((B, size), W.dtype) if d is None else d for d, size in zip(dstates, sizes, strict=True)
    )
    d_output = np.zeros((B, P), W.dtype)  # of the output as later steps repeat it
    if dy is not None and not cache.return_sequences:
        d_output = d_output + dy
    dx = np.zeros((B, T, I), W.dtype)
    dw = Weights(*(np.zeros_like(array) for array in w))
    for t in reversed(_order(T, cache.reverse)):
        if dy is not None and cache.return_sequences:
            d_output = d_output + dy[:, t]
        valid = np.ones((B, 1), bool) if mask is None else mask[:, t, None]
        after = (carry[0] + d_output, *carry[1:])
        shares = tuple(0 if z is None else z[:, t] for z in cache.zoneout)
        d_new = tuple((1 - z) * d for z, d in zip(shares, after, strict=True))
        dx_t, dhd, d_old, dw_t = step.backward(
            steps.pop(), tuple(np.where(valid, d, 0) for d in d_new), w, cache.sigma, cache.phi
        )
        d_old = (d_old[0] + _all_gates(dhd, cache.recurrent_dropout), *d_old[1:])
        d_old = tuple(d + z * d_kept for d, z, d_kept in zip(d_old, shares, after, strict=True))
        carry = tuple(np.where(valid, d, kept) for d, kept in zip(d_old, carry, strict=True))
        d_output = np.zeros_like(d_output) if cache.zero_output_for_mask else np.where(valid, 0, d_output)
        dx[:, t] = _all_gates(dx_t, cache.input_dropout)
        for total, part in zip(dw, dw_t, strict=True):
            total += part.reshape(total.shape)
    d_input: Any = None
    if need_dx and cache.embeddings is None:
        d_input = dx
    elif need_dx:
        used = np.ones((B, T), bool) if mask is None else mask
        d_input = embedding_backward(np.ascontiguousarray(cache.x[used]), np.ascontiguousarray(dx[used]))
    return d_input, carry, _joined(cell, dw, cache.has_bias)


def _shares(
    cell: Cell,
    zoneout: tuple[Array | float | None, ...],
    rows: tuple[int, int],
    sizes: tuple[int, int],
    dtype: np.dtype[Any],
) -> tuple[Array | None, ...]:
    """The share that each state keeps, (B, T, its size), after a check."""
    H, P = sizes
    result: list[Array | None] = []
    letters = ("P" if cell.projects else "H", "H")
    for state, given, size, letter in zip(cell.states, zoneout, cell.state_sizes(H, P), letters, strict=False):
        name = f"zoneout_{state}"
        if isinstance(given, np.ndarray):
            checks.floats(name, given, dtype)
            result.append(checks.shaped(name, given, f"(B, T, {letter})", (*rows, size)))
        elif given is None:
            result.append(None)
        else:
            result.append(np.full((*rows, size), checks.number(name, given, 0, 1), dtype))
    return tuple(result)


def _order(T: int, reverse: bool) -> range:
    return range(T - 1, -1, -1) if reverse else range(T)


def _per_gate(value: Array, dropout: Array | None, gates: int) -> Array:
    """`value` (B, N) as each gate sees it, (G, B, N)."""
    return np.broadcast_to(value if dropout is None else value * dropout, (gates, *value.shape))


def _all_gates(d: Array, dropout: Array | None) -> Array:
    """The way back from `_per_gate`."""
    return (d if dropout is None else d * dropout).sum(axis=0)


def _stacked(cell: Cell, weights: dict[str, Any], H: int, dtype: np.dtype[Any]) -> Weights:
    """The weights with their gates in front."""
    G = len(cell.gates)
    kernel, U, b, p = weights["kernel"], weights.get("recurrent_kernel"), weights.get("bias"), np.zeros(0, dtype)
    assert kernel is not None
    V = weights.get("projection_kernel")
    found = weights.get(cell.unit_parameters_name)
    if found is not None:
        p = found[:, None]
    return Weights(
        _gates_first(kernel, G),
        np.zeros(0, dtype) if U is None else _gates_first(U, G),
        np.zeros((cell.biases, G, 1, H), dtype) if b is None else b.reshape(cell.biases, G, 1, H),
        p,
        np.zeros(0, dtype) if V is None else _contiguous(V),
    )


def _contiguous(array: Any) -> Any:
    """`array` in C order: products of other orders may have another order of summation."""
    return None if array is None else np.ascontiguousarray(array)


def _gates_first(weights: Any, G: int) -> Any:
    """(K, G*H) to (G, K, H)."""
    if is_pair(weights):
        values, scales = weights
        return Int8Stack(_gates_first(values, G), _gates_first(scales[None], G))
    return _contiguous(weights).reshape(len(weights), G, weights.shape[1] // G).swapaxes(0, 1)


def _joined(cell: Cell, dw: Weights, has_bias: bool) -> tuple[Array | None, ...]:
    """The way back from `_stacked`, for gradients."""
    G, I, H = dw.W.shape
    every = {
        "kernel": dw.W.swapaxes(0, 1).reshape(I, G * H),
        "recurrent_kernel": dw.U.swapaxes(0, 1).reshape(-1, G * H) if cell.has_recurrent_kernel else None,
        "bias": dw.b.reshape((2, G * H) if cell.biases == 2 else (G * H,)) if has_bias else None,
        "projection_kernel": dw.V,
        cell.unit_parameters_name: dw.p.reshape(cell.unit_parameters, H),
    }
    found = [every[name] for name in cell.weights]
    return tuple(None if array is None else np.ascontiguousarray(array) for array in found)


def _check_int8(cell: Cell, weights: dict[str, Any], training: bool, dropout: dict[str, Array | None]) -> None:
    """8-bit weights are for both matrices, and for inference."""
    quantized = is_pair(weights["kernel"])
    if cell.has_recurrent_kernel and quantized != is_pair(weights["recurrent_kernel"]):
        raise ValueError("kernel and recurrent_kernel must both be 8-bit weights (values, scales), or neither")
    if quantized and training:
        raise ValueError("training must be False, and no gradient tape open: 8-bit weights have no gradient")
    for name, given in dropout.items():
        if quantized and given is not None:
            raise ValueError(f"{name} must be None with 8-bit weights")


def _units(cell: Cell, weights: dict[str, Any], dtype: np.dtype[Any]) -> tuple[int, int]:
    """H and P, by the shape of the weights that have them."""
    G, P = len(cell.gates), 0
    columns = "H" if G == 1 else f"{G}*H"
    h = "P" if cell.projects else "H"  # the letter of h's size
    if cell.has_recurrent_kernel:
        given = weights["recurrent_kernel"]
        U = checks.rank("recurrent_kernel", matrix("recurrent_kernel", given, dtype), f"({h}, {columns})", 2)
        H = P = U.shape[0]
        if cell.projects:
            V = weights["projection_kernel"]
            V = checks.rank("projection_kernel", checks.floats("projection_kernel", V, dtype), "(H, P)", 2)
            H, P = V.shape
            if H < 1 or P < 1:
                raise ValueError(
                    f"projection_kernel must have at least one unit (H >= 1, P >= 1), got H = {H}, P = {P}"
                )
        if H < 1:
            raise ValueError(f"recurrent_kernel must have at least one unit (H >= 1), got {U.shape}")
        checks.shaped("recurrent_kernel", U, f"({h}, {columns})", (P, G * H))
    elif cell.unit_parameters:
        name = cell.unit_parameters_name
        H = checks.rank(name, checks.floats(name, weights[name], dtype), "(P, H)", 2).shape[1]
        if H < 1:
            raise ValueError(f"{name} must have at least one unit (H >= 1), got H = 0")
    else:
        W = checks.rank("kernel", matrix("kernel", weights["kernel"], dtype), f"(I, {columns})", 2)
        H = W.shape[1] // G
        if H < 1 or W.shape[1] != G * H:
            raise ValueError(f"kernel must have {columns} columns, H >= 1, got {W.shape[1]}")
    return H, P if cell.projects else H


def _check(
    cell: Cell,
    x: Array,
    states: tuple[Array | None, ...],
    weights: dict[str, Any],
    mask: Array | None,
    input_dropout: Array | None,
    recurrent_dropout: Array | None,
    embeddings: Array | None,
) -> tuple[int, int, int, int, np.dtype[Any]]:
    """B, T, H, P and the dtype, after a check of every array."""
    G = len(cell.gates)
    columns = "H" if G == 1 else f"{G}*H"
    h = "P" if cell.projects else "H"  # the letter of h's size
    if embeddings is None:
        checks.rank("x", checks.floats("x", x), "(B, T, I)", 3)
        dtype, I = x.dtype, x.shape[2]
    else:
        checks.rank("embeddings", checks.floats("embeddings", embeddings), "(V, I)", 2)
        checks.rank("x", checks.ids("x", x, len(embeddings)), "(B, T)", 2)
        dtype, I = embeddings.dtype, embeddings.shape[1]
    B, T = x.shape[:2]
    kernel, bias = weights["kernel"], weights.get("bias")
    H, P = _units(cell, weights, dtype)
    checks.shaped("kernel", matrix("kernel", kernel, dtype), f"(I, {columns})", (I, G * H))
    if cell.biases == 2:
        checks.optional("bias", bias, dtype, f"(2, {columns})", (2, G * H))
    else:
        checks.optional("bias", bias, dtype, f"({columns},)", (G * H,))
    if cell.unit_parameters:
        name, rows = cell.unit_parameters_name, cell.unit_parameters
        checks.shaped(name, checks.floats(name, weights[name], dtype), f"({rows}, H)", (rows, H))
    if not cell.has_recurrent_kernel and recurrent_dropout is not None:
        raise ValueError(
            f"recurrent_dropout must be None: the cell {cell.name} has no recurrent kernel, "
            f"got {type(recurrent_dropout).__name__}"
        )
    for name, state, letter, size in zip(("h0", "c0"), states, (h, "H"), cell.state_sizes(H, P), strict=False):
        checks.optional(name, state, dtype, f"(B, {letter})", (B, size))
    checks.mask("mask", mask, "(B, T)", (B, T))
    for name, drop, letters, N in (
        ("input_dropout", input_dropout, "I", I),
        ("recurrent_dropout", recurrent_dropout, h, P),
    ):
        if drop is not None:
            checks.floats(name, drop, dtype)
            if drop.shape not in ((B, N), (G, B, N)):
                shared, own = f"(B, {letters}) = {(B, N)}", f"({G}, B, {letters}) = {(G, B, N)}"
                raise ValueError(f"{name} must have shape {shared} or {own}, got {drop.shape}")
    return B, T, H, P, dtype
