"""What training prints, in a terminal and in a file."""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest

from recurra.callbacks import ProgbarLogger
from recurra.callbacks import progress as p
from recurra.layers import Dense, Embedding, Input
from recurra.models import Sequential


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screen(text: str) -> list[str]:
    """The lines that a terminal shows in the end."""
    return [line.split("\r")[-1] for line in text.split("\n")]


def test_a_live_line_is_rewritten_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(p, "REFRESH", 0.0)
    stream = Terminal()
    bar = p.Progress(40, 1, title="Epoch 1/2", unit="token", stream=stream)
    for number in range(40):
        bar.advance(320)
        bar.draw({"loss": 2.0 / (number + 1), "accuracy": number / 40})
    bar.finish({"loss": 0.05, "accuracy": 1.0})
    text = stream.getvalue()
    assert text.count("\n") == 2 and text.count("\r") == 41
    lines = screen(text)
    assert lines[0] == "Epoch 1/2"
    assert re.fullmatch(r"40/40 - ━{20} - \d+s, [\d.]+[kM]? tokens/s - loss: 0.0500 - accuracy: 1.0000 *", lines[1])
    assert "left" in text


def test_a_log_file_gets_one_line_for_an_epoch() -> None:
    stream = io.StringIO()
    bar = p.Progress(3, 2, title="Epoch 2/5", stream=stream)
    for _ in range(3):
        bar.advance(1)
        if bar.due():
            bar.draw({})
    bar.finish({"loss": 0.00012, "val_loss": 12345678.0})
    assert re.fullmatch(
        r"Epoch 2/5 - 3/3 - 0s, [\d.]+[kM]? steps/s - loss: 1.2000e-04 - val_loss: 1.2346e\+07\n", stream.getvalue()
    )


def test_a_long_epoch_says_where_it_is_in_a_log_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(p, "LOG_EVERY", 0.0)
    stream = io.StringIO()
    bar = p.Progress(4, 2, title="Epoch 1/1", stream=stream)
    bar.advance(1)
    assert bar.due()
    bar.draw({"loss": 1.0})
    assert re.match(r"Epoch 1/1 - 1/4 - \d+s left, ", stream.getvalue())


def test_a_closed_pipe_does_not_end_training() -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    bar = p.Progress(4, 2, stream=Broken())
    bar.finish({})
    assert bar.verbose == 0


def test_a_terminal_that_knows_only_ascii() -> None:
    class Plain(Terminal):
        def write(self, text: str) -> int:
            text.encode("ascii")
            return super().write(text)

    stream = Plain()
    bar = p.Progress(2, 1, stream=stream)
    bar.advance(1)
    bar.draw({})
    assert "==========>" in stream.getvalue()


def test_verbose_auto() -> None:
    assert p.resolve_verbose("auto", Terminal()) == 1
    assert p.resolve_verbose("auto", io.StringIO()) == 2
    assert [p.resolve_verbose(v) for v in (0, 1, 2, True, False)] == [0, 1, 2, 1, 0]
    dumb = Terminal()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "dumb")
        assert p.resolve_verbose("auto", dumb) == 2


def test_times_numbers_and_speeds() -> None:
    assert [p.say_time(s) for s in (0.2, 59, 61, 3725)] == ["0s", "59s", "1:01", "1:02:05"]
    assert p.say_number(0.0) == "0.0000" and p.say_number(np.array([1.0, 2.0])) == "[1. 2.]"
    assert p.say_speed(0.5, "step") == "2.00s/step"
    assert p.say_speed(2_500_000, "token") == "2.5M tokens/s"


def test_tokens_are_counted_in_batches_of_ids() -> None:
    unit, count = p.unit_of(np.zeros((4, 7), int))
    assert unit == "token" and count(np.zeros((3, 7), int)) == 21
    unit, count = p.unit_of({"ids": np.zeros((4, 7), int), "other": np.zeros((4, 2))})
    assert unit == "token" and count({"ids": np.zeros((2, 7), int), "other": 0}) == 14
    assert p.unit_of(np.zeros((4, 7, 2)))[0] == "step"
    assert p.unit_of(np.zeros((4, 1), int))[0] == "step"


def model() -> Any:
    made = Sequential([Input((3,)), Dense(1)])
    made.compile("sgd", "mse", metrics=["mae"])
    return made


def test_what_fit_evaluate_and_predict_print(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = np.zeros((8, 3)), np.ones((8, 1))
    made = model()
    made.fit(x, y, epochs=2, batch_size=4, validation_split=0.5)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[1].startswith("Epoch 2/2 - 1/1 - ") and "val_mae: " in lines[1]
    made.evaluate(x, y, verbose=2)
    assert "loss: " in capsys.readouterr().out
    made.predict(x, batch_size=2)
    made.evaluate(x, y, verbose=0)
    made.fit(x, y, verbose=0)
    assert capsys.readouterr().out == ""


def test_speed_is_in_tokens_for_ids(capsys: pytest.CaptureFixture[str]) -> None:
    made = Sequential([Embedding(5, 2), Dense(1)])
    made.compile("sgd", "mse")
    made.fit(np.ones((4, 6), int), np.zeros((4, 6, 1)), verbose=2)
    assert "tokens/s" in capsys.readouterr().out


def test_progbar_logger_takes_the_place_of_the_loops_own(capsys: pytest.CaptureFixture[str]) -> None:
    model().fit(np.zeros((8, 3)), np.ones((8, 1)), epochs=2, verbose=2, callbacks=[ProgbarLogger()])
    assert len(capsys.readouterr().out.splitlines()) == 2
