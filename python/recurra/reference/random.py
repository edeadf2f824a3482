"""Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, SC 2011).

Every number is a function of (seed, stream, row, column) alone. One block of four 32-bit words belongs to

    key     = (seed low 32 bits, seed high 32 bits)
    counter = (column block, row, stream low 32 bits, stream high 32 bits)

and serves 4 columns in float32 (one word each), 2 columns in float64 (two words each).
"""
# Arithmetic on arrays of any dtype is Any to a type checker:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.reference import checks

Array = np.ndarray[Any, Any]

_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


def philox(counter: tuple[Any, ...], key: tuple[int, int]) -> Array:
    """Ten rounds on counters c0..c3 (arrays of uint64 below 2**32 that broadcast): (4, ...) uint64 below 2**32."""
    c0, c1, c2, c3 = np.broadcast_arrays(*counter)
    k0, k1 = key
    for _ in range(10):
        product0 = c0 * np.uint64(0xD2511F53)
        product1 = c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            (product1 >> _SHIFT) ^ c1 ^ np.uint64(k0),
            product1 & _LOW,
            (product0 >> _SHIFT) ^ c3 ^ np.uint64(k1),
            product0 & _LOW,
        )
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3])


def _words(seed: int, stream: int, rows: int, blocks: int, first_row: int = 0) -> Array:
    """(rows, blocks, 4) words."""
    seed, stream = checks.unsigned64("seed", seed), checks.unsigned64("stream", stream)
    counter = (
        np.arange(blocks, dtype=np.uint64)[None, :],
        np.arange(first_row, first_row + rows, dtype=np.uint64)[:, None],
        np.uint64(stream & 0xFFFFFFFF),
        np.uint64(stream >> 32),
    )
    return np.moveaxis(philox(counter, (seed & 0xFFFFFFFF, seed >> 32)), 0, -1)


def _uniform(words: Array, dtype: np.dtype[Any]) -> Array:
    """float32: (w >> 8) 2^-24, one word each. float64: ((w0 >> 5) 2^26 + (w1 >> 6)) 2^-53, two words each."""
    if dtype == np.float32:
        return ((words >> np.uint64(8)).astype(np.float64) * 2.0**-24).astype(np.float32)
    high, low = words[..., 0::2] >> np.uint64(5), words[..., 1::2] >> np.uint64(6)
    return (high.astype(np.float64) * 2.0**26 + low.astype(np.float64)) * 2.0**-53


def _blocks(seed: int, stream: int, rows: int, cols: int, dtype: np.dtype[Any]) -> Array:
    """Uniforms (rows, blocks, columns of a block), the last block whole."""
    rows, cols = checks.integer("rows", rows, 0), checks.integer("cols", cols, 0)
    per_block = 4 if dtype == np.float32 else 2
    return _uniform(_words(seed, stream, rows, -(-cols // per_block)), dtype)


def random_uniform(seed: int, stream: int, rows: int, cols: int, dtype: str) -> Array:
    """(rows, cols) uniform in [0, 1)."""
    u = _blocks(seed, stream, rows, cols, checks.float_name("dtype", dtype))
    return np.ascontiguousarray(u.reshape(rows, -1)[:, :cols]) if u.size else np.zeros((rows, cols), u.dtype)


def random_normal(seed: int, stream: int, rows: int, cols: int, dtype: str) -> Array:
    """(rows, cols) standard normal, by Box and Muller on the two uniforms u, v of each pair of columns of a block.

    radius = sqrt(-2 log(1 - u));  the first column of the pair is radius cos(2πv), the second radius sin(2πv)
    """
    uniforms = _blocks(seed, stream, rows, cols, checks.float_name("dtype", dtype))
    if not uniforms.size:
        return np.zeros((rows, cols), uniforms.dtype)
    u, v = uniforms[..., 0::2].astype(np.float64), uniforms[..., 1::2].astype(np.float64)
    radius, angle = np.sqrt(-2 * np.log1p(-u)), 2 * np.pi * v
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    return np.ascontiguousarray(pairs.reshape(rows, -1)[:, :cols].astype(uniforms.dtype))


def dropout_mask(seed: int, stream: int, rows: int, cols: int, rate: float, dtype: str) -> Array:
    """(rows, cols): 1 / (1 - rate) where the float32 uniform is at least `rate`, else 0; alike for both dtypes."""
    if checks.number("rate", rate, 0, 1) == 1:
        raise ValueError(f"rate must be in [0, 1), got {rate}")
    kept = random_uniform(seed, stream, rows, cols, "float32").astype(np.float64) >= rate
    return kept.astype(checks.float_name("dtype", dtype)) * np.dtype(dtype).type(1 / (1 - rate))


def row_uniforms(seed: int, stream: int, rows: int) -> Array:
    """(rows,) float64: column 0 of random_uniform(seed, stream, rows, 1, "float64")."""
    return random_uniform(seed, stream, rows, 1, "float64")[:, 0]
