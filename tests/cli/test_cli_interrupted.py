"""Trainings from the shell that are stopped, killed, or run out of room: what was learned is kept."""

from __future__ import annotations

import json
import os
import pkgutil
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.tasks import (
    ChatBot,
    LanguageModel,
    SentimentClassifier,
    SequenceTagger,
    StoryAnswerer,
    TextClassifier,
    Translator,
)
from tests.support.cli_cases import LM_TINY, SENTIMENT_TINY, TAGGED, command, environment
from tests.support.runner import runner

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and streams of POSIX")

OFTEN = ["--checkpoint-minutes", "0.003"]
EACH_BATCH = ["--checkpoint-minutes", "0.00001"]


def same(one: Path, other: Path, task: Any = LanguageModel) -> None:
    weights = [task.load(path).model.get_weights() for path in (one, other)]
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def long_training(folder: Path, out: Path, *more: Any) -> list[str]:
    return command(
        "lm", "train", folder / "verse.txt", "-o", out, "--units", 8, "--window", 10, "--batch-size", 2, "--seed", 4,
        "--patience", 100_000, *more,
    )  # fmt: skip


@contextmanager
def running(line: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A command for which signals mean what they usually do, under ``nohup`` too; killed at the end."""

    def usual_signals() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

    with subprocess.Popen(line, stderr=subprocess.PIPE, env=environment(), preexec_fn=usual_signals) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_ending_signals_save_what_was_trained(folder: Path, tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "stopped.rlm"
    line = long_training(folder, out, "--epochs", 100_000)
    with running(line) as process:
        assert process.stderr is not None and process.stderr.readline().startswith(b"epoch 1/")
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert f"stopped by {number.name}: the weights trained so far are saved in {out}; --resume goes on" in err.decode()
    assert LanguageModel.load(out).trained["interrupted"] is True
    assert Path(f"{out}.checkpoint").is_dir()


THIRTY_EPOCHS = ["--epochs", 30, *OFTEN]


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of a training that nothing stopped."""
    out = tmp_path_factory.mktemp("whole") / "whole.rlm"
    subprocess.run([*long_training(folder, out, *THIRTY_EPOCHS), "-q"], env=environment(), check=True, timeout=60)
    assert os.listdir(out.parent) == ["whole.rlm"]
    return out


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_resume_ends_with_the_same_bits(folder: Path, tmp_path: Path, whole: Path, number: signal.Signals) -> None:
    out = tmp_path / "cut.rlm"
    line = long_training(folder, out, *THIRTY_EPOCHS)
    with running(line) as process:
        assert process.stderr is not None
        for _ in range(3):
            process.stderr.readline()
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode in (-number, 128 + number) and out.exists() is (number == signal.SIGTERM)
    subprocess.run([*line, "--resume", "-q"], env=environment(), check=True, timeout=60)
    same(whole, out)
    assert os.listdir(tmp_path) == ["cut.rlm"]


# --- resuming in this process ---------------------------------------------------------------------------------------
class PowerCut(Exception):
    pass


def cut(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Let the training fail at its `after`-th batch."""
    from recurra.training.step import Stepper

    train, left = Stepper.train, [after]

    def failing(self: Any, *batch: Any) -> float:
        left[0] -= 1
        if left[0] < 0:
            raise PowerCut
        return train(self, *batch)

    monkeypatch.setattr(Stepper, "train", failing)


def cut_training(monkeypatch: pytest.MonkeyPatch, after: int, *arguments: Any) -> None:
    from recurra.cli.root import cli

    with monkeypatch.context() as patch:
        cut(patch, after)
        result = runner().invoke(cli, [str(a) for a in arguments])
        assert isinstance(result.exception, PowerCut), result.output


def test_lm_resumes(run: Any, folder: Path, tmp_path: Path, verse_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "m.rlm"
    train = ("lm", "train", folder / "verse.txt", "-o", out, *LM_TINY, "--seed", 1, "-q", *EACH_BATCH)
    cut_training(monkeypatch, 6, *train)
    assert not out.exists()
    refused = run(*train, code=2).stderr
    assert f"{out}.checkpoint holds a training that did not end: --resume goes on with it" in refused
    differs = run(*train, "--resume", "--units", 8, code=2).stderr
    assert "units must be the same as in the training that" in differs and "9, got 8" in differs
    assert "data must be the same" in run("lm", "train", folder / "reviews.tsv", *train[3:], "--resume", code=2).stderr
    (tmp_path / ".m.rlm.abc.tmp").write_bytes(b"torn")
    run(*train, "--resume")
    same(out, verse_model)
    assert os.listdir(tmp_path) == ["m.rlm"]
    assert "exists already" in run(*train, "--resume", code=2).stderr


def test_sentiment_resumes(
    run: Any, folder: Path, tmp_path: Path, review_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "m.rsc"
    train = ("sentiment", "train", folder / "reviews.tsv", "-o", out, *SENTIMENT_TINY, "--seed", 1, "-q", *EACH_BATCH)
    cut_training(monkeypatch, 9, *train)
    run(*train, "--resume")
    same(out, review_model, SentimentClassifier)


def test_resume_without_a_seed(run: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The held-out texts and the order of training are those of the run that was cut."""
    out = tmp_path / "m.rsc"
    train = ("sentiment", "train", folder / "reviews.tsv", "-o", out, *SENTIMENT_TINY, "-q", *EACH_BATCH)
    cut_training(monkeypatch, 9, *train)
    run(*train, "--resume")
    assert SentimentClassifier.load(out).trained["epochs"] >= 3


def test_force_starts_anew(run: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train = ("lm", "train", folder / "verse.txt", "-o", tmp_path / "m", *LM_TINY, "-q")
    cut_training(monkeypatch, 4, *train)
    run(*train, "--force", "--units", 5)
    assert LanguageModel.load(tmp_path / "m").units == 5 and os.listdir(tmp_path) == ["m"]


def test_no_checkpoint_where_none_is_wanted(
    run: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = ("lm", "train", folder / "verse.txt", "-o", tmp_path / "m", *LM_TINY, "-q", "--checkpoint-minutes", 0)
    cut_training(monkeypatch, 4, *train)
    assert os.listdir(tmp_path) == []
    assert "--resume needs checkpoints" in run(*train, "--resume", code=2).stderr


# --- outputs are looked at first ------------------------------------------------------------------------------------
@pytest.mark.parametrize("option", ["--out", "--history"])
def test_the_text_is_never_written_over(run: Any, tmp_path: Path, option: str) -> None:
    text = tmp_path / "t.txt"
    text.write_text("to be or not to be\n" * 20)
    (tmp_path / "link").symlink_to(text)
    more = ["-f", "-o", tmp_path / "link"] if option == "--out" else ["-o", tmp_path / "m", "--history", text]
    assert "is the file that is read" in run("lm", "train", text, *LM_TINY, *more, code=2).stderr
    assert text.read_text() == "to be or not to be\n" * 20


@pytest.mark.parametrize("kind", ["folder missing", "folder", "model"])
def test_a_history_that_cannot_be_written(run: Any, folder: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "m.rlm"
    history = {"folder missing": tmp_path / "none" / "h.csv", "folder": tmp_path, "model": out}[kind]
    result = run("lm", "train", folder / "verse.txt", "-o", out, *LM_TINY, "--history", history, code=2)
    assert str(history) in result.stderr and "epoch 1" not in result.stderr
    assert os.listdir(tmp_path) == []


def test_the_model_is_saved_before_the_history(
    run: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any, **options: Any) -> Any:
        raise OSError(28, "No space left on device", "h.csv")

    out = tmp_path / "m.rlm"
    arguments = ("lm", "train", folder / "verse.txt", "-o", out, *LM_TINY, "--history", tmp_path / "h.csv")
    with monkeypatch.context() as patch:
        patch.setattr("recurra.cli.options.atomic_write", full)
        assert "h.csv: No space left on device" in run(*arguments, code=2).stderr
    assert LanguageModel.load(out).trained["epochs"] == 2
    before = shutil.copy(out, folder / "before.rlm")
    run(*arguments, "--resume")  # nothing is trained again: the history is written
    same(out, Path(before))
    assert (tmp_path / "h.csv").read_text().startswith("epoch,")
    assert sorted(os.listdir(tmp_path)) == ["h.csv", "m.rlm"]


# --- signals in each phase ------------------------------------------------------------------------------------------
TINY = ("--units", 5, "--embedding", 4, "--epochs", 3, "--batch-size", 4, "--seed", 3, "-q", *EACH_BATCH)
TRAININGS: dict[str, tuple[Any, ...]] = {
    "lm": (LanguageModel, "verse.txt", "--window", 15),
    "sentiment": (SentimentClassifier, "reviews.tsv"),
    "classify": (TextClassifier, "reviews.tsv"),
    "tag": (SequenceTagger, "tagged.conllu", "--layers", 1, "--characters", 3),
    "translate": (Translator, "pairs.txt", "--validation", 0.2),
    "chat": (ChatBot, "pairs.txt"),
    "answer": (StoryAnswerer, "stories.txt"),
}
#: what is called in the phase, the how manieth call counts, and whether that already saves what was trained
PHASES = {
    "reading": ("recurra.utils.io.decode_pieces", 1, False),
    "vocabulary": ("recurra.tasks.fitting.Training.__init__", 1, False),
    "step": ("recurra.training.step.Stepper.train", 3, True),
    "validation": ("recurra.training.step.Stepper.test", 1, True),
    "checkpoint": ("recurra.callbacks.backup.write_state", 2, True),
    "end of training": ("recurra.tasks.fitting.Training.summary", 1, False),
    "saving": ("recurra.tasks.model_file.atomic_path", 1, False),
    "history": ("recurra.cli.options.atomic_write", 1, False),
}


@pytest.fixture(scope="module", params=TRAININGS)
def training(request: pytest.FixtureRequest, run: Any, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A task, its command up to the model's file, and the bytes of a history that nothing stopped, with its weights."""
    home = tmp_path_factory.mktemp(request.param)
    (home / "tagged.conllu").write_text(TAGGED)
    names = ("one", "two", "three", "four", "five")
    pairs = [f"{a} {b}\t{i} {j}\n" for i, a in enumerate(names) for j, b in enumerate(names)]
    (home / "pairs.txt").write_text("".join(pairs))
    told = [f"1 {a} is in the {b}.\n2 Where is {a}?\t{b}\t1\n" for a in names for b in names]
    (home / "stories.txt").write_text("".join(told))
    task, file, *more = TRAININGS[request.param]
    source = folder / file if (folder / file).exists() else home / file
    command = (request.param, "train", source, *more, *TINY)
    run(*command, "-o", home / "whole", "--history", home / "h.csv")
    return task, command, home / "whole", (home / "h.csv").read_text()


def stopped(phase: str, stop: Callable[[], Any], arguments: Any) -> tuple[int, str]:
    """The exit code of a child in which `stop` is called in the phase, and what it printed."""
    from recurra.cli.root import cli

    place, left, _ = PHASES[phase]
    owner, name = place.rsplit(".", 1)
    found: Any = pkgutil.resolve_name(owner)
    original, calls = getattr(found, name), [left]

    def calling(*given: Any, **options: Any) -> Any:
        calls[0] -= 1
        if calls[0] == 0:
            stop()
        return original(*given, **options)

    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            setattr(found, name, calling)
            result = runner().invoke(cli, [str(a) for a in arguments])
            said = (result.stdout + result.stderr).encode()
            os.write(writing, said[:4096])  # as much as a pipe holds that nobody reads yet
            os._exit(result.exit_code if calls[0] <= 0 else 99)
        finally:
            os._exit(98)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(writing)
    with open(reading, encoding="utf-8") as said:
        return code, said.read()


def resumes_with_the_same_bits(run: Any, training: Any, arguments: Any) -> None:
    """Whether ``--resume`` ends where a training ends that nothing stopped, and leaves nothing beside its files."""
    task, _, whole, history = training
    out = Path(arguments[arguments.index("-o") + 1])
    run(*arguments, "--resume")
    assert (out.parent / "h.csv").read_text() == history
    both = [task.load(path) for path in (whole, out)]
    for a, b in zip(*(getattr(one, "translator", one).model.get_weights() for one in both), strict=True):
        np.testing.assert_array_equal(a, b)
    assert sorted(os.listdir(out.parent)) == [out.name, "h.csv"]


def test_the_result_as_json(run: Any, training: Any, tmp_path: Path) -> None:
    task, command, *_ = training
    out = tmp_path / "whole"
    result = run(*command, "-o", out, "--json")
    assert json.loads(result.stdout) == {"model": str(out), **task.load(out).trained} and result.stderr == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_signals_in_each_phase(run: Any, training: Any, tmp_path: Path, phase: str, number: signal.Signals) -> None:
    task, command, *_ = training
    out = tmp_path / "cut"
    arguments = (*command, "-o", out, "--history", tmp_path / "h.csv")
    code, _ = stopped(phase, lambda: os.kill(os.getpid(), number), arguments)
    if command[0] == "chat" and phase == "validation":
        assert code == 99  # it holds nothing out
        return
    assert code == (-number if number == signal.SIGKILL else 128 + number)
    saved = PHASES[phase][2] and number == signal.SIGTERM
    assert out.exists() is (saved or phase == "history")
    if out.exists():
        task.load(out)
    resumes_with_the_same_bits(run, training, arguments)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("phase", ["vocabulary", "checkpoint", "saving", "history"])
def test_no_room_for_a_file(run: Any, training: Any, tmp_path: Path, phase: str) -> None:
    """As on a full disk, a training ends with the name of the file, and goes on where there is room again."""
    import resource

    _, command, *_ = training
    out = tmp_path / "cut"
    arguments = (*command, "-o", out, "--history", tmp_path / "h.csv")
    code, said = stopped(phase, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30, 30)), arguments)
    file = {
        "vocabulary": r"cut\.checkpoint/[a-z.-]+",
        "checkpoint": r"cut\.checkpoint/checkpoint-[0-9]+\.state",
        "saving": "cut",
        "history": r"h\.csv",
    }[phase]
    assert code == 2, said
    assert re.fullmatch(rf"recurra: error: {re.escape(str(tmp_path))}/{file}: File too large: [^\n]*\n", said), said
    more = f"; the same command with --resume goes on from the checkpoint in {out}.checkpoint\n"
    assert said.endswith(more) is (phase != "vocabulary"), said
    assert out.exists() is (phase == "history")
    resumes_with_the_same_bits(run, training, arguments)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_no_memory_for_a_step(run: Any, training: Any, tmp_path: Path) -> None:
    def out_of_memory() -> None:
        raise MemoryError("cannot hold 9 numbers")

    out = tmp_path / "cut"
    arguments = (*training[1], "-o", out, "--history", tmp_path / "h.csv")
    code, said = stopped("step", out_of_memory, arguments)
    resume = f"the same command with --resume goes on from the checkpoint in {out}.checkpoint"
    assert (code, said) == (2, f"recurra: error: cannot hold 9 numbers; {resume}\n")
    resumes_with_the_same_bits(run, training, arguments)
