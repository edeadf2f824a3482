from __future__ import annotations

import os
from pathlib import Path

import pytest

from recurra.datasets import shakespeare

REAL = os.environ.get("RECURRA_TEST_DATA")


def test_a_text_of_one_s_own(tmp_path: Path) -> None:
    path = tmp_path / "play.txt"
    path.write_text("First Citizen:\nSpeak.\n", encoding="utf-8")
    assert shakespeare.load_data(path) == "First Citizen:\nSpeak.\n"
    path.write_bytes(b"caf\xe9")
    with pytest.raises(ValueError, match=r"play.txt is not utf-8 text: byte 0xe9 at offset 3 \(line 1\)"):
        shakespeare.load_data(path)
    with pytest.raises(FileNotFoundError, match="path: there is no file"):
        shakespeare.load_data(tmp_path / "none.txt")


@pytest.mark.skipif(not REAL, reason="RECURRA_TEST_DATA does not say where the data sets are")
def test_the_real_text() -> None:
    text = shakespeare.load_data(Path(str(REAL), "tinyshakespeare", "input.txt"))
    assert len(text) == 1_115_394 and len(set(text)) == 65
