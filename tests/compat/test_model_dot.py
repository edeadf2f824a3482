"""A model as text for Graphviz."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra import layers, models
from recurra.compat.model_dot import model_to_dot


def test_the_graph(tmp_path: Path) -> None:
    x = layers.Input((5, 3), name="x")
    h = layers.LSTM(4, name='a "b"')(x)
    model = models.Model(x, layers.Concatenate(name="both")([h, layers.Flatten(name="flat")(x)]))
    graph = model_to_dot(model, show_shapes=True, rankdir="LR")
    text = graph.to_string()
    assert text.startswith("digraph G {\nrankdir=LR;") and 'dpi="96"' in text
    assert len(graph.nodes) == 4 and sorted(graph.edges) == [(0, 1), (0, 2), (1, 3), (2, 3)]
    assert 'a \\"b\\" (LSTM)' in text and "(None, 4)" in text and text.count("->") == 4
    assert graph.write(tmp_path / "m.dot") and (tmp_path / "m.dot").read_text() == text == str(graph)


def test_what_it_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = models.Sequential([layers.LSTM(2)])
    with pytest.raises(ValueError, match="not built"):
        model_to_dot(model)
    model.build((None, 3, 1))
    with pytest.raises(ValueError, match="subgraph must be False"):
        model_to_dot(model, subgraph=True)
    with pytest.raises(ValueError, match="rankdir"):
        model_to_dot(model, rankdir="UP")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="Graphviz"):
        model_to_dot(model).write_png(tmp_path / "m.png")
