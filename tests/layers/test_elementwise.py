"""Layers that merge tensors number by number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recurra import layers as L
from recurra.models import Model


@pytest.mark.parametrize("kind", [L.Add, L.Average, L.Maximum, L.Minimum, L.Multiply, L.Subtract])
def test_masks_broadcast_as_the_inputs_do(kind: Any) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(4, 5, 3)).astype("float32"), rng.normal(size=(4, 1, 3)).astype("float32")
    x[1, 3:] = x[2, 1:] = y[2] = 0
    first, second = L.Input((5, 3)), L.Input((1, 3))
    merged = kind()([L.Masking()(first), L.Masking()(second)])
    lstm = L.LSTM(2)
    model = Model([first, second], [merged, lstm(merged)])
    values, last = model.predict([x, y], verbose=0)
    mask = kind().compute_mask([x, y], [x.any(-1), y.any(-1)])
    assert mask.tolist() == (x.any(-1) | y.any(-1)).tolist() and not mask[2, 1:].any() and mask[1].all()
    np.testing.assert_allclose(last, lstm(values, mask=mask), rtol=1e-6)


def test_the_merge_of_keras_1_says_what_took_its_place() -> None:
    with pytest.raises(TypeError, match=r"layers\.add\(\[a\.output, b\.output\]\)"):
        L.Merge([L.Dense(2), L.Dense(2)], mode="sum")
    assert issubclass(L.Add, L.Merge) and L.Add(name="sum").name == "sum"
