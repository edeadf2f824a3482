"""Checkpoints of a task's training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recurra.tasks import (
    ChatBot,
    LanguageModel,
    SequenceTagger,
    StoryAnswerer,
    StoryQuestion,
    TextClassifier,
    TrainingCheckpoint,
    Translator,
)

STORY = [StoryQuestion(["a is here"], "where is a", "here"), StoryQuestion(["a is there"], "where is a", "there")] * 9


@pytest.mark.parametrize(
    ("task", "data"),
    [
        (LanguageModel, ["to be or not to be\n" * 9]),
        (TextClassifier, [["a b", "c d"] * 9, [0, 1] * 9]),
        (SequenceTagger, [[["a", "b"]] * 4, [["X", "Y"]] * 4]),
        (Translator, [["a b"] * 4, ["c"] * 4]),
        (ChatBot, [["a b"] * 4, ["c"] * 4]),
        (StoryAnswerer, [STORY]),
    ],
)
def test_a_path_is_no_checkpoint(task: Any, data: Any) -> None:
    with pytest.raises(
        TypeError, match=r"checkpoint must be None or a recurra.tasks.TrainingCheckpoint\(folder\), got str"
    ):
        task(units=4).fit(*data, checkpoint="run")


def test_a_training_that_is_refused_leaves_nothing_to_resume(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    checkpoint = TrainingCheckpoint(folder)
    with pytest.raises(ValueError, match="no pair has at most maxlen=1 tokens"):
        Translator(units=4, embedding=4).fit(["a b", "c d"], ["e f", "g h"], maxlen=1, verbose=0, checkpoint=checkpoint)
    assert not checkpoint.found and not folder.exists()
    with pytest.raises(ValueError, match="leaves a label without a text"):
        TextClassifier(units=4, validation=0.9).fit(["a", "b", "c", "d"], [0, 0, 1, 1], checkpoint=checkpoint)
    assert not checkpoint.found and not folder.exists()


def test_a_training_that_began_is_found(tmp_path: Path) -> None:
    checkpoint = TrainingCheckpoint(tmp_path / "run")
    sources, targets = ["a b", "c d", "a d"], ["e f", "g h", "e h"]
    Translator(units=4, embedding=4, seed=1).fit(
        sources, targets, epochs=1, validation=0, verbose=0, checkpoint=checkpoint
    )
    assert checkpoint.found
    again = TrainingCheckpoint(tmp_path / "run", resume=True)
    with pytest.raises(ValueError, match="units must be the same"):
        Translator(units=5, embedding=4, seed=1).fit(
            sources, targets, epochs=1, validation=0, verbose=0, checkpoint=again
        )
    assert again.found
    again.clear()
    assert not again.found and not (tmp_path / "run").exists()
