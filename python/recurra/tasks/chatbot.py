"""Prompts and their answers: an encoder and a decoder that says when it was never told."""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from recurra.preprocessing.scripts import MARKS, UNSPACED
from recurra.saving.file_errors import making
from recurra.tasks.arguments import Described, is_number
from recurra.tasks.checkpoint import TrainingCheckpoint
from recurra.tasks.model_file import read_archive, write_archive
from recurra.tasks.pairs import check_pairs, check_sources, targets_by_source
from recurra.tasks.translator import Translator

if TYPE_CHECKING:
    from recurra.callbacks import Callback, History

_PART = rf"[^\W{UNSPACED}]+(?:[{MARKS}]+[^\W{UNSPACED}]*)*"
_WORD = re.compile(rf"[{UNSPACED}]|{_PART}(?:['\u2019]{_PART})*")


class Reply(NamedTuple):
    """What a bot says to a prompt.

    text : the answer, or None where it declines
    nearest : the prompt of the training that shares most with this one, and `similarity`, how much
    confidence : the mean log probability of the answer's tokens, end included
    """

    text: str | None
    nearest: str
    similarity: float
    confidence: float


class ChatEvaluation(NamedTuple):
    """How a bot answers prompts whose answers are known.

    exact : the share of the distinct prompts that it answers as one of their answers says, but for spaces
    declined : the share that it declines
    loss : of the answers, nats a token, ends included
    prompts, pairs : how many distinct prompts, and how many pairs
    """

    exact: float
    declined: float
    loss: float
    prompts: int
    pairs: int


class PromptIndex:
    """Finds the trained prompt that shares most words with another one.

    The similarity of two prompts is the weight of the words that they share over the weight of all their words. Case
    does not count. A word weighs log((n + 1) / d), where d of the n trained prompts hold it, d = 1 for one that none
    does: names and rare words count, "what is the" hardly does. Equal sets of words have similarity 1.

    >>> index = PromptIndex(["What is the sky?", "What is love?", "Who are you?"])
    >>> nearest, similarity = index.nearest("what IS love")
    >>> nearest, round(similarity, 2)
    ('What is love?', 1.0)
    """

    def __init__(self, prompts: Sequence[str]) -> None:
        self.prompts = list(dict.fromkeys(prompts))
        self._words = [words_of(prompt) for prompt in self.prompts]
        counts = Counter(word for words in self._words for word in words)
        self._unknown = math.log(len(self.prompts) + 1)
        self._weights = {word: math.log((len(self.prompts) + 1) / count) for word, count in counts.items()}
        self._holding: dict[str, list[int]] = {}
        for i, words in enumerate(self._words):
            for word in words:
                self._holding.setdefault(word, []).append(i)
        self._totals = [sum(self._weights[word] for word in sorted(words)) for words in self._words]

    def nearest(self, prompt: str) -> tuple[str, float]:
        """The nearest trained prompt, and its similarity in [0, 1]."""
        words = words_of(prompt)
        shared: Counter[int] = Counter()
        for word in sorted(words):
            for i in self._holding.get(word, ()):
                shared[i] += self._weights[word]  # type: ignore[assignment]
        total = sum(self._weights.get(word, self._unknown) for word in sorted(words))
        best, found = 0, 0.0
        for i, common in shared.items():
            similarity = 1.0 if self._words[i] == words else common / (total + self._totals[i] - common)
            if similarity > found:
                best, found = i, similarity
        return self.prompts[best], found


def words_of(text: str) -> frozenset[str]:
    """The different words of a text without their case; of a text without words, its marks."""
    return frozenset(_WORD.findall(text.casefold())) or frozenset(text.split())


class ChatBot(Described):
    """Learns an answer to each prompt, and declines prompts that are unlike all of them.

    It declines where the nearest trained prompt has a similarity below `least_similarity` (see :class:`PromptIndex`),
    or the answer's mean log probability is below `least_confidence`.

    cell, units, layers, embedding, attention, dropout, vocabulary_size, seed : as in :class:`Translator`
    least_similarity : in [0, 1]; least_confidence : natural logarithm, <= 0

        >>> bot = ChatBot(units=16, embedding=8, seed=1)
        >>> history = bot.fit(["Hello there", "Who are you?"], ["Hi!", "A network."], batch_size=1, verbose=0)
        >>> bot.reply("hello THERE").text
        'Hi!'
        >>> bot.reply("Is it raining?").text is None
        True
    """

    def __init__(
        self,
        *,
        cell: str = "lstm",
        units: int = 256,
        layers: int = 1,
        embedding: int = 128,
        attention: str | None = "bilinear",
        dropout: float = 0.0,
        vocabulary_size: int = 20_000,
        least_similarity: float = 0.6,
        least_confidence: float = -2.0,
        seed: int | None = None,
    ) -> None:
        if not is_number(least_similarity) or not 0 <= least_similarity <= 1:
            raise ValueError(f"least_similarity must be in [0, 1], got {least_similarity!r}")
        if not is_number(least_confidence) or not least_confidence <= 0:
            raise ValueError(f"least_confidence must be a natural logarithm <= 0, got {least_confidence!r}")
        self.least_similarity, self.least_confidence = least_similarity, least_confidence
        self.translator = Translator(
            cell=cell, units=units, layers=layers, embedding=embedding, attention=attention, dropout=dropout,
            vocabulary_size=vocabulary_size, seed=seed,
        )  # fmt: skip
        self._index: PromptIndex | None = None

    def fit(
        self,
        prompts: Sequence[str],
        answers: Sequence[str],
        *,
        epochs: int = 60,
        batch_size: int = 32,
        learning_rate: float = 5e-3,
        clipnorm: float = 1.0,
        patience: int = 60,
        callbacks: Sequence[Callback] = (),
        verbose: int | str = "auto",
        checkpoint: TrainingCheckpoint | None = None,
    ) -> History:
        """Train on all pairs, and keep the weights of the epoch with the lowest loss.

        prompts, answers : N texts each; a prompt may come again with another answer
        The other arguments are those of :meth:`Translator.fit`. Nothing is held out: the bot should know its answers.
        """
        prompts, answers = check_pairs(prompts, answers)
        self._index = None
        history = self.translator.fit(
            [prompt.casefold() for prompt in prompts], answers, validation=0.0, epochs=epochs, batch_size=batch_size,
            learning_rate=learning_rate, clipnorm=clipnorm, patience=patience, maxlen=None, callbacks=callbacks,
            verbose=verbose, checkpoint=checkpoint,
        )  # fmt: skip
        self._index = PromptIndex(prompts)
        return history

    @property
    def trained(self) -> dict[str, Any]:
        """What there is to say of the training."""
        return self.translator.trained

    def reply(self, prompt: str, *, beam: int = 1) -> Reply:
        """The answer to a prompt, or none; `beam` is the width of the search."""
        return self.replies([prompt], beam=beam)[0]

    def replies(
        self,
        prompts: Sequence[str],
        *,
        beam: int = 1,
        batch_size: int = 64,
        progress: Callable[[int], Any] | None = None,
    ) -> list[Reply]:
        """The answer to each prompt.

        progress : called with the number of prompts after each batch
        """
        if self._index is None:
            raise ValueError("the chat bot must be trained first: call fit, or load a saved one")
        prompts = check_sources(prompts, "prompts")
        nearest = [self._index.nearest(prompt) for prompt in prompts]
        lowered = [prompt.casefold() for prompt in prompts]
        found = self.translator.search(
            lowered, beam=beam, length_penalty=1.0, batch_size=batch_size, progress=progress
        )  # fmt: skip
        replies = []
        for (known, similarity), outputs in zip(nearest, found, strict=True):
            answer = outputs[0]
            speaks = similarity >= self.least_similarity and answer.score >= self.least_confidence
            replies.append(Reply(answer.text if speaks else None, known, similarity, answer.score))
        return replies

    def evaluate(
        self,
        prompts: Sequence[str],
        answers: Sequence[str],
        *,
        beam: int = 1,
        batch_size: int = 64,
        progress: Callable[[int], Any] | None = None,
    ) -> ChatEvaluation:
        """How many prompts are answered as one of their answers says; a prompt may come again with another one.

        progress : called with the number of distinct prompts after each batch
        """
        prompts, answers = check_pairs(prompts, answers)
        known = targets_by_source(prompts, answers)
        replies = self.replies(list(known), beam=beam, batch_size=batch_size, progress=progress)
        loss = self.translator.evaluate([prompt.casefold() for prompt in prompts], answers, batch_size=batch_size)
        exact = [
            reply.text is not None and reply.text.split() in [answer.split() for answer in true]
            for reply, true in zip(replies, known.values(), strict=True)
        ]
        declined = [reply.text is None for reply in replies]
        count = len(known)
        return ChatEvaluation(sum(exact) / count, sum(declined) / count, loss.loss, count, len(prompts))

    # --- files -----------------------------------------------------------------------------------------------------
    def get_config(self) -> dict[str, Any]:
        """The arguments that the bot was made with."""
        names = ("cell", "units", "layers", "embedding", "attention", "dropout", "vocabulary_size", "seed")
        config = self.translator.get_config()
        own = {name: getattr(self, name) for name in ("least_similarity", "least_confidence")}
        return {**{name: config[name] for name in names}, **own}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the bot to one file, whole or not at all; see ``recurra.tasks.model_file`` for what is in it."""
        if self._index is None:
            raise ValueError("the chat bot must be trained first: call fit, or load a saved one")
        held = {"translator": self.translator.vocabulary_json(), "prompts": self._index.prompts}
        config = {**self.get_config(), "trained": self.trained}
        write_archive(path, "chat", config, json.dumps(held, ensure_ascii=False), self.translator.model)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, max_size: int | None = None) -> ChatBot:
        """Read what :meth:`save` wrote. Nothing in the file is executed.

        max_size : the most bytes that the file may unpack to; see ``recurra.saving.load_model``
        raises : FileFormatError (a ValueError) that names the file for anything else
        """
        found = read_archive(path, "chat", max_size)
        config = dict(found.config)
        trained = config.pop("trained", {})
        with making(path, "the chat bot"):
            bot = cls(**config)
            held = json.loads(found.vocabulary)
            prompts = held.get("prompts") if isinstance(held, dict) else None
            if not isinstance(prompts, list) or not prompts or not all(isinstance(one, str) for one in prompts):
                raise ValueError("prompts must be a list of texts")
            whole = {**bot.translator.get_config(), "trained": trained}
            bot.translator = Translator.from_parts(path, whole, str(held.get("translator")), found.model)
            bot._index = PromptIndex(prompts)
        return bot
