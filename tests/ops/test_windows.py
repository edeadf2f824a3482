"""Sliding windows: blocks, padding, and what they say of sizes that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, build_config, ops
from recurra.ops import windows


def gradients(x: Any, w: Any, **options: Any) -> list[Any]:
    with GradientTape() as tape:
        a, b = tape.watch(x), tape.watch(w)
        y = ops.conv(a, b, **options)
        loss = ops.sum(y * np.cos(np.arange(y.size, dtype=x.dtype)).reshape(y.shape))
    return [y.numpy(), *tape.gradient(loss, [a, b])]


@pytest.mark.parametrize("block", [1, 40, 300])
@pytest.mark.parametrize(
    ("shape", "kernel", "options"),
    [
        ((3, 11, 4), (3, 4, 5), {"padding": "same"}),
        ((3, 11, 4), (3, 4, 5), {"strides": 2}),
        ((3, 11, 4), (3, 2, 6), {"padding": "causal", "dilation_rate": 2}),
        ((2, 6, 7, 3), (2, 3, 3, 5), {"padding": "same", "strides": (2, 1)}),
    ],
    ids=str,
)
def test_blocks_change_nothing(
    monkeypatch: pytest.MonkeyPatch, block: int, shape: Any, kernel: Any, options: Any
) -> None:
    random = np.random.RandomState(0)
    x, w = random.standard_normal(shape), random.standard_normal(kernel)
    whole = gradients(x, w, **options)
    monkeypatch.setattr(windows, "BLOCK", block)
    parts = gradients(x, w, **options)
    if build_config()["isa"] != "reference":  # which multiplies with numpy
        np.testing.assert_array_equal(parts[0], whole[0])  # a row's result does not depend on the others
    for part, one in zip(parts, whole, strict=True):
        np.testing.assert_allclose(part, one, rtol=1e-12, atol=1e-12)


def test_a_row_does_not_depend_on_the_batch() -> None:
    random = np.random.RandomState(1)
    x = random.standard_normal((5, 9, 3)).astype("float32")
    w = random.standard_normal((4, 3, 7)).astype("float32")
    y = ops.conv(x, w, padding="same")
    for k in range(5):
        np.testing.assert_array_equal(ops.conv(x[k : k + 1], w, padding="same")[0], y[k])


def test_views_are_taken_as_they_are() -> None:
    random = np.random.RandomState(2)
    x, w = random.standard_normal((6, 9, 8))[::2, ::-1, 1:6], random.standard_normal((3, 5, 2))
    np.testing.assert_array_equal(ops.conv(x, w), ops.conv(np.ascontiguousarray(x), w))
    np.testing.assert_array_equal(ops.max_pool(x, 2), ops.max_pool(np.ascontiguousarray(x), 2))


@pytest.mark.parametrize(
    ("value", "rank", "wanted"), [(3, 2, (3, 3)), ((1, 2), 2, (1, 2)), ([np.int64(4)], 1, (4,)), (np.int32(2), 1, (2,))]
)
def test_one_number_for_each_axis(value: Any, rank: int, wanted: Any) -> None:
    assert windows.per_axis(value, rank, "strides") == wanted


@pytest.mark.parametrize("value", [0, -1, 1.5, (1, 0), (1, 2, 3), "2", True, None])
def test_what_is_no_size(value: Any) -> None:
    with pytest.raises(ValueError, match="pool_size must be a positive integer or 2 of them"):
        windows.per_axis(value, 2, "pool_size")


def test_sizes_of_outputs() -> None:
    assert windows.output_size(7, 3, 2, "valid") == 3
    assert windows.output_size(7, 3, 2, "same") == windows.output_size(7, 3, 2, "causal") == 4
    assert windows.output_size(7, 3, 1, "valid", 3) == 1
    assert windows.output_size(None, 3, 1, "valid") is None
    assert windows.output_size(0, 3, 2, "same") == 0
    with pytest.raises(ValueError, match="a kernel that covers 5 steps does not fit into an axis of 4"):
        windows.output_size(4, 3, 1, "valid", 2, "kernel")
