"""normalize."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.utils import normalize


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
def test_normalize(rng: np.random.Generator, axis: int, order: float) -> None:
    x = rng.normal(size=(3, 4, 2))
    x[1] = 0
    expected = np.linalg.norm(x, order, axis, keepdims=True)
    np.testing.assert_allclose(normalize(x, axis, order), x / np.where(expected == 0, 1, expected))


def test_normalize_of_other_forms(rng: np.random.Generator) -> None:
    np.testing.assert_allclose(normalize([3.0, 4.0]), [0.6, 0.8])
    x = rng.normal(size=(3, 4))
    assert np.linalg.norm(normalize(x, axis=None)) == pytest.approx(1)
    with pytest.raises(ValueError, match="x must hold numbers"):
        normalize(["a"])
