"""Answers to questions about short stories, from raw sentences to one file."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recurra import ops
from recurra.random import derive_seed
from recurra.saving.file_errors import making
from recurra.tasks.arguments import Described, check_fractions, check_seed, check_sizes, listed
from recurra.tasks.buckets import LengthBatches
from recurra.tasks.checkpoint import TrainingCheckpoint, checksum, is_given
from recurra.tasks.fitting import Training, seeded
from recurra.tasks.model_file import check_count, check_network, read_archive, write_archive
from recurra.tasks.networks import check_cell
from recurra.tasks.sentence_words import split_sentence
from recurra.tasks.stories import StoryQuestion, check_stories
from recurra.tasks.story_network import story_network
from recurra.tasks.tagging_network import within_weights_of
from recurra.tasks.vocabulary import UNKNOWN
from recurra.typing import Array

if TYPE_CHECKING:
    from recurra.callbacks import Callback, History

_FIRST = 2  # the id of the first known word; 0 is padding, 1 unknown
_ARGUMENTS = ("cell", "units", "embedding", "hops", "dropout", "vocabulary_size", "seed")


class Answer(NamedTuple):
    """An answer, and its probability."""

    text: str
    probability: float


class StoryEvaluation(NamedTuple):
    """How many answers are right, the mean of -log p of the true ones (inf for one never trained), and questions."""

    accuracy: float
    loss: float
    questions: int


class StoryAnswerer(Described):
    """Learns to answer questions about stories, by a network like the query-reduction network of Seo et al. (2017).

    The answers are those of the training, whole. Words are compared without their case. The network is explained in
    :func:`recurra.tasks.story_network.story_network`.

    cell : "gru", "min_gru", "lstm" or another of ``recurra.layers.LAYER_OF_CELL``
    units : H of the layer that reads a sentence in each direction; the layers over the story have twice as many
    embedding : the width of a word's vector
    hops : layers over the story, each of which looks for what the one before it found; a chain of n facts takes n
    dropout : the rate on sentences, and before the scores
    vocabulary_size : the most words to know
    seed : for weights, dropout, held-out questions and order; None follows ``recurra.utils.set_random_seed``

        >>> from recurra.tasks import StoryAnswerer, StoryQuestion
        >>> places = ["kitchen", "garden", "office"]
        >>> told = [StoryQuestion([f"Mary went to the {place}."], "Where is Mary?", place) for place in places]
        >>> answerer = StoryAnswerer(units=16, embedding=8, hops=1, dropout=0, seed=1)
        >>> history = answerer.fit(told, validation=0, epochs=30, batch_size=1, verbose=0)
        >>> answerer.answer(["Mary went to the garden."], "Where is Mary?").text
        'garden'
    """

    def __init__(
        self,
        *,
        cell: str = "gru",
        units: int = 32,
        embedding: int = 32,
        hops: int = 2,
        dropout: float = 0.0,
        vocabulary_size: int = 20_000,
        seed: int | None = None,
    ) -> None:
        check_cell(cell)
        check_sizes(units=units, embedding=embedding, hops=hops, vocabulary_size=vocabulary_size)
        check_count(hops, "hops")
        check_fractions(dropout=dropout)
        check_seed(seed)
        self.cell, self.units, self.embedding, self.hops = cell, units, embedding, hops
        self.dropout, self.vocabulary_size, self.seed = dropout, vocabulary_size, seed
        self.words: dict[str, int] = {}
        self.known_answers: list[str] = []
        self.trained: dict[str, Any] = {}
        self.model: Any = None

    # --- training --------------------------------------------------------------------------------------------------
    def fit(
        self,
        questions: Sequence[StoryQuestion],
        *,
        validation: float = 0.1,
        epochs: int = 20,
        batch_size: int = 32,
        learning_rate: float = 5e-3,
        clipnorm: float = 1.0,
        patience: int = 5,
        callbacks: Sequence[Callback] = (),
        verbose: int | str = "auto",
        checkpoint: TrainingCheckpoint | None = None,
    ) -> History:
        """Train, and keep the weights of the epoch with the highest validation accuracy.

        questions : with their stories and answers; see :func:`recurra.tasks.read_stories`
        validation : the share of the distinct stories, drawn at random, whose questions are held out, in [0, 1); the
            parts of one story that stand before its questions count as one
        epochs : the most passes; the learning rate (Adam's) falls to a tenth over them, along a cosine
        clipnorm : the norm that the gradient of all weights together is clipped to
        patience : stop after so many epochs without a higher validation accuracy
        verbose : 0 for silence, 1 or "auto" for progress on standard error
        checkpoint : where to write checkpoints, and perhaps to resume from; see :class:`TrainingCheckpoint`
        returns : the History. :attr:`trained` sums it up, and says whether Ctrl-C ended the training early.

        Fitting again starts anew, with the words and answers of the new questions.
        """
        check_sizes(epochs=epochs, batch_size=batch_size, patience=patience)
        check_fractions(validation=validation)
        questions = check_stories(questions, answered=True)
        if is_given(checkpoint):
            settings = {**self.get_config(), "validation": validation, "epochs": epochs, "batch_size": batch_size}
            settings |= {"learning_rate": learning_rate, "clipnorm": clipnorm, "patience": patience}
            settings |= {"data": checksum(*(part for one in questions for part in one))}
            seed = checkpoint.begin(settings, self.seed)
        else:
            seed = derive_seed() if self.seed is None else self.seed
        train, held_out = split_stories(questions, validation, seed)
        self.model = None
        self.words = _learned((text for one in train for text in (*one.story, one.text)), self.vocabulary_size)
        self.known_answers = sorted({str(one.answer) for one in train})
        checked = [one for one in held_out if one.answer in self.known_answers]
        with seeded(self.seed):
            model = self._network()
        passes = self._batches(train, batch_size, shuffle=True, seed=seed)
        training = Training(
            model, steps=len(passes), epochs=epochs, tokens=len(train), validated=bool(checked),
            learning_rate=learning_rate, clipnorm=clipnorm, patience=patience, verbose=verbose, metrics=["accuracy"],
            highest="accuracy",
        )  # fmt: skip
        held = self._batches(checked, 4 * batch_size, seed=seed) if checked else None
        history = training.run(passes, held, callbacks, checkpoint)
        self.model = model
        self.trained = {**training.summary(), "questions": len(train)}
        return history

    def _batches(self, questions: Sequence[StoryQuestion], batch_size: int, **options: Any) -> LengthBatches:
        """Batches of stories of nearly equal lengths: each question with the sentences before it."""
        places: dict[str, int] = {}
        rows = [[places.setdefault(text, len(places) + 1) for text in (one.text, *one.story)] for one in questions]
        spelled = [[self.words.get(word, UNKNOWN) for word in _split(text)] or [UNKNOWN] for text in places]
        table = np.zeros((len(places) + 1, max(map(len, spelled), default=1)), np.int32)
        for row, ids in enumerate(spelled, 1):
            table[row, : len(ids)] = ids

        def inputs(numbers: Array, rng: Any) -> list[Array]:
            told = numbers[:, 1:] if numbers.shape[1] > 1 else np.zeros_like(numbers)
            found = [table[told], table[numbers[:, :1]]]
            return [np.ascontiguousarray(ids[..., : max(1, int((ids > 0).any((0, 1)).sum()))]) for ids in found]

        numbers_of = {answer: i for i, answer in enumerate(self.known_answers)}
        labels = np.array([numbers_of.get(str(one.answer), 0) for one in questions], np.int32)
        return LengthBatches(rows, labels, batch_size, inputs=inputs, **options)

    def _network(self) -> Any:
        return story_network(
            len(self.words) + _FIRST, len(self.known_answers), cell=self.cell, units=self.units,
            embedding=self.embedding, hops=self.hops, dropout=self.dropout,
        )  # fmt: skip

    # --- use -------------------------------------------------------------------------------------------------------
    def answer(self, story: Sequence[str], question: str) -> Answer:
        """The most probable answer to a question about the sentences of a story."""
        return self.answers([StoryQuestion(listed(story, "story", "sentences"), question)])[0]

    def answers(
        self,
        questions: Sequence[StoryQuestion],
        *,
        batch_size: int = 128,
        progress: Callable[[int], Any] | None = None,
    ) -> list[Answer]:
        """The most probable answer to each question.

        progress : called with the number of questions after each batch
        """
        probabilities = self._probabilities(check_stories(questions, answered=False), batch_size, progress)
        return [Answer(self.known_answers[row.argmax()], float(row.max())) for row in probabilities]

    def evaluate(
        self,
        questions: Sequence[StoryQuestion],
        *,
        batch_size: int = 128,
        progress: Callable[[int], Any] | None = None,
    ) -> StoryEvaluation:
        """Compare the answers found with the true ones, of which one that was never trained counts as not found."""
        questions = check_stories(questions, answered=True)
        probabilities = self._probabilities(questions, batch_size, progress)
        ids = {answer: i for i, answer in enumerate(self.known_answers)}
        true = np.array([ids.get(str(one.answer), -1) for one in questions])
        right = float(np.mean(probabilities.argmax(axis=1) == true))
        given = np.where(true < 0, 0.0, np.take_along_axis(probabilities, np.maximum(true, 0)[:, None], 1)[:, 0])
        with np.errstate(divide="ignore"):
            return StoryEvaluation(right, float(-np.log(given).mean()), len(questions))

    def _probabilities(
        self, questions: Sequence[StoryQuestion], batch_size: int, progress: Callable[[int], Any] | None
    ) -> Array:
        if self.model is None:
            raise ValueError("the story answerer must be trained first: call fit, or load a saved one")
        check_sizes(batch_size=batch_size)
        found = np.zeros((len(questions), len(self.known_answers)))
        if not questions:
            return found
        batches = self._batches(questions, batch_size)
        at = 0
        for inputs, labels in batches:
            scores = np.asarray(self.model.predict_on_batch(inputs), np.float64)
            rows = batches.order[at : at + len(labels)]
            found[rows] = np.asarray(ops.softmax(scores))
            at += len(rows)
            if progress is not None:
                progress(len(rows))
        return found

    # --- files -----------------------------------------------------------------------------------------------------
    def get_config(self) -> dict[str, Any]:
        """The arguments that the answerer was made with."""
        return {name: getattr(self, name) for name in _ARGUMENTS}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the answerer to one file, whole or not at all; see ``recurra.tasks.model_file`` for what is in it."""
        if self.model is None:
            raise ValueError("the story answerer must be trained first: call fit, or load a saved one")
        config = {**self.get_config(), "trained": self.trained}
        held = {"words": list(self.words), "answers": self.known_answers}
        write_archive(path, "stories", config, json.dumps(held, ensure_ascii=False), self.model)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, max_size: int | None = None) -> StoryAnswerer:
        """Read what :meth:`save` wrote. Nothing in the file is executed.

        max_size : the most bytes that the file may unpack to; see ``recurra.saving.load_model``
        raises : FileFormatError (a ValueError) that names the file for anything else
        """
        found = read_archive(path, "stories", max_size)
        config = dict(found.config)
        trained = config.pop("trained", {})
        with making(path, "the story answerer"):
            answerer = cls(**config)
            held = json.loads(found.vocabulary)
            for name in ("words", "answers"):
                items = held.get(name) if isinstance(held, dict) else None
                if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
                    raise ValueError(f"{name} must be a list of texts")
                if len(set(items)) != len(items) or (name == "answers" and not items):
                    raise ValueError(f"{name} must be different ones, at least one answer")
            answerer.words = {word: i for i, word in enumerate(held["words"], _FIRST)}
            answerer.known_answers = list(held["answers"])
            with within_weights_of(found.model, str(path)):
                expected = answerer._network().layers
            check_network(path, found.model, expected)
        answerer.trained, answerer.model = trained, found.model
        return answerer


def _split(text: str) -> list[str]:
    return split_sentence(text.casefold())


def _learned(texts: Iterable[str], size: int) -> dict[str, int]:
    """The most frequent words, with their ids."""
    counts = Counter(word for text, n in Counter(texts).items() for word in _split(text) for _ in range(n))
    return {word: i for i, (word, _) in enumerate(counts.most_common(size), _FIRST)}


def split_stories(
    questions: Sequence[StoryQuestion], share: float, seed: int
) -> tuple[list[StoryQuestion], list[StoryQuestion]]:
    """The questions to train on, and those of `share` of the stories, drawn at random.

    A story that goes on with the sentences of the one before it is the same story.
    raises : ValueError where no story is left to train on
    """
    stories: list[list[StoryQuestion]] = []
    before: list[str] | None = None
    for one in questions:
        if before is not None and list(one.story)[: len(before)] == before:
            stories[-1].append(one)
        else:
            stories.append([one])
        before = list(one.story)
    held = round(len(stories) * share)
    if held >= len(stories):
        raise ValueError(f"validation={share:g} of {len(stories)} stories leaves none to train on")
    order = np.random.default_rng([seed, 0]).permutation(len(stories))
    parts = [sorted(order[held:]), sorted(order[:held])]
    train, out = ([one for i in part for one in stories[i]] for part in parts)
    return train, out
