"""The line that progress is drawn on."""

from __future__ import annotations

import io
import os
import sys
import threading
from types import ModuleType

import pytest

from recurra.utils.progress_line import ProgressLine, bar, is_live


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_each_text_takes_the_place_of_the_one_before() -> None:
    stream = Terminal()
    line = ProgressLine(stream)
    assert stream.getvalue() == ""
    for text in ("one, longer", "two"):
        line.show(text)
    line.end("three")
    assert stream.getvalue() == "\rone, longer\rtwo        \rthree\n"


def test_a_line_is_cut_to_the_terminal_but_for_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    stream = Terminal()
    line = ProgressLine(stream)
    line.show("x" * 50)
    line.end("x" * 50)
    assert [len(text) for text in stream.getvalue().split("\r")[1:]] == [29, 51]


def test_a_terminal_that_knows_only_ascii() -> None:
    class Plain(Terminal):
        def write(self, text: str) -> int:
            text.encode("ascii")
            return super().write(text)

    stream = Plain()
    line = ProgressLine(stream)
    line.show("━━╸─")
    assert stream.getvalue() == "\r==>-"


def test_an_unfinished_line_stays_and_the_next_takes_its_place() -> None:
    stream = Terminal()
    first = ProgressLine(stream)
    first.show("one")
    second = ProgressLine(stream)
    second.show("two")
    del first
    assert stream.getvalue() == "\rone\rtwo"


def test_bars_start_no_thread_and_are_not_switched_off_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TQDM_DISABLE", "1")
    before = set(threading.enumerate())
    stream = Terminal()
    one = bar(stream, total=3)
    one.update(3)
    one.close()
    assert "3/3" in stream.getvalue() and set(threading.enumerate()) == before


def test_what_is_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert is_live(Terminal()) and not is_live(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not is_live(Terminal())
    closed = io.StringIO()
    closed.close()
    assert not is_live(closed)


def test_a_notebook_is_live_by_the_class_of_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    class OutStream(io.StringIO):
        pass

    iostream = ModuleType("ipykernel.iostream")
    iostream.OutStream = OutStream  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ipykernel.iostream", iostream)
    assert is_live(OutStream())
    assert not is_live(type("OutStream", (io.StringIO,), {})())


def test_a_terminal_that_does_not_say_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    pty = pytest.importorskip("pty")
    monkeypatch.delenv("COLUMNS", raising=False)
    master, slave = pty.openpty()  # 0 by 0
    with os.fdopen(slave, "w", encoding="utf-8") as stream, os.fdopen(master, "rb") as screen:
        monkeypatch.setattr(sys, "stdout", stream)
        line = ProgressLine(stream)
        line.show("one")
        line.end("two")
        stream.flush()
        seen = b""
        while not seen.endswith(b"\n"):  # a terminal hands over what came so far
            seen += screen.read1(100)
        assert seen == b"\rone\rtwo\r\n"
