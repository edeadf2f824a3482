"""Texts and their labels: a recurrent classifier, from raw strings to one file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recurra import ops
from recurra.preprocessing.text import Tokenizer, tokenizer_from_json
from recurra.random import derive_seed
from recurra.saving.file_errors import making
from recurra.tasks.buckets import LengthBatches
from recurra.tasks.checkpoint import TrainingCheckpoint, checksum
from recurra.tasks.fitting import Training, seeded
from recurra.tasks.model_file import check_network, check_seed, read_archive, write_archive
from recurra.tasks.networks import check_cell, check_fractions, check_sizes, classifier_layers, classifier_network
from recurra.tasks.quantized import Quantizable
from recurra.tasks.vocabulary import UNKNOWN
from recurra.typing import Array

if TYPE_CHECKING:
    from recurra.callbacks import Callback, History

Label = str | int | bool


class Prediction(NamedTuple):
    """The most probable label, its probability, and the probability of every label."""

    label: Label
    score: float
    scores: dict[Label, float]


class Evaluation(NamedTuple):
    """Accuracy and mean cross-entropy (nats) over labelled texts.

    confusion : ``confusion[true][predicted]`` counts
    """

    accuracy: float
    loss: float
    examples: int
    confusion: dict[Label, dict[Label, int]]


class SentimentClassifier(Quantizable):
    """Learns to label texts: words → Embedding → bidirectional LSTM → mean over the words → Dense.

    Works for sentiment, and for any other labels of which a text has exactly one.

    cell : "lstm", "gru", "simple_rnn" or another of ``recurra.layers.LAYER_OF_CELL``
    units : H of the recurrent layer, in each direction
    embedding : the width of a word's vector
    dropout : the rate on word vectors (the same features all along a text) and on the mean
    bidirectional : whether a second layer reads from the end
    vocabulary_size : the most words to know; rarer ones share one vector
    maxlen : how many words of a text are read: of a longer one the first third and the last two thirds of as many
    seed : for weights, dropout, held-out texts and order; None follows ``recurra.utils.set_random_seed``

        >>> texts, labels = ["good fun", "a bad film"] * 30, ["pos", "neg"] * 30
        >>> classifier = SentimentClassifier(units=4, embedding=8, seed=1)
        >>> history = classifier.fit(texts, labels, epochs=20, batch_size=8, verbose=0)
        >>> classifier.predict(["what a bad film"])[0].label
        'neg'
    """

    def __init__(
        self,
        *,
        cell: str = "lstm",
        units: int = 32,
        embedding: int = 48,
        dropout: float = 0.5,
        bidirectional: bool = True,
        vocabulary_size: int = 20_000,
        maxlen: int = 400,
        seed: int | None = None,
    ) -> None:
        check_cell(cell)
        check_sizes(units=units, embedding=embedding, maxlen=maxlen)
        check_fractions(dropout=dropout)
        if vocabulary_size < 3:
            raise ValueError(f"vocabulary_size must be >= 3 (padding, unknown, and a word), got {vocabulary_size}")
        self.cell, self.units, self.embedding, self.dropout = cell, units, embedding, dropout
        self.bidirectional, self.vocabulary_size, self.maxlen, self.seed = bidirectional, vocabulary_size, maxlen, seed
        self.labels: list[Label] = []
        self.model: Any = None
        self.trained: dict[str, Any] = {}
        self._tokenizer: Any = None

    # --- training --------------------------------------------------------------------------------------------------
    def fit(
        self,
        texts: Sequence[str],
        labels: Sequence[Label] | Array,
        *,
        validation: float = 0.1,
        epochs: int = 3,
        batch_size: int = 64,
        learning_rate: float = 2e-3,
        clipnorm: float = 1.0,
        patience: int = 1,
        callbacks: Sequence[Callback] = (),
        verbose: int | str = "auto",
        checkpoint: TrainingCheckpoint | None = None,
    ) -> History:
        """Train, and keep the weights of the epoch with the lowest validation loss.

        texts : N non-empty strings; labels : N str, int or bool, at least two different ones, each at least twice
        validation : the share of the texts, drawn at random, that is held out, in [0, 1)
        epochs : the most passes; the learning rate (Adam's) falls to a tenth over them, along a cosine
        clipnorm : the norm that the gradient of all weights together is clipped to
        patience : stop after so many epochs without a lower validation loss
        verbose : 0 for silence, 1 or "auto" for progress on standard error
        checkpoint : where to write checkpoints, and perhaps to resume from; see :class:`TrainingCheckpoint`
        returns : the History. :attr:`trained` sums it up, and says whether Ctrl-C ended the training early.

        Fitting again starts anew, with the vocabulary and labels of the new texts.
        """
        check_sizes(epochs=epochs, batch_size=batch_size, patience=patience)
        check_fractions(validation=validation)
        texts = check_texts(texts)
        names = check_labels(labels, len(texts))
        known = distinct_labels(names)
        targets = np.array([known.index(name) for name in names], np.int32)
        if checkpoint is not None:
            settings = {**self.get_config(), "validation": validation, "epochs": epochs, "batch_size": batch_size}
            settings |= {"learning_rate": learning_rate, "clipnorm": clipnorm, "patience": patience}
            seed = checkpoint.begin({**settings, "data": checksum(*texts, names)}, self.seed)
        else:
            seed = derive_seed() if self.seed is None else self.seed
        order = np.random.default_rng(seed).permutation(len(texts))
        cut = len(texts) - round(len(texts) * validation)
        train, held_out = order[:cut], order[cut:]
        if cut < 2 or len(np.unique(targets[train])) < len(known):
            raise ValueError(
                f"validation={validation:g} of {len(texts)} texts leaves a label without a text to learn from: give "
                "more texts, or a smaller share"
            )
        self.labels, self.model = known, None
        self._tokenizer = Tokenizer(num_words=self.vocabulary_size, oov_token="<unknown>")
        self._tokenizer.fit_on_texts([texts[i] for i in train])
        sequences = self._encode(texts)
        batches = LengthBatches([sequences[i] for i in train], targets[train], batch_size, shuffle=True, seed=seed)
        checked = None
        if len(held_out):
            checked = LengthBatches([sequences[i] for i in held_out], targets[held_out], 4 * batch_size)
        vocabulary = min(self.vocabulary_size, len(self._tokenizer.word_index) + 1)
        with seeded(self.seed):
            network = classifier_network(
                vocabulary, len(known), cell=self.cell, units=self.units, embedding=self.embedding,
                dropout=self.dropout, bidirectional=self.bidirectional,
            )  # fmt: skip
        training = Training(
            network, steps=len(batches), epochs=epochs, tokens=batches.tokens, validated=checked is not None,
            learning_rate=learning_rate, clipnorm=clipnorm, patience=patience, verbose=verbose, metrics=["accuracy"],
        )  # fmt: skip
        history = training.run(batches, checked, callbacks, checkpoint)
        self.model, self.trained = network, training.summary()
        return history

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        sequences = self._tokenizer.texts_to_sequences(texts)
        head = self.maxlen // 3
        tail = self.maxlen - head
        return [(ids if len(ids) <= self.maxlen else ids[:head] + ids[-tail:]) or [UNKNOWN] for ids in sequences]

    # --- use -------------------------------------------------------------------------------------------------------
    def predict(
        self, texts: Sequence[str], *, batch_size: int = 256, progress: Callable[[int], Any] | None = None
    ) -> list[Prediction]:
        """The label of each text, with probabilities.

        progress : called with the number of texts after each batch
        """
        probabilities = np.asarray(ops.softmax(self._scores(check_texts(texts), batch_size, progress)), np.float64)
        found = []
        for row in probabilities:
            best = int(row.argmax())
            scores = {label: float(p) for label, p in zip(self.labels, row, strict=True)}
            found.append(Prediction(self.labels[best], float(row[best]), scores))
        return found

    def evaluate(
        self,
        texts: Sequence[str],
        labels: Sequence[Label] | Array,
        *,
        batch_size: int = 256,
        progress: Callable[[int], Any] | None = None,
    ) -> Evaluation:
        """Compare the predicted labels with the true ones.

        labels : of those that the classifier was trained on
        """
        self._trained()
        texts = check_texts(texts)
        names = check_labels(labels, len(texts))
        for i, name in enumerate(names):
            if name not in self.labels:
                expected = ", ".join(repr(label) for label in self.labels)
                raise ValueError(f"labels[{i}] must be one of {expected}, got {name!r}")
        targets = np.array([self.labels.index(name) for name in names], np.int32)
        scores = self._scores(texts, batch_size, progress)
        loss = np.asarray(ops.softmax_cross_entropy(scores, targets), np.float64)
        counts = np.zeros((len(self.labels), len(self.labels)), np.int64)
        np.add.at(counts, (targets, scores.argmax(axis=1)), 1)
        confusion = {
            true: {label: int(n) for label, n in zip(self.labels, row, strict=True)}
            for true, row in zip(self.labels, counts, strict=True)
        }
        accuracy = float(np.trace(counts)) / len(texts)
        return Evaluation(accuracy, float(loss.mean()), len(texts), confusion)

    def _scores(self, texts: Sequence[str], batch_size: int, progress: Callable[[int], Any] | None) -> Array:
        self._trained()
        check_sizes(batch_size=batch_size)
        batches = LengthBatches(self._encode(texts), None, batch_size)
        found: list[Array] = []
        for ids in batches:
            found.append(np.asarray(self.model.predict_on_batch(ids)))
            if progress is not None:
                progress(len(ids))
        together = np.concatenate(found)
        scores = np.empty_like(together)
        scores[batches.order] = together
        return scores

    def _trained(self) -> None:
        if self.model is None:
            raise ValueError("the classifier must be trained first: call fit, or load a saved one")

    # --- files -----------------------------------------------------------------------------------------------------
    def get_config(self) -> dict[str, Any]:
        """The arguments that the classifier was made with."""
        names = ("cell", "units", "embedding", "dropout", "bidirectional", "vocabulary_size", "maxlen", "seed")
        return {name: getattr(self, name) for name in names}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the classifier to one file, whole or not at all; see ``recurra.tasks.model_file`` for what is in it."""
        self._trained()
        config = {**self.get_config(), "labels": self.labels, "trained": self.trained}
        write_archive(path, "sentiment", config, str(self._tokenizer.to_json()), self.model)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, max_size: int | None = None) -> SentimentClassifier:
        """Read what :meth:`save` wrote. Nothing in the file is executed.

        max_size : the most bytes that the file may unpack to; see ``recurra.saving.load_model``
        raises : FileFormatError (a ValueError) that names the file for anything else
        """
        found = read_archive(path, "sentiment", max_size)
        config = dict(found.config)
        labels, trained = config.pop("labels", None), config.pop("trained", {})
        with making(path, "the sentiment classifier"):
            if not isinstance(labels, list) or not all(isinstance(label, (str, int)) for label in labels):
                raise ValueError("labels must be a list of texts or numbers")
            if len(set(labels)) != len(labels):
                raise ValueError("labels must be different ones")
            classifier = cls(**config)
            check_seed(classifier.seed)
            classifier._tokenizer = tokenizer_from_json(found.vocabulary)
            ids = sorted(classifier._tokenizer.word_index.values())
            if ids != list(range(1, len(ids) + 1)) or classifier._tokenizer.num_words != classifier.vocabulary_size:
                raise ValueError("the words' ids must be 1, 2, ..., and num_words the vocabulary_size")
            expected = classifier_layers(
                min(classifier.vocabulary_size, len(ids) + 1), len(labels), cell=classifier.cell,
                units=classifier.units, embedding=classifier.embedding, dropout=classifier.dropout,
                bidirectional=classifier.bidirectional,
            )  # fmt: skip
            check_network(path, found.model, expected)
        classifier.labels, classifier.trained, classifier.model = labels, trained, found.model
        return classifier


def check_texts(texts: Sequence[str]) -> list[str]:
    """`texts` as a list of non-empty strings, or an error that says which one is not."""
    if isinstance(texts, str):
        raise TypeError("texts must be a list of strings, got one string: put it into a list")
    found = list(texts)
    if not found:
        raise ValueError("texts must hold at least one text, got none")
    for i, text in enumerate(found):
        if not isinstance(text, str):
            raise TypeError(f"texts[{i}] must be a str, got {type(text).__name__}")
        if not text.strip():
            raise ValueError(f"texts[{i}] is empty: every text must hold at least one word")
    return found


def check_labels(labels: Sequence[Label] | Array, n: int) -> list[Label]:
    """`labels` as a list of `n` str, int or bool, or an error that says what is wrong."""
    found = [label.item() if isinstance(label, np.generic) else label for label in labels]
    if len(found) != n:
        raise ValueError(f"labels must be as many as texts, {n}, got {len(found)}")
    for i, label in enumerate(found):
        if not isinstance(label, (str, int)) or label == "":
            raise ValueError(f"labels[{i}] must be a non-empty str, an int or a bool, got {label!r}")
    return found


def distinct_labels(labels: Sequence[Label] | Array) -> list[Label]:
    """The different labels in order, or an error where they cannot be what a text is classified by."""
    counts: dict[Label, int] = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    if len(counts) < 2:
        raise ValueError(f"labels must be of at least two kinds, got only {labels[0]!r}")
    for label, n in counts.items():
        if n < 2:
            i = list(labels).index(label)
            raise ValueError(
                f"labels[{i}] = {label!r} occurs only once among {len(labels)} labels: is it a label, and spelled like "
                "the others?"
            )
    return sorted(counts, key=lambda label: (isinstance(label, str), label))
