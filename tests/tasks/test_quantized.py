"""Tasks with 8-bit weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recurra.generation.compiled import compile_model
from recurra.tasks import LanguageModel

VERSE = "Ring a ring of roses,\na pocket full of posies,\nashes, ashes,\nwe all fall down.\n\n"


@pytest.mark.parametrize("options", [{}, {"tied": True}, {"tied": True, "embedding": 18}], ids=str)
def test_perplexity_stays_and_files_keep_it(options: dict[str, Any], tmp_path: Path) -> None:
    model = LanguageModel(**{"units": 24, "embedding": 24, "dropout": 0.0, "seed": 3, **options})
    model.fit(VERSE * 20, epochs=4, window=30, batch_size=5, learning_rate=0.02, verbose=0)
    before, whole = model.perplexity(VERSE).perplexity, model.generate("Ring a", length=12, temperature=0)
    model.quantize()
    found = model.perplexity(VERSE).perplexity
    assert found != before and abs(found / before - 1) < 0.02
    assert compile_model(model.model) is not None
    text = model.generate("Ring a", length=12, temperature=0)
    assert text[:9] == whole[:9]
    assert {layer.quantization_mode for layer in model.model.layers if layer.weights} == {"int8"}
    model.save(tmp_path / "m.rlm")
    again = LanguageModel.load(tmp_path / "m.rlm")
    assert again.perplexity(VERSE).perplexity == found
    assert again.generate("Ring a", length=12, temperature=0) == text


def test_before_training_there_is_nothing_to_quantize() -> None:
    with pytest.raises(ValueError, match=r"the LanguageModel must be trained before quantize\(\)"):
        LanguageModel().quantize()
