"""What a language network thinks of a text: the log probability of each token after all that come before it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recurra import ops
from recurra.autograd import no_grad
from recurra.layers.base.context import waiting_scores
from recurra.ops.projection import ProjectedScores
from recurra.tasks.streams import windows
from recurra.tasks.vocabulary import START
from recurra.typing import Array

if TYPE_CHECKING:
    from recurra.models.model import Model


class Perplexity(NamedTuple):
    """How well a model predicts a text: by the chain rule, -log p(text) = -Σ log p(token | the tokens before it).

    loss : nats a token; perplexity : exp(loss)
    bits_per_character : -log2 p(text) over the text's length in characters, comparable between levels
    tokens, characters : the text's length; unknown : how many of the tokens are not in the vocabulary
        (each counts with the probability of *some* unknown token)
    """

    loss: float
    perplexity: float
    bits_per_character: float
    tokens: int
    characters: int
    unknown: int

    @classmethod
    def of(cls, log_probabilities: Array, characters: int, unknown: int) -> Perplexity:
        """From the log probabilities of a text's tokens, natural logarithms."""
        total = -float(np.sum(log_probabilities, dtype=np.float64))
        loss = total / len(log_probabilities)
        perplexity = math.exp(loss) if loss < 700 else math.inf
        bits = total / math.log(2) / characters
        return cls(loss, perplexity, bits, len(log_probabilities), characters, unknown)


def log_probabilities(
    network: Model, ids: Array, *, streams: int, window: int, progress: Callable[[int], Any] | None = None
) -> Array:
    """The log probability of each token, (N,) float64.

    network : stateful, for `streams` rows: token ids (B, T) in, scores (B, T, V) out, which are made block by block
    ids : (N,) int32. They are cut into `streams` stretches, each read from a fresh state: with one stream every token
        is foretold from all that come before it.
    progress : called with the number of tokens after each window
    """
    length = -(-len(ids) // streams)
    rows = np.full(streams * length, START, np.int32)  # what fills up the last row comes after all of its tokens
    rows[: len(ids)] = ids
    found: list[Array] = []
    reset_states(network)
    with no_grad():
        for x, y in windows(rows.reshape(streams, length), window, START):
            with waiting_scores():
                scores = network(x, training=False, logits=frozenset({0}))
            if isinstance(scores, ProjectedScores):
                loss = scores.cross_entropy(y)
            else:
                loss = ops.softmax_cross_entropy(scores, y)
            found.append(-np.asarray(loss, np.float64))
            if progress is not None:
                progress(y.size)
    reset_states(network)
    return np.concatenate(found, axis=1).ravel()[: len(ids)]


def reset_states(network: Model) -> None:
    """Zero the stored states of a network's stateful layers."""
    for layer in network.layers:
        if getattr(layer, "stateful", False):
            layer.reset_state()
