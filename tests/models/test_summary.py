"""Summaries in Keras's layout, and drawings."""

from __future__ import annotations

import io
import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.layers import LSTM, Concatenate, Dense, Embedding, Flatten, Input, SimpleRNN
from recurra.models import Model, Sequential
from recurra.utils import plot_model


def text_of(model: Any, **settings: Any) -> str:
    lines: list[str] = []
    model.summary(print_fn=lines.append, **{"line_length": 76, **settings})
    return "\n".join(lines)


def test_layout_and_counts_of_a_stack() -> None:
    model = Sequential([Embedding(88585, 64, name="table"), SimpleRNN(64, name="rnn"), Dense(1, name="d")], name="m")
    assert "(None, None, 64)" in text_of(model)
    model.build((None, 10))
    assert text_of(model) == (
        'Model: "m"\n'
        "┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓\n"
        "┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃\n"
        "┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩\n"
        "│ table (Embedding)               │ (None, 10, 64)         │     5,669,440 │\n"
        "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
        "│ rnn (SimpleRNN)                 │ (None, 64)             │         8,256 │\n"
        "├─────────────────────────────────┼────────────────────────┼───────────────┤\n"
        "│ d (Dense)                       │ (None, 1)              │            65 │\n"
        "└─────────────────────────────────┴────────────────────────┴───────────────┘\n"
        " Total params: 5,677,761 (21.66 MB)\n"
        " Trainable params: 5,677,761 (21.66 MB)\n"
        " Non-trainable params: 0 (0.00 B)\n"
    )


def branches() -> Any:
    i = Input((4,), name="i")
    a, b = Dense(1, name="a")(i), Dense(3, name="b", trainable=False)(i)
    return Model(i, Concatenate(name="join")([a, b]), name="two")


def test_layout_of_a_graph() -> None:
    model = branches()
    model.compile("sgd", "mse")
    model.fit(np.zeros((4, 4)), np.zeros((4, 4)), verbose=0)
    assert text_of(model) == (
        'Model: "two"\n'
        "┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┓\n"
        "┃ Layer (type)        ┃ Output Shape      ┃    Param # ┃ Connected to      ┃\n"
        "┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━┩\n"
        "│ i (InputLayer)      │ (None, 4)         │          0 │ -                 │\n"
        "├─────────────────────┼───────────────────┼────────────┼───────────────────┤\n"
        "│ a (Dense)           │ (None, 1)         │          5 │ i[0][0]           │\n"
        "├─────────────────────┼───────────────────┼────────────┼───────────────────┤\n"
        "│ b (Dense)           │ (None, 3)         │         15 │ i[0][0]           │\n"
        "├─────────────────────┼───────────────────┼────────────┼───────────────────┤\n"
        "│ join (Concatenate)  │ (None, 4)         │          0 │ a[0][0], b[0][0]  │\n"
        "└─────────────────────┴───────────────────┴────────────┴───────────────────┘\n"
        " Total params: 22 (88.00 B)\n"
        " Trainable params: 5 (20.00 B)\n"
        " Non-trainable params: 15 (60.00 B)\n"
        " Optimizer params: 2 (8.00 B)\n"
    )


def test_options() -> None:
    model = branches()
    shown = text_of(model, show_trainable=True, line_length=90)
    assert "Trainable" in shown
    assert [line.split("│")[5].strip() for line in shown.splitlines() if line.startswith("│")] == ["-", "Y", "N", "-"]
    assert "b (Dense)" not in text_of(model, layer_range=["i", "a"])
    with pytest.raises(ValueError, match="must name layers of"):
        text_of(model, layer_range=["i", "spam"])
    with pytest.raises(ValueError, match="less than 4 characters"):
        text_of(model, line_length=20)
    with pytest.raises(ValueError, match="positions must have 4 entries"):
        text_of(model, positions=[0.5, 1.0])
    outer = Sequential([Input((4,)), model, Dense(1, name="end")])
    assert "└ join" not in text_of(outer) and "└ join (Concatenate)" in text_of(outer, expand_nested=True)
    long = Sequential([Input((4,)), Dense(1, name="a_name_of_a_layer_that_is_too_long_for_its_column")])
    assert all(len(line) == 76 for line in text_of(long).splitlines()[1:-3])


def test_several_outputs_and_printing(capsys: pytest.CaptureFixture[str]) -> None:
    i = Input((5, 3))
    model = Model(i, LSTM(2, return_state=True)(i))
    assert "[(None, 2), (None, 2), (None, 2)]" in text_of(model, line_length=140)
    model.summary()
    assert capsys.readouterr().out.startswith('Model: "functional')


def test_a_subclass() -> None:
    class Two(Model):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = Dense(3), Dense(1)

        def call(self, x: Any) -> Any:
            return self.b(self.a(x))

    model = Two()
    model(np.ones((2, 4)))
    shown = text_of(model)
    assert "(2, 3)" in shown and "Total params: 19 (76.00 B)" in shown


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_plot_model(tmp_path: Path, rankdir: str) -> None:
    pytest.importorskip("matplotlib")
    model = branches()
    figure = plot_model(
        model, tmp_path / "m.png", show_shapes=True, show_dtype=True, show_layer_names=True, rankdir=rankdir, dpi=60,
        show_layer_activations=True, show_trainable=True,
    )  # fmt: skip
    texts = [text.get_text() for text in figure.axes[0].texts]
    for wanted in ("b (Dense)", "in:  (None, 4)", "out: (None, 3)", "frozen", "activation: linear", "dtype: float32"):
        assert wanted in texts
    assert sum(text == "" for text in texts) == 4  # arrows
    assert (tmp_path / "m.png").stat().st_size > 500
    plot_model(model, tmp_path / "m.svg")
    assert (tmp_path / "m.svg").read_text().lstrip().startswith("<?xml")


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_no_edge_of_a_drawing_runs_through_a_layer(rankdir: str) -> None:
    pytest.importorskip("matplotlib")
    tokens = Input((5,), name="tokens")
    vectors = Embedding(7, 3)(tokens)
    deep = Dense(2)(LSTM(4, return_sequences=True)(vectors))
    model = Model(tokens, Concatenate()([deep, vectors, LSTM(6, return_sequences=True)(vectors)]))
    axes = plot_model(model, None, rankdir=rankdir).axes[0]
    edges = [np.array([text.xyann, text.xy]) for text in axes.texts if text.get_text() == ""]
    edges += [np.column_stack(line.get_data()) for line in axes.lines]
    assert axes.lines  # edges that pass a level
    for box in axes.patches:
        x, y, width, height = box.get_x(), box.get_y(), box.get_width(), box.get_height()
        for edge in edges:
            for start, end in itertools.pairwise(edge):
                points = start + np.linspace(0, 1, 50)[:, None] * (end - start)
                inside = (points > (x + 1e-6, y + 1e-6)) & (points < (x + width - 1e-6, y + height - 1e-6))
                assert not inside.all(axis=1).any()


def test_plot_of_nested_models(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    outer = Sequential([Input((4,)), branches(), Dense(1)])
    folded, unfolded = plot_model(outer, None), plot_model(outer, None, expand_nested=True)
    count = [sum(text.get_text() != "" for text in figure.axes[0].texts) for figure in (folded, unfolded)]
    assert count == [3, 5]


def test_plot_model_needs_a_built_model_and_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="is not built yet"):
        plot_model(Sequential([Dense(1)]))
    with pytest.raises(ValueError, match="rankdir must be"):
        plot_model(branches(), rankdir="BT")
    with pytest.raises(TypeError, match="unknown argument"):
        plot_model(branches(), spline="ortho")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"recurra\[plot\]"):
        plot_model(branches())


def test_a_stack_on_an_embedding_is_built_for_its_summary() -> None:
    model = Sequential([Embedding(50, 6), LSTM(5, return_sequences=True), LSTM(4), Dense(1)])
    text = text_of(model)
    assert "(None, None, 6)" in text and "unbuilt" not in text
    total = 50 * 6 + 4 * 5 * (6 + 5 + 1) + 4 * 4 * (5 + 4 + 1) + 4 + 1
    assert f"Total params: {total:,}" in text
    assert model(np.ones((2, 7), "int32")).shape == (2, 1) and model(np.ones((3, 4), "int32")).shape == (3, 1)


def test_a_stack_of_unknown_input() -> None:
    text = text_of(Sequential([LSTM(4), Dense(1)]))
    assert text.count("0 (unbuilt)") == 2 and "?" in text


def test_a_stack_that_must_know_the_length_waits() -> None:
    model = Sequential([Embedding(50, 6), Flatten(), Dense(2)])
    assert "0 (unbuilt)" in text_of(model)
    assert model(np.ones((2, 7), "int32")).shape == (2, 2)
    assert f"Total params: {50 * 6 + 7 * 6 * 2 + 2:,}" in text_of(model)


@pytest.mark.parametrize(("encoding", "name"), [("ascii", "gr??e"), ("cp1252", "größe"), ("utf-8", "größe")])
def test_streams_without_box_drawing_characters(encoding: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file on Windows, or a terminal of another locale; the call ended the program with UnicodeEncodeError."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    Sequential([Input((3, 2)), LSTM(4), Dense(1, name="größe")]).summary()
    sys.stdout.flush()
    text = raw.getvalue().decode(encoding)
    assert f"{name} (Dense)" in text and ("┏━" in text) == (encoding == "utf-8")
    lines = [line for line in text.splitlines() if "─" not in line and line and line[0] in "|+│┃"]
    assert len({len(line) for line in lines}) == 1
