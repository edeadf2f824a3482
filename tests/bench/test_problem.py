from __future__ import annotations

import numpy as np
import pytest

from bench.python.problem import differences, gradient_names, make_problem


def test_problems_are_the_same_each_time() -> None:
    first = make_problem("32x50x50x50", "lstm", "training", "float32", 1)
    again = make_problem("32x50x50x50", "lstm", "inference", "float32", 2)
    assert np.array_equal(first.x, again.x)
    assert np.array_equal(first.weights[0].recurrent_kernel, again.weights[0].recurrent_kernel)
    assert first.c0 is not None and not np.array_equal(first.c0, first.h0)
    assert float(np.abs(first.weights[0].kernel).max()) < 50**-0.5


def test_padding_gets_no_gradient() -> None:
    problem = make_problem("ragged-typical", "simple_rnn", "training", "float32", 1)
    assert problem.mask is not None
    assert int(problem.mask.sum()) == problem.case.tokens
    assert not problem.dy[~problem.mask].any()
    assert np.all(problem.dy[problem.mask].any(axis=-1))


def test_both_directions_have_their_own_weights() -> None:
    problem = make_problem("128x100x64x64-bi", "gru", "training", "float32", 1)
    first, second = problem.weights
    assert not np.array_equal(first.kernel, second.kernel)
    assert problem.dy.shape == (128, 100, 128) and problem.h0.shape == (2, 128, 64)
    assert "dkernel_reverse" in gradient_names(problem) and "dc0" not in gradient_names(problem)


def test_differences_are_relative_and_skip_padding() -> None:
    problem = make_problem("ragged-typical", "simple_rnn", "inference", "float32", 1)
    assert problem.mask is not None
    ours = {"y": 10 * problem.dy[..., :64]}
    theirs = {"y": ours["y"].copy()}
    theirs["y"][~problem.mask] = 7.0
    assert differences(problem, ours, theirs) == {"y": 0.0}
    largest = float(np.abs(ours["y"]).max())
    theirs["y"][0, 0, 0] += 1e-4 * largest
    assert differences(problem, ours, theirs)["y"] == pytest.approx(1e-4, rel=0.01)
    theirs["y"][0, 0, 0] += 1e-2 * largest
    with pytest.raises(ValueError, match=r"y must agree within 0.0005, differs by 0.010"):
        differences(problem, ours, theirs)
    theirs["y"][0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="differs by nan"):
        differences(problem, ours, theirs)


def test_answers_with_missing_or_misshapen_arrays_are_refused() -> None:
    problem = make_problem("1x1x128x128", "lstm", "training", "float32", 1)
    ours = {name: np.ones((2, 3), np.float32) for name in ["y", *gradient_names(problem)]}
    with pytest.raises(ValueError, match="must hold dc0"):
        differences(problem, ours, {name: value for name, value in ours.items() if name != "dc0"})
    with pytest.raises(ValueError, match=r"y must have shape \(2, 3\), got \(3, 2\)"):
        differences(problem, ours, {**ours, "y": ours["y"].T})
