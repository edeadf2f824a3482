from __future__ import annotations

import numpy as np
import pytest

from bench import cases, cells
from bench.python.peers import offers
from bench.python.problem import differences, gradient_names, make_problem
from recurra._core.cells import CELLS


@pytest.mark.parametrize(("cell", "gates"), [("lstm", 4), ("gru", 3), ("gru_reset_before", 3), ("simple_rnn", 1)])
def test_flops_by_hand(cell: str, gates: int) -> None:
    case = cases.find("20x35x650x650")
    forward = 2 * 20 * 35 * gates * 650 * (650 + 650)
    assert cells.flops(case, cell, "inference") == forward
    assert cells.flops(case, cell, "training") == 3 * forward


def test_flops_of_cells_with_other_matrices() -> None:
    case = cases.find("64x100x256x1024")
    assert cells.forward_flops(case, "indrnn") == 2 * 6400 * 1024 * 256
    assert cells.forward_flops(case, "projection_lstm") == 2 * 6400 * (4096 * (256 + 512) + 1024 * 512)


def test_flops_of_both_directions_and_of_real_tokens_only() -> None:
    one, both = cases.find("128x100x64x64"), cases.find("128x100x64x64-bi")
    assert cells.forward_flops(both, "gru") == 2 * cells.forward_flops(one, "gru")
    ragged = cases.find("ragged-longest")
    assert cells.forward_flops(ragged, "simple_rnn") == 2 * sum(ragged.lengths or ()) * 64 * 128


def test_the_bench_runs_the_cells_of_the_kernels() -> None:
    assert cells.CELLS is CELLS
    assert set(cells.COMPARED) <= set(CELLS)


@pytest.mark.parametrize("cell", CELLS)
def test_weights_and_bytes_are_those_of_the_arrays(cell: str) -> None:
    problem = make_problem("32x50x50x50", cell, "training", "float32", 1)
    weights = sum(a.size for w in problem.weights for a in w.of(problem.cell))
    assert cells.weight_count(problem.case, cell) == weights
    moved = problem.x.nbytes + problem.dy.nbytes + 4 * weights  # y is as large as dy
    assert cells.compulsory_bytes(problem.case, cell, "inference") == moved
    assert cells.compulsory_bytes(problem.case, cell, "training") == 2 * moved


@pytest.mark.parametrize("cell", CELLS)
def test_our_answer_is_whole(cell: str) -> None:
    problem = make_problem("1x100x64x64", cell, "training", "float32", 1)
    (ours,) = offers("recurra", problem)
    ours.enter()
    answer = ours.answer(ours.call())
    assert set(answer) == {"y", *problem.cell.states, *gradient_names(problem)}
    assert answer["y"].shape == problem.dy.shape
    for name, array in zip(problem.cell.weights, problem.weights[0].of(problem.cell), strict=True):
        assert answer[f"d{name}"].shape == array.shape
    assert not any(differences(problem, answer, answer).values())
    assert all(np.any(value) for value in answer.values())
