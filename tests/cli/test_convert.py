"""``recurra convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from recurra import layers
from recurra.models import Sequential
from recurra.saving import load_model


def test_keras_to_keras(run: Any, tmp_path: Path) -> None:
    model = Sequential([layers.Input((None, 3)), layers.GRU(4)])
    model.save(tmp_path / "a.keras")
    assert run("convert", tmp_path / "a.keras", tmp_path / "b.h5").stdout == f"{tmp_path / 'b.h5'}: GRU\n"
    x = np.ones((2, 5, 3), np.float32)
    np.testing.assert_allclose(load_model(tmp_path / "b.h5")(x), model(x), atol=1e-6)


def test_errors(run: Any, tmp_path: Path) -> None:
    assert "target must end in one of" in run("convert", tmp_path / "a.keras", "b.onnx", code=2).stderr
    assert "a.keras" in run("convert", tmp_path / "a.keras", tmp_path / "b.h5", code=2).stderr
