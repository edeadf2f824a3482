"""Precision, recall and F1 from a confusion matrix, as tables and as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recurra.tasks.classification import Evaluation, confusion_table, evaluation_of, report_table

TRUE = [0, 0, 0, 0, 0, 1, 1, 1, 2, 2]
SAID = [0, 0, 0, 1, 1, 1, 1, 0, 1, 0]  # nothing is called the third


def some() -> tuple[list[str], np.ndarray, np.ndarray]:
    return ["ham", "spam", "so-so"], np.array(TRUE), np.eye(3)[SAID] * 5 + 0.1


def test_the_report() -> None:
    labels, targets, scores = some()
    found = evaluation_of(labels, targets, scores, np.linspace(0.1, 1.0, 10))
    assert found.accuracy == 0.5 and found.examples == 10 and found.loss == pytest.approx(0.55)
    assert found.confusion["ham"] == {"ham": 3, "spam": 2, "so-so": 0}
    report = found.report
    assert report["ham"] == pytest.approx((3 / 5, 3 / 5, 3 / 5, 5))
    assert report["spam"] == pytest.approx((2 / 5, 2 / 3, 0.5, 3))
    assert report["so-so"] == (0.0, 0.0, 0.0, 2)
    assert found.macro_f1 == pytest.approx((0.6 + 0.5 + 0) / 3)


def test_the_report_agrees_with_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    targets, scores = rng.integers(0, 4, 50), rng.normal(size=(50, 4))
    found = evaluation_of(["a", "b", "c", "d"], targets, scores, np.ones(50))
    expected = metrics.precision_recall_fscore_support(targets, scores.argmax(axis=1), zero_division=0)
    np.testing.assert_allclose(np.array(list(found.report.values())).T, expected)
    assert found.macro_f1 == pytest.approx(metrics.f1_score(targets, scores.argmax(axis=1), average="macro"))


def test_tables() -> None:
    labels, targets, scores = some()
    found = evaluation_of(labels, targets, scores, np.ones(10))
    lines = [line.split() for line in report_table(found)]
    assert lines[0] == ["precision", "recall", "f1", "support"]
    assert lines[2] == ["spam", "0.4000", "0.6667", "0.5000", "3"] and lines[-1][0] == "mean" and lines[-1][-1] == "10"
    assert [line.split()[-3:] for line in confusion_table(found)[1:]] == [
        ["3", "2", "0"],
        ["1", "2", "0"],
        ["1"] * 2 + ["0"],
    ]
    assert len({len(line) for line in report_table(found)}) == 1


def test_the_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    labels, targets, scores = some()
    canvas = evaluation_of(labels, targets, scores, np.ones(10)).plot(tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")
    axes = canvas.axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == labels
    assert [text.get_text() for text in axes.texts] == ["3", "2", "0", "1", "2", "0", "1", "1", "0"]


@pytest.mark.parametrize(("names", "turned"), [(("no", "yes", "so"), 0), (("politics and economy", "art", "law"), 45)])
def test_long_labels_are_turned_and_take_nothing_from_the_matrix(names: tuple[str, ...], turned: int) -> None:
    pytest.importorskip("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    counts = {name: {other: 1_000 + len(other) for other in names} for name in names}
    canvas = Evaluation(0.5, 1.0, 9_000, counts).plot()
    FigureCanvasAgg(canvas).draw()
    axes = canvas.axes[0]
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {turned}
    assert min(axes.get_window_extent().size) / canvas.dpi > 1.8  # inches, for three numbers of four digits
