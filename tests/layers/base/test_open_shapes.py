"""Open sizes against known ones, with the shapes that Keras 3 gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import Input, Model, ops
from recurra.models import KerasTensor

B = None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((B, None, 8), (B, 5, 8), (B, 5, 8)),
        ((B, 5, 8), (B, None, 8), (B, 5, 8)),
        ((B, None, 8), (B, 1, 8), (B, None, 8)),
        ((B, None, 8), (B, None, 1), (B, None, 8)),
        ((B, None, 8), (8,), (B, None, 8)),
        ((B, None), (5,), (B, 5)),
        ((B, None, None), (B, 3, 7), (B, 3, 7)),
    ],
)
def test_broadcasting(one: Any, other: Any, expected: Any) -> None:
    a, b = KerasTensor(one), KerasTensor(other)
    assert (a + b).shape == ops.where(a > b, a, b).shape == ops.maximum(b, a).shape == expected
    if B not in other:
        assert (a * np.ones(other, "f")).shape == expected


def test_known_sizes_that_differ() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        KerasTensor((None, 5)) + KerasTensor((None, 6))
    x, y = Input((None, 2)), Input((5, 2))
    model = Model([x, y], x * y)
    values = [np.ones((3, 5, 2), "f"), np.full((3, 5, 2), 2, "f")]
    np.testing.assert_array_equal(model(values), values[1])
    np.testing.assert_array_equal(model([values[0][:, :1], values[1]]), values[1])  # a single step is repeated
    with pytest.raises(ValueError, match="broadcast"):
        model([values[0][:, :4], values[1]])


def test_joins_and_products() -> None:
    a, b = KerasTensor((None, None, 3)), KerasTensor((None, 5, 3))
    assert ops.concatenate([a, b], axis=1).shape == (None, None, 3)
    assert ops.concatenate([a, b], axis=-1).shape == (None, 5, 6)
    assert ops.concatenate([a, b], axis=2).shape == (None, 5, 6)
    assert ops.stack([a, b], axis=1).shape == (None, 2, 5, 3)
    assert ops.matmul(KerasTensor((None, 4, None)), KerasTensor((8, 3))).shape == (None, 4, 3)
    assert ops.matmul(KerasTensor((None, 4, 8)), KerasTensor((None, None, 3))).shape == (None, 4, 3)
    assert ops.matmul(KerasTensor((None, 4, None)), KerasTensor((2, 8, 3))).shape == (2, 4, 3)
    assert ops.matmul(KerasTensor((None, None)), KerasTensor((7,))).shape == (None,)


def test_sizes_that_must_divide() -> None:
    assert ops.reshape(KerasTensor((None, 5)), (-1, 3)).shape == (None, 3)
    assert ops.reshape(KerasTensor((None, None, 5)), (-1, 7, 5)).shape == (None, 7, 5)
    assert [part.shape for part in ops.split(KerasTensor((None, None)), 5, axis=1)] == [(None, None)] * 5
    with pytest.raises(ValueError, match="must divide the axis of size 6"):
        ops.split(KerasTensor((None, 6)), 4, axis=1)
