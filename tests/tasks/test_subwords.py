"""Subwords: without loss on every text, and a language model of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.limits import FileFormatError
from recurra.tasks import LanguageModel
from recurra.tasks.subwords import Subwords
from recurra.tasks.vocabulary import START, UNKNOWN

VERSE = "Ring a ring of roses,\na pocket full of posies,\nashes, ashes,\nwe all fall down.\n\n"


def test_the_error_without_the_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r"pip install 'recurra\[tokenizers\]'"):
        Subwords(VERSE, 300)


def test_sizes() -> None:
    with pytest.raises(ValueError, match="vocabulary size must be >= 258"):
        Subwords(VERSE, 257)
    with pytest.raises(ValueError, match="vocabulary_size must be >= 258 for subwords, got 100"):
        LanguageModel("subword", vocabulary_size=100)
    with pytest.raises(ValueError, match="level must be 'char', 'word' or 'subword', got 'syllable'"):
        LanguageModel("syllable")


TEXTS = ["", VERSE, " start unknown  start", "<start>\r\n\t \x00", "naïve — 東京 🎻", "  two  spaces ", "\ufffd"]


def test_every_text_comes_back() -> None:
    pytest.importorskip("tokenizers")
    vocabulary = Subwords(VERSE * 5 + " start start start", 320)
    again = Subwords.from_json(vocabulary.to_json())
    assert 258 < len(vocabulary) <= 320 and len(again) == len(vocabulary)
    for text in TEXTS:
        ids = vocabulary.encode(text)
        assert ids.dtype == np.int32 and not np.isin(ids, [START, UNKNOWN]).any()
        assert vocabulary.decode(ids) == text
        np.testing.assert_array_equal(again.encode(text), ids)
        assert vocabulary.unknown(text) == []
    assert len(vocabulary.encode(VERSE)) < len(VERSE) / 2
    assert vocabulary.decode([START, *vocabulary.encode("ashes"), UNKNOWN]) == "ashes"
    with pytest.raises(ValueError, match="ids must be in"):
        vocabulary.decode([len(vocabulary)])


def _moved(d: Any) -> None:
    d["model"]["vocab"]["t"] = 5000


def _byte_gone(d: Any) -> None:
    del d["model"]["vocab"]["!"]
    d["model"]["vocab"] = {token: i for i, token in enumerate(d["model"]["vocab"])}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("model"), "must hold a model with a vocab and merges"),
        (lambda d: d["model"].update(vocab=[]), "must hold a model with a vocab and merges"),
        (_moved, r"the ids of \d+ subwords must be 0 to"),
        (_byte_gone, "1 bytes are missing"),
        (lambda d: d["model"].update(merges=[["t"]]), "every merge of subwords must be a pair"),
        (lambda d: d["model"].update(merges=[["zz", "t"]]), "the merges of subwords cannot be used"),
    ],
)
def test_damaged_vocabularies_are_refused(change: Any, said: str) -> None:
    pytest.importorskip("tokenizers")
    description = json.loads(Subwords(VERSE * 5, 270).to_json())
    Subwords.from_json(json.dumps(description))
    change(description)
    with pytest.raises(ValueError, match=said):
        Subwords.from_json(json.dumps(description))


def test_a_file_with_a_damaged_vocabulary_is_refused_by_name(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    model = LanguageModel("subword", units=5, embedding=4, vocabulary_size=270, seed=3)
    model.fit(VERSE * 9, epochs=1, window=20, batch_size=6, verbose=0)
    model.vocabulary.to_json = lambda: "{}"  # type: ignore[method-assign, union-attr]
    model.save(tmp_path / "verse.rlm")
    with pytest.raises(FileFormatError, match=r"verse\.rlm: .* must hold a model with a vocab and merges"):
        LanguageModel.load(tmp_path / "verse.rlm")


def test_without_the_package_a_file_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tokenizers")
    model = LanguageModel("subword", units=5, embedding=4, vocabulary_size=270, seed=3)
    model.fit(VERSE * 9, epochs=1, window=20, batch_size=6, verbose=0)
    model.save(tmp_path / "verse.rlm")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ImportError, match=r"pip install 'recurra\[tokenizers\]'"):
        LanguageModel.load(tmp_path / "verse.rlm")


def test_a_language_model(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    model = LanguageModel("subword", units=24, embedding=10, vocabulary_size=290, dropout=0.0, seed=3)
    model.fit(VERSE * 30, epochs=12, window=20, batch_size=6, learning_rate=0.02, patience=12, verbose=0)
    assert model.generate("Ring a ring", length=12, temperature=0) in VERSE * 2
    for seed in range(5):
        text = model.generate("é🎻 ", length=40, seed=seed, temperature=3.0)
        assert "".join(model.stream("é🎻 ", length=40, seed=seed, temperature=3.0)).replace(
            "\ufffd", ""
        ) == text.replace("\ufffd", "")
    found = model.perplexity(VERSE)
    assert found.unknown == 0 and found.characters == len(VERSE) and found.tokens < len(VERSE)
    assert len(model.next_words("Ring a", count=4)) == 4
    model.save(tmp_path / "verse.rlm")
    again = LanguageModel.load(tmp_path / "verse.rlm")
    assert again.level == "subword" and again.log_prob(VERSE) == model.log_prob(VERSE)
