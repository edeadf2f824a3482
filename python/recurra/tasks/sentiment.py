"""Texts and their labels: the text classifier in the terms of this library's other tasks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from recurra.tasks.checkpoint import TrainingCheckpoint
from recurra.tasks.classification import Prediction
from recurra.tasks.classifier import Classifier
from recurra.tasks.labelled_texts import Label
from recurra.typing import Array

if TYPE_CHECKING:
    from recurra.callbacks import Callback, History


class SentimentClassifier(Classifier):
    """Learns to label texts, as :class:`TextClassifier`: here ``fit`` gives the History, ``predict`` probabilities.

    Works for sentiment, and for any other labels of which a text has exactly one. The arguments are those of
    :class:`TextClassifier`.

        >>> texts, labels = ["good fun", "a bad film"] * 30, ["pos", "neg"] * 30
        >>> classifier = SentimentClassifier(units=4, embedding=8, seed=1)
        >>> history = classifier.fit(texts, labels, epochs=20, batch_size=8, verbose=0)
        >>> classifier.predict(["what a bad film"])[0].label
        'neg'
    """

    _task = "sentiment"

    def fit(
        self,
        texts: Iterable[str],
        labels: Iterable[Label] | Array,
        *,
        groups: Iterable[Hashable] | Array | None = None,
        validation: float | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        learning_rate: float | None = None,
        clipnorm: float | None = None,
        patience: int | None = None,
        averaging: float | None = None,
        callbacks: Sequence[Callback] = (),
        verbose: int | str | None = None,
        checkpoint: TrainingCheckpoint | None = None,
    ) -> History:
        """Train anew, and keep the weights of the epoch with the highest validation accuracy.

        texts : N non-empty strings; labels : N str, int or bool, at least two different ones, each at least twice
        groups : see :meth:`TextClassifier.fit`
        validation, epochs, batch_size, learning_rate, clipnorm, patience, averaging, verbose : None takes those that
            the classifier was made with
        callbacks : further ``recurra.callbacks``
        checkpoint : where to write checkpoints, and perhaps to resume from; see :class:`TrainingCheckpoint`
        returns : the History. :attr:`trained` sums it up, and says whether Ctrl-C ended the training early.

        Fitting again starts anew, with the vocabulary and labels of the new texts.
        """
        return self._fit(
            texts, labels, groups, callbacks, checkpoint, validation=validation, epochs=epochs, batch_size=batch_size,
            learning_rate=learning_rate, clipnorm=clipnorm, patience=patience, averaging=averaging, verbose=verbose,
        )  # fmt: skip

    def predict(
        self, texts: Iterable[str], *, batch_size: int = 256, progress: Callable[[int], Any] | None = None
    ) -> list[Prediction]:
        """The label of each text, with probabilities.

        progress : called with the number of texts after each batch
        """
        return self._predictions(texts, batch_size, progress)
