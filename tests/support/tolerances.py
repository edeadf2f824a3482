"""How far two computations of the same thing may lie apart: one table, by dtype and by what was computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import build_config

# Largest allowed difference, as a share of the greatest expected magnitude (at least 1).
TOLERANCES: dict[str, dict[str, float]] = {
    "float32": {
        "elementwise": 2e-6,  # one function of one element
        "product": 5e-6,  # sums of up to a few hundred terms
        "recurrent": 2e-5,  # outputs and states after tens of steps
        "gradient": 1e-4,  # sums over the batch and all steps
        "framework": 1e-4,  # against another framework's float32
    },
    "float64": {
        "elementwise": 1e-14,
        "product": 1e-14,
        "recurrent": 1e-13,
        "gradient": 1e-12,
        "framework": 1e-10,
    },
}


def assert_close(actual: Any, expected: Any, kind: str, what: str = "result") -> None:
    """`actual` has the shape and dtype of `expected` and lies near it; NaN and infinities stand at the same places."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, expected {expected.shape}"
    assert actual.dtype == expected.dtype, f"{what}: dtype {actual.dtype}, expected {expected.dtype}"
    if not expected.size:
        return
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.isfinite(actual), finite, err_msg=f"{what}: finite elements")
    if not finite.all():
        np.testing.assert_array_equal(actual[~finite], expected[~finite], err_msg=f"{what}: NaN and infinite elements")
    if not finite.any():
        return
    allowed = TOLERANCES[expected.dtype.name][kind] * max(1.0, float(np.abs(expected[finite]).max()))
    gap = np.abs(actual[finite].astype(np.float64) - expected[finite].astype(np.float64))
    assert gap.max() <= allowed, f"{what}: off by {gap.max():.3g}, allowed {allowed:.3g} ({kind}, {expected.dtype})"


def assert_same_bits(actual: Any, expected: Any, kind: str = "product") -> None:
    """Equal bits from the kernels; numpy's products, which the reference takes, depend on the number of rows."""
    if build_config()["isa"] == "reference" and np.asarray(expected).dtype.name in TOLERANCES:
        assert_close(actual, expected, kind)
    else:
        np.testing.assert_array_equal(actual, expected)
