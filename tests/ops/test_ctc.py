"""CTC against PyTorch and Keras, against all alignments written out, and at its edges."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, gradcheck, ops
from tests.golden import GOLDEN
from tests.golden.ctc_cases import draw


@pytest.fixture(scope="module")
def golden() -> Any:
    with np.load(GOLDEN / "ctc.npz") as file:
        return dict(file)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loss_and_gradient_of_pytorch(golden: Any, dtype: str) -> None:
    case = draw()
    with GradientTape() as tape:
        logits = tape.watch(case.logits.astype(dtype))
        loss = ops.ctc_loss(case.labels, logits, case.counts, case.steps)
        total = ops.sum(loss * case.factor.astype(dtype))
    assert loss.dtype == dtype
    tolerance = 1e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(loss.numpy(), golden["loss"], rtol=tolerance)
    np.testing.assert_allclose(tape.gradient(total, logits), golden["gradient"], rtol=tolerance, atol=tolerance)


def test_decoded_as_by_keras(golden: Any) -> None:
    case = draw()
    logits = case.logits.astype("float32")
    labels, scores = ops.ctc_decode(logits, case.steps)
    np.testing.assert_array_equal(labels, golden["greedy"])
    np.testing.assert_allclose(scores, golden["greedy_scores"], rtol=1e-5)
    labels, scores = ops.ctc_decode(logits, case.steps, "beam_search", beam_width=40, top_paths=3)
    np.testing.assert_array_equal(labels, golden["beams"])
    np.testing.assert_allclose(scores, golden["beams_scores"], rtol=1e-4, atol=1e-5)


def collapsed(path: Any, blank: int) -> tuple[int, ...]:
    return tuple(label for label, _ in itertools.groupby(path) if label != blank)


@pytest.mark.parametrize("blank", [0, 2])
def test_all_alignments(blank: int) -> None:
    """For few steps every path can be written out: the loss and the best labels follow from their sums."""
    random = np.random.RandomState(blank)
    logits = random.standard_normal((1, 5, 3))
    p = np.exp(logits[0]) / np.exp(logits[0]).sum(-1, keepdims=True)
    sums: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(3), repeat=5):
        labels = collapsed(path, blank)
        sums[labels] = sums.get(labels, 0.0) + float(np.prod(p[np.arange(5), path]))
    for labels, probability in sums.items():
        loss = ops.ctc_loss(np.array([labels], int).reshape(1, -1), logits, [len(labels)], [5], mask_index=blank)
        np.testing.assert_allclose(loss, [-np.log(probability)], rtol=1e-10)
    best = sorted(sums.items(), key=lambda item: -item[1])
    found, scores = ops.ctc_decode(logits, [5], "beam_search", beam_width=100, top_paths=4, mask_index=blank)
    for rank in range(4):
        assert tuple(found[rank, 0][found[rank, 0] >= 0]) == best[rank][0]
        np.testing.assert_allclose(scores[0, rank], np.log(best[rank][1]), rtol=1e-10)


def test_gradients() -> None:
    case = draw()
    gradcheck(lambda z: ops.ctc_loss(case.labels, z, case.counts, case.steps), [case.logits])
    gradcheck(lambda z: ops.ctc_loss(case.labels - 1, z, case.counts, case.steps, mask_index=-1), [case.logits])


def test_labels_that_do_not_fit() -> None:
    with GradientTape() as tape:
        logits = tape.watch(np.random.RandomState(0).standard_normal((2, 3, 4)))
        loss = ops.ctc_loss([[1, 1, 2], [1, 2, 3]], logits, [3, 3], [3, 3])
        total = ops.sum(loss)
    assert np.isinf(loss.numpy()[0]) and np.isfinite(loss.numpy()[1])
    gradient = tape.gradient(total, logits)
    assert not gradient[0].any() and np.isfinite(gradient[1]).all() and gradient[1].any()


def test_empty_axes() -> None:
    assert ops.ctc_loss(np.zeros((0, 2), int), np.zeros((0, 3, 4)), [], []).shape == (0,)
    np.testing.assert_array_equal(ops.ctc_loss(np.zeros((2, 0), int), np.zeros((2, 0, 4)), [0, 0], [0, 0]), [0, 0])
    labels, scores = ops.ctc_decode(np.zeros((2, 0, 4)), [0, 0])
    assert labels.shape == (1, 2, 0) and scores.shape == (2, 1)


def test_repeated_labels_may_be_kept() -> None:
    logits = np.eye(3)[[[1, 1, 0, 1, 2, 2]]] * 5
    for merge, wanted in ((True, [1, 1, 2]), (False, [1, 1, 1, 2, 2])):
        labels, _ = ops.ctc_decode(logits, [6], merge_repeated=merge)
        assert labels[0, 0][labels[0, 0] >= 0].tolist() == wanted


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z: ops.ctc_loss([[1]], z, [1], [5]), r"output must have shape \(B, T, C\) and target \(B, L\)"),
        (lambda z: ops.ctc_loss([[4], [1]], z, [1, 1], [5, 5]), r"class ids in \[0, C\) = \[0, 4\)"),
        (lambda z: ops.ctc_loss([[1.5], [1]], z, [1, 1], [5, 5]), "target must hold class ids"),
        (lambda z: ops.ctc_loss([[1], [1]], z, [2, 1], [5, 5]), r"target_length must hold one length in \[0, 1\]"),
        (lambda z: ops.ctc_loss([[1], [1]], z, [1, 1], [6, 5]), r"output_length must hold one length in \[0, 5\]"),
        (lambda z: ops.ctc_loss([[1], [1]], z, [1, 1], [5, 5], 4), "mask_index must be one of 4 classes, got 4"),
        (lambda z: ops.ctc_decode(z[0], [5]), r"inputs must have shape \(B, T, C\)"),
        (lambda z: ops.ctc_decode(z, [5, 5], "best"), "strategy must be 'greedy' or 'beam_search', got 'best'"),
        (lambda z: ops.ctc_decode(z, [5, 5], "beam_search", 2, 3), r"top_paths must be in \[1, beam_width\]"),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(np.zeros((2, 5, 4)))
