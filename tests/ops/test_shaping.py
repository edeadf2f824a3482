"""Rearranging: values against numpy, gradients against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Variable, gradcheck, ops

CASES: dict[str, tuple[Any, Any]] = {
    "reshape": (lambda o, x: o.reshape(x, (4, -1)),) * 2,
    "reshape_flat": (lambda o, x: o.reshape(x, -1),) * 2,
    "ravel": (lambda o, x: o.ravel(x),) * 2,
    "transpose": (lambda o, x: o.transpose(x),) * 2,
    "transpose_axes": (lambda o, x: o.transpose(x, (1, -1, 0)),) * 2,
    "swapaxes": (lambda o, x: o.swapaxes(x, 0, -1),) * 2,
    "moveaxis": (lambda o, x: o.moveaxis(x, 0, 2),) * 2,
    "expand_dims": (lambda o, x: o.expand_dims(x, 1),) * 2,
    "squeeze": (lambda o, x: o.squeeze(x[:, :1], 1),) * 2,
    "flip": (lambda o, x: o.flip(x),) * 2,
    "flip_axis": (lambda o, x: o.flip(x, 1),) * 2,
    "broadcast_to": (lambda o, x: o.broadcast_to(x[:, :1], (5, 2, 3, 4)),) * 2,
    "tile": (lambda o, x: o.tile(x, (2, 1, 3)),) * 2,
    "tile_more_axes": (lambda o, x: o.tile(x, (2, 1, 1, 2)),) * 2,
    "tile_one": (lambda o, x: o.tile(x, 2),) * 2,
    "repeat": (lambda o, x: o.repeat(x, 3, 1),) * 2,
    "repeat_flat": (lambda o, x: o.repeat(x, 2),) * 2,
    "pad": (lambda o, x: o.pad(x, ((1, 0), (0, 2), (3, 1)), constant_values=7.0),) * 2,
    "concatenate": (lambda o, x: o.concatenate([x, x[:, :2], x], 1),) * 2,
    "stack": (lambda o, x: o.stack([x, x], 1),) * 2,
    "stack_last": (lambda o, x: o.stack([x, x], -1),) * 2,
    "take": (lambda o, x: o.take(x, [[1, 1], [2, 0]], 1),) * 2,
    "take_flat": (lambda o, x: o.take(x, [5, 5, 7]),) * 2,
    "take_along_axis": (lambda o, x: o.take_along_axis(x, np.array([[[0, 1, 1]], [[3, 0, 2]]]), 2),) * 2,
}
KEYS = [
    1,
    -1,
    slice(1, None),
    (slice(None), 2),
    (Ellipsis, slice(None, None, -2)),
    (None, 0, slice(0, 3, 2)),
    ([0, 1, 1], slice(None), [3, 3, 0]),
    (0, np.array([2, 2, 1])),
    np.arange(24).reshape(2, 3, 4) % 3 == 0,
]


@pytest.mark.parametrize("name", CASES)
def test_rearranging(rng: np.random.Generator, name: str) -> None:
    x = rng.normal(size=(2, 3, 4))
    ours, theirs = CASES[name]
    np.testing.assert_array_equal(ours(ops, x), theirs(np, x))
    gradcheck(lambda v: ours(ops, v), x)


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_getitem(rng: np.random.Generator, key: Any) -> None:
    x = rng.normal(size=(2, 3, 4))
    np.testing.assert_array_equal(ops.getitem(x, key), x[key])
    gradcheck(lambda v: v[key], x)


def test_getitem_with_a_tensor_as_index() -> None:
    np.testing.assert_array_equal(Variable(np.arange(5.0))[Variable(np.array([3, 1]))], [3, 1])


def test_parts(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 6, 3))
    for sections in (3, [1, 4]):
        for ours, theirs in zip(ops.split(x, sections, 1), np.split(x, sections, 1), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    gradcheck(lambda v: ops.split(v, [1, 4], 1)[1:], x)  # the first part stays unused
    gradcheck(lambda v: ops.unstack(v, 1), x)
    gradcheck(lambda v: ops.stack(ops.unstack(v, -1), 0), x)
    gradcheck(lambda v: ops.stack(ops.unstack(v), 0), x[:, 0, 0])  # numbers
    with pytest.raises(ValueError):
        ops.unstack(x[0, 0], 1)
    assert len(ops.unstack(x, 1)) == 6


def test_cast() -> None:
    x = Variable(np.array([1.5, 2.5], np.float32))
    with GradientTape() as tape:
        y = ops.sum(ops.cast(x, "float64") * 3.0)
    assert y.dtype == np.float64
    assert tape.gradient(y, x).dtype == np.float32
    assert ops.cast(x, "int32").dtype == np.int32
    with GradientTape() as tape:
        same = ops.cast(x, "float32")
    assert same is x


def test_making() -> None:
    assert ops.zeros((2, 3)).dtype == np.float32
    assert ops.ones(3, "float64").dtype == np.float64
    np.testing.assert_array_equal(ops.full((2,), 7.0), [7, 7])
    np.testing.assert_array_equal(ops.zeros_like(np.ones((2, 2))), np.zeros((2, 2)))
    np.testing.assert_array_equal(ops.ones_like(Variable(np.zeros(3)), "int32"), [1, 1, 1])
    np.testing.assert_array_equal(ops.arange(2, 8, 3), [2, 5])
    assert ops.arange(3.0).dtype == np.float32
    np.testing.assert_array_equal(ops.one_hot([1, 0, 5], 3), [[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert ops.one_hot(np.zeros((2, 4), int), 3, axis=1).shape == (2, 3, 4)
    assert ops.shape(np.zeros((2, 3))) == (2, 3)
    assert ops.size(np.zeros((2, 3))) == 6
    assert ops.convert_to_tensor([1.0, 2.0]).dtype == np.float32
    assert isinstance(ops.convert_to_numpy(Variable(np.zeros(2))), np.ndarray)
