"""Sentences and a label for each word: a recurrent tagger, from words to one file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recurra.preprocessing.word_vectors import WordVectors
from recurra.random import derive_seed
from recurra.saving.file_errors import making
from recurra.tasks.arguments import (
    Described,
    check_at_least_zero,
    check_flags,
    check_fractions,
    check_seed,
    check_sizes,
    listed,
    open_vectors,
)
from recurra.tasks.checkpoint import TrainingCheckpoint, checksum, is_given
from recurra.tasks.fitting import Training, seeded
from recurra.tasks.model_file import check_count, check_network, read_archive, write_archive
from recurra.tasks.networks import check_cell, check_recurrent_dropout
from recurra.tasks.spans import Scores, are_spans, label_scores, span_scores
from recurra.tasks.tagged_batches import TaggedBatches, batch_size_for
from recurra.tasks.tagging_network import tagging_network, within_weights_of
from recurra.tasks.tagging_vocabulary import TaggingVocabulary
from recurra.tasks.word_accuracy import WordAccuracy
from recurra.typing import Array, PathLike

if TYPE_CHECKING:
    from recurra.callbacks import Callback, History
    from recurra.models.model import Model

Sentences = Sequence[Sequence[str]]

_LONG = 500  # words of a sentence that is not put into a batch with others
_ARGUMENTS = (
    "cell", "units", "layers", "embedding", "characters", "dropout", "locked_dropout", "recurrent_dropout",
    "word_dropout", "crf", "vocabulary_size", "rare", "seed",
)  # fmt: skip


class TaggingEvaluation(NamedTuple):
    """How well labels were found.

    accuracy : the share of the words with the right label; unknown : the same of the words that have no vector of
        their own, being rare or missing in the training texts; None where there are none
    words, sentences : how many there are
    spans : precision, recall and F1 of whole spans where the labels are BIO labels, else None
    each : the same for each type of span, or for each label
    """

    accuracy: float
    unknown: float | None
    words: int
    sentences: int
    spans: Scores | None
    each: dict[str, Scores]


class SequenceTagger(Described):
    """Learns a label for each word: words and their characters → bidirectional layers → scores, with a CRF or not.

    For parts of speech, named entities (BIO labels) and whatever else has one label a word. A word is read three ways:
    by a vector learned for it, by a pretrained vector where some are given, and by its characters, which are all that
    tells of a word never seen.

    cell : "lstm", "gru", "simple_rnn" or another of ``recurra.layers.LAYER_OF_CELL``
    units, layers : H of each bidirectional layer, in each direction, and how many layers
    embedding : the width of the vector that is learned for a word
    characters : H of the layer that reads a word's characters, in each direction; 0 to read no characters
    dropout : the rate on what each layer is given
    locked_dropout : whether it drops the same features at every word of a sentence (variational dropout)
    recurrent_dropout : the rate on the state inside of each bidirectional layer, likewise; for cells with a recurrent
        kernel
    word_dropout : a in ``a / (a + count)``, the share of a word's occurrences that are read as an unknown word, half
        of them without the pretrained vector too; count is 0 for rare words
    crf : whether a CRF layer chooses whole sequences; None: where the labels mark spans (BIO)
    vocabulary_size : the most words to learn a vector for
    rare : words seen less often in the training texts have none
    seed : for weights, dropout, held-out sentences and order; None follows ``recurra.utils.set_random_seed``

        >>> sentences = [["the", "dog", "barks"], ["a", "cat", "sleeps"]] * 20
        >>> labels = [["DET", "NOUN", "VERB"]] * 40
        >>> tagger = SequenceTagger(units=8, layers=1, embedding=8, characters=4, seed=1)
        >>> history = tagger.fit(sentences, labels, epochs=15, batch_size=4, learning_rate=0.02, verbose=0)
        >>> tagger.predict([["the", "cat", "barks"]])
        [['DET', 'NOUN', 'VERB']]
    """

    def __init__(
        self,
        *,
        cell: str = "lstm",
        units: int = 200,
        layers: int = 2,
        embedding: int = 64,
        characters: int = 50,
        dropout: float = 0.4,
        locked_dropout: bool = False,
        recurrent_dropout: float = 0.0,
        word_dropout: float = 0.25,
        crf: bool | None = None,
        vocabulary_size: int = 50_000,
        rare: int = 2,
        seed: int | None = None,
    ) -> None:
        check_cell(cell)
        check_sizes(units=units, layers=layers, embedding=embedding, vocabulary_size=vocabulary_size, rare=rare)
        check_count(layers, "layers")
        if characters != 0:
            check_sizes(characters=characters)
        check_fractions(dropout=dropout)
        check_recurrent_dropout(cell, recurrent_dropout=recurrent_dropout)
        check_at_least_zero(word_dropout=word_dropout)
        check_flags(locked_dropout=locked_dropout)
        check_seed(seed)
        if crf not in (None, True, False):
            raise ValueError(f"crf must be True, False or None, got {crf!r}")
        self.cell, self.units, self.layers, self.embedding = cell, units, layers, embedding
        self.characters, self.dropout, self.locked_dropout = characters, dropout, locked_dropout
        self.recurrent_dropout, self.word_dropout, self.crf = recurrent_dropout, word_dropout, crf
        self.vocabulary_size, self.rare, self.seed = vocabulary_size, rare, seed
        self.vocabulary: TaggingVocabulary | None = None
        self.model: Any = None
        self.trained: dict[str, Any] = {}
        #: what else to keep in the file: the command keeps the columns that it was trained on here
        self.notes: dict[str, Any] = {}
        self._width: int | None = None

    @property
    def labels(self) -> list[str]:
        """The labels that it may give, in order; empty before training."""
        return [] if self.vocabulary is None else list(self.vocabulary.labels)

    # --- training --------------------------------------------------------------------------------------------------
    def fit(
        self,
        sentences: Sentences,
        labels: Sentences,
        *,
        validation: float | tuple[Sentences, Sentences] = 0.1,
        vectors: WordVectors | PathLike | None = None,
        epochs: int = 15,
        batch_size: int | None = None,
        learning_rate: float = 2e-3,
        clipnorm: float = 1.0,
        averaging: float = 0.998,
        patience: int = 5,
        callbacks: Sequence[Callback] = (),
        verbose: int | str = "auto",
        checkpoint: TrainingCheckpoint | None = None,
    ) -> History:
        """Train, and keep the weights of the epoch with the highest validation accuracy.

        sentences : N non-empty lists of words; labels : a label for each word
        validation : the share of the sentences, drawn at random, that is held out, in [0, 1); or (sentences, labels)
        vectors : pretrained ones (:class:`recurra.preprocessing.WordVectors`), or their file. They stay as they are,
            and those of words that the sentences do not hold are kept too
        epochs : the most passes; the learning rate (Adam's) falls to a tenth over them, along a cosine
        batch_size : sentences in a step; None is 32, or less for so few that an epoch would have under 50 steps
        clipnorm : the norm that the gradient of all weights together is clipped to
        averaging : m in [0, 1) of the moving average ``a = m a + (1 - m) w`` of the weights over the steps, which is
            validated and kept in their place; 0 for none. Lower for few steps: at most 1 - 1 / (steps of an epoch)
        patience : stop after so many epochs without a higher validation accuracy
        verbose : 0 for silence, 1 or "auto" for progress on standard error
        checkpoint : where to write checkpoints, and perhaps to resume from; see :class:`TrainingCheckpoint`
        returns : the History. :attr:`trained` sums it up, and says whether Ctrl-C ended the training early.

        Fitting again starts anew, with the vocabulary and labels of the new sentences.
        """
        pairs = check_tagged(sentences, labels)
        batch_size = batch_size_for(len(pairs)) if batch_size is None else batch_size
        check_sizes(epochs=epochs, batch_size=batch_size, patience=patience)
        check_fractions(averaging=averaging)
        vectors, given = open_vectors(vectors), None
        if isinstance(validation, tuple):
            given = check_tagged(*validation)
        else:
            check_fractions(validation=validation)
        if is_given(checkpoint):
            own = {name: value for name, value in self.get_config().items() if name != "seed"}
            settings = {**own, "epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
            settings |= {"clipnorm": clipnorm, "averaging": averaging, "patience": patience}
            settings["validation"] = 0.0 if given is not None else validation
            pretrained = [] if vectors is None else [vectors.words, vectors.vectors.sum(dtype=np.float64)]
            seed = checkpoint.begin({**settings, "data": checksum(pairs, given, *pretrained)}, self.seed)
        else:
            seed = derive_seed() if self.seed is None else self.seed
        train, held_out = (pairs, given) if given is not None else _split(pairs, float(validation), seed)  # type: ignore[arg-type]
        self.model = None
        self.vocabulary = TaggingVocabulary.learn(
            [words for words, _ in train], [tags for _, tags in train], [] if vectors is None else vectors.words,
            size=self.vocabulary_size, rare=self.rare,
        )  # fmt: skip
        self._width = None if vectors is None else vectors.dimension
        batches = self._batches(train, batch_size, shuffle=True, seed=seed, word_dropout=self.word_dropout)
        checked = self._batches(_of_known(held_out, self.labels), 4 * batch_size) if held_out else None
        with seeded(self.seed):
            network = self._network()
        if vectors is not None:
            table = network.get_layer("pretrained_vectors")
            table.set_weights([np.concatenate([np.zeros((2, vectors.dimension), "float32"), vectors.vectors])])
        last = network.layers[-1]
        chain = self._has_crf()
        training = Training(
            network, steps=len(batches), epochs=epochs, tokens=batches.tokens, validated=checked is not None,
            learning_rate=learning_rate, clipnorm=clipnorm, patience=patience, verbose=verbose,
            metrics=[WordAccuracy(last.decode if chain else None)], loss=last.loss if chain else None,
            averaging=min(averaging, 1 - 1 / len(batches)), highest="accuracy",
        )  # fmt: skip
        history = training.run(batches, checked, callbacks, checkpoint)
        self.model, self.trained = self._network(), training.summary()  # without the optimizer's state
        self.model.set_weights(network.get_weights())
        return history

    def _batches(self, pairs: Sequence[Any], batch_size: int, **options: Any) -> TaggedBatches:
        assert self.vocabulary is not None
        words, rows = self.vocabulary.encode([pair[0] for pair in pairs])
        ids = {label: i for i, label in enumerate(self.vocabulary.labels)}
        tagged = None
        if len(pairs[0]) > 1:
            tagged = [np.fromiter((ids[label] for label in tags), np.int32, len(tags)) for _, tags in pairs]
        return TaggedBatches(
            words, rows, tagged, batch_size, pretrained=self._width is not None, characters=self.characters > 0,
            **options,
        )  # fmt: skip

    def _network(self) -> Model:
        assert self.vocabulary is not None
        return tagging_network(
            self.vocabulary.sizes, len(self.labels), cell=self.cell, units=self.units, layers=self.layers,
            embedding=self.embedding, characters=self.characters, dropout=self.dropout,
            locked_dropout=self.locked_dropout, recurrent_dropout=self.recurrent_dropout, crf=self._has_crf(),
            width=self._width,
        )  # fmt: skip

    def _has_crf(self) -> bool:
        return are_spans(self.labels) if self.crf is None else self.crf

    # --- use -------------------------------------------------------------------------------------------------------
    def predict(
        self, sentences: Sentences, *, batch_size: int = 128, progress: Callable[[int], Any] | None = None
    ) -> list[list[str]]:
        """A label for each word of each sentence.

        sentences : lists of words
        progress : called with the number of sentences after each batch
        """
        self._check_trained()
        check_sizes(batch_size=batch_size)
        found: list[list[str]] = []
        for ids in self._ids(check_sentences(sentences), batch_size, progress):
            found.append([self.labels[i] for i in ids])
        return found

    def evaluate(
        self,
        sentences: Sentences,
        labels: Sentences,
        *,
        batch_size: int = 128,
        progress: Callable[[int], Any] | None = None,
    ) -> TaggingEvaluation:
        """Compare the labels found with the true ones; of BIO labels whole spans too, by the rules of conlleval.

        labels : a label that the training texts do not hold counts as not found
        """
        pairs = check_tagged(sentences, labels)
        predicted = self.predict([words for words, _ in pairs], batch_size=batch_size, progress=progress)
        assert self.vocabulary is not None
        true = [list(tags) for _, tags in pairs]
        right = [[a == b for a, b in zip(one, other, strict=True)] for one, other in zip(true, predicted, strict=True)]
        count = sum(map(len, right))
        new = [
            hit
            for (words, _), hits in zip(pairs, right, strict=True)
            for word, hit in zip(words, hits, strict=True)
            if word.lower() not in self.vocabulary.counts
        ]
        in_spans = are_spans(self.labels)
        whole, each = (span_scores if in_spans else label_scores)(true, predicted)
        return TaggingEvaluation(
            sum(map(sum, right)) / count, sum(new) / len(new) if new else None, count, len(pairs),
            whole if in_spans else None, each,
        )  # fmt: skip

    def _ids(
        self, sentences: Sequence[Sequence[str]], batch_size: int, progress: Callable[[int], Any] | None
    ) -> list[Array]:
        found: list[Any] = [None] * len(sentences)
        last = self.model.layers[-1]
        short = [i for i, words in enumerate(sentences) if len(words) <= _LONG]
        alone = [[i] for i, words in enumerate(sentences) if len(words) > _LONG]  # no batch is padded to their length
        for places in filter(None, [short, *alone]):
            for inputs, rows in self._batches([(sentences[i],) for i in places], batch_size).with_numbers():
                scores = np.asarray(self.model.predict_on_batch(inputs))
                best = last.decode(scores, inputs[0] > 0) if self._has_crf() else scores.argmax(-1)
                for row, ids in zip(rows, best, strict=True):
                    found[places[row]] = ids[: len(sentences[places[row]])]
                if progress is not None:
                    progress(len(rows))
        return found

    def _check_trained(self) -> None:
        if self.model is None:
            raise ValueError("the tagger must be trained first: call fit, or load a saved one")

    # --- files -----------------------------------------------------------------------------------------------------
    def get_config(self) -> dict[str, Any]:
        """The arguments that the tagger was made with."""
        return {name: getattr(self, name) for name in _ARGUMENTS}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the tagger to one file, whole or not at all; see ``recurra.tasks.model_file`` for what is in it."""
        self._check_trained()
        assert self.vocabulary is not None
        config = {**self.get_config(), "width": self._width, "notes": self.notes, "trained": self.trained}
        write_archive(path, "tagger", config, self.vocabulary.to_json(), self.model)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, max_size: int | None = None) -> SequenceTagger:
        """Read what :meth:`save` wrote. Nothing in the file is executed.

        max_size : the most bytes that the file may unpack to; see ``recurra.saving.load_model``
        raises : FileFormatError (a ValueError) that names the file for anything else
        """
        found = read_archive(path, "tagger", max_size)
        config = dict(found.config)
        trained, width, notes = config.pop("trained", {}), config.pop("width", None), config.pop("notes", {})
        with making(path, "the sequence tagger"):
            tagger = cls(**config)
            if width is not None:
                check_sizes(width=width)
            if not isinstance(notes, dict):
                raise ValueError(f"notes must be an object, got {type(notes).__name__}")
            tagger.vocabulary, tagger._width = TaggingVocabulary.from_json(found.vocabulary), width
            with within_weights_of(found.model, str(path)):
                expected = tagger._network().layers
            check_network(path, found.model, expected)
        tagger.trained, tagger.notes, tagger.model = trained, notes, found.model
        return tagger


def check_sentences(sentences: Sentences) -> list[list[str]]:
    """`sentences` as lists of non-empty words, or an error that says which one is not."""
    if isinstance(sentences, str):
        raise TypeError("sentences must be lists of words, got one string: split it, and put the words into a list")
    found = []
    for i, sentence in enumerate(listed(sentences, "sentences", "lists of words")):
        if isinstance(sentence, str):
            raise TypeError(f"sentences[{i}] must be a list of words, got a str: split it")
        words = listed(sentence, f"sentences[{i}]", "words")
        for j, word in enumerate(words):
            if not isinstance(word, str) or not word:
                raise ValueError(f"sentences[{i}][{j}] must be a non-empty str, got {word!r}")
        if not words:
            raise ValueError(f"sentences[{i}] is empty: every sentence must hold at least one word")
        found.append(words)
    if not found:
        raise ValueError("sentences must hold at least one sentence, got none")
    return found


def check_tagged(sentences: Sentences, labels: Sentences) -> list[tuple[list[str], list[str]]]:
    """Pairs of words and as many labels, or an error that says what is wrong."""
    found = check_sentences(sentences)
    rows = [listed(row, f"labels[{i}]", "labels") for i, row in enumerate(listed(labels, "labels", "lists of labels"))]
    if len(rows) != len(found):
        raise ValueError(f"labels must be as many as sentences, {len(found)}, got {len(rows)}")
    for i, (words, tags) in enumerate(zip(found, rows, strict=True)):
        if len(words) != len(tags):
            raise ValueError(f"labels[{i}] must have a label for each of {len(words)} words, got {len(tags)}")
        for j, tag in enumerate(tags):
            if not isinstance(tag, str) or not tag:
                raise ValueError(f"labels[{i}][{j}] must be a non-empty str, got {tag!r}")
    return list(zip(found, rows, strict=True))


def _split(pairs: list[Any], share: float, seed: int) -> tuple[list[Any], list[Any]]:
    order = np.random.default_rng(seed).permutation(len(pairs))
    cut = len(pairs) - round(len(pairs) * share)
    if not cut:
        raise ValueError(f"validation={share:g} of {len(pairs)} sentences leaves none to learn from")
    return [pairs[i] for i in order[:cut]], [pairs[i] for i in order[cut:]]


def _of_known(pairs: list[Any], labels: list[str]) -> list[Any]:
    """Validation sentences whose labels all occur in training; of others no loss can be told."""
    known = set(labels)
    kept = [pair for pair in pairs if known.issuperset(pair[1])]
    if not kept:
        raise ValueError("validation must hold at least one sentence whose labels all occur in the training sentences")
    return kept
