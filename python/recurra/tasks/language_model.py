"""A recurrent language model of a text, by characters, words or subwords."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.random import derive_seed
from recurra.saving.file_errors import making
from recurra.tasks import networks
from recurra.tasks.arguments import (
    Described,
    check_flags,
    check_fractions,
    check_seed,
    check_sizes,
    check_text,
    check_vocabulary_size,
)
from recurra.tasks.checkpoint import TrainingCheckpoint, checksum, is_given
from recurra.tasks.evaluation import Perplexity, log_probabilities
from recurra.tasks.fitting import FreshStates, Training, callbacks_of, seeded
from recurra.tasks.held_out import split_held_out
from recurra.tasks.model_file import check_count, check_network, read_archive, write_archive
from recurra.tasks.networks import check_cell, check_recurrent_dropout
from recurra.tasks.ngram import NGram
from recurra.tasks.quantized import Quantizable, copy_weights
from recurra.tasks.recipe import recipe
from recurra.tasks.streams import Streams
from recurra.tasks.subwords import Subwords, check_subwords
from recurra.tasks.vocabulary import LEVELS, START, UNKNOWN, Vocabulary
from recurra.tasks.writing import Writer

if TYPE_CHECKING:
    from recurra.callbacks import Callback, History
    from recurra.models.model import Model

Array = np.ndarray[Any, Any]

#: arguments that say how the network is made
_NETWORK = (
    "cell", "units", "layers", "embedding", "dropout", "locked_dropout", "recurrent_dropout", "projection", "tied",
)  # fmt: skip
#: what is dropped in training alone
_DROPPED = ("embedding_dropout", "weight_drop")


class LanguageModel(Writer, Quantizable, Described):
    r"""Learns to continue a text: Embedding → LSTM (or another cell) → Dense, trained by truncated backpropagation.

    level : "char" (characters), "word" (words, punctuation, line ends; the text is kept exactly) or "subword" (learned
        by byte-pair encoding; needs the extra ``recurra[tokenizers]``)
    cell : "lstm", "gru", "simple_rnn" or another of ``recurra.layers.LAYER_OF_CELL``
    units : H of each recurrent layer
    layers : how many recurrent layers
    embedding : the width of a token's vector; None takes 64 for characters and `units` for words
    dropout : the rate after each recurrent layer
    locked_dropout : whether it drops the same units at every step of a window (variational dropout)
    recurrent_dropout : the rate on the state inside of each recurrent layer, likewise; for cells with a recurrent
        kernel
    projection : the width of a linear layer before the scores, narrower than `units` for a large vocabulary; or None
    tied : whether the embedding's table makes the scores too; a linear layer as wide as `embedding` stands before them
        where `units` differ
    embedding_dropout : the share of the vocabulary that a step drops from its inputs, each token wherever it stands
    weight_drop : the share of the weights of each recurrent kernel that a step drops; not for cells without one
    vocabulary_size : the most tokens to know, None for all in the text
        (characters), 20,000 (words) or 8,000 (subwords)
    seed : for weights, dropout and the order of training; None follows ``recurra.utils.set_random_seed``

        >>> lm = LanguageModel(units=16, seed=1)
        >>> history = lm.fit("to be or not to be\n" * 40, epochs=1, window=20, batch_size=4, verbose=0)
        >>> len(lm.generate("to ", length=10, seed=2))
        10
    """

    def __init__(
        self,
        level: str = "char",
        *,
        cell: str = "lstm",
        units: int = 256,
        layers: int = 1,
        embedding: int | None = None,
        dropout: float = 0.3,
        locked_dropout: bool = False,
        recurrent_dropout: float = 0.0,
        projection: int | None = None,
        tied: bool = False,
        embedding_dropout: float = 0.0,
        weight_drop: float = 0.0,
        vocabulary_size: int | None = None,
        seed: int | None = None,
    ) -> None:
        if level not in (*LEVELS, Subwords.level):
            raise ValueError(f"level must be 'char', 'word' or 'subword', got {level!r}")
        check_cell(cell)
        if vocabulary_size is not None:
            check_vocabulary_size(vocabulary_size, "start, unknown, and a token")
        if embedding is None:
            embedding = 64 if level == "char" else units
        if vocabulary_size is None and level != "char":
            vocabulary_size = 20_000 if level == "word" else 8_000
        if level == Subwords.level and vocabulary_size is not None:
            check_subwords(vocabulary_size)
        check_sizes(units=units, layers=layers, embedding=embedding)
        check_flags(locked_dropout=locked_dropout, tied=tied)
        check_seed(seed)
        check_fractions(dropout=dropout, embedding_dropout=embedding_dropout)
        check_recurrent_dropout(cell, recurrent_dropout=recurrent_dropout, weight_drop=weight_drop)
        if tied and projection is not None:
            raise ValueError(f"projection must be None where tied is True: embedding sets the width, got {projection}")
        if projection is not None:
            check_sizes(projection=projection)
        self.locked_dropout, self.recurrent_dropout, self.projection = locked_dropout, recurrent_dropout, projection
        self.tied, self.embedding_dropout, self.weight_drop = tied, embedding_dropout, weight_drop
        self.level, self.cell, self.units, self.layers = level, cell, units, layers
        self.embedding, self.dropout, self.vocabulary_size, self.seed = embedding, dropout, vocabulary_size, seed
        self.vocabulary: Vocabulary | Subwords | None = None
        self.model: Any = None
        self.trained: dict[str, Any] = {}

    # --- training --------------------------------------------------------------------------------------------------
    def fit(
        self,
        text: str,
        *,
        validation: float = 0.1,
        epochs: int = 7,
        batch_size: int | None = None,
        window: int = 64,
        learning_rate: float | None = None,
        clipnorm: float = 1.0,
        averaging: float | None = None,
        patience: int = 3,
        callbacks: Sequence[Callback] = (),
        on_epoch: Callable[[LanguageModel, int, dict[str, float]], None] | None = None,
        verbose: int | str = "auto",
        checkpoint: TrainingCheckpoint | None = None,
    ) -> History:
        """Train on `text`, and keep the weights of the epoch with the lowest validation loss.

        text : some thousands of characters or more; the vocabulary is learned from its training part
        validation : the share of the text, at its end, that is held out, in [0, 1)
        epochs : the most passes over the training part; the learning rate falls to a tenth over them, along a cosine
        batch_size, window : B streams of the text are read side by side, T tokens at a time; the state is carried
            from window to window, gradients reach T tokens back. Both are lowered for a short text. None takes 32
            streams, fewer for a text that would have fewer than 100 steps in an epoch
        learning_rate : Adam's, at the start; None takes one by the level, the units and the streams, see
            ``recurra.tasks.recipe``
        clipnorm : the norm that the gradient of all weights together is clipped to
        averaging : m in [0, 1) of the moving average ``a = m a + (1 - m) w`` of the weights over the steps, which is
            then validated and kept in their place; 0 for none. 0.99 looks back some 100 steps. None takes what looks
            back over a fifth of an epoch
        patience : stop after so many epochs without a lower validation loss
        callbacks : further ``recurra.callbacks``
        on_epoch : called with (this model, epoch from 1, logs) after each epoch; it may generate
        verbose : 0 for silence, 1 or "auto" for progress on standard error
        checkpoint : where to write checkpoints, and perhaps to resume from; see :class:`TrainingCheckpoint`
        returns : the History. :attr:`trained` sums it up, and says whether Ctrl-C ended the training early.

        A model that is already trained goes on from its weights, with the vocabulary that it has.
        """
        check_sizes(epochs=epochs, batch_size=1 if batch_size is None else batch_size, window=window, patience=patience)
        check_fractions(validation=validation, averaging=0.0 if averaging is None else averaging)
        head, tail = split_held_out(text, self.level, validation)
        if self.vocabulary is None:
            self.vocabulary = self._new_vocabulary(head)
        seed = self.seed
        if is_given(checkpoint):
            settings = {**self.get_config(), "validation": validation, "epochs": epochs, "batch_size": batch_size}
            settings |= {"window": window, "learning_rate": learning_rate, "clipnorm": clipnorm, "patience": patience}
            settings |= {"averaging": averaging}
            seed = checkpoint.begin({**settings, "data": checksum(text, self.vocabulary.to_json())}, self.seed)
        ids = self.vocabulary.encode(head)
        batch_size, learning_rate, averaging = recipe(
            len(ids), characters=self.level == "char", units=self.units, window=window,
            batch_size=batch_size, learning_rate=learning_rate, averaging=averaging,
        )  # fmt: skip
        batches, held_out = self._batches(ids, tail, batch_size, window, seed)
        network = self._network(batches.batch_size)
        if self.model is not None:
            copy_weights(self.model, network)
        training = Training(
            network, steps=len(batches), epochs=epochs, tokens=batches.tokens, validated=held_out is not None,
            learning_rate=learning_rate, clipnorm=clipnorm, averaging=averaging, patience=patience, verbose=verbose,
        )  # fmt: skip
        live = self._like(network)
        if on_epoch is not None:
            training.after_epoch(lambda epoch, logs: on_epoch(live, epoch, logs))
        history = training.run(batches, held_out, [FreshStates(), *callbacks_of(callbacks)], checkpoint)
        self.model = self._plain(network)
        self.trained = training.summary()
        return history

    def _new_vocabulary(self, text: str) -> Vocabulary | Subwords:
        if self.level != Subwords.level:
            return Vocabulary(text, self.level, self.vocabulary_size)
        assert self.vocabulary_size is not None
        return Subwords(text, self.vocabulary_size)

    def _batches(
        self, ids: Array, tail: str, batch_size: int, window: int, seed: int | None
    ) -> tuple[Streams, Streams | None]:
        assert self.vocabulary is not None
        tail_ids = self.vocabulary.encode(tail)
        rows = Streams(ids, batch_size, window, start=START).batch_size
        seed = derive_seed() if seed is None else seed
        if not len(tail_ids):
            return Streams(ids, rows, window, start=START, shift=True, seed=seed), None
        rows = min(rows, len(tail_ids))
        length = len(tail_ids) // rows
        even = length // -(-length // window)  # the window that leaves the fewest tokens over
        batches = Streams(ids, rows, window, start=START, shift=True, seed=seed)
        return batches, Streams(tail_ids, rows, even, start=START)

    def _network(self, batch_size: int | None) -> Model:
        assert self.vocabulary is not None
        with seeded(self.seed):
            options = self._network_options() | ({} if batch_size is None else {n: getattr(self, n) for n in _DROPPED})
            return networks.language_network(len(self.vocabulary), **options, batch_size=batch_size)

    def _network_options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _NETWORK}

    def _plain(self, network: Model) -> Any:
        plain = self._network(None)
        copy_weights(network, plain)
        return plain

    def _like(self, network: Model) -> LanguageModel:
        twin = LanguageModel.__new__(LanguageModel)
        twin.__dict__.update(self.__dict__)
        twin.model = network
        return twin

    # --- use -------------------------------------------------------------------------------------------------------
    def log_probabilities(self, text: str, *, streams: int = 1, progress: Callable[[int], Any] | None = None) -> Array:
        """The natural log probability of each token of `text` given those before it, (N,) float64.

        streams : 1 for the chain rule over the whole text; with more, the text is cut into as many stretches that are
            read side by side, each from a fresh start: faster, and a little worse at each start
        progress : called with the number of tokens done after each window
        """
        check_sizes(streams=streams)
        vocabulary = self._trained()
        check_text(text)
        if not text:
            raise ValueError("text must not be empty: the probability of nothing is 1")
        ids = vocabulary.encode(text)
        streams = min(streams, len(ids))
        network = self._network(streams)
        copy_weights(self.model, network)
        window = max(1, min(512, 16_384 // streams))
        return log_probabilities(network, ids, streams=streams, window=window, progress=progress)

    def perplexity(self, text: str, *, streams: int = 1, progress: Callable[[int], Any] | None = None) -> Perplexity:
        """How well the model predicts `text`; see :class:`Perplexity` and :meth:`log_probabilities`."""
        found = self.log_probabilities(text, streams=streams, progress=progress)
        assert self.vocabulary is not None
        unknown = int(np.count_nonzero(self.vocabulary.encode(text) == UNKNOWN))
        return Perplexity.of(found, len(text), unknown)

    def log_prob(self, text: str) -> float:
        """The natural logarithm of p(text): the sum of :meth:`log_probabilities`."""
        return float(np.sum(self.log_probabilities(text)))

    def baseline(self, text: str, training_text: str, *, order: int | None = None) -> Perplexity:
        """The perplexity that an n-gram model with this model's vocabulary has on `text`, for comparison.

        training_text : what it counts; the text that this model was trained on
        order : n; None takes 6 for characters, else 3
        """
        vocabulary = self._trained()
        check_text(text)
        check_text(training_text, "training_text")
        order = order or (6 if self.level == "char" else 3)
        ids = vocabulary.encode(text)
        counted = NGram(vocabulary.encode(training_text), len(vocabulary), order=order, start=START)
        return Perplexity.of(counted.log_probabilities(ids), len(text), int(np.count_nonzero(ids == UNKNOWN)))

    def _trained(self) -> Vocabulary | Subwords:
        if self.model is None or self.vocabulary is None:
            raise ValueError("the language model must be trained first: call fit, or load a saved one")
        return self.vocabulary

    # --- files -----------------------------------------------------------------------------------------------------
    def get_config(self) -> dict[str, Any]:
        """The arguments that the model was made with."""
        return {name: getattr(self, name) for name in ("level", *_NETWORK, *_DROPPED, "vocabulary_size", "seed")}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one file, whole or not at all; see ``recurra.tasks.model_file`` for what is in it."""
        vocabulary = self._trained()
        config = {**self.get_config(), "trained": self.trained}
        write_archive(path, "language_model", config, vocabulary.to_json(), self._plain(self.model))

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, max_size: int | None = None) -> LanguageModel:
        """Read what :meth:`save` wrote. Nothing in the file is executed.

        max_size : the most bytes that the file may unpack to; see ``recurra.saving.load_model``
        raises : FileFormatError (a ValueError) that names the file for anything else
        """
        found = read_archive(path, "language_model", max_size)
        config = dict(found.config)
        trained = config.pop("trained", {})
        with making(path, "the language model"):
            lm = cls(**config)
            if lm.level == Subwords.level:
                lm.vocabulary = Subwords.from_json(found.vocabulary)
            else:
                lm.vocabulary = Vocabulary.from_json(found.vocabulary, lm.level)
            check_count(lm.layers, "layers")
            check_network(path, found.model, networks.language_layers(len(lm.vocabulary), **lm._network_options()))
        lm.model, lm.trained = found.model, trained
        return lm
