"""What a language model writes: continuations of a text, drawn or searched for, and the words that may come next."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, overload

import numpy as np

from recurra.generation import Sampler, Stepper, beam_search
from recurra.generation import generate as token_generate
from recurra.generation import stream as token_stream
from recurra.tasks.arguments import check_sizes, check_text
from recurra.tasks.held_out import whole_characters
from recurra.tasks.stop_texts import check_stop, place_of_stop, until_stop
from recurra.tasks.subwords import Subwords
from recurra.tasks.vocabulary import START, UNKNOWN, Vocabulary

Array = np.ndarray[Any, Any]

_LONGEST_WORD = 32  # characters


class Continuation(NamedTuple):
    """One continuation: its text, the log probability of its tokens, and the score that it was ranked by."""

    text: str
    log_probability: float
    score: float


class Writer:
    """What needs a trained model, its vocabulary and the level of its tokens."""

    level: str
    model: Any

    def _trained(self) -> Vocabulary | Subwords:
        """The vocabulary; an error where nothing is learned yet."""
        raise NotImplementedError

    def stream(
        self,
        prompt: str = "",
        *,
        length: int | None = None,
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        repetition_penalty: float = 1.0,
        stop: str | Sequence[str] | None = None,
        seed: int | None = None,
    ) -> Iterator[str]:
        """Yield the continuation of `prompt` token by token, as it is drawn; see :meth:`generate`.

        length : None goes on until the caller stops asking, or a `stop` is written
        """
        stops = check_stop(stop)
        vocabulary, ids = self._prompt(prompt)
        sampler = Sampler(temperature, top_k, top_p, seed, (START, UNKNOWN), repetition_penalty)
        tokens = token_stream(Stepper(self.model), ids, length=length, sampler=sampler)
        if self.level == Subwords.level:
            pieces: Iterator[str] = whole_characters(vocabulary, tokens)
        else:
            pieces = (vocabulary.decode(token) for token in tokens)
        return until_stop(pieces, stops) if stops else pieces

    @overload
    def generate(
        self,
        prompt: str = ...,
        *,
        length: int = ...,
        temperature: float = ...,
        top_k: int = ...,
        top_p: float = ...,
        repetition_penalty: float = ...,
        stop: str | Sequence[str] | None = ...,
        seed: int | None = ...,
    ) -> str: ...
    @overload
    def generate(
        self,
        prompt: list[str] | tuple[str, ...],
        *,
        length: int = ...,
        temperature: float = ...,
        top_k: int = ...,
        top_p: float = ...,
        repetition_penalty: float = ...,
        stop: str | Sequence[str] | None = ...,
        seed: int | None = ...,
    ) -> list[str]: ...
    def generate(
        self,
        prompt: str | list[str] | tuple[str, ...] = "",
        *,
        length: int = 500,
        temperature: float = 0.8,
        top_k: int = 0,
        top_p: float = 1.0,
        repetition_penalty: float = 1.0,
        stop: str | Sequence[str] | None = None,
        seed: int | None = None,
    ) -> str | list[str]:
        r"""A continuation of `prompt`, without the prompt; of a list of prompts a list, all made at once.

        prompt : the text to go on from; empty for a fresh start. The draws of a prompt in a list depend on its place
        length : how many tokens (characters, words or subwords)
        temperature, top_k, top_p, repetition_penalty, seed : see :class:`recurra.generation.Sampler`; temperature 0 is
            greedy
        stop : a text, or several, before which a continuation ends, as "\n"; `length` is then the most tokens

            >>> from recurra.tasks import LanguageModel
            >>> lm = LanguageModel(units=8, seed=1)
            >>> history = lm.fit("to be or not to be\n" * 20, epochs=1, window=20, batch_size=4, verbose=0)
            >>> [len(text) for text in lm.generate(["to be", "not"], length=4, seed=2)]
            [4, 4]
        """
        stops = check_stop(stop)
        if stops and isinstance(prompt, str):
            given: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
            return "".join(
                self.stream(prompt, length=length, repetition_penalty=repetition_penalty, stop=stops, **given)
            )
        vocabulary, ids = self._prompts(prompt)
        sampler = Sampler(temperature, top_k, top_p, seed, (START, UNKNOWN), repetition_penalty)
        if not isinstance(prompt, str) and not prompt:
            return []
        made = token_generate(Stepper(self.model), ids, length=length, sampler=sampler)
        if isinstance(prompt, str):
            return vocabulary.decode(made)
        texts = [vocabulary.decode(row) for row in made]
        return [text[: place_of_stop(text, stops)] for text in texts]

    @overload
    def search(
        self,
        prompt: str = ...,
        *,
        length: int = ...,
        width: int = ...,
        length_penalty: float = ...,
        early_stopping: bool = ...,
        stop: str | Sequence[str] | None = ...,
    ) -> list[Continuation]: ...
    @overload
    def search(
        self,
        prompt: list[str] | tuple[str, ...],
        *,
        length: int = ...,
        width: int = ...,
        length_penalty: float = ...,
        early_stopping: bool = ...,
        stop: str | Sequence[str] | None = ...,
    ) -> list[list[Continuation]]: ...
    def search(
        self,
        prompt: str | list[str] | tuple[str, ...] = "",
        *,
        length: int = 100,
        width: int = 4,
        length_penalty: float = 1.0,
        early_stopping: bool = False,
        stop: str | Sequence[str] | None = None,
    ) -> list[Continuation] | list[list[Continuation]]:
        r"""The `width` most probable continuations of `prompt` that beam search finds, best first, with their scores.

        prompt : the text to go on from; of a list of prompts a list of results
        length : the most tokens (characters, words or subwords)
        width, length_penalty, early_stopping : see :func:`recurra.generation.beam_search`
        stop : a text, or several, before which a continuation ends, as "\n". It counts in the probability and is left
            out of the text; of continuations that are the same without it the best is given

            >>> from recurra.tasks import LanguageModel
            >>> lm = LanguageModel(units=8, seed=1)
            >>> history = lm.fit("to be or not to be\n" * 20, epochs=1, window=20, batch_size=4, verbose=0)
            >>> [len(found) for found in lm.search(["to", "not"], length=5, width=3)]
            [3, 3]
        """
        stops = check_stop(stop)
        vocabulary, ids = self._prompts(prompt)
        ends, texts = self._ends_of(stops)
        options: dict[str, Any] = {
            "length": length, "width": width, "length_penalty": length_penalty, "early_stopping": early_stopping,
            "end_id": ends or None, "banned": (START, UNKNOWN),
        }  # fmt: skip
        if texts:
            options["is_complete"] = lambda rows: np.array(
                [place_of_stop(vocabulary.decode(row), texts) is not None for row in rows], bool
            )
        stepper = Stepper(self.model)

        def found(one: Array) -> list[Continuation]:
            best: dict[str, Continuation] = {}
            for beam in beam_search(stepper, one, **options):
                text = vocabulary.decode(beam.ids)
                text = text[: place_of_stop(text, stops)]
                best.setdefault(text, Continuation(text, beam.log_probability, beam.score))
            return list(best.values())

        return found(ids) if isinstance(prompt, str) else [found(one) for one in ids]

    def _ends_of(self, stops: Sequence[str]) -> tuple[list[int], list[str]]:
        """The tokens that hold one of `stops`, and those of `stops` that several tokens may make."""
        vocabulary = self._trained()
        single = [] if self.level == Subwords.level else [stop for stop in stops if len(stop) == 1]
        tokens = ((i, vocabulary.decode([i])) for i in range(len(vocabulary))) if single else ()
        ends = [i for i, token in tokens if any(stop in token for stop in single)]
        return ends, [stop for stop in stops if stop not in single]

    @overload
    def beam(
        self,
        prompt: str = ...,
        *,
        length: int = ...,
        width: int = ...,
        length_penalty: float = ...,
        early_stopping: bool = ...,
        stop: str | Sequence[str] | None = ...,
    ) -> list[str]: ...
    @overload
    def beam(
        self,
        prompt: list[str] | tuple[str, ...],
        *,
        length: int = ...,
        width: int = ...,
        length_penalty: float = ...,
        early_stopping: bool = ...,
        stop: str | Sequence[str] | None = ...,
    ) -> list[list[str]]: ...
    def beam(
        self,
        prompt: str | list[str] | tuple[str, ...] = "",
        *,
        length: int = 100,
        width: int = 4,
        length_penalty: float = 1.0,
        early_stopping: bool = False,
        stop: str | Sequence[str] | None = None,
    ) -> list[str] | list[list[str]]:
        """The texts that :meth:`search` finds."""
        options: dict[str, Any] = {
            "length": length, "width": width, "length_penalty": length_penalty, "early_stopping": early_stopping,
            "stop": stop,
        }  # fmt: skip
        if isinstance(prompt, (list, tuple)):
            return [[one.text for one in found] for found in self.search(prompt, **options)]
        return [one.text for one in self.search(prompt, **options)]

    def next_words(self, prefix: str = "", *, count: int = 10) -> list[tuple[str, float]]:
        """What may come next after `prefix`, with its probability, the most probable first.

        For a model of words or subwords, its next tokens. For one of characters, what goes up to the next end of a
        word, found by beam search; after "the qu" this is the rest of a word.

        count : the most of them

            >>> from recurra.tasks import LanguageModel
            >>> lm = LanguageModel("word", units=8, seed=1)
            >>> history = lm.fit("to be or not to be , " * 30, epochs=1, window=20, batch_size=4, verbose=0)
            >>> len(lm.next_words("to be", count=3))
            3
        """
        check_sizes(count=count)
        vocabulary, ids = self._prompt(prefix, "prefix")
        banned = (START, UNKNOWN)
        if self.level != "char":
            beams = beam_search(Stepper(self.model), ids, length=1, width=count, banned=banned)
            return [(vocabulary.decode(beam.ids), math.exp(beam.log_probability)) for beam in beams]
        ends = [i for i in range(len(vocabulary)) if i not in banned and not vocabulary.decode([i]).isalnum()]
        beams = beam_search(Stepper(self.model), ids, length=_LONGEST_WORD, width=4 * count, end_id=ends, banned=banned)
        found: dict[str, float] = {}
        for beam in beams:
            word = vocabulary.decode(beam.ids[:-1] if beam.ids[-1] in ends else beam.ids)
            found[word] = found.get(word, 0.0) + math.exp(beam.log_probability)
        found.pop("", None)
        return sorted(found.items(), key=lambda item: -item[1])[:count]

    def next_words_of(
        self, prefixes: Sequence[str], *, count: int = 10, progress: Callable[[int], Any] | None = None
    ) -> list[list[tuple[str, float]]]:
        """:meth:`next_words` after each of `prefixes`. progress : called with 1 after each."""
        found = []
        for prefix in prefixes:
            found.append(self.next_words(prefix, count=count))
            if progress is not None:
                progress(1)
        return found

    def _prompts(self, prompt: Any) -> tuple[Vocabulary | Subwords, Any]:
        """The tokens of one prompt, or of each of a list."""
        if not isinstance(prompt, (list, tuple)):
            return self._prompt(prompt)
        return self._trained(), [self._prompt(one)[1] for one in prompt]

    def _prompt(self, prompt: str, name: str = "prompt") -> tuple[Vocabulary | Subwords, Array]:
        vocabulary = self._trained()
        check_text(prompt, name)
        if self.level == "char" and (unknown := vocabulary.unknown(prompt)):
            shown = ", ".join(repr(token) for token in unknown[:5])
            raise ValueError(f"{name} must be made of characters of the training text, got {shown}: leave them out")
        return vocabulary, np.concatenate([[START], vocabulary.encode(prompt)]).astype(np.int32)
