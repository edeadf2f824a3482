"""Progress and messages on standard output, or as lines of Python's logging."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra import callbacks, config, layers, utils
from recurra.models import Sequential
from recurra.utils.messages import message_stream


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    config.enable_interactive_logging()


def test_names() -> None:
    assert config.is_interactive_logging_enabled() and utils.is_interactive_logging_enabled()
    utils.disable_interactive_logging()
    assert not config.is_interactive_logging_enabled()
    utils.enable_interactive_logging()
    assert utils.is_interactive_logging_enabled()


def test_lines(caplog: Any, capsys: Any) -> None:
    caplog.set_level(logging.INFO, "recurra")
    print("out", file=message_stream())
    config.disable_interactive_logging()
    stream = message_stream()
    assert not stream.isatty()
    stream.write("one %s\ntwo")
    stream.flush()
    stream.write(" and three\n\n")
    print("four", file=stream)
    assert caplog.messages == ["one %s", "two and three", "four"]
    assert {(record.name, record.levelname) for record in caplog.records} == {("recurra", "INFO")}
    assert capsys.readouterr() == ("out\n", "")


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_all_that_a_training_says_goes_one_way(verbose: Any, caplog: Any, capsys: Any, tmp_path: Path) -> None:
    caplog.set_level(logging.INFO, "recurra")
    model = Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse")
    x, y = np.ones((8, 3), "float32"), np.zeros((8, 2), "float32")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.txt").write_text("x")

    def run() -> None:
        calls = [callbacks.LearningRateScheduler(lambda epoch: 0.1, verbose=1)]
        model.fit(x, y, epochs=2, verbose=verbose, callbacks=calls)
        model.evaluate(x, y, verbose=verbose)
        model.summary()
        utils.text_dataset_from_directory(str(tmp_path), label_mode="int")
        utils.Progbar(2).update(2)

    run()
    said = capsys.readouterr().out
    assert "Epoch 2" in said and "loss: " in said and "Total params: 10" in said and "2/2" in said
    assert "Found 1 files belonging to 1 classes." in said and not caplog.messages
    config.disable_interactive_logging()
    run()
    logged = "\n".join(caplog.messages)
    assert capsys.readouterr().out == ""
    for words in ("Epoch 2/2 - 1/1", "loss: ", "LearningRateScheduler", "Total params: 10", "Found 1 files", "2/2 "):
        assert words in logged, words
