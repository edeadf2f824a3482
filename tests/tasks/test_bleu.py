"""BLEU and chrF by sacrebleu."""

from __future__ import annotations

import pytest

from recurra.tasks.bleu import translation_scores


def test_several_references_count() -> None:
    pytest.importorskip("sacrebleu")
    outputs = ["le chat dort sur le lit .", "il pleut beaucoup en hiver ."]
    alone = translation_scores(outputs, [["le chien dort sur le lit ."], ["il neige beaucoup en hiver ."]])
    more = translation_scores(
        outputs, [["le chien dort sur le lit .", outputs[0]], ["il neige beaucoup en hiver ."]]
    )  # fmt: skip
    assert alone.bleu < more.bleu < 100 and alone.chrf < more.chrf
    assert (alone.exact, more.exact) == (0.0, 0.5)
    assert translation_scores(outputs, [[one] for one in outputs]).bleu == pytest.approx(100)


def test_its_absence_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(ImportError, match=r"recurra\[bleu\]"):
        translation_scores(["a"], [["a"]])


def test_arguments_are_checked() -> None:
    pytest.importorskip("sacrebleu")
    with pytest.raises(ValueError, match="references must be as many as outputs, 1"):
        translation_scores(["a"], [])
    with pytest.raises(ValueError, match="at least one reference"):
        translation_scores(["a"], [[]])
