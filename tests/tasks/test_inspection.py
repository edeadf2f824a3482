"""Units of a language model over a text: their values, which are picked, how they are shown."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from recurra import ops
from recurra.tasks import LanguageModel
from recurra.tasks.inspection import colour, inspect_text, interesting_units, unit_values
from recurra.tasks.vocabulary import START

TEXT = "ring a <ring> of roses,\na pocket & full\n" * 8


def _model(**options: Any) -> LanguageModel:
    model = LanguageModel(seed=3, **{"units": 7, "embedding": 5, **options})
    model.fit(TEXT, epochs=1, window=15, batch_size=2, verbose=0)
    return model


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_values_are_those_of_the_kernels(cell: str) -> None:
    model = _model(cell=cell, layers=2)
    ids = model.vocabulary.encode(TEXT[:30])  # type: ignore[union-attr]
    found = unit_values(model.model, ids)
    assert [values.shape for values in found] == [(30, 7), (30, 7)]
    embedding, first = model.model.layers[0], model.model.layers[1]
    vectors = np.asarray(embedding(np.concatenate([[START], ids]).astype(np.int32)[None]))
    y, state, _ = ops.run_cell(cell, vectors, first.cell._kernel_weights(), None)
    expected = np.tanh(np.asarray(state[1])) if cell == "lstm" else np.asarray(y)[:, -1]
    np.testing.assert_allclose(found[0][-1], expected[0], rtol=1e-5, atol=1e-6)


def test_picked_units_are_strong_balanced_slow_and_unlike(rng: np.random.Generator) -> None:
    n = 400
    slow = np.where(np.arange(n) // 50 % 2, 0.9, -0.9)
    other = np.where(np.arange(n) // 35 % 2, 0.8, -0.8)
    first = np.stack([rng.uniform(-1, 1, n), np.full(n, 0.99), 0.1 * slow, slow], axis=1)
    second = np.stack([-slow * 0.95, other], axis=1)
    assert interesting_units([first, second], 2) == [(1, 4), (2, 2)]
    assert sorted(interesting_units([first, second], 9)) == [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2)]


def test_shown(rng: np.random.Generator) -> None:
    found = inspect_text(_model(layers=2), TEXT, [(1, 7), (2, 3)], length=45)
    assert "".join(found.tokens) == TEXT[:45] and found.values.shape == (45, 2)
    texts: list[str] = []

    class Reader(HTMLParser):
        def handle_data(self, data: str) -> None:
            texts.append(data)

    reader = Reader()
    reader.feed(found.to_html())
    assert "".join(texts).count(TEXT[:45]) == 2
    assert found.coloured(0).count("\n") == TEXT[:45].count("\n")
    assert found.to_dict()["units"][1] == {
        "layer": 2, "unit": 3, "values": [round(float(v), 4) for v in found.values[:, 1]]
    }  # fmt: skip
    assert colour(0.0) == (255, 255, 255) and colour(1.0) == (80, 80, 255) and colour(-1.0) == (255, 80, 80)


def test_refused() -> None:
    model = _model()
    for units in ([(0, 1)], [(2, 1)], [(1, 8)], [(1, 0)]):
        with pytest.raises(ValueError, match="units must be LAYER:UNIT in layers of 7 units, from 1, got"):
            inspect_text(model, TEXT, units)
    with pytest.raises(ValueError, match="text must not be empty"):
        inspect_text(model, "")


def test_unknown_tokens_are_shown_as_they_are_written() -> None:
    letters = inspect_text(_model(), "a zebra\u20ac!", [(1, 1)])
    assert "".join(letters.tokens) == "a zebra\u20ac!"
    words = inspect_text(_model(level="word"), "a zebra of yaks", [(1, 1)], length=3)
    assert words.tokens == ["a", " zebra", " of"] and words.values.shape == (3, 1)
