"""``recurra lm generate`` and ``recurra lm predict``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.tasks import LanguageModel
from tests.support.cli_cases import VERSE


@pytest.fixture(scope="module")
def word_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("words") / "words.rlm"
    model = LanguageModel("word", units=7, embedding=5, vocabulary_size=15, seed=4)
    model.fit(VERSE * 6, epochs=1, window=13, batch_size=3, verbose=0)
    model.save(out)
    return out


def test_generate(run: Any, verse_model: Path) -> None:
    generate = ("lm", "generate", verse_model, "--length", 30)
    text = run(*generate, "--prompt", "Ring ", "--seed", 1).stdout
    assert text.startswith("Ring ") and len(text) == 5 + 30 + 1
    assert run(*generate, "--prompt", "Ring ", "--seed", 1).stdout == text
    assert run(*generate, "--prompt", "-", "--seed", 1, stdin="Ring ").stdout == text
    assert run(*generate, "--prompt", "Ring ", "--seed", 1, "--no-echo").stdout == text[5:]
    assert run(*generate, "--prompt", "Ring ", "--seed", 2).stdout != text
    three = run(*generate, "--seed", 1, "--count", 3).stdout.split("-" * 60 + "\n")
    assert len(three) == 3 and len(set(three)) == 3
    assert three[1] == run(*generate, "--seed", 2).stdout
    greedy = run(*generate, "--temperature", 0).stdout
    assert run(*generate, "--temperature", 0, "--repetition-penalty", 50).stdout != greedy
    assert greedy == run(*generate, "--top-k", 1, "--seed", 4).stdout == run(*generate, "--top-p", 1e-6).stdout


def test_beam(run: Any, verse_model: Path) -> None:
    texts = run("lm", "generate", verse_model, "--length", 4, "--beam", 3, "--count", 2, "--prompt", "a ").stdout
    assert texts.count("a ") >= 2
    for options in (
        ["--temperature", 0.5],
        ["--top-k", 3],
        ["--top-p", 0.5],
        ["--repetition-penalty", 1.1],
        ["--seed", 1],
    ):
        assert (
            "--beam searches and draws nothing"
            in run("lm", "generate", verse_model, "--beam", 3, *options, code=2).stderr
        )


def test_beam_with_stops(run: Any, verse_model: Path) -> None:
    generate = ("lm", "generate", verse_model, "--prompt", "a ", "--beam", 3, "--length", 20, "--json")
    model = LanguageModel.load(verse_model)
    for words, options in (
        (["--stop", "e"], {"stop": "e"}),
        (["--stop", "e", "--stop", ", ", "--length-penalty", 0.5], {"stop": ["e", ", "], "length_penalty": 0.5}),
        (["--stop", "es", "--early-stopping"], {"stop": "es", "early_stopping": True}),
    ):
        found = [json.loads(line) for line in run(*generate, *words, "--count", 2).stdout.splitlines()]
        wanted = model.search("a ", length=20, width=3, **options)[:2]
        assert [one["text"] for one in found] == [one.text for one in wanted]
        assert [one["score"] for one in found] == [round(one.score, 6) for one in wanted]
    for alone in (["--length-penalty", 2], ["--early-stopping"]):
        assert "need --beam" in run("lm", "generate", verse_model, *alone, code=2).stderr


def test_the_text_is_that_of_python(run: Any, verse_model: Path) -> None:
    options = {"length": 25, "temperature": 1.1, "top_k": 9, "top_p": 0.9, "repetition_penalty": 1.2, "seed": 7}
    words = [word for name, value in options.items() for word in ("--" + name.replace("_", "-"), value)]
    text = run("lm", "generate", verse_model, "--prompt", "a ", "--no-echo", *words).stdout
    assert text == LanguageModel.load(verse_model).generate("a ", **options) + "\n"


def test_several_prompts(run: Any, verse_model: Path) -> None:
    prompts = ["Ring ", "a pocket", "we"]
    given = [word for prompt in prompts for word in ("--prompt", prompt)]
    result = run("lm", "generate", verse_model, *given, "--length", 12, "--seed", 3, "--count", 2, "--json").stdout
    found = [json.loads(line) for line in result.splitlines()]
    assert [one["prompt"] for one in found] == prompts * 2 and [one["seed"] for one in found] == [3] * 3 + [4] * 3
    model = LanguageModel.load(verse_model)
    assert [one["text"] for one in found[3:]] == model.generate(prompts, length=12, seed=4)
    plain = run("lm", "generate", verse_model, *given, "--length", 12, "--seed", 3).stdout
    assert plain == ("-" * 60 + "\n").join(one["prompt"] + one["text"] + "\n" for one in found[:3])
    best = run("lm", "generate", verse_model, *given, "--length", 4, "--beam", 2, "--json").stdout
    assert [json.loads(line)["text"] for line in best.splitlines()] == [
        model.beam(prompt, length=4, width=2)[0] for prompt in prompts
    ]
    cut = run("lm", "generate", verse_model, "--prompt", "-", "--length", 3, code=2, stdin=b"a \xff")
    assert "standard input is not utf-8 text: byte 0xff at offset 2" in cut.stderr
    assert "such as --encoding latin-1" in cut.stderr
    prompt = run(
        "lm",
        "generate",
        verse_model,
        "--prompt",
        "-",
        "--length",
        3,
        "--encoding",
        "utf-16",
        stdin="Ring".encode("utf-16"),
    )
    assert prompt.stdout.startswith("Ring")
    twice = run("lm", "generate", verse_model, "--prompt", "-", "--prompt", "-", code=2, stdin="a")
    assert "--prompt - can be given once" in twice.stderr


def test_stop(run: Any, verse_model: Path) -> None:
    generate = ("lm", "generate", verse_model, "--prompt", "Ring ", "--no-echo", "--length", 300, "--seed", 2)
    whole = run(*generate).stdout[:-1]
    place = min(whole.index("e"), whole.index(", "))
    assert run(*generate, "--stop", "e", "--stop", ", ").stdout == whole[:place] + "\n"
    assert json.loads(run(*generate, "--stop", "e", "--json").stdout)["text"] == whole[: whole.index("e")]
    assert "stop must be a text" in run(*generate, "--stop", "", code=2).stderr


def test_unknown_words_of_a_prompt_are_said(run: Any, word_model: Path, verse_model: Path) -> None:
    result = run("lm", "generate", word_model, "--prompt", "Ring zebra a yak", "--length", 3)
    assert result.stderr == "not in the model's vocabulary, read as unknown: 'zebra', 'yak'\n"
    assert run("lm", "generate", word_model, "--prompt", "Ring a", "--length", 3).stderr == ""
    assert "got '§': leave them out" in run("lm", "generate", verse_model, "--prompt", "§", code=2).stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--temperature", "inf"], "temperature must be a finite number >= 0, got inf"),
        (["--top-p", "nan"], "--top-p must be in (0, 1]"),
        (
            ["--repetition-penalty", "1e300"],
            "--repetition-penalty must be a number > 0 (1 changes nothing), in [1e-06, 1e+06]",
        ),
        (["--beam", 2, "--length", 0], "length must be an int >= 1, got 0"),
        (["--length", "x"], "'x' is not a valid integer"),
        (["--seed", -1], "-1 is not in the range"),
    ],
)
def test_bad_values(run: Any, verse_model: Path, options: list[Any], text: str) -> None:
    assert text in run("lm", "generate", verse_model, *options, code=2).stderr


def test_predict(run: Any, verse_model: Path, word_model: Path, tmp_path: Path) -> None:
    model = LanguageModel.load(word_model)
    lines = ["Ring a", "", "of roses,"]
    listed = [
        json.loads(line)
        for line in run("lm", "predict", word_model, "--json", stdin="Ring a\nof roses,\n").stdout.splitlines()
    ]
    for line, found in zip(("Ring a", "of roses,"), listed, strict=True):
        assert found["text"] == line and len(found["words"]) == 5
        expected = model.next_words(line, count=5)
        assert [word["word"] for word in found["words"]] == [word for word, _ in expected]
        np.testing.assert_allclose([word["probability"] for word in found["words"]], [share for _, share in expected])
    file = tmp_path / "lines.txt"
    file.write_text("\n".join(lines), encoding="utf-8")
    plain = run("lm", "predict", word_model, file, "--count", 2).stdout.splitlines()
    assert (
        plain == run("lm", "predict", word_model, "-t", "Ring a", "-t", "of roses,", "--count", 2).stdout.splitlines()
    )
    assert all(len(line.split("\t")) == 2 for line in plain)
    assert run("lm", "predict", word_model, file, "--count", 2, "--jobs", 2).stdout.splitlines() == plain
    assert run("lm", "predict", verse_model, "-t", "a poc", "--count", 1).stdout.startswith('"')
    assert "--text cannot be given with a file" in run("lm", "predict", word_model, file, "-t", "a", code=2).stderr


def test_evaluate_is_perplexity(run: Any, folder: Path, verse_model: Path) -> None:
    found = [run("lm", name, verse_model, folder / "verse.txt", "--json").stdout for name in ("evaluate", "perplexity")]
    assert found[0] == found[1] and json.loads(found[0])["perplexity"] > 1


def test_predict_says_which_characters_are_not_learned(run: Any, verse_model: Path, tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_text("Ring a\n\nwe ΑΒΓΔΕΖ all\n", encoding="utf-8")
    for given in ((file,), ("-t", "Ring a", "-t", "we ΑΒΓΔΕΖ all")):
        result = run("lm", "predict", verse_model, *given, code=2)
        expected = "the text the model was trained on has no 'Α', 'Β', 'Γ', 'Δ', 'Ε', ..., as in 'we ΑΒΓΔΕΖ all'"
        assert result.stderr == f"recurra: error: {expected}: leave them out\n"
    with pytest.raises(ValueError, match="prefix must be made of characters of the training text, got 'Α'"):
        LanguageModel.load(verse_model).next_words("Α")


def test_errors_name_options_of_the_command_alone(run: Any, verse_model: Path, folder: Path) -> None:
    said = run("lm", "generate", verse_model, "--prompt", "§", code=2).stderr
    assert said.startswith("recurra: error: --prompt must be made of characters")
    said = run("lm", "train", folder / "verse.txt", "-o", folder / "none.rlm", "--learning-rate", "inf", code=2).stderr
    assert said == "recurra: error: --learning-rate must be a finite number > 0, got inf\n"
