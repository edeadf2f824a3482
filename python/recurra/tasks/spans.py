"""Spans in BIO labels and their precision, recall and F1, by the rules of CoNLL's evaluation (conlleval).

>>> spans(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"])
[(0, 2, 'PER'), (3, 4, 'LOC'), (4, 5, 'LOC')]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

Span = tuple[int, int, str]

_LETTERS = {"B": "B", "I": "I", "E": "E", "S": "S", "L": "E", "U": "S"}  # BILOU's letters are BIOES's others


class Scores(NamedTuple):
    """Precision, recall and their harmonic mean; 0 where there is nothing to count.

    true, predicted, correct : how many there are
    """

    precision: float
    recall: float
    f1: float
    true: int
    predicted: int
    correct: int

    @classmethod
    def of(cls, true: int, predicted: int, correct: int) -> Scores:
        """From the counts."""
        precision = correct / predicted if predicted else 0.0
        recall = correct / true if true else 0.0
        f1 = 2 * correct / (true + predicted) if true + predicted else 0.0
        return cls(precision, recall, f1, true, predicted, correct)


def are_spans(labels: Iterable[str]) -> bool:
    """Whether labels mark spans: O, and B-, I- (E-, S-; L-, U-) before a type, some B- or I- among them."""
    found = set(labels)
    marked = {label for label in found if label != "O"}
    return bool(marked) and all(_parts(label)[0] in "BIES" and label[1:2] == "-" for label in marked)


def spans(labels: Sequence[str]) -> list[Span]:
    """(first, behind the last, type) of each span of a sentence.

    A span begins at B and S, at I and E behind O, E, S or another type, and ends before the next one or O. So I may
    begin one too (IOB1), and a B inside of a span of its type begins another.
    """
    found: list[Span] = []
    begun, kind, before = -1, "", "O"
    for i, label in enumerate([*labels, "O"]):
        letter, name = _parts(label)
        begins = letter in "BS" or (letter in "IE" and (before in "OES" or name != kind))
        if begun >= 0 and (begins or letter == "O"):
            found.append((begun, i, kind))
            begun = -1
        if begins:
            begun = i
        kind, before = name, letter
    return found


def span_scores(true: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]) -> tuple[Scores, dict[str, Scores]]:
    """Of all spans, and of those of each type; a span is correct with its first word, last word and type."""
    counts: tuple[Counter[str], Counter[str], Counter[str]] = (Counter(), Counter(), Counter())
    for one, other in zip(true, predicted, strict=True):
        own, found = set(spans(one)), set(spans(other))
        for counter, some in zip(counts, (own, found, own & found), strict=True):
            counter.update(kind for _, _, kind in some)
    return summed(counts)


def label_scores(true: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]]) -> tuple[Scores, dict[str, Scores]]:
    """Of all words, and of those with each label."""
    counts: tuple[Counter[str], Counter[str], Counter[str]] = (Counter(), Counter(), Counter())
    for one, other in zip(true, predicted, strict=True):
        counts[0].update(one)
        counts[1].update(other)
        counts[2].update(a for a, b in zip(one, other, strict=True) if a == b)
    return summed(counts)


def summed(counts: tuple[Counter[str], Counter[str], Counter[str]]) -> tuple[Scores, dict[str, Scores]]:
    """Scores from the counts of true, predicted and correct ones by name."""
    names = sorted(set(counts[0]) | set(counts[1]))
    each = {name: Scores.of(*(counter[name] for counter in counts)) for name in names}
    return Scores.of(*(counter.total() for counter in counts)), each


def _parts(label: str) -> tuple[str, str]:
    """The letter of BIES or O, and the type; a label that marks no span is O."""
    letter, _, name = label.partition("-")
    found = _LETTERS.get(letter, "O")
    return (found, name) if found != "O" else ("O", "")
