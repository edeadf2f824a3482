"""A row's result is the same alone and in a batch, however the batch lies in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recurra import build_config, layers, ops
from recurra.autograd import Array
from recurra.models import Sequential
from recurra.ops.common import batch_first

pytestmark = pytest.mark.skipif(build_config()["isa"] == "reference", reason="the reference multiplies with numpy")


def first_axis_last(x: Array) -> Array:
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)


def others_swapped(x: Array) -> Array:
    return np.swapaxes(np.ascontiguousarray(np.swapaxes(x, 1, 2)), 1, 2)


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "rows": lambda x: x,
    "columns": np.asfortranarray,
    "first axis last": first_axis_last,
    "others swapped": others_swapped,
    "reversed": lambda x: np.ascontiguousarray(x[:, ::-1])[:, ::-1],
    "every other": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
}
OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "sum 1": lambda x: ops.sum(x, 1),
    "sum 1 2": lambda x: ops.sum(x, (1, 2)),
    "mean -1": lambda x: ops.mean(x, -1, keepdims=True),
    "var": lambda x: ops.var(x, (1, 2)),
    "moments": lambda x: ops.moments(x, [1])[1],
    "prod": lambda x: ops.prod(x, 1),
    "norm": lambda x: ops.norm(x, axis=1),
    "logsumexp": lambda x: ops.logsumexp(x, (1, 2)),
    "log_softmax": lambda x: ops.log_softmax(x, 1),
    "normalize": lambda x: ops.normalize(x, 1),
    "einsum": lambda x: ops.einsum("btf,btf->b", x, x),
    "matmul": lambda x: ops.matmul(x, ops.swapaxes(x, 1, 2)),
    "average_pool": lambda x: ops.average_pool(x, 3),
    "GroupNormalization": lambda x: layers.GroupNormalization(3)(x),
    "RMSNormalization": lambda x: layers.RMSNormalization()(x),
    "UnitNormalization": lambda x: layers.UnitNormalization(axis=1)(x),
    "LayerNormalization": lambda x: layers.LayerNormalization(axis=[1, 2])(x),
    "BatchNormalization": lambda x: layers.BatchNormalization(axis=1)(x),
    "GlobalAveragePooling1D": lambda x: layers.GlobalAveragePooling1D()(x),
    "Attention": lambda x: layers.Attention()([x, x]),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_a_row_alone_and_in_a_batch(operation: Any, layout: Any, dtype: str) -> None:
    rng = np.random.default_rng(11)
    for batch in (2, 5, 17, 33):
        plain = np.abs(rng.normal(size=(batch, 31, 69))).astype(dtype)
        together = np.asarray(operation(layout(plain)))
        for row in (0, batch - 1):
            np.testing.assert_array_equal(np.asarray(operation(plain[row : row + 1]))[0], together[row])


def test_a_model_whose_layers_turn_axes(rng: np.random.Generator) -> None:
    """`take` and `Permute` give arrays of which the first axis is not the outermost in memory."""
    model = Sequential(
        [
            layers.Input((9, 21)),
            layers.LSTM(18, return_sequences=True),
            layers.Lambda(lambda x: ops.take(x, [0, 8, 0, 3], axis=1)),
            layers.GroupNormalization(2),
            layers.Permute((2, 1)),
            layers.UnitNormalization(),
            layers.Lambda(lambda x: ops.mean(x, axis=2)),
        ]
    )
    x = rng.normal(size=(18, 9, 21)).astype("float32")
    together = model.predict(x, batch_size=18, verbose=0)
    for batch_size in (1, 5):
        np.testing.assert_array_equal(model.predict(x, batch_size=batch_size, verbose=0), together)
    np.testing.assert_array_equal(model.predict(np.asfortranarray(x), batch_size=18, verbose=0), together)


def test_only_what_is_out_of_order_is_copied(rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 5, 6))
    for view in (x, x[:, ::-1], x[::2, 1:, ::3], np.swapaxes(x[:, :1], 0, 1), x[:0]):
        assert batch_first(view) is view
    for view in (x.T, np.swapaxes(x, 1, 2), np.broadcast_to(x[:1, :1], (3, 5, 6))):
        found = batch_first(view)
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found, view)
