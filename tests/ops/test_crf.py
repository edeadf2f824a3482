"""Linear-chain CRF against all paths written out, gradients against differences, and its edges."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
import pytest

from recurra import GradientTape, Variable, gradcheck, ops
from tests.support.tolerances import assert_same_bits

MASKS = {
    "full": [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1]],
    "behind": [[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 1, 0]],
    "before": [[0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]],
    "between": [[1, 0, 1, 1], [0, 1, 0, 1], [1, 1, 0, 0]],
    "nothing": [[1, 1, 0, 0], [0, 0, 0, 0], [0, 1, 1, 0]],
}


class Case(NamedTuple):
    scores: Any
    labels: Any
    transitions: Any
    start: Any
    end: Any
    mask: Any

    @property
    def of_scores(self) -> tuple[Any, ...]:
        return self.scores, self.transitions, self.start, self.end, self.mask

    @property
    def of_labels(self) -> tuple[Any, ...]:
        return self.scores, self.labels, self.transitions, self.start, self.end, self.mask


def draw(mask: str = "full", scale: float = 1.0, dtype: str = "float64", classes: int = 5) -> Case:
    """B = 3, T = 4, C = 5."""
    random = np.random.RandomState(len(mask))
    sizes = (3, 4, classes), (classes, classes), (classes,), (classes,)
    scores, transitions, start, end = (scale * random.standard_normal(size).astype(dtype) for size in sizes)
    return Case(scores, random.randint(0, classes, (3, 4)), transitions, start, end, np.array(MASKS[mask], bool))


def paths(case: Case, row: int) -> dict[tuple[int, ...], float]:
    """The score of every path of a row."""
    steps = np.flatnonzero(case.mask[row])
    found = {}
    for path in itertools.product(range(case.scores.shape[-1]), repeat=len(steps)):
        score = sum(float(case.scores[row, t, y]) for t, y in zip(steps, path, strict=True))
        score += sum(float(case.transitions[a, b]) for a, b in itertools.pairwise(path))
        found[path] = score + (float(case.start[path[0]]) + float(case.end[path[-1]]) if path else 0.0)
    return found


def log_sum(values: Any) -> float:
    values = np.asarray(list(values))
    return float(values.max() + np.log(np.exp(values - values.max()).sum()))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1.0, 400.0])
@pytest.mark.parametrize("mask", MASKS)
def test_all_paths(mask: str, scale: float, dtype: str) -> None:
    case = draw(mask, scale, dtype)
    norm, score = ops.crf_log_norm(*case.of_scores), ops.crf_path_score(*case.of_labels)
    labels, best = ops.viterbi_decode(*case.of_scores)
    marginals = ops.crf_marginals(*case.of_scores)
    assert norm.dtype == score.dtype == best.dtype == marginals.dtype == dtype
    assert labels.dtype == np.int32
    close = {"rtol": 2e-6, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-10}
    for row in range(3):
        every = paths(case, row)
        total = log_sum(every.values())
        np.testing.assert_allclose(norm[row], total, **close)
        given = tuple(case.labels[row][case.mask[row]].tolist())
        np.testing.assert_allclose(score[row], every[given], **close)
        top = max(every, key=lambda path: every[path])
        np.testing.assert_allclose(best[row], every[top], **close)
        assert tuple(labels[row][case.mask[row]].tolist()) == top
        assert not labels[row][~case.mask[row]].any()
        share = np.zeros((4, 5))
        for path, value in every.items():
            share[np.flatnonzero(case.mask[row]), path] += np.exp(value - total)
        np.testing.assert_allclose(marginals[row], share, rtol=0, atol=1e-6 if dtype == "float32" else 1e-10)
    np.testing.assert_allclose(ops.crf_log_likelihood(*case.of_labels), score - norm, **close)


@pytest.mark.parametrize("scale", [1.0, 60.0])
@pytest.mark.parametrize("mask", MASKS)
def test_gradients(mask: str, scale: float) -> None:
    """60 times larger scores go through the logsumexp over (B, C, C)."""
    case = draw(mask, scale)

    def log_likelihood(scores: Any, transitions: Any, start: Any, end: Any) -> Any:
        return ops.crf_log_likelihood(scores, case.labels, transitions, start, end, case.mask)

    def log_norm(scores: Any, transitions: Any, start: Any, end: Any) -> Any:
        return ops.crf_log_norm(scores, transitions, start, end, case.mask)

    inputs = [case.scores, case.transitions, case.start, case.end]
    assert gradcheck(log_likelihood, inputs)
    assert gradcheck(log_norm, inputs)


def test_start_and_end_may_be_left_out() -> None:
    case = draw("behind")
    zeros = np.zeros(5)
    whole = ops.crf_log_likelihood(case.scores, case.labels, case.transitions, zeros, zeros, case.mask)
    with GradientTape() as tape:
        transitions = tape.watch(case.transitions)
        loss = ops.crf_log_likelihood(case.scores, case.labels, transitions, mask=case.mask)
    np.testing.assert_array_equal(loss.numpy(), whole)
    assert tape.gradient(loss, transitions).shape == (5, 5)


def test_a_row_alone_gives_the_same() -> None:
    case = draw("between")
    together = ops.crf_log_norm(*case.of_scores)
    labels, _ = ops.viterbi_decode(*case.of_scores)
    for row in range(3):
        steps = case.mask[row]
        alone = case.scores[row : row + 1, steps]
        np.testing.assert_allclose(
            ops.crf_log_norm(alone, case.transitions, case.start, case.end)[0], together[row], rtol=1e-13
        )
        decoded, _ = ops.viterbi_decode(alone, case.transitions, case.start, case.end)
        np.testing.assert_array_equal(decoded[0], labels[row, steps])


def test_what_stands_at_masked_steps_does_not_count() -> None:
    case = draw("between")
    other = case._replace(
        scores=np.where(case.mask[..., None], case.scores, np.nan), labels=np.where(case.mask, case.labels, -7)
    )
    for function in (ops.crf_log_norm, ops.crf_marginals):
        np.testing.assert_array_equal(function(*case.of_scores), function(*other.of_scores))
    np.testing.assert_array_equal(ops.crf_path_score(*case.of_labels), ops.crf_path_score(*other.of_labels))
    np.testing.assert_array_equal(ops.viterbi_decode(*case.of_scores)[0], ops.viterbi_decode(*other.of_scores)[0])


def test_forbidden_transitions() -> None:
    """Transitions of -inf: paths through them have probability 0."""
    case = draw("behind")
    transitions = case.transitions.copy()
    transitions[:, 2] = -np.inf  # label 2 at the first step only
    case = case._replace(transitions=transitions)
    norm = ops.crf_log_norm(*case.of_scores)
    for row in range(3):
        np.testing.assert_allclose(norm[row], log_sum(paths(case, row).values()), rtol=1e-12)
    labels, _ = ops.viterbi_decode(*case.of_scores)
    assert not (labels[:, 1:] == 2).any()
    assert ops.crf_marginals(*case.of_scores)[:, 1:, 2].max() == 0
    with GradientTape() as tape:
        scores = tape.watch(case.scores)
        norm = ops.crf_log_norm(scores, *case.of_scores[1:])
    assert np.isfinite(tape.gradient(norm, scores)).all()


def test_no_possible_path() -> None:
    scores, transitions = np.zeros((1, 2, 3)), np.full((3, 3), -np.inf)
    with GradientTape() as tape:
        watched = tape.watch(scores)
        norm = ops.crf_log_norm(watched, transitions)
    assert norm.numpy()[0] == -np.inf
    np.testing.assert_array_equal(tape.gradient(norm, watched), np.zeros((1, 2, 3)))


@pytest.mark.parametrize("shape", [(0, 4, 5), (3, 0, 5), (0, 0, 1), (2, 1, 1)])
def test_empty_and_single(shape: tuple[int, int, int]) -> None:
    random = np.random.RandomState(0)
    scores, transitions = random.standard_normal(shape), random.standard_normal((shape[2], shape[2]))
    labels = np.zeros(shape[:2], int)
    with GradientTape() as tape:
        watched, pairs = tape.watch(scores), tape.watch(transitions)
        loss = ops.crf_log_likelihood(watched, labels, pairs)
    assert loss.shape == (shape[0],)
    np.testing.assert_allclose(loss.numpy(), np.zeros(shape[0]), atol=1e-12)
    d_scores, d_pairs = tape.gradient(loss, [watched, pairs])
    assert d_scores.shape == shape
    assert d_pairs.shape == transitions.shape
    assert ops.viterbi_decode(scores, transitions)[0].shape == shape[:2]
    assert ops.crf_marginals(scores, transitions).shape == shape


def test_errors() -> None:
    case = draw()
    with pytest.raises(ValueError, match=r"scores must have shape \(B, T, C\).*got \(3, 4\)"):
        ops.crf_log_norm(case.scores[..., 0], case.transitions)
    with pytest.raises(ValueError, match=r"transitions must have shape \(C, C\) = \(5, 5\), got \(4, 4\)"):
        ops.crf_log_norm(case.scores, case.transitions[:4, :4])
    with pytest.raises(ValueError, match=r"end must have shape \(C,\) = \(5,\), got \(4,\)"):
        ops.viterbi_decode(case.scores, case.transitions, case.start, case.end[:4])
    with pytest.raises(ValueError, match=r"mask must have shape \(B, T\) = \(3, 4\), got \(3, 3\)"):
        ops.crf_marginals(case.scores, case.transitions, mask=case.mask[:, :3])
    with pytest.raises(ValueError, match=r"labels must be in \[0, C\) = \[0, 5\), got ids from \d to 5"):
        ops.crf_path_score(case.scores, np.full((3, 4), 5), case.transitions)
    with pytest.raises(ValueError, match=r"labels must have shape \(B, T\) = \(3, 4\), got \(3, 2\)"):
        ops.crf_path_score(case.scores, case.labels[:, :2], case.transitions)
    with pytest.raises(ValueError, match="labels must hold label ids, got dtype float64"):
        ops.crf_path_score(case.scores, case.labels + 0.5, case.transitions)


@pytest.mark.parametrize("steps", [1, 9, 40])
@pytest.mark.parametrize("classes", [1, 2, 5])
@pytest.mark.parametrize("far", [None, 1e4, np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("masked", [False, True])
def test_a_row_does_not_depend_on_the_others(steps: int, classes: int, far: float | None, masked: bool) -> None:
    rng = np.random.default_rng(steps + classes)
    scores, transitions = rng.normal(size=(6, steps, classes)), rng.normal(size=(classes, classes))
    edges = rng.normal(size=(2, classes))
    labels, mask = rng.integers(0, classes, (6, steps)), rng.random((6, steps)) < 0.7
    if far is not None:
        scores[3] = scores[3] * 1e4 if far == 1e4 else far

    def found(rows: slice) -> list[Any]:
        x, chain = scores[rows], (transitions, *edges, mask[rows] if masked else None)
        return [
            np.asarray(ops.crf_log_norm(x, *chain)),
            np.asarray(ops.crf_path_score(x, labels[rows], *chain)),
            ops.crf_marginals(x, *chain),
            *ops.viterbi_decode(x, *chain),
        ]

    with np.errstate(invalid="ignore"):
        whole = found(slice(None))
        for i in range(6):
            for all_rows, alone in zip(whole, found(slice(i, i + 1)), strict=True):
                assert_same_bits(alone[0], all_rows[i], "recurrent")


def test_the_gradient_of_a_batch_with_far_scores_is_that_of_its_rows() -> None:
    rng = np.random.default_rng(5)
    scores, transitions = rng.normal(size=(5, 6, 3)), rng.normal(size=(3, 3))
    scores[[1, 4]] *= 1e4
    mask = rng.random((5, 6)) < 0.8
    share = rng.normal(size=5)

    def gradients(rows: slice) -> list[Any]:
        values = [Variable(scores[rows]), Variable(transitions)]
        with GradientTape() as tape:
            loss = ops.sum(ops.crf_log_norm(*values, None, None, mask[rows]) * share[rows])
        return [np.asarray(value) for value in tape.gradient(loss, values)]

    whole = gradients(slice(None))
    alone = [gradients(slice(i, i + 1)) for i in range(5)]
    np.testing.assert_allclose(whole[0], np.concatenate([one[0] for one in alone]), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(whole[1], sum(one[1] for one in alone), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e300, 0.5, -1, "a", None, 2**63 + 1])
def test_labels_that_are_none(wrong: Any) -> None:
    scores, transitions, mask = np.zeros((2, 4, 3)), np.zeros((3, 3)), np.ones((2, 4), bool)
    labels = np.array([[0, 1, 2, wrong], [0, 0, 0, 0]])
    with pytest.raises(ValueError, match="labels must"):
        ops.crf_path_score(scores, labels, transitions, mask=mask)
    if labels.dtype.kind in "iuf":  # at a masked step it does not count
        mask[0, 3] = False
        ops.crf_path_score(scores, labels, transitions, mask=mask)


def test_a_likelihood_in_float32_has_its_digits() -> None:
    """Of path scores and norms of some thousands the difference has six places behind the point."""
    rng = np.random.default_rng(12)
    scores = (300 + rng.normal(size=(3, 90, 4))).astype(np.float32)
    labels, transitions = rng.integers(0, 4, (3, 90)), rng.normal(size=(4, 4)).astype(np.float32)
    found = ops.crf_log_likelihood(scores, labels, transitions)
    expected = ops.crf_log_likelihood(scores.astype(np.float64), labels, transitions.astype(np.float64))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=3e-7)
