"""The classifier of texts that TextClassifier and SentimentClassifier share: training, scores, files."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from recurra import ops
from recurra.random import derive_seed
from recurra.saving.file_errors import making
from recurra.tasks import pretrained
from recurra.tasks.arguments import check_seed, check_sizes
from recurra.tasks.buckets import LengthBatches
from recurra.tasks.checkpoint import TrainingCheckpoint, checksum, is_given
from recurra.tasks.classification import Evaluation, Prediction, evaluation_of
from recurra.tasks.classifier_network import Form, check_classifier, classifier_network
from recurra.tasks.classifier_params import (
    KEPT,
    TRAINING,
    Parameters,
    batch_size_for,
    check_settings,
    check_training,
)
from recurra.tasks.classifier_words import (
    LanguageReader,
    Reader,
    WordPairs,
    WordReader,
    readings_from_json,
    readings_to_json,
)
from recurra.tasks.explanation import Explanation, explain
from recurra.tasks.fitting import Training, seeded
from recurra.tasks.labelled_texts import (
    Label,
    check_labels,
    check_texts,
    distinct_labels,
    group_names,
    held_out_split,
    text_weights,
)
from recurra.tasks.model_file import read_archive, write_archive
from recurra.tasks.quantized import Quantizable
from recurra.tasks.vocabulary import UNKNOWN
from recurra.typing import Array

if TYPE_CHECKING:
    from recurra.callbacks import Callback, History
    from recurra.preprocessing.word_vectors import WordVectors
    from recurra.tasks.language_model import LanguageModel

Self = TypeVar("Self", bound="Classifier")

EMBEDDING = 48
"""The width of a word's vector where nothing else is said."""


class Classifier(Quantizable, Parameters):
    """Base of the classifiers; see :class:`recurra.tasks.TextClassifier` for the arguments."""

    #: the task that its files name; those of the other classifiers are read too
    _task = "classifier"

    def __init__(
        self,
        *,
        cell: str = "lstm",
        units: int = 48,
        embedding: int | None = None,
        pooling: str = "max",
        pairs: int = 200_000,
        dropout: float = 0.5,
        word_dropout: float = 0.4,
        bidirectional: bool = True,
        vocabulary_size: int = 30_000,
        maxlen: int = 400,
        vectors: str | os.PathLike[str] | WordVectors | None = None,
        language_model: str | os.PathLike[str] | LanguageModel | None = None,
        validation: float = 0.1,
        epochs: int = 7,
        batch_size: int | None = None,
        learning_rate: float = 2e-3,
        clipnorm: float = 1.0,
        patience: int = 3,
        averaging: float = 0.99,
        class_weight: str | Mapping[Label, float] | None = None,
        seed: int | None = None,
        verbose: int | str = "auto",
    ) -> None:
        self.cell, self.units, self.embedding, self.pooling, self.pairs = cell, units, embedding, pooling, pairs
        self.dropout, self.word_dropout, self.bidirectional = dropout, word_dropout, bidirectional
        self.vocabulary_size, self.maxlen, self.vectors = vocabulary_size, maxlen, vectors
        self.language_model, self.validation, self.epochs = language_model, validation, epochs
        self.batch_size, self.learning_rate, self.clipnorm = batch_size, learning_rate, clipnorm
        self.patience, self.averaging, self.class_weight = patience, averaging, class_weight
        self.seed, self.verbose = seed, verbose
        check_settings(self.get_params())
        pretrained.check_choice(vectors, language_model)
        self._labels: list[Label] = []
        self._model: Any = None
        self._trained_summary: dict[str, Any] = {}
        self._reader: Reader | None = None
        self._word_pairs: WordPairs | None = None

    @property
    def labels(self) -> list[Label]:
        """The labels in ascending order, numbers before words."""
        return self._labels

    @property
    def model(self) -> Any:
        """The trained network, or None."""
        return self._model

    @property
    def trained(self) -> dict[str, Any]:
        """What the training reached."""
        return self._trained_summary

    @property
    def _tokenizer(self) -> Any:
        return self._reader.tokenizer if isinstance(self._reader, WordReader) else None

    # --- training --------------------------------------------------------------------------------------------------
    def _fit(
        self,
        texts: Iterable[str],
        labels: Iterable[Label] | Array,
        groups: Iterable[Hashable] | Array | None,
        callbacks: Sequence[Callback],
        checkpoint: TrainingCheckpoint | None,
        **given: Any,
    ) -> History:
        """Train; the settings in `given` that are not None count in place of the classifier's own."""
        own = {name: getattr(self, name) for name in TRAINING}
        settings = {name: own[name] if given.get(name) is None else given[name] for name in TRAINING}
        check_training(settings)
        texts = check_texts(texts)
        names = check_labels(labels, len(texts))
        known = distinct_labels(names)
        targets = np.array([known.index(name) for name in names], np.int32)
        groups = None if groups is None else group_names(groups)
        if is_given(checkpoint):
            kept = {name: value for name, value in settings.items() if name != "verbose"}
            begin = {**{name: getattr(self, name) for name in KEPT}, **kept, "data": checksum(*texts, names, groups)}
            start = pretrained.fingerprint(self.vectors, self.language_model)
            seed = checkpoint.begin({**begin, **start, "class_weight": repr(self.class_weight)}, self.seed)
        else:
            seed = derive_seed() if self.seed is None else self.seed
        train, held_out = self._split(targets, settings["validation"], seed, groups)
        self._labels, self._model = known, None
        lm = self._language_model()
        reader = None if lm is not None else WordReader(self.vocabulary_size, [texts[i] for i in train])
        vectors = None
        if self.vectors is not None and reader is not None:
            vectors = pretrained.open_vectors(self.vectors, reader.words, self.embedding)
        self._reader = reader if lm is None else LanguageReader(pretrained.vocabulary_of(lm))
        sequences = self._encode_all(texts)
        self._word_pairs = WordPairs([sequences[i] for i in train], self.pairs) if self.pairs else None
        batch_size = settings["batch_size"] or batch_size_for(len(train))
        weights = text_weights(self.class_weight, known, targets, train)
        batches = LengthBatches(
            [sequences[i] for i in train], targets[train], batch_size, shuffle=True, seed=seed, inputs=self._inputs,
            weights=None if weights is None else weights[train],
        )  # fmt: skip
        checked = None
        if len(held_out):
            checked = LengthBatches(
                [sequences[i] for i in held_out], targets[held_out], 4 * batch_size, inputs=self._inputs,
                weights=None if weights is None else weights[held_out],
            )  # fmt: skip
        with seeded(self.seed):
            network = classifier_network(self._form(lm.embedding if lm else vectors.dimension if vectors else None))
        if lm is not None:
            pretrained.put_language_model(lm, network)
        if vectors is not None and reader is not None:
            pretrained.put_vectors(vectors, reader.words, network)
        settings["averaging"] = min(settings["averaging"], 1 - 2 / max(len(batches), 2))
        training = Training(
            network, steps=len(batches), tokens=batches.tokens, validated=checked is not None, metrics=["accuracy"],
            highest="accuracy" if checked is not None and weights is None else None,
            **{name: value for name, value in settings.items() if name not in ("validation", "batch_size")},
        )  # fmt: skip
        history = training.run(batches, checked, callbacks, checkpoint)
        self._model, self._trained_summary = network, training.summary()
        return history

    def _split(
        self, targets: Array, validation: float, seed: int, groups: list[Hashable] | None
    ) -> tuple[Array, Array]:
        train, held_out = held_out_split(len(targets), validation, seed, groups)
        if len(train) < 2 or len(np.unique(targets[train])) < len(np.unique(targets)):
            raise ValueError(
                f"validation={validation:g} of {len(targets)} texts leaves a label without a text to learn from: give "
                "more texts, or a smaller share"
            )
        return train, held_out

    def _language_model(self) -> LanguageModel | None:
        if self.language_model is None:
            return None
        return pretrained.open_language_model(
            self.language_model, cell=self.cell, units=self.units, embedding=self.embedding
        )

    def _form(self, width: int | None = None) -> Form:
        assert self._reader is not None
        return Form(
            len(self._reader), 0 if self._word_pairs is None else len(self._word_pairs), len(self._labels),
            cell=self.cell, units=self.units, embedding=self.embedding or width or EMBEDDING, pooling=self.pooling,
            dropout=self.dropout, bidirectional=self.bidirectional,
        )  # fmt: skip

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        assert self._reader is not None
        return [self._cut(ids) or [UNKNOWN] for ids in self._reader.encode(texts)]

    def _encode_all(self, texts: Sequence[str]) -> list[Array]:
        """The ids of each text as an array, which takes a tenth of a list's memory."""
        parts = (self._encode(texts[at : at + 1000]) for at in range(0, len(texts), 1000))
        return [np.array(ids, np.int32) for part in parts for ids in part]

    def _cut(self, items: list[Any]) -> list[Any]:
        """The items, of longer lists the first third and the end of `maxlen`."""
        head = self.maxlen // 3
        return items if len(items) <= self.maxlen else items[:head] + items[head - self.maxlen :]

    def _inputs(self, ids: Array, rng: np.random.Generator | None) -> Any:
        """What the network takes; with a generator words and pairs are made unknown at the rate `word_dropout`."""
        pairs = None if self._word_pairs is None else self._word_pairs.encode(ids)
        if rng is not None and self.word_dropout:
            ids = _dropped(ids, self.word_dropout, rng)
            pairs = pairs if pairs is None else _dropped(pairs, self.word_dropout, rng)
        return ids if pairs is None else [ids, pairs]

    # --- use -------------------------------------------------------------------------------------------------------
    def predict_proba(
        self, texts: Iterable[str], *, batch_size: int = 256, progress: Callable[[int], Any] | None = None
    ) -> Array:
        """The probability of each label for each text, (N, labels) float64; the columns are in the order of `labels`.

        progress : called with the number of texts after each batch
        """
        scores = self._scores(check_texts(texts), batch_size, progress)
        return np.asarray(ops.softmax(scores.astype(np.float64)))

    def _predictions(
        self, texts: Iterable[str], batch_size: int, progress: Callable[[int], Any] | None
    ) -> list[Prediction]:
        probabilities = np.asarray(ops.softmax(self._scores(check_texts(texts), batch_size, progress)), np.float64)
        found = []
        for row in probabilities:
            best = int(row.argmax())
            scores = {label: float(p) for label, p in zip(self.labels, row, strict=True)}
            found.append(Prediction(self.labels[best], float(row[best]), scores))
        return found

    def evaluate(
        self,
        texts: Iterable[str],
        labels: Iterable[Label] | Array,
        *,
        batch_size: int = 256,
        progress: Callable[[int], Any] | None = None,
    ) -> Evaluation:
        """Compare the predicted labels with the true ones.

        labels : of those that the classifier was trained on
        """
        self._require_trained()
        texts = check_texts(texts)
        names = check_labels(labels, len(texts))
        for i, name in enumerate(names):
            if name not in self.labels:
                expected = ", ".join(repr(label) for label in self.labels)
                raise ValueError(f"labels[{i}] must be one of {expected}, got {name!r}")
        targets = np.array([self.labels.index(name) for name in names], np.int32)
        scores = self._scores(texts, batch_size, progress)
        loss = np.asarray(ops.softmax_cross_entropy(scores, targets), np.float64)
        return evaluation_of(self.labels, targets, scores, loss)

    def score(
        self,
        texts: Iterable[str],
        labels: Iterable[Label] | Array,
        sample_weight: Sequence[float] | Array | None = None,
    ) -> float:
        """The accuracy, as scikit-learn's classifiers give it.

        sample_weight : a weight for each text, or None
        """
        self._require_trained()
        texts = check_texts(texts)
        names = check_labels(labels, len(texts))
        best = self._scores(texts, 256, None).argmax(axis=1)
        right = [self.labels[i] == name for i, name in zip(best.tolist(), names, strict=True)]
        return float(np.average(right, weights=sample_weight))

    def explain(self, text: str, label: Label | None = None) -> Explanation:
        """What each word of a text contributes to a label, by leaving it out; see :class:`Explanation`.

        label : which; None takes the most probable one
        """
        self._require_trained()
        (text,) = check_texts([text])
        if label is not None and label not in self.labels:
            raise ValueError(f"label must be one of {', '.join(map(repr, self.labels))}, got {label!r}")
        assert self._reader is not None
        (ids,) = self._reader.encode([text])
        spans = self._reader.spans(text)
        read = self._cut(list(range(len(ids))))

        def scores_of(variants: list[list[int]]) -> Array:
            return self._sequence_scores([variant or [UNKNOWN] for variant in variants])

        return explain(text, spans, read, [ids[i] for i in read], scores_of, self.labels, label)

    def _scores(self, texts: Sequence[str], batch_size: int, progress: Callable[[int], Any] | None) -> Array:
        self._require_trained()
        check_sizes(batch_size=batch_size)
        return self._sequence_scores(self._encode_all(texts), batch_size, progress)

    def _sequence_scores(
        self, sequences: Sequence[Any], batch_size: int = 256, progress: Callable[[int], Any] | None = None
    ) -> Array:
        batches = LengthBatches(sequences, None, batch_size, inputs=self._inputs)
        found: list[Array] = []
        for inputs in batches:
            found.append(np.asarray(self.model.predict_on_batch(inputs)))
            if progress is not None:
                progress(len(found[-1]))
        together = np.concatenate(found)
        scores = np.empty_like(together)
        scores[batches.order] = together
        return scores

    def _require_trained(self) -> None:
        if self._model is None:
            raise ValueError("the classifier must be trained first: call fit, or load a saved one")

    def __sklearn_is_fitted__(self) -> bool:
        return self._model is not None

    # --- files -----------------------------------------------------------------------------------------------------
    def get_config(self) -> dict[str, Any]:
        """The arguments that say what the classifier is like, without those of its training."""
        config = {name: getattr(self, name) for name in KEPT}
        return {**config, "embedding": self._width()}

    def _width(self) -> int | None:
        if self._model is not None:
            return next(int(layer.output_dim) for layer in self._model.layers if hasattr(layer, "output_dim"))
        return self.embedding

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the classifier to one file, whole or not at all; see ``recurra.tasks.model_file`` for what is in it."""
        self._require_trained()
        assert self._reader is not None
        config = {**self.get_config(), "labels": self.labels, "trained": self.trained}
        if isinstance(self._reader, LanguageReader):
            config["level"] = self._reader.vocabulary.level
        write_archive(path, self._task, config, readings_to_json(self._reader, self._word_pairs), self.model)

    @classmethod
    def load(cls: type[Self], path: str | os.PathLike[str], *, max_size: int | None = None) -> Self:
        """Read what :meth:`save` wrote, of this class or another classifier. Nothing in the file is executed.

        max_size : the most bytes that the file may unpack to; see ``recurra.saving.load_model``
        raises : FileFormatError (a ValueError) that names the file for anything else
        """
        found = read_archive(path, cls._task, max_size, also=("sentiment", "classifier"))
        # files of classifiers that knew one pooling and no pairs say nothing of them
        config = {"pooling": "mean", "pairs": 0, "word_dropout": 0.0, **found.config}
        labels, trained, level = (config.pop(name, None) for name in ("labels", "trained", "level"))
        with making(path, "the classifier"):
            if not isinstance(labels, list) or not all(isinstance(label, (str, int)) for label in labels):
                raise ValueError("labels must be a list of texts or numbers")
            if len(set(labels)) != len(labels):
                raise ValueError("labels must be different ones")
            classifier = cls(**config)
            check_seed(classifier.seed)
            text, classifier._word_pairs = readings_from_json(found.vocabulary, bool(classifier.pairs))
            if level is None:
                classifier._reader = WordReader.from_json(text, classifier.vocabulary_size)
            else:
                classifier._reader = LanguageReader.from_json(text, level)
            classifier._labels = labels
            check_classifier(path, found.model, classifier._form())
        classifier._trained_summary, classifier._model = trained or {}, found.model
        return classifier


def _dropped(ids: Array, rate: float, rng: np.random.Generator) -> Array:
    """The ids with a share of them, where there is a token, made unknown."""
    return np.where((rng.random(ids.shape, np.float32) < rate) & (ids > 0), np.int32(UNKNOWN), ids)
