"""matplotlib's backend for notebooks: ``show`` writes the figures to files beside the notebook, and closes them."""

from __future__ import annotations

import os
from typing import Any

from matplotlib._pylab_helpers import Gcf
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

#: where the figures go: the path of the notebook without its ending
PREFIX = "RECURRA_FIGURES"
_count = 0


def write_figures() -> list[str]:
    """Write the open figures to ``<prefix>-1.png`` and so on, close them, and say which files these are."""
    global _count
    prefix = os.environ.get(PREFIX, "figure")
    written = []
    for manager in Gcf.get_all_fig_managers():
        figure = manager.canvas.figure
        if figure.get_axes():
            _count += 1
            written.append(f"{prefix}-{_count}.png")
            figure.savefig(written[-1], bbox_inches="tight")
        Gcf.destroy(manager)
    for path in written:
        print(f"figure: {path}")
    return written


class FigureManager(FigureManagerBase):
    """Shows figures by writing them."""

    @classmethod
    def pyplot_show(cls, *, block: bool | None = None) -> None:
        """What ``plt.show()`` does."""
        write_figures()


class FigureCanvas(FigureCanvasAgg):
    """Draws into memory."""

    manager_class: Any = FigureManager
