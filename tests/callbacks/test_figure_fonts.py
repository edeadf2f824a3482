"""Fonts for the texts of a drawing."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from recurra.callbacks.history_plot import save_figure

pytest.importorskip("matplotlib")


def figure(*labels: str) -> Any:
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(3, 3))
    axes = canvas.add_subplot()
    axes.plot(range(len(labels)))
    axes.set_xticks(range(len(labels)), labels)
    return canvas


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_characters_that_the_default_font_lacks_are_drawn_with_another(tmp_path: Path, ending: str) -> None:
    canvas = figure("a", "\N{CIRCLED LATIN CAPITAL LETTER A}\N{BOTTOM CURLY BRACKET}", "\u2312")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(canvas, tmp_path / f"a{ending}", 50)
    labels = canvas.axes[0].get_xticklabels()
    assert "DejaVu Sans Mono" in labels[2].get_fontfamily() or "STIXGeneral" in labels[2].get_fontfamily()
    assert len(labels[0].get_fontfamily()) == 1


def test_characters_that_no_font_has_are_named_once(tmp_path: Path) -> None:
    nowhere = [chr(0x10FF00 + i) for i in range(9)]  # of private use
    with pytest.warns(UserWarning) as said:
        save_figure(figure("a", *nowhere), tmp_path / "a.png", 50)
    (one,) = said
    assert str(one.message).startswith(f"no installed font has {nowhere[0]!r}, {nowhere[1]!r}, ")
    assert ", ...: boxes" in str(one.message) and (tmp_path / "a.png").exists()


def test_ascii_texts_keep_their_font(tmp_path: Path) -> None:
    canvas = figure("a", "b c")
    before = canvas.axes[0].get_xticklabels()[0].get_fontfamily()
    save_figure(canvas, tmp_path / "a.png", 50)
    assert canvas.axes[0].get_xticklabels()[0].get_fontfamily() == before
