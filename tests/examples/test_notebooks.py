"""The notebooks in python/examples/: their code runs from top to bottom; what draws, where matplotlib is installed."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "python" / "examples"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
DRAWING = importlib.util.find_spec("matplotlib") is not None

pytestmark = pytest.mark.skipif(not NOTEBOOKS, reason="the notebooks are not beside the tests")


def cells(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


@pytest.fixture
def figures() -> Iterator[None]:
    """Figures are drawn into memory, and closed."""
    if not DRAWING:
        yield
        return
    import matplotlib
    import matplotlib.pyplot as plt

    before = matplotlib.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


@pytest.mark.usefixtures("figures")
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive:UserWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path: Path) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for n, cell in enumerate(cells(path)):
        if DRAWING or "plot" not in cell["metadata"].get("tags", []):
            exec(compile("".join(cell["source"]), f"{path.name}[{n}]", "exec"), names)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_outputs_are_kept(path: Path) -> None:
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells(path))
