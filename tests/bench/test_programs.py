"""The table of whole programs: what is compared, and what does not run is said."""

from __future__ import annotations

import sys

import pytest

from bench.python.programs import Row, Run, check_answers, run, table


def test_table() -> None:
    quick = [Run(1.0, 80.0, True, []), Run(2.0, 90.0, True, []), Run(1.0, 85.0, True, [])]
    slow = [Run(4.0, 700.0, True, []), Run(6.0, 800.0, True, []), Run(5.0, 700.0, True, [])]
    rows = [Row("a.py", quick, slow), Row("b.py", quick, [Run(1.0, 9.0, False, [])] * 3), Row("c.py", slow, quick)]
    lines = table(rows).splitlines()
    assert lines[2] == "| a.py | 1.00 s, 90 MiB | 5.00 s, 800 MiB | 4.0× |"
    assert lines[3] == "| b.py | 1.00 s, 90 MiB | does not run |  |"
    assert lines[-1] == "2 programs run in both: 1.0 times faster in geometric mean."


@pytest.mark.skipif(sys.platform == "win32", reason="wait4")
def test_run() -> None:
    good = run([sys.executable, "-c", "x = bytearray(40 << 20); print('loss 0.5\\nno loss 3\\nloss 0.25')"], {})
    assert good.losses == [0.5, 0.25]
    assert good.ended and good.mebibytes > 40 and 0 < good.seconds < 60
    assert not run([sys.executable, "-c", "raise SystemExit(3)"], {}).ended


def test_answers_are_compared_before_speed() -> None:
    ours = Run(1.0, 1.0, True, [0.5, 0.25])
    check_answers("same_numbers_a.py", ours, Run(1.0, 1.0, True, [0.50001, 0.25]))
    check_answers("other.py", ours, Run(1.0, 1.0, True, [0.7]))
    check_answers("same_numbers_a.py", ours, Run(1.0, 1.0, False, []))
    for losses in ([0.5, 0.26], [0.5], []):
        with pytest.raises(SystemExit, match="the losses differ"):
            check_answers("same_numbers_a.py", ours, Run(1.0, 1.0, True, losses))
