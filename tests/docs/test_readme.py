"""The README: its program runs, and the commands that it and the guides name are there with their options."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from recurra.cli.root import cli

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "python" / "docs" / "pages").glob("*.md"))]

pytestmark = pytest.mark.skipif(not README.exists(), reason="the README is not beside the tests")


def test_its_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    programs = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.M | re.S)
    names: dict[str, Any] = {"__name__": "readme"}
    for program in programs:
        exec(compile(program, "README.md", "exec"), names)
    assert programs and (tmp_path / "reviews.keras").is_file()


def commands(text: str) -> Iterator[tuple[click.Command, list[str]]]:
    """Each `recurra ...` in a text: the command, and the words after it, up to a pipe, a comment or a closing mark."""
    for words in (found.split() for found in re.findall(r"\brecurra ((?:[a-z]+ )[^`|\n#]*)", text)):
        command: click.Command = cli
        while words and isinstance(command, click.Group) and words[0] in command.commands:
            command = command.commands[words.pop(0)]
        if not isinstance(command, click.Group) and command.name != "run":
            yield command, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_have_their_options(page: Path) -> None:
    for command, words in commands(page.read_text("utf-8")):
        there = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
        named = {word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word)}
        assert named <= there | {"--help"}, f"recurra … {command.name}: {named - there}"
    assert len(list(commands(README.read_text("utf-8")))) > 10
