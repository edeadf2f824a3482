"""Texts of unequal length as batches of nearly equal ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from recurra.preprocessing.sequence import pad_sequences
from recurra.typing import Array


class LengthBatches:
    """(ids, labels) batches in which the texts have about the same length, so that little of a batch is padding.

    sequences : N lists of token ids > 0, none empty
    labels : (N,) int32, or None for batches of ids alone
    batch_size : B, the most rows in a batch
    shuffle : draw the texts in a new order each pass: they are shuffled, sorted by length within stretches of 50
        batches, and the batches shuffled again. Without it the order goes by length alone.
    seed : of the orders; the n-th pass is the same in every run
    weights : (N,) float32, what the loss of each text counts; batches are then (ids, labels, weights)
    inputs : makes what the network takes of a batch's ids (B, T); called with a random generator of the pass's own
        where texts are shuffled, else with None

    A batch is (B, T) int32 with the T of its longest text, padded at the end with zeros. :attr:`order` holds the row
    numbers of the last pass, batch after batch.
    """

    def __init__(
        self,
        sequences: Sequence[Sequence[int]],
        labels: Array | None,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        weights: Array | None = None,
        inputs: Callable[[Array, np.random.Generator | None], Any] | None = None,
    ) -> None:
        if len(sequences) == 0:
            raise ValueError("sequences must not be empty")
        if labels is not None and len(labels) != len(sequences):
            raise ValueError(f"labels must be as many as sequences, {len(sequences)}, got {len(labels)}")
        self.sequences, self.labels, self.weights, self.batch_size = sequences, labels, weights, batch_size
        self.shuffle, self.seed, self.passes, self.inputs = shuffle, seed, 0, inputs
        self.lengths = np.fromiter((len(s) for s in sequences), dtype=np.int64, count=len(sequences))
        self.order = np.argsort(-self.lengths, kind="stable")

    def __len__(self) -> int:
        return -(-len(self.sequences) // self.batch_size)

    @property
    def tokens(self) -> int:
        """How many tokens one pass reads."""
        return int(self.lengths.sum())

    def state_dict(self) -> dict[str, int]:
        """What the next pass depends on."""
        return {"passes": self.passes, "seed": self.seed}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Make the next pass the one that :meth:`state_dict` was asked before."""
        self.passes, self.seed = state["passes"], state["seed"]

    def __iter__(self) -> Iterator[Any]:
        rng = np.random.default_rng([self.seed, self.passes, 1]) if self.shuffle else None
        groups = self._groups()
        self.order = np.concatenate(groups)
        for rows in groups:
            ids = pad_sequences([self.sequences[row] for row in rows], padding="post")
            x = ids if self.inputs is None else self.inputs(ids, rng)
            if self.labels is None:
                yield x
            else:
                yield (x, self.labels[rows]) if self.weights is None else (x, self.labels[rows], self.weights[rows])

    def _groups(self) -> list[Array]:
        size = self.batch_size
        if not self.shuffle:
            order = np.argsort(-self.lengths, kind="stable")
            return [order[at : at + size] for at in range(0, len(order), size)]
        rng = np.random.default_rng([self.seed, self.passes])
        self.passes += 1
        order = rng.permutation(len(self.sequences))
        stretch = 50 * size
        for at in range(0, len(order), stretch):
            part = order[at : at + stretch]
            order[at : at + stretch] = part[np.argsort(-self.lengths[part], kind="stable")]
        groups = [order[at : at + size] for at in range(0, len(order), size)]
        return [groups[i] for i in rng.permutation(len(groups))]
