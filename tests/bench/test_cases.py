from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench import cases


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


def test_header_for_cpp_has_every_case(tmp_path: Path) -> None:
    header = tmp_path / "cases.hpp"
    subprocess.run([sys.executable, cases.__file__, "--cpp", str(header)], check=True)
    text = header.read_text()
    for case in cases.CASES.values():
        assert f'{{"{case.name}", {case.batch}, {case.time}, {case.inputs}, {case.units}, ' in text
    assert f"{cases.find('ragged-typical').tokens}LL, lengths_ragged_typical}}" in text
    assert f"seed = {cases.SEED};" in text
