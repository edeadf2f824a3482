"""Matrix products: compiled against the reference, the bits of rows and of parts, errors."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.support.tolerances import assert_close


@pytest.mark.parametrize("trans_b", [False, True])
@pytest.mark.parametrize("trans_a", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_matmul(
    compiled: ModuleType,
    reference: ModuleType,
    dtype: np.dtype,
    rng: np.random.Generator,
    trans_a: bool,
    trans_b: bool,
    bias: bool,
) -> None:
    sizes = [(1, 1, 1), (1, 5, 3), (4, 1, 9), (3, 7, 1), (6, 40, 33), (65, 17, 130), (13, 300, 70), (200, 9, 16)]
    for (m, k, n), stack in [*((size, ()) for size in sizes), ((5, 3, 8), (4,)), ((1, 2, 3), (1,)), ((3, 0, 4), ())]:
        a = rng.normal(size=(*stack, *((k, m) if trans_a else (m, k)))).astype(dtype)
        b = rng.normal(size=(*stack, *((n, k) if trans_b else (k, n)))).astype(dtype)
        c = rng.normal(size=n).astype(dtype) if bias else None
        expected = reference.matmul(a, b, c, trans_a, trans_b)
        assert_close(compiled.matmul(a, b, c, trans_a, trans_b), expected, "product", f"{m}x{k}x{n} {stack}")


@pytest.mark.parametrize("trans_a", [False, True])
def test_a_row_of_a_product_depends_on_nothing_else(
    compiled: ModuleType, dtype: np.dtype, rng: np.random.Generator, trans_a: bool
) -> None:
    for k, n in ((70, 33), (513, 260)):
        a, b = rng.normal(size=(90, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)

        def product(rows: Any, a: np.ndarray = a, b: np.ndarray = b) -> np.ndarray:
            part = np.ascontiguousarray(a[rows].T if trans_a else a[rows])
            return compiled.matmul(part, b, None, trans_a, False)

        before = compiled.get_num_threads()
        try:
            compiled.set_num_threads(1)
            whole = product(slice(None))
            for threads in (1, 2, 3):
                compiled.set_num_threads(threads)
                for rows in (slice(None), slice(0, 1), slice(7, 19), slice(1, None, 11)):
                    np.testing.assert_array_equal(product(rows), whole[rows])
        finally:
            compiled.set_num_threads(before)


@pytest.mark.parametrize("trans_b", [False, True])
@pytest.mark.parametrize("trans_a", [False, True])
def test_a_product_added_in_parts_has_the_bits_of_the_whole(
    compiled: ModuleType, reference: ModuleType, dtype: np.dtype, rng: np.random.Generator, trans_a: bool, trans_b: bool
) -> None:
    before = compiled.get_num_threads()
    for m, k, n in ((1, 5, 3), (3, 7, 65), (4, 1, 9), (13, 700, 70), (65, 17, 130), (200, 530, 33)):
        a = rng.normal(size=(k, m) if trans_a else (m, k)).astype(dtype)
        b = rng.normal(size=(n, k) if trans_b else (k, n)).astype(dtype)
        start = rng.normal(size=(m, n)).astype(dtype)
        expected = start.copy()
        reference.matmul_add(a, b, trans_a, trans_b, expected)
        for threads in (1, 2):
            compiled.set_num_threads(threads)
            out = start.copy()
            assert compiled.matmul_add(a, b, trans_a, trans_b, out) is None
            assert_close(out, expected, "product", f"{m}x{k}x{n}")
            total = np.zeros_like(start)
            for at in range(0, k, 259):
                part = slice(at, at + 259)
                left = np.ascontiguousarray(a[part] if trans_a else a[:, part])
                right = np.ascontiguousarray(b[:, part] if trans_b else b[part])
                compiled.matmul_add(left, right, trans_a, trans_b, total)
            np.testing.assert_array_equal(total, compiled.matmul(a, b, None, trans_a, trans_b))
    compiled.set_num_threads(before)


def test_nothing_is_added_for_sums_without_terms(compiled: ModuleType, dtype: np.dtype) -> None:
    out = np.full((3, 4), 2, dtype)
    compiled.matmul_add(np.zeros((3, 0), dtype), np.zeros((0, 4), dtype), False, False, out)
    np.testing.assert_array_equal(out, 2)
    compiled.matmul_add(np.zeros((0, 3), dtype), np.zeros((3, 4), dtype), False, False, out[:0])


Z, ONES = np.zeros, np.ones


def _frozen() -> np.ndarray:
    value = ONES((2, 3))
    value.flags.writeable = False
    return value


def _shared(core: ModuleType) -> None:
    out = ONES((3, 3))
    core.matmul_add(Z((3, 3)), out, False, False, out)


BAD: dict[str, Callable[[ModuleType], Any]] = {
    "matmul-inner": lambda r: r.matmul(Z((2, 3)), Z((4, 5)), None, False, False),
    "matmul-stack": lambda r: r.matmul(Z((2, 2, 3)), Z((3, 3, 5)), None, False, False),
    "matmul-rank": lambda r: r.matmul(Z(3), Z((3, 5)), None, False, False),
    "matmul-mixed-rank": lambda r: r.matmul(Z((2, 2, 3)), Z((3, 5)), None, False, False),
    "matmul-dtype": lambda r: r.matmul(Z((2, 3)), Z((3, 5), np.float32), None, False, False),
    "matmul-int": lambda r: r.matmul(Z((2, 3), int), Z((3, 5)), None, False, False),
    "matmul-bias": lambda r: r.matmul(Z((2, 3)), Z((3, 5)), Z(4), False, False),
    "matmul-list": lambda r: r.matmul([[1.0]], Z((1, 5)), None, False, False),
    "matmul_add-rank": lambda r: r.matmul_add(Z((1, 2, 3)), Z((3, 5)), False, False, Z((2, 5))),
    "matmul_add-inner": lambda r: r.matmul_add(Z((2, 3)), Z((4, 5)), False, False, Z((2, 5))),
    "matmul_add-out": lambda r: r.matmul_add(Z((2, 3)), Z((3, 5)), False, False, Z((5, 2))),
    "matmul_add-dtype": lambda r: r.matmul_add(Z((2, 3)), Z((3, 5)), False, False, Z((2, 5), np.float32)),
    "matmul_add-frozen": lambda r: r.matmul_add(Z((2, 4)), Z((4, 3)), False, False, _frozen()),
    "matmul_add-strided": lambda r: r.matmul_add(Z((2, 3)), Z((3, 5)), False, False, Z((5, 2)).T),
    "matmul_add-shared": _shared,
}


@pytest.mark.parametrize("name", BAD)
def test_same_errors(compiled: ModuleType, reference: ModuleType, name: str) -> None:
    with pytest.raises((ValueError, TypeError)) as expected:
        BAD[name](reference)
    with pytest.raises((ValueError, TypeError)) as found:
        BAD[name](compiled)
    assert found.type is expected.type, (str(found.value), str(expected.value))
    assert any(word in str(found.value) for word in ("got", "writable", "contiguous", "share"))
