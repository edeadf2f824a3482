"""Function: the computation between symbolic tensors."""

from __future__ import annotations

import numpy as np

import recurra
from recurra import layers


def test_structures() -> None:
    x, z = layers.Input((3,)), layers.Input((2,))
    hidden = layers.Dense(4)(x)
    y = layers.Dropout(0.5)(hidden)
    data, other = np.ones((5, 3), "float32"), np.ones((5, 2), "float32")
    one = recurra.Function(x, y)
    np.testing.assert_array_equal(one(data), recurra.Model(x, hidden)(data))  # no dropout
    (same,) = recurra.Function([x], [y])([data])
    np.testing.assert_array_equal(same, one(data))
    both = recurra.Function([x, z], [y, z * 2.0])
    first, second = both([data, other])
    np.testing.assert_array_equal(first, one(data))
    np.testing.assert_array_equal(second, other * 2)
    assert one.compute_output_shape((7, 3)) == (7, 4) and one.outputs[0] is y
