"""The files that Keras made, unpacked, with the numbers that Keras computed from them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.golden import GOLDEN
from tests.support.saving_cases import Golden


@pytest.fixture(scope="session")
def golden_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    for archive in ("keras_files", "keras2_files"):
        with zipfile.ZipFile(GOLDEN / f"{archive}.zip") as file:
            file.extractall(folder / archive)
    return folder


@pytest.fixture(scope="session")
def golden(golden_folder: Path) -> Any:
    """``golden("keras_files/lstm_adam.keras")``."""

    def find(name: str) -> Golden:
        path = golden_folder / name
        with np.load(f"{path}.npz") as data:

            def arrays(letter: str) -> list[Any]:
                found = [data[f"{letter}{i}"] for i in range(9) if f"{letter}{i}" in data]
                return [a.astype(np.int32) if a.dtype.kind == "i" else a for a in found]

            losses = data.get("losses")
            return Golden(path, arrays("x"), arrays("t"), arrays("y"), losses, arrays("after"))

    return find
