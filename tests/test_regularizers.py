"""Penalties: values, gradients, names, configurations."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import gradcheck, regularizers

W = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -1.0]])


@pytest.mark.parametrize(
    ("regularizer", "value"),
    [
        (regularizers.L1(0.1), 0.75),
        (regularizers.L2(0.1), 1.525),
        (regularizers.L1L2(0.1, 0.2), 0.75 + 3.05),
        (regularizers.l1(), 0.075),
        (regularizers.l2(0.1), 1.525),
        (regularizers.l1_l2(), 0.075 + 0.1525),
        (regularizers.L1L2(), 0.0),
        (regularizers.get("l1_l2"), 0.2275),
        (regularizers.get("L2"), 0.1525),
    ],
)
def test_values(regularizer: regularizers.Regularizer, value: float) -> None:
    assert float(regularizer(W)) == pytest.approx(value)


def test_orthogonal_rows_and_columns() -> None:
    unit = W / np.linalg.norm(W, axis=1, keepdims=True)
    cosine = abs(unit[0] @ unit[1])
    assert float(regularizers.OrthogonalRegularizer(0.5)(W)) == pytest.approx(0.5 * cosine)
    columns = W / np.linalg.norm(W, axis=0)
    cosines = [abs(columns[:, i] @ columns[:, j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert float(regularizers.OrthogonalRegularizer(0.5, "columns")(W)) == pytest.approx(0.5 * np.mean(cosines))
    with pytest.raises(ValueError, match="needs a matrix"):
        regularizers.OrthogonalRegularizer()(W[0])
    with pytest.raises(ValueError, match="mode must be 'rows' or 'columns'"):
        regularizers.OrthogonalRegularizer(mode="both")


@pytest.mark.parametrize("name", ["l1", "l2", "l1_l2", "orthogonal_regularizer"])
def test_gradients(name: str) -> None:
    assert gradcheck(regularizers.get(name), W + 0.01)


def test_configurations() -> None:
    for one in (
        regularizers.L1(0.3),
        regularizers.L2(0.3),
        regularizers.L1L2(0.1, 0.2),
        regularizers.OrthogonalRegularizer(0.1, "columns"),
    ):
        config = regularizers.serialize(one)
        assert config["module"] == "keras.regularizers"
        again = regularizers.deserialize(config)
        assert type(again) is type(one) and again.get_config() == one.get_config()
    assert regularizers.get(None) is None
    with pytest.raises(ValueError, match="unknown regularizer 'l3': expected one of l1, "):
        regularizers.get("l3")
    for bad in (-0.1, float("nan"), "x", True):
        with pytest.raises(ValueError, match="l2 must be a non-negative"):
            regularizers.L2(bad)  # type: ignore[arg-type]
