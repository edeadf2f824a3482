"""BLEU and chrF of translations, by sacrebleu (extra ``recurra[bleu]``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class TranslationScores(NamedTuple):
    """BLEU and chrF, 0 to 100, the share of texts that equal a reference, and sacrebleu's signature of BLEU."""

    bleu: float
    chrf: float
    exact: float
    signature: str


def translation_scores(outputs: Sequence[str], references: Sequence[Sequence[str]]) -> TranslationScores:
    """Compare each output with its references, one or several.

    raises : ImportError without sacrebleu
    """
    metrics = sacrebleu_metrics()
    if len(outputs) != len(references) or not len(outputs):
        raise ValueError(f"references must be as many as outputs, {len(outputs)} (at least 1), got {len(references)}")
    if not all(references):
        raise ValueError("each output must have at least one reference")
    most = max(map(len, references))
    columns: list[list[str | None]] = [[r[i] if i < len(r) else None for r in references] for i in range(most)]
    bleu, chrf = metrics.BLEU(), metrics.CHRF()
    found = bleu.corpus_score(list(outputs), columns).score
    other = chrf.corpus_score(list(outputs), columns).score
    exact = sum(output in known for output, known in zip(outputs, references, strict=True)) / len(outputs)
    return TranslationScores(float(found), float(other), exact, str(bleu.get_signature()))


def sacrebleu_metrics() -> Any:
    """The metrics of sacrebleu; long work asks for it before it begins.

    raises : ImportError that names the extra
    """
    try:
        from sacrebleu import metrics
    except ImportError as error:
        raise ImportError("BLEU needs sacrebleu: pip install 'recurra[bleu]'") from error
    return metrics
