"""Spans by conlleval's rules, on cases with known results."""

from __future__ import annotations

import pytest

from recurra.tasks.spans import Scores, are_spans, label_scores, span_scores, spans

#: labels : the spans that conlleval finds
CASES = {
    "": [],
    "O O": [],
    "B-A I-A O": [(0, 2, "A")],
    "B-A B-A": [(0, 1, "A"), (1, 2, "A")],
    "I-A I-A": [(0, 2, "A")],  # IOB1
    "I-A B-A I-A": [(0, 1, "A"), (1, 3, "A")],
    "I-A I-B": [(0, 1, "A"), (1, 2, "B")],
    "B-A I-B I-B O": [(0, 1, "A"), (1, 3, "B")],
    "O I-A": [(1, 2, "A")],
    "B-A O I-A": [(0, 1, "A"), (2, 3, "A")],
    "S-A S-A": [(0, 1, "A"), (1, 2, "A")],  # BIOES
    "B-A I-A E-A E-A": [(0, 3, "A"), (3, 4, "A")],
    "B-A E-A I-A": [(0, 2, "A"), (2, 3, "A")],
    "S-A I-A": [(0, 1, "A"), (1, 2, "A")],
    "B-A L-A U-B": [(0, 2, "A"), (2, 3, "B")],  # BILOU
    "B-long-name I-long-name": [(0, 2, "long-name")],
    "B I O": [(0, 2, "")],  # without a type
}


@pytest.mark.parametrize("labels", CASES)
def test_spans(labels: str) -> None:
    assert spans(labels.split()) == CASES[labels]


def test_scores_of_spans() -> None:
    """A longer, a shorter and a wrong span are all wrong."""
    true = [["B-A", "I-A", "O", "B-B", "O", "B-A"], ["B-B", "I-B", "O"]]
    found = [["B-A", "I-A", "O", "B-B", "I-B", "B-B"], ["B-B", "I-B", "O"]]
    whole, each = span_scores(true, found)
    assert whole == Scores(0.5, 0.5, 0.5, 4, 4, 2)
    assert each == {"A": Scores(1.0, 0.5, 2 / 3, 2, 1, 1), "B": Scores(1 / 3, 0.5, 0.4, 2, 3, 1)}


def test_counts_by_hand() -> None:
    """Of 3 found chunks all but the missing preposition's: NP, VP, and an NP that ends too early."""
    true = [["B-NP", "I-NP", "B-VP", "B-NP", "I-NP", "B-PP"]]
    found = [["B-NP", "I-NP", "B-VP", "B-NP", "O", "O"]]
    whole, _ = span_scores(true, found)
    assert (whole.true, whole.predicted, whole.correct) == (4, 3, 2)
    assert whole.precision == pytest.approx(2 / 3) and whole.recall == 0.5 and whole.f1 == pytest.approx(4 / 7)


def test_nothing_to_find() -> None:
    assert span_scores([["O"]], [["O"]]) == (Scores(0.0, 0.0, 0.0, 0, 0, 0), {})
    assert span_scores([["O"]], [["B-A"]])[0] == Scores(0.0, 0.0, 0.0, 0, 1, 0)


def test_scores_of_labels() -> None:
    whole, each = label_scores([["D", "N"], ["N"]], [["D", "V"], ["N"]])
    assert whole == Scores(2 / 3, 2 / 3, 2 / 3, 3, 3, 2)
    assert each == {"D": Scores(1, 1, 1, 1, 1, 1), "N": Scores(1, 0.5, 2 / 3, 2, 1, 1), "V": Scores(0, 0, 0, 0, 1, 0)}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["O", "B-A", "I-A"], True),
        (["B-A"], True),
        (["S-A", "O", "U-B"], True),
        (["O"], False),
        (["NOUN", "O"], False),
        (["INTJ", "B-A"], False),
        (["B", "I", "O"], False),
        ([], False),
    ],
)
def test_are_spans(labels: list[str], expected: bool) -> None:
    assert are_spans(labels) is expected
