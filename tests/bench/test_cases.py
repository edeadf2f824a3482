from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import cases
from bench.python.problem import make_problem


def test_cases_are_well_formed() -> None:
    assert len(cases.CASES) == 15
    for name, case in cases.CASES.items():
        assert case.name == name == cases.find(name).name
        assert min(case.batch, case.time, case.inputs, case.units) > 0
        assert case.tokens <= case.batch * case.time
    assert cases.find("64,100,256,1024").units == 1024
    assert [case.name for case in cases.CASES.values() if case.bidirectional] == ["128x100x64x64-bi"]


def test_ragged_batches_hold_64_reviews() -> None:
    typical, longest = cases.find("ragged-typical"), cases.find("ragged-longest")
    for case in (typical, longest):
        assert case.lengths is not None
        assert len(case.lengths) == case.batch == 64
        assert max(case.lengths) == case.time
        assert min(case.lengths) > 0
        assert case.inputs == case.units == 64
    assert longest.time == 2494
    assert 230 < typical.tokens / 64 < 260  # the training set's mean is 238.7


def test_unknown_case_is_named() -> None:
    with pytest.raises(KeyError, match=r"ragged-typical.*got '2x3x4x5'"):
        cases.find("2x3x4x5")


@pytest.mark.parametrize(("cell", "gates"), [("lstm", 4), ("gru", 3), ("gru_before", 3), ("simple_rnn", 1)])
def test_flops_by_hand(cell: str, gates: int) -> None:
    case = cases.find("20x35x650x650")
    forward = 2 * 20 * 35 * gates * 650 * (650 + 650)
    assert cases.flops(case, cell, "inference") == forward
    assert cases.flops(case, cell, "training") == 3 * forward


def test_flops_of_both_directions_and_of_real_tokens_only() -> None:
    one, both = cases.find("128x100x64x64"), cases.find("128x100x64x64-bi")
    assert cases.forward_flops(both, "gru") == 2 * cases.forward_flops(one, "gru")
    ragged = cases.find("ragged-longest")
    assert cases.forward_flops(ragged, "simple_rnn") == 2 * sum(ragged.lengths or ()) * 64 * 128


@pytest.mark.parametrize("cell", cases.CELLS)
def test_weights_and_bytes_are_those_of_the_arrays(cell: str) -> None:
    problem = make_problem("32x50x50x50", cell, "training", "float32", 1)
    weights = sum(a.size for w in problem.weights for a in (w.kernel, w.recurrent_kernel, w.bias))
    assert cases.weight_count(problem.case, cell) == weights
    moved = problem.x.nbytes + problem.dy.nbytes + 4 * weights  # y is as large as dy
    assert cases.compulsory_bytes(problem.case, cell, "inference") == moved
    assert cases.compulsory_bytes(problem.case, cell, "training") == 2 * moved


def test_header_for_cpp_has_every_case(tmp_path: Path) -> None:
    header = tmp_path / "cases.hpp"
    subprocess.run([sys.executable, cases.__file__, "--cpp", str(header)], check=True)
    text = header.read_text()
    for case in cases.CASES.values():
        assert f'{{"{case.name}", {case.batch}, {case.time}, {case.inputs}, {case.units}, ' in text
    assert f"{cases.find('ragged-typical').tokens}LL, lengths_ragged_typical}}" in text
    assert f"seed = {cases.SEED};" in text
