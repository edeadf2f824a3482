"""Attention maps as pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.tasks import AttentionMap
from recurra.tasks.attention_plot import plot_attention


def test_the_map_is_drawn_with_its_tokens(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = AttentionMap(["a", "b", "c"], ["$x$", "∎"], np.array([[0.1, 0.7, 0.2], [0.5, 0.2, 0.3]]))
    figure = plot_attention(found, tmp_path / "map.png")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == found.source
    assert [label.get_text() for label in axes.get_yticklabels()] == found.target
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("source", "target")
    assert not any(label.get_parse_math() for label in [*axes.get_xticklabels(), *axes.get_yticklabels()])
    np.testing.assert_array_equal(axes.images[0].get_array(), found.weights)
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_white_space_has_labels() -> None:
    pytest.importorskip("matplotlib")
    found = AttentionMap(["a", " ", "\t"], [" ", "b", "\n"], np.ones((3, 3)) / 3)
    axes = plot_attention(found).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "␣", "⇥"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["␣", "b", "⏎"]


def test_its_absence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.figure", raising=False)
    with pytest.raises(ImportError, match=r"recurra\[plot\]"):
        plot_attention(AttentionMap(["a"], ["b"], np.ones((1, 1))))
