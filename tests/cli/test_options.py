"""Outputs that would destroy something are refused before any work."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from recurra.cli.root import cli
from tests.support.runner import runner


@pytest.mark.parametrize("command", [["lm", "train"], ["sentiment", "train"], ["demo", "--text"]])
@pytest.mark.parametrize("way", ["same", "link", "hard link"])
def test_the_input_is_never_overwritten(tmp_path: Path, command: list[str], way: str) -> None:
    source = tmp_path / "t.txt"
    source.write_text("pos\tgood fun\nneg\ta bad film\n" * 20)
    out = source
    if way != "same":
        out = tmp_path / "out"
        (os.link if way == "hard link" else os.symlink)(source, out)
    before = source.read_text()
    done = runner().invoke(cli, [*command, str(source), "-f", "-o", str(out)])
    assert done.exit_code == 2 and done.stderr.count("\n") == 1
    assert f"{out} is the file that is read, {source}: choose another name" in done.stderr
    assert source.read_text() == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
@pytest.mark.parametrize("through", ["pipe", "link", "/dev/null"])
def test_pipes_and_devices_are_refused(tmp_path: Path, through: str) -> None:
    (tmp_path / "t.txt").write_text("a small text " * 50)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    out = through if through == "/dev/null" else str(tmp_path / through)
    done = runner().invoke(cli, ["lm", "train", str(tmp_path / "t.txt"), "-f", "-o", out])
    assert done.exit_code == 2 and "must be a file, got a pipe, a socket or a device" in done.stderr


def test_an_unknown_label_is_told_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("pos\tgood fun\nneg\ta bad film\n" * 20)
    (tmp_path / "e.txt").write_text("pos\tgood fun\n\nposs\tgood\n")
    model = str(tmp_path / "m.rsc")
    train = ["sentiment", "train", str(tmp_path / "t.txt"), "-o", model, "--epochs", "1", "--units", "3", "-q"]
    assert runner().invoke(cli, train).exit_code == 0
    done = runner().invoke(cli, ["sentiment", "evaluate", model, str(tmp_path / "e.txt")])
    assert done.exit_code == 2 and done.stderr.count("\n") == 1
    assert "e.txt, line 3: the label must be one of 'neg', 'pos', got 'poss'" in done.stderr
