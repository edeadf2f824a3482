"""The counter-based generator: published test vectors, its layout, and what the numbers look like."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from recurra.reference.random import philox


def test_published_vectors() -> None:
    """The known answers for philox4x32-10 that come with Random123."""
    pi = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
    vectors = [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (pi, (0xA4093822, 0x299F31D0), (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
    ]
    for counter, key, expected in vectors:
        words = philox(tuple(np.array([c], np.uint64) for c in counter), key)
        assert tuple(int(w) for w in words[:, 0]) == expected


def _words(seed: int, stream: int, row: int, block: int) -> list[int]:
    """The same with Python's integers."""
    c, k = [block, row, stream % 2**32, stream // 2**32], [seed % 2**32, seed // 2**32]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [p1 // 2**32 ^ c[1] ^ k[0], p1 % 2**32, p0 // 2**32 ^ c[3] ^ k[1], p0 % 2**32]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c


SEED, STREAM = 0x123456789ABCDEF, 0xFEDCBA9876543210


def test_layout(reference: ModuleType) -> None:
    single = reference.random_uniform(SEED, STREAM, 3, 9, "float32")
    double = reference.random_uniform(SEED, STREAM, 3, 5, "float64")
    for row in range(3):
        for col in range(9):
            assert single[row, col] == (_words(SEED, STREAM, row, col // 4)[col % 4] >> 8) * 2.0**-24
        for col in range(5):
            high, low = _words(SEED, STREAM, row, col // 2)[2 * (col % 2) :][:2]
            assert double[row, col] == ((high >> 5) * 2**26 + (low >> 6)) * 2.0**-53


@pytest.mark.parametrize("name", ["random_uniform", "random_normal"])
def test_a_number_depends_on_its_place_alone(reference: ModuleType, dtype: np.dtype, name: str) -> None:
    draw = getattr(reference, name)
    large, small = draw(5, 7, 11, 13, dtype.name), draw(5, 7, 4, 6, dtype.name)
    assert large.dtype == dtype
    np.testing.assert_array_equal(large[:4, :6], small)
    assert not (draw(5, 8, 4, 6, dtype.name) == small).any()
    assert not (draw(6, 7, 4, 6, dtype.name) == small).any()


def test_moments(reference: ModuleType, dtype: np.dtype) -> None:
    uniform = reference.random_uniform(1, 2, 500, 400, dtype.name).astype(float)
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert uniform.mean() == pytest.approx(0.5, abs=0.003)
    assert uniform.var() == pytest.approx(1 / 12, rel=0.01)
    normal = reference.random_normal(1, 2, 500, 400, dtype.name).astype(float)
    assert normal.mean() == pytest.approx(0, abs=0.01)
    assert normal.std() == pytest.approx(1, rel=0.01)
    assert (normal**4).mean() == pytest.approx(3, rel=0.05)
    for a, b in ((normal[:, :-1], normal[:, 1:]), (normal[:-1], normal[1:])):
        assert abs((a * b).mean()) < 0.01


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_dropout_mask(reference: ModuleType, dtype: np.dtype, rate: float) -> None:
    mask = reference.dropout_mask(3, 4, 300, 201, rate, dtype.name)
    assert mask.dtype == dtype
    assert set(np.unique(mask)) <= {dtype.type(0), dtype.type(1 / (1 - rate))}
    assert (mask == 0).mean() == pytest.approx(rate, abs=0.01)
    np.testing.assert_array_equal(mask != 0, reference.random_uniform(3, 4, 300, 201, "float32") >= rate)


def test_empty(reference: ModuleType) -> None:
    for rows, cols in ((0, 3), (3, 0)):
        assert reference.random_normal(1, 1, rows, cols, "float32").shape == (rows, cols)


def test_errors(reference: ModuleType) -> None:
    with pytest.raises(ValueError, match="rate must be"):
        reference.dropout_mask(1, 1, 2, 2, 1.0, "float32")
    with pytest.raises(TypeError, match="dtype must be 'float32' or 'float64', got 'float16'"):
        reference.random_uniform(1, 1, 2, 2, "float16")
    with pytest.raises(ValueError, match="seed must be an integer in"):
        reference.random_uniform(-1, 1, 2, 2, "float32")
    with pytest.raises(TypeError, match="rows must be an integer"):
        reference.random_uniform(1, 1, 2.0, 2, "float32")
