"""Sentences into other sentences: an encoder and a decoder with attention, from raw strings to one file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recurra import ops
from recurra.autograd import no_grad
from recurra.generation.arguments import check_length_penalty
from recurra.preprocessing.sequence import pad_sequences
from recurra.random import derive_seed
from recurra.saving.file_errors import making
from recurra.tasks.arguments import Described, check_fractions, check_seed, check_sizes, is_number
from recurra.tasks.checkpoint import TrainingCheckpoint, checksum, is_given
from recurra.tasks.decoding import Hypothesis, decode
from recurra.tasks.encoder_decoder import EncoderDecoder, Form
from recurra.tasks.fitting import Training, seeded
from recurra.tasks.model_file import check_count, check_network, read_archive, write_archive
from recurra.tasks.pair_batches import PairBatches, batch_size_for
from recurra.tasks.pairs import check_pairs, check_sources, split_by_source
from recurra.tasks.sentence_words import LEVELS, learn_sentences, sentences_from_json, split_sentence
from recurra.tasks.subwords import check_subwords
from recurra.tasks.vocabulary import UNKNOWN
from recurra.typing import Array

if TYPE_CHECKING:
    from recurra.callbacks import Callback, History


class Translation(NamedTuple):
    """A text that was written for another one, its joint log probability, and the score that it was ranked by."""

    text: str
    log_probability: float
    score: float


class TranslationLoss(NamedTuple):
    """How well a model predicts translations: nats a token (ends included), its exponential, tokens, pairs."""

    loss: float
    perplexity: float
    tokens: int
    pairs: int


class AttentionMap(NamedTuple):
    """What the decoder looked at: ``weights[t, s]`` is the weight of source token s when it wrote target token t.

    The last target token is the end, written as "∎".
    """

    source: list[str]
    target: list[str]
    weights: Array


class Translator(Described):
    """Learns to write a text for another one: embedding → bidirectional encoder → decoder with attention → scores.

    level : what a token is on both sides: "word" (with punctuation), "char", or "subword" (extra
        ``recurra[tokenizers]``)
    cell : "lstm", "gru", "simple_rnn" or another of ``recurra.layers.LAYER_OF_CELL``
    units : H of the decoder's layers; the encoder's have half in each direction
    layers : recurrent layers of encoder and decoder each
    embedding : the width of a token's vector, and of what the scores are computed from
    attention : "bilinear" (Luong's general), "dot" (Luong), "additive" (Bahdanau), or None: the decoder then knows the
        source by the encoder's final state alone, which it starts from and reads at each step
    input_feeding : whether the decoder reads, beside each token, what it attended to at the step before. Without it all
        steps of a training batch run in one call of the kernels, and attention follows as whole products
    dropout : the rate on token vectors, between layers and before the scores
    vocabulary_size : the most tokens to know on each side
    seed : for weights, dropout, held-out pairs and order; None follows ``recurra.utils.set_random_seed``

        >>> sources, targets = ["one two", "two one", "one one", "two two"], ["1 2", "2 1", "1 1", "2 2"]
        >>> translator = Translator(units=16, embedding=8, dropout=0, seed=1)
        >>> history = translator.fit(
        ...     sources, targets, validation=0, epochs=60, batch_size=2, learning_rate=0.02, verbose=0
        ... )
        >>> translator.translate(["two one"])
        ['2 1']
    """

    def __init__(
        self,
        *,
        level: str = "word",
        cell: str = "lstm",
        units: int = 256,
        layers: int = 1,
        embedding: int = 256,
        attention: str | None = "bilinear",
        input_feeding: bool = False,
        dropout: float = 0.2,
        vocabulary_size: int = 10_000,
        seed: int | None = None,
    ) -> None:
        if level not in LEVELS:
            raise ValueError(f"level must be one of {', '.join(LEVELS)}, got {level!r}")
        check_sizes(vocabulary_size=vocabulary_size)
        if level == "subword":
            check_subwords(vocabulary_size)
        check_seed(seed)
        self.level, self.vocabulary_size, self.seed = level, vocabulary_size, seed
        self.form = Form(cell, units, layers, embedding, attention, input_feeding, dropout)
        self.form.check()
        self.trained: dict[str, Any] = {}
        self.model: Any = None
        self.network: EncoderDecoder | None = None
        self.source: Any = None
        self.target: Any = None

    # --- training --------------------------------------------------------------------------------------------------
    def fit(
        self,
        sources: Sequence[str],
        targets: Sequence[str],
        *,
        validation: float = 0.02,
        epochs: int = 8,
        batch_size: int | None = None,
        learning_rate: float = 5e-3,
        clipnorm: float = 1.0,
        patience: int = 2,
        teacher_forcing: float | tuple[float, float] = 1.0,
        maxlen: int | None = 100,
        callbacks: Sequence[Callback] = (),
        verbose: int | str = "auto",
        checkpoint: TrainingCheckpoint | None = None,
    ) -> History:
        """Train, and keep the weights of the epoch with the lowest validation loss.

        sources, targets : N texts each, pair by pair; a source may come again with other targets
        validation : the share of the distinct sources, drawn at random, that is held out with all its targets
        epochs : the most passes; the learning rate (Adam's) falls to a tenth over them, along a cosine
        batch_size : pairs in a step; None is 128, or less for so few pairs that an epoch would have under 200 steps
        clipnorm : the norm that the gradient of all weights together is clipped to
        patience : stop after so many epochs without a lower validation loss
        teacher_forcing : the share of the decoder's inputs that are the true tokens, in [0, 1], or a pair: the shares
            of the first and of the last epoch, with a straight line between. In place of the others stands what the
            network expects there, found in another pass without gradient (parallel scheduled sampling)
        maxlen : pairs with more tokens than this on a side are left out of the training; None takes all
        verbose : 0 for silence, 1 or "auto" for progress on standard error
        checkpoint : where to write checkpoints, and perhaps to resume from; see :class:`TrainingCheckpoint`
        returns : the History. :attr:`trained` sums it up, and says whether Ctrl-C ended the training early.

        Fitting again starts anew, with the vocabularies of the new texts.
        """
        check_fractions(validation=validation)
        sources, targets = check_pairs(sources, targets)
        batch_size = batch_size_for(len(sources)) if batch_size is None else batch_size
        check_sizes(
            epochs=epochs, batch_size=batch_size, patience=patience, **({} if maxlen is None else {"maxlen": maxlen})
        )
        forcing = forcing_schedule(teacher_forcing, epochs)
        if is_given(checkpoint):
            settings = {**self.get_config(), "validation": validation, "epochs": epochs, "batch_size": batch_size}
            settings |= {"learning_rate": learning_rate, "clipnorm": clipnorm, "patience": patience, "maxlen": maxlen}
            settings |= {"teacher_forcing": list(forcing), "data": checksum(*sources, *targets)}
            seed = checkpoint.begin(settings, self.seed)
        else:
            seed = derive_seed() if self.seed is None else self.seed
        train, held_out = split_by_source(sources, validation, seed)
        source = learn_sentences([sources[i] for i in train], self.level, self.vocabulary_size)
        target = learn_sentences([targets[i] for i in train], self.level, self.vocabulary_size)
        ids = [source.encode(text) for text in sources], [target.encode(text) for text in targets]
        short = [maxlen is None or max(map(len, pair)) <= maxlen for pair in zip(*ids, strict=True)]
        kept = [i for i in train if short[i]]
        checked = [i for i in held_out if short[i]]
        if not kept:
            raise ValueError(f"maxlen must be larger: no pair has at most maxlen={maxlen} tokens on both sides")
        with seeded(self.seed):
            network = EncoderDecoder(len(source) + 2, len(target) + 2, self.form)
            model = network.graph()
        seen = np.zeros(len(target), bool)
        for i in kept:
            seen[ids[1][i]] = True
        network.leave_out(np.flatnonzero(~seen[UNKNOWN + 1 :]) + UNKNOWN + 1)

        def guess(inputs: dict[str, Array]) -> Array:
            with no_grad():
                scores = np.asarray(model(inputs, training=False))
            best: Array = scores.argmax(axis=-1).astype(np.int32)
            return best

        def batches(rows: list[int], size: int, **options: Any) -> PairBatches:
            return PairBatches(
                [ids[0][i] for i in rows], [ids[1][i] for i in rows], size, start=len(target), end=len(target) + 1,
                seed=seed, **options,
            )  # fmt: skip

        passes = batches(kept, batch_size, shuffle=True, forcing=forcing, guess=guess)
        training = Training(
            model, steps=len(passes), epochs=epochs, tokens=passes.tokens, validated=bool(checked),
            learning_rate=learning_rate, clipnorm=clipnorm, patience=patience, verbose=verbose,
        )  # fmt: skip
        held = batches(checked, 4 * batch_size) if checked else None
        self.model = self.network = None
        history = training.run(passes, held, callbacks, checkpoint)
        longest = max(len(ids[1][i]) for i in kept)
        self.source, self.target, self.model, self.network = source, target, model, network
        left_out = len(sources) - sum(short)
        self.trained = {**training.summary(), "pairs": len(kept), "left_out": left_out, "longest": longest}
        return history

    # --- use -------------------------------------------------------------------------------------------------------
    def translate(
        self,
        texts: Sequence[str],
        *,
        beam: int = 4,
        length_penalty: float = 1.0,
        early_stopping: bool = False,
        batch_size: int = 64,
        progress: Callable[[int], Any] | None = None,
    ) -> list[str]:
        """The best translation of each text that :meth:`search` finds; `beam` 1 is greedy."""
        found = self.search(
            texts, beam=beam, length_penalty=length_penalty, early_stopping=early_stopping, batch_size=batch_size,
            progress=progress,
        )  # fmt: skip
        return [one[0].text for one in found]

    def search(
        self,
        texts: Sequence[str],
        *,
        beam: int = 4,
        length_penalty: float = 1.0,
        early_stopping: bool = False,
        batch_size: int = 64,
        progress: Callable[[int], Any] | None = None,
    ) -> list[list[Translation]]:
        """The best translations of each text, at most `beam`, best first.

        length_penalty : a; outputs are ranked by log p / n**a for their n tokens
        early_stopping : a text is done when `beam` translations are complete; False goes on while an open one may be
            better than the last of them
        progress : called with the number of texts after each batch

        An unknown word of the target is written only for a source that holds unknown words: that of them which has the
        highest attention weight. Without attention, and for characters, unknown tokens are never written.
        """
        check_sizes(beam=beam, batch_size=batch_size)
        length_penalty, texts = check_length_penalty(length_penalty), check_sources(texts)
        network, sources = self._trained(), self._encode(texts)
        start = len(self.target)
        found: list[list[Translation]] = [[] for _ in sources]
        order = sorted(range(len(sources)), key=lambda i: -len(sources[i]))
        for at in range(0, len(order), batch_size):
            rows = order[at : at + batch_size]
            copies = np.array([self._copies and UNKNOWN in sources[i] for i in rows])
            outputs = decode(
                network, pad_sequences([sources[i] for i in rows], padding="post"), start=start, end=start + 1,
                length=self.trained["longest"], width=beam, length_penalty=length_penalty, banned=np.array([0, start]),
                unknown=(UNKNOWN, copies), early_stopping=early_stopping,
            )  # fmt: skip
            for i, hypotheses in zip(rows, outputs, strict=True):
                found[i] = [self._written(texts[i], sources[i], one) for one in hypotheses]
            if progress is not None:
                progress(len(rows))
        return found

    @property
    def _copies(self) -> bool:
        return self.level == "word" and self.form.attention is not None

    def _written(self, text: str, source: Array, output: Hypothesis) -> Translation:
        unknown = np.flatnonzero(output.ids == UNKNOWN)
        if not len(unknown):
            return Translation(self.target.decode(output.ids), output.log_probability, output.score)
        tokens = split_sentence(text)
        weights = np.where(source == UNKNOWN, self._weights(source, output.ids)[unknown], -1.0)
        places = weights.argmax(axis=1)
        copied = self.target.decode(output.ids, [tokens[place] for place in places])
        return Translation(copied, output.log_probability, output.score)

    def _weights(self, source: Array, target: Array) -> Array:
        read = np.concatenate([[len(self.target)], target]).astype(np.int32)
        weights: Array = self._trained().weights(np.asarray(source, np.int32)[None], read[None])[0]
        return weights

    def attention(self, text: str, translation: str | None = None) -> AttentionMap:
        """What the decoder looks at while it writes `translation`, by default its own.

        raises : ValueError where the translator has no attention
        """
        self._trained()
        if self.form.attention is None:
            raise ValueError("attention is None: this translator was trained without attention and has no map")
        source = self._encode([text])[0]
        target = self.target.encode(self.translate([text])[0] if translation is None else translation)
        pieces = [
            [vocabulary.decode([i]) or "?" for i in ids]
            for vocabulary, ids in ((self.source, source), (self.target, target))
        ]
        return AttentionMap(pieces[0], [*pieces[1], "∎"], self._weights(source, target))

    def evaluate(
        self,
        sources: Sequence[str],
        targets: Sequence[str],
        *,
        batch_size: int = 64,
        progress: Callable[[int], Any] | None = None,
    ) -> TranslationLoss:
        """The loss of the true targets, token by token after the true tokens before them, each of equal weight."""
        self._trained()
        sources, targets = check_pairs(sources, targets)
        batches = PairBatches(
            self._encode(sources), [self.target.encode(text) for text in targets], batch_size,
            start=len(self.target), end=len(self.target) + 1,
        )  # fmt: skip
        total = 0.0
        with no_grad():
            for inputs, wanted in batches:
                scores = np.asarray(self.model(inputs, training=False))
                loss = ops.softmax_cross_entropy(scores.reshape(wanted.size, -1), wanted.ravel())
                total += float(np.asarray(loss, np.float64)[wanted.ravel() != 0].sum())
                if progress is not None:
                    progress(len(wanted))
        mean = total / batches.tokens
        return TranslationLoss(mean, float(np.exp(min(mean, 700.0))), batches.tokens, len(sources))

    def _encode(self, texts: Sequence[str]) -> list[Array]:
        found = [self.source.encode(text) for text in check_sources(texts)]
        return [ids if len(ids) else np.array([UNKNOWN], np.int32) for ids in found]

    def _trained(self) -> EncoderDecoder:
        if self.network is None:
            raise ValueError("the translator must be trained first: call fit, or load a saved one")
        return self.network

    # --- files -----------------------------------------------------------------------------------------------------
    def get_config(self) -> dict[str, Any]:
        """The arguments that the translator was made with."""
        own = {name: getattr(self, name) for name in ("level", "vocabulary_size", "seed")}
        return {**own, **self.form._asdict()}

    def vocabulary_json(self) -> str:
        """Both vocabularies as one JSON text."""
        return json.dumps([self.source.to_json(), self.target.to_json()], ensure_ascii=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the translator to one file, whole or not at all; see ``recurra.tasks.model_file`` for what is in it."""
        self._trained()
        config = {**self.get_config(), "trained": self.trained}
        write_archive(path, "translator", config, self.vocabulary_json(), self.model)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, max_size: int | None = None) -> Translator:
        """Read what :meth:`save` wrote. Nothing in the file is executed.

        max_size : the most bytes that the file may unpack to; see ``recurra.saving.load_model``
        raises : FileFormatError (a ValueError) that names the file for anything else
        """
        found = read_archive(path, "translator", max_size)
        with making(path, "the translator"):
            return cls.from_parts(path, found.config, found.vocabulary, found.model)

    @classmethod
    def from_parts(cls, path: Any, config: dict[str, Any], vocabulary: str, model: Any) -> Translator:
        """A trained translator from what a file holds, checked."""
        config = dict(config)
        trained = config.pop("trained", {})
        check_count(config.get("layers", 1), "layers")
        translator = cls(**config)
        longest = trained.get("longest")
        if isinstance(longest, bool) or not isinstance(longest, int) or not 1 <= longest <= 1_000_000:
            raise ValueError(f"'longest' must be a number of tokens, got {str(longest)[:40]}")
        sides = json.loads(vocabulary)
        if not isinstance(sides, list) or len(sides) != 2 or not all(isinstance(side, str) for side in sides):
            raise ValueError("the vocabulary must be that of the source and that of the target")
        translator.source, translator.target = (sentences_from_json(side, translator.level) for side in sides)
        network = EncoderDecoder(len(translator.source) + 2, len(translator.target) + 2, translator.form)
        there = {layer.name: layer for layer in getattr(model, "layers", [])}
        parts = {name: there[name] for name in network.parts if name in there}
        check_network(path, SimpleNamespace(layers=list(parts.values())), list(network.parts.values()))
        network.parts = parts
        translator.model, translator.network, translator.trained = network.graph(), network, trained
        return translator


def forcing_schedule(teacher_forcing: float | tuple[float, float], epochs: int) -> list[float]:
    """The share of true inputs in each epoch."""
    given = teacher_forcing if isinstance(teacher_forcing, (tuple, list)) else (teacher_forcing, teacher_forcing)
    if len(given) != 2 or not all(is_number(share) and 0 <= share <= 1 for share in given):
        raise ValueError(
            f"teacher_forcing must be a number in [0, 1], or two of them for the first and last epoch, got "
            f"{teacher_forcing!r}"
        )
    return [float(share) for share in np.linspace(given[0], given[1], epochs)]
