"""Bits, common divisors and multiples of whole numbers."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import Input, ops

OF_NUMPY = {
    "bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor, "gcd": np.gcd,
    "bitwise_left_shift": np.left_shift, "bitwise_right_shift": np.right_shift, "lcm": np.lcm,
}  # fmt: skip


@pytest.mark.parametrize("name", OF_NUMPY)
def test_of_two_arrays(rng: np.random.Generator, name: str) -> None:
    a, b = rng.integers(1, 50, (3, 4)).astype("int32"), rng.integers(1, 9, 4).astype("int32")
    found = getattr(ops, name)(a, b)
    np.testing.assert_array_equal(found, OF_NUMPY[name](a, b))
    assert found.dtype == np.int32
    with pytest.raises(TypeError, match="must be whole numbers or bool, got dtype float"):
        getattr(ops, name)(a, b * 0.5)


def test_inverted_and_other_names() -> None:
    np.testing.assert_array_equal(ops.bitwise_invert(np.array([0, 5])), [-1, -6])
    np.testing.assert_array_equal(ops.bitwise_not(np.array([True, False])), [False, True])
    assert ops.left_shift is ops.bitwise_left_shift and ops.right_shift is ops.bitwise_right_shift
    assert ops.bitwise_and(Input((4,), dtype="int32"), 3).shape == (None, 4)
