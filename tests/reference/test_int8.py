"""The reference's products with 8-bit weights, against their formulas written out and against Keras."""

from __future__ import annotations

import numpy as np

from recurra.ops.quantization import abs_max_quantize
from recurra.reference.int8 import Int8Stack, int8_matmul, quantize_rows


def test_rows_are_rounded_to_even_with_a_scale_each() -> None:
    x = np.array([[127.0, 0.5, 1.5, -2.5, -127.0], [0.0, 0.0, 0.0, 0.0, 0.0], [1e-3, -5e-4, 0.0, 1e-5, 1e-6]])
    integers, factor = quantize_rows(x)
    assert integers[0].tolist() == [127, 0, 1, -2, -127]  # the 1e-7 in the scale takes 1.5 below the half
    assert integers[1].tolist() == [0] * 5
    assert integers[2].tolist() == [127, -63, 0, 1, 0]
    np.testing.assert_allclose(factor[:, 0], [1 + 1e-7 / 127, 1e-7 / 127, (1e-3 + 1e-7) / 127], rtol=1e-12)


def test_products_are_near_those_of_the_floats() -> None:
    rng = np.random.default_rng(0)
    x, w, b = (
        rng.normal(size=(20, 300)),
        rng.normal(size=(300, 17)) * 10.0 ** rng.integers(-4, 4, 17),
        rng.normal(size=17),
    )
    found = int8_matmul(x, tuple(abs_max_quantize(w, axis=0)), b, None) - b  # type: ignore[arg-type]
    gap = np.abs(found - x @ w).max(axis=0) / np.abs(x @ w).max(axis=0)
    assert gap.max() < 0.02


def test_stack() -> None:
    rng = np.random.default_rng(1)
    values, scales = rng.integers(-127, 128, (3, 4, 5)).astype(np.int8), rng.uniform(1, 2, (3, 1, 5))
    stack, x = Int8Stack(values, scales), rng.normal(size=(3, 2, 4))
    assert stack.shape == (3, 4, 5)
    assert stack.dtype == np.float64
    for gate in range(3):
        np.testing.assert_array_equal((x @ stack)[gate], x[gate] @ stack[gate])


def test_keras_dense() -> None:
    """What Keras 3.15 computes for a Dense layer of these weights in int8 mode."""
    x = np.array([[0.3, -1.2, 0.7], [2.0, 0.1, -0.4]], "float32")
    kernel = np.array([[0.11, -0.52], [0.43, 0.07], [-0.25, 0.31]], "float32")
    weights = tuple(abs_max_quantize(kernel, axis=0))
    assert weights[0].tolist() == [[32, -127], [127, 17], [-74, 76]]
    np.testing.assert_allclose(weights[1], [295.3487854003906, 244.23072814941406], rtol=1e-6)
    found = int8_matmul(x, weights, np.array([0.5, -0.25], "float32"), None)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, [[-0.15842885, -0.27317417], [0.8559651, -1.4059354]], rtol=1e-6)
