"""Prompts and their answers, and prompts that are declined."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from recurra.tasks import ChatBot
from recurra.tasks.chatbot import PromptIndex, words_of

PAIRS = [
    ("Hello there", "Hi!"),
    ("Who are you?", "I am a network of neurons."),
    ("What is your name?", "I have none."),
    ("Do you like tea?", "Only with lemon."),
    ("What is a kernel?", "A small loop that runs often."),
    ("Do you like jazz?", "Yes."),
    ("Do you like jazz?", "No."),
]


@pytest.fixture(scope="module")
def bot() -> ChatBot:
    bot = ChatBot(units=24, embedding=12, seed=2)
    prompts, answers = zip(*PAIRS, strict=True)
    bot.fit(prompts, answers, epochs=100, batch_size=1, learning_rate=0.01, verbose=0)
    return bot


def test_it_answers_as_trained(bot: ChatBot) -> None:
    for reply, (prompt, _) in zip(bot.replies([p for p, _ in PAIRS]), PAIRS, strict=True):
        assert reply.text in [answer for other, answer in PAIRS if other == prompt]
        assert reply.similarity == 1 and reply.nearest == prompt
    assert bot.reply("WHO  are you").text == "I am a network of neurons."


@pytest.mark.parametrize("prompt", ["Is it raining in Oslo?", "What is the time?", "Do you sell shoes?", "zzz", "?!"])
def test_it_declines_what_is_unlike_its_prompts(bot: ChatBot, prompt: str) -> None:
    reply = bot.reply(prompt)
    assert reply.text is None and reply.similarity < 0.6


def test_it_declines_where_it_is_unsure(bot: ChatBot, tmp_path: Path) -> None:
    bot.save(tmp_path / "a.rct")
    unsure = ChatBot.load(tmp_path / "a.rct")
    unsure.least_confidence = -0.2
    assert unsure.reply("Do you like jazz?").text is None  # two answers, each half as probable
    assert unsure.reply("Who are you?").text is not None


def test_both_rules_can_be_turned_off(bot: ChatBot, tmp_path: Path) -> None:
    bot.save(tmp_path / "a.rct")
    open_minded = ChatBot.load(tmp_path / "a.rct")
    open_minded.least_similarity, open_minded.least_confidence = 0.0, -1e9
    assert open_minded.reply("Is it raining in Oslo?").text is not None


def test_it_survives_its_file(bot: ChatBot, tmp_path: Path) -> None:
    bot.save(tmp_path / "a.rct")
    again = ChatBot.load(tmp_path / "a.rct")
    prompts = ["hello there", "Do you like jam?", "nothing of that"]
    assert again.replies(prompts, beam=3) == bot.replies(prompts, beam=3)
    assert again.get_config() == bot.get_config() and again.trained == bot.trained


@pytest.mark.parametrize(
    ("change", "said"),
    [({"prompts": []}, "prompts must be"), ({"prompts": [3]}, "prompts must be"), ({"translator": "[]"}, "vocabulary")],
)
def test_a_damaged_file_is_refused(bot: ChatBot, change: Any, said: str, tmp_path: Path) -> None:
    bot.save(tmp_path / "a.rct")
    with zipfile.ZipFile(tmp_path / "a.rct") as old, zipfile.ZipFile(tmp_path / "b.rct", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "vocabulary.json":
                data = json.dumps({**json.loads(data), **change}).encode()
            new.writestr(name, data)
    with pytest.raises(ValueError, match=said):
        ChatBot.load(tmp_path / "b.rct")


def test_similarity_is_the_weight_of_what_is_shared() -> None:
    index = PromptIndex(["what is red", "what is blue", "what is red", "who sings"])
    assert index.nearest("What IS red?") == ("what is red", 1.0)
    nearest, some = index.nearest("what is green")
    assert nearest in ("what is red", "what is blue") and 0 < some < 0.5
    assert index.nearest("who sings loudly")[1] > some  # rare words weigh more
    assert index.nearest("green") == ("what is red", 0.0)


def test_words_have_no_case_and_marks_stand_in_for_them() -> None:
    assert words_of("It's  ÉTÉ, it's!") == {"it's", "été"}
    assert words_of("?! ?!") == {"?!"}
    assert words_of("हिन्दी, 你叫什么？") == {"हिन्दी", *"你叫什么"}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: ChatBot(least_similarity=1.5), r"least_similarity must be in \[0, 1\]"),
        (lambda: ChatBot(least_confidence=1.0), "least_confidence must be a natural logarithm <= 0, got 1.0"),
        (lambda: ChatBot().reply("a"), "must be trained first"),
        (lambda: ChatBot().save("a"), "must be trained first"),
        (lambda: ChatBot().fit(["a"], []), "targets must be as many as sources"),
    ],
)
def test_arguments_are_checked(call: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        call()
