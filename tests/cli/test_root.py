"""The whole command: help, exit codes, one line for bad input, Ctrl-C."""

from __future__ import annotations

import inspect
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest

import recurra
from recurra.cli.answer import answer
from recurra.cli.chat import chat
from recurra.cli.classify import classify
from recurra.cli.errors import Group, as_options, one_line
from recurra.cli.lm import lm
from recurra.cli.root import cli
from recurra.cli.sentiment import sentiment
from recurra.cli.tag import tag
from recurra.cli.translate import translate
from recurra.tasks import ChatBot, LanguageModel, SentimentClassifier, StoryAnswerer, TextClassifier, Translator
from tests.support.runner import runner

COMMANDS = [
    (), ("demo",), ("info",), ("run",), ("lm",), ("lm", "train"), ("lm", "generate"), ("lm", "perplexity"),
    ("sentiment",), ("sentiment", "train"), ("sentiment", "predict"), ("sentiment", "evaluate"),
    ("translate",), ("translate", "train"), ("translate", "predict"), ("translate", "evaluate"), ("chat",),
    ("chat", "train"),
    ("chat", "talk"), ("answer",), ("answer", "train"), ("answer", "predict"), ("answer", "evaluate"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example(run: Any, command: tuple[str, ...]) -> None:
    text = run(*command, "--help").output
    assert text.count("recurra " + " ".join(command)) >= 2, "an example, beside the usage line"
    assert run(*command, "-h").output == text
    assert "\\b" not in text


def test_every_option_is_explained() -> None:
    def walk(command: click.Command, name: str) -> None:
        assert command.help, name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.opts}"
        for sub in getattr(command, "commands", {}).values():
            walk(sub, f"{name} {sub.name}")

    walk(cli, "recurra")


SHARED = {
    "train": {
        "--plot",
        "--history",
        "--resume",
        "--checkpoint-minutes",
        "--seed",
        "--quiet",
        "--force",
        "--encoding",
        "--json",
    },
    "evaluate": {"--json", "--quiet", "--encoding"},
    "predict": {"--json", "--jobs", "--quiet", "--encoding"},
}


def test_every_task_has_the_shared_options() -> None:
    for group in (sentiment, classify, tag, translate, chat, answer):
        for name, flags in SHARED.items():
            there = {flag for parameter in group.commands[name].params for flag in parameter.opts}
            assert flags <= there, f"{group.name} {name} lacks {flags - there}"


def test_every_task_has_the_same_commands() -> None:
    assert lm.commands["evaluate"] is lm.commands["perplexity"]
    for group in (lm, sentiment, classify, tag, translate, chat, answer):
        assert {"train", "evaluate", "predict"} <= set(group.commands), group.name


@pytest.mark.parametrize(
    ("command", "flag"),
    [
        (("sentiment", "predict"), "--sentence"), (("classify", "predict"), "--sentence"),
        (("classify", "explain"), "--sentence"), (("translate", "predict"), "--sentence"),
        (("tag", "predict"), "--sentence"), (("chat", "talk"), "--prompt"), (("answer", "predict"), "--question"),
    ],
)  # fmt: skip
def test_blank_texts_are_refused_before_the_work(
    run: Any, review_model: Path, tag_model: Path, command: tuple[str, str], flag: str
) -> None:
    model = tag_model if command[0] == "tag" else review_model
    texts = ("-t", " ") if flag == "--question" else ("-t", "a good film", "-t", " ")
    assert f"{flag} must hold at least one word" in run(*command, model, *texts, code=2).stderr


def test_errors_name_the_option_in_place_of_the_argument(run: Any, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("text,label\ngood,1\nbad,0\n" * 5, encoding="utf-16")
    command = ("classify", "train", table, "-o", tmp_path / "m.rsc")
    assert "begins as utf-16: pass --encoding utf-16" in run(*command, code=2).stderr
    assert "--units must be" not in as_options("units=3 must be", {"--encoding"})
    assert as_options("give format= one of a, b; x.cell=3", {"--format", "--cell"}) == (
        "give --format one of a, b; x.cell=3"
    )
    for text in ("no file /data/label=1/x.csv", "got 'a text label=1'", "a.label=3, label='"):
        assert as_options(text, {"--label"}) == text
    assert as_options("vocabulary_size must be >= 3", {"--vocabulary"}) == "--vocabulary must be >= 3"
    assert as_options("labels must be two", {"--label"}) == "labels must be two"
    assert as_options("no pair has at most maxlen=7 tokens: batch_size='2'", {"--maxlen", "--batch-size"}) == (
        "no pair has at most --maxlen 7 tokens: --batch-size 2"
    )


def test_version_and_unknown_commands(run: Any) -> None:
    assert recurra.__version__ in run("--version").output
    assert "No such command" in run("train", code=2).stderr
    assert "No such option" in run("info", "--frobnicate", code=2).stderr
    assert " lm generate." in run("gnerate", code=2).stderr
    assert " translate train," in run("trian", code=2).stderr


def test_threads(run: Any) -> None:
    before = recurra.get_num_threads()
    try:
        assert "threads:" in run("--threads", 1, "info").output
        assert recurra.get_num_threads() == 1
    finally:
        recurra.set_num_threads(before)
    run("--threads", 0, "info", code=2)


def failing(error: BaseException) -> click.Group:
    @click.group(cls=Group)
    def root() -> None:
        """Nothing."""

    @root.command()
    def fail() -> None:
        raise error

    return root


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ValueError("units must be >= 1,\n  got 0"), 2, "recurra: error: units must be >= 1, got 0"),
        (
            FileNotFoundError(2, "No such file or directory", "x.txt"),
            2,
            "recurra: error: x.txt: No such file or directory",
        ),
        (OSError(28, "No space left on device"), 2, "recurra: error: standard output: No space left on device"),
        (TypeError("text must be a str"), 2, "recurra: error: text must be a str"),
        (MemoryError(), 2, "recurra: error: MemoryError"),
        (KeyboardInterrupt(), 130, "recurra: interrupted"),
    ],
)
def test_errors_become_one_line(error: BaseException, code: int, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECURRA_DEBUG", raising=False)
    result = runner().invoke(failing(error), ["fail"])
    assert result.exit_code == code and result.stderr == line + "\n" and result.stdout == ""


def test_our_own_mistakes_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(runner().invoke(failing(KeyError("x")), ["fail"]).exception, KeyError)
    monkeypatch.setenv("RECURRA_DEBUG", "1")
    assert isinstance(runner().invoke(failing(ValueError("x")), ["fail"]).exception, ValueError)


def test_one_line_names_the_file_once() -> None:
    assert one_line(PermissionError("a.txt may not be read")) == "a.txt may not be read"
    assert one_line(RuntimeError()) == "RuntimeError"


def test_ctrl_c_saves_what_was_trained(folder: Path, tmp_path: Path) -> None:
    """A real process gets a real SIGINT in the middle of an endless training."""
    out = tmp_path / "stopped.rlm"
    command = [
        sys.executable, "-m", "recurra", "lm", "train", str(folder / "verse.txt"), "-o", str(out), "--units", "8",
        "--epochs", "100000", "--patience", "100000", "--window", "10", "--batch-size", "2",
    ]  # fmt: skip
    source = str(Path(recurra.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert first.startswith(b"epoch 1/100000")
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert f"stopped by Ctrl-C: the weights trained so far are saved in {out}".encode() in err
    assert b"Traceback" not in err
    assert len(LanguageModel.load(out).generate(length=5)) == 5


def test_the_commands_and_the_classes_have_the_same_defaults() -> None:
    """A default that is changed in one place only would train another model from the shell than from Python."""
    for group, task, names in (
        ("lm", LanguageModel, {"vocabulary": "vocabulary_size"}),
        ("sentiment", SentimentClassifier, {"vocabulary": "vocabulary_size"}),
        ("classify", TextClassifier, {"vocabulary": "vocabulary_size"}),
        ("translate", Translator, {"vocabulary": "vocabulary_size"}),
        ("answer", StoryAnswerer, {"vocabulary": "vocabulary_size"}),
    ):
        # the constructor's last: what both take, fit takes in place of the constructor's where it is given
        found = {**inspect.signature(task.fit).parameters, **inspect.signature(task).parameters}
        compared = 0
        for option in cli.commands[group].commands["train"].params:  # type: ignore[attr-defined]
            parameter = found.get(names.get(option.name, option.name))
            if parameter is not None:
                given = isinstance(option.default, (int, float, str))  # else the class decides
                assert not given or option.default == parameter.default, option.name
                compared += 1
        assert compared >= 9


def test_the_defaults_of_chat_are_those_of_the_class() -> None:
    found = {**inspect.signature(ChatBot).parameters, **inspect.signature(ChatBot.fit).parameters}
    options = {option.name: option.default for option in cli.commands["chat"].commands["train"].params}  # type: ignore[attr-defined]
    for name in ("units", "embedding", "epochs", "batch_size", "learning_rate", "least_similarity"):
        assert options[name] == found[name].default, name


def test_a_standard_output_that_lacks_a_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="cp1252"))
    with pytest.raises(UnicodeEncodeError) as caught:
        print("größe, 日本")
    assert one_line(caught.value) == (
        "standard output, whose encoding is cp1252, has no '\\u65e5': set PYTHONUTF8=1 in the environment"
    )
    with pytest.raises(UnicodeEncodeError) as caught:
        "größe".encode("ascii")  # of a file: the stream would take it
    assert "codec can't encode" in one_line(caught.value)


def test_lists_of_commands_are_not_cut() -> None:
    groups = [cli, *(command for command in cli.commands.values() if isinstance(command, click.Group))]
    for group in groups:
        width = 80 - 6 - max(map(len, group.commands))
        for name, command in group.commands.items():
            assert not command.get_short_help_str(width).endswith("..."), name


def test_commands_of_groups_are_pointed_to() -> None:
    said = runner().invoke(cli, ["quantize", "novel.rlm"], prog_name="recurra")
    groups = ("lm", "classify", "sentiment")
    assert said.exit_code == 2
    assert f"There is {', '.join(f'recurra {group} quantize' for group in groups)}." in " ".join(said.stderr.split())
    assert "There is" not in runner().invoke(cli, ["nonsense"]).stderr
