"""Texts and their labels in scikit-learn's terms: a recurrent classifier, from raw strings to one file."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.tasks.checkpoint import TrainingCheckpoint
from recurra.tasks.classification import Prediction
from recurra.tasks.classifier import Classifier
from recurra.tasks.labelled_texts import Label
from recurra.typing import Array

if TYPE_CHECKING:
    from recurra.callbacks import Callback, History


class TextClassifier(Classifier):
    """Learns which of some labels a text has: words → Embedding → bidirectional LSTM → pooling → Dense.

    An estimator of scikit-learn, which it does not need: ``cross_val_score``, ``Pipeline``, ``GridSearchCV`` and
    ``clone`` take it. Texts are lists, arrays, or columns of pandas.

    cell : "lstm", "gru", "simple_rnn" or another of ``recurra.layers.LAYER_OF_CELL``
    units : H of the recurrent layer, in each direction
    embedding : the width of a word's vector; None takes that of `vectors` or `language_model`, else 48
    pooling : what becomes of the recurrent layer's outputs: "mean", "max" (of each unit), "last", or "attention", a
        mean whose weights are learned; always over the text's own words
    pairs : the most pairs of neighbouring words to know, which have vectors of their own whose mean stands beside the
        pooled outputs; of the most frequent ones, in at least three texts. 0 for none
    dropout : the rate on word vectors (the same features all along a text) and on what is pooled
    word_dropout : the rate at which words, and pairs, become unknown in training
    bidirectional : whether a second layer reads from the end
    vocabulary_size : the most words to know; rarer ones share one vector
    maxlen : how many words of a text are read: of a longer one the first third and the last two thirds of as many
    vectors : first values of the words' vectors: a file in the text format of word2vec or GloVe (.gz, .bz2 and .xz are
        unpacked), of which only the words that occur are kept, or :class:`recurra.preprocessing.WordVectors`
    language_model : a :class:`LanguageModel` of words or characters, or its file, whose vectors and first recurrent
        layer are the first values; its tokens are then the classifier's, and `cell` and `units` must agree
    validation : the share of the texts, drawn at random, that is held out, in [0, 1)
    epochs : the most passes; the learning rate falls to a tenth over them, along a cosine
    batch_size : texts in a step; None takes 64, or less for few texts
    learning_rate : Adam's, at the start
    clipnorm : the norm that the gradient of all weights together is clipped to
    patience : stop after so many epochs without a better one: of a higher validation accuracy, or of the same and a
        lower loss
    averaging : m in [0, 1) of the moving average ``a = m a + (1 - m) w`` of the weights over the steps, which is
        validated and kept in their place; 0 for none. On few texts m is lowered, so that the average looks back over
        half an epoch
    class_weight : what a text counts in training by its label: "balanced" lets each label count the same in all,
        however rare (N / (C * its texts)); a dict of labels and weights; None lets each text count the same. With
        weights the epoch of the lowest weighted validation loss is kept, and `patience` waits for a lower one
    seed : for weights, dropout, held-out texts and order; None follows ``recurra.utils.set_random_seed``
    verbose : 0 for silence, 1 or "auto" for progress on standard error

    After ``fit``: `classes_`, `history_`, `labels`, `model` (the network) and `trained`, what was reached.

        >>> texts, labels = ["a good film", "a bad film"] * 30, ["pos", "neg"] * 30
        >>> classifier = TextClassifier(units=4, embedding=8, epochs=20, batch_size=8, seed=1, verbose=0)
        >>> classifier.fit(texts, labels).predict(["what a bad film"]).tolist()
        ['neg']
        >>> classifier.score(texts, labels)
        1.0
        >>> supporting, opposing = classifier.explain("a bad film").strongest(1)
        >>> supporting[0].token
        'bad'
    """

    def fit(
        self,
        texts: Iterable[str],
        labels: Iterable[Label] | Array,
        *,
        groups: Iterable[Hashable] | Array | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint: TrainingCheckpoint | None = None,
    ) -> TextClassifier:
        """Train anew, and keep the weights of the epoch with the highest validation accuracy.

        texts : N non-empty strings: a list, an array, a pandas Series or a DataFrame of one column
        labels : N str, int or bool, at least two different ones, each at least twice
        groups : N values that say which texts belong together (phrases of one sentence, say): texts of one group are
            not in both the held-out part and the training part
        callbacks : further ``recurra.callbacks``
        checkpoint : where to write checkpoints, and perhaps to resume from; see :class:`TrainingCheckpoint`
        returns : the classifier itself. :attr:`trained` says whether Ctrl-C ended the training early.
        """
        self.history_: History = self._fit(texts, labels, groups, callbacks, checkpoint)
        return self

    def predict(
        self, texts: Iterable[str], *, batch_size: int = 256, progress: Callable[[int], Any] | None = None
    ) -> Array:
        """The most probable label of each text, an array (N,); :meth:`predictions` gives more.

        progress : called with the number of texts after each batch
        """
        found = self.predict_proba(texts, batch_size=batch_size, progress=progress)
        return self.classes_[found.argmax(axis=1)]  # type: ignore[no-any-return]

    def predictions(
        self, texts: Iterable[str], *, batch_size: int = 256, progress: Callable[[int], Any] | None = None
    ) -> list[Prediction]:
        """The label of each text, with probabilities.

        progress : called with the number of texts after each batch
        """
        return self._predictions(texts, batch_size, progress)

    def predict_log_proba(self, texts: Iterable[str], *, batch_size: int = 256) -> Array:
        """The natural logarithm of :meth:`predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(texts, batch_size=batch_size))

    @property
    def classes_(self) -> Array:
        """The labels in the order of :meth:`predict_proba`'s columns."""
        if self._model is None:
            raise AttributeError("classes_ is there after fit: the classifier must be trained first")
        return _array_of(self.labels)


def _array_of(labels: Sequence[Label]) -> Array:
    """The labels as an array of their own kind; of several kinds, of objects."""
    if len({type(label) for label in labels}) == 1:
        return np.array(labels)
    found = np.empty(len(labels), object)
    found[:] = labels
    return found
