"""Batches as (x, y, sample_weight), and where symbolic tensors come from."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import Input, layers, utils


def test_packed_and_unpacked() -> None:
    x, y, w = np.ones(3), np.zeros(3), np.full(3, 2.0)
    for parts in ((x,), (x, y), (x, y, w)):
        unpacked = utils.unpack_x_y_sample_weight(utils.pack_x_y_sample_weight(*parts))
        assert unpacked[: len(parts)] == parts and unpacked[len(parts) :] == (None,) * (3 - len(parts))
    assert utils.pack_x_y_sample_weight([x, y]) == ([x, y],)
    assert utils.unpack_x_y_sample_weight([x, y]) == (x, y, None)
    with pytest.raises(ValueError, match="a tuple of 4"):
        utils.unpack_x_y_sample_weight((x, y, w, w))


def test_the_inputs_of_a_tensor() -> None:
    a, b, c = Input((3,)), Input((3,)), Input((4,))
    shared = layers.Dense(2)
    y = layers.concatenate([layers.add([shared(a), shared(b)]), layers.Dense(2)(c), shared(a)])
    found = utils.get_source_inputs(y)
    assert [any(one is other for other in found) for one in (a, b, c)] == [True] * 3 and len(found) == 3
    assert utils.get_source_inputs(a)[0] is a
    assert utils.is_keras_tensor(y) and not utils.is_keras_tensor(np.ones(3))
    with pytest.raises(TypeError, match="must be symbolic"):
        utils.get_source_inputs(np.ones(3))
