"""``recurra lm inspect``; ``recurra lm perplexity`` is in test_lm.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from recurra.cli.root import cli
from tests.support.cli_cases import VERSE
from tests.support.runner import runner


def test_inspect(run: Any, verse_model: Path, folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "units.html"
    inspect = ("lm", "inspect", verse_model, folder / "verse.txt", "--length", 40)
    plain = run(*inspect, "--unit", "3", "--unit", "1:9", "--html", page, "--no-color").stdout
    assert plain == f"layer 1, unit 3\n{VERSE[:40]}\nlayer 1, unit 9\n{VERSE[:40]}\n"
    assert page.read_text(encoding="utf-8").count("<h3>") == 2
    assert "\x1b[" in run(*inspect, "--color").stdout
    found = json.loads(run(*inspect, "--json", "--count", 4).stdout)
    assert "".join(found["tokens"]) == VERSE[:40] and len(found["units"]) == 4
    assert all(len(unit["values"]) == 40 for unit in found["units"])


def test_inspect_refuses(run: Any, verse_model: Path, folder: Path, tmp_path: Path) -> None:
    inspect = ("lm", "inspect", verse_model, folder / "verse.txt")
    assert "must be UNIT or LAYER:UNIT" in run(*inspect, "--unit", "a:b", code=2).stderr
    assert "in layers of 9 units, from 1, got 1:10" in run(*inspect, "--unit", "10", code=2).stderr
    assert "there is no folder" in run(*inspect, "--html", tmp_path / "no" / "a.html", code=2).stderr
    own = tmp_path / "own.txt"
    own.write_text("a ring\n", encoding="utf-8")
    refused = run("lm", "inspect", verse_model, own, "--html", own, code=2).stderr
    assert "is the file that is read" in refused and own.read_text(encoding="utf-8") == "a ring\n"
    before = verse_model.read_bytes()
    assert "cannot be both" in run("lm", "inspect", verse_model, own, "--html", verse_model, code=2).stderr
    assert verse_model.read_bytes() == before


def test_no_color(verse_model: Path, folder: Path) -> None:
    inspect = ["lm", "inspect", str(verse_model), str(folder / "verse.txt"), "--length", "9"]
    coloured = runner().invoke(cli, inspect, color=True).stdout
    assert "\x1b[" in coloured
    for words, environment in ((["--no-color"], {}), ([], {"NO_COLOR": "1"})):
        bare = runner().invoke(cli, [*inspect, *words], color=True, env=environment).stdout
        assert bare and "\x1b[" not in bare
    assert runner().invoke(cli, [*inspect, "--color"], color=True, env={"NO_COLOR": "1"}).stdout == coloured
