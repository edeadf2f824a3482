"""Pairs of token sequences as batches for an encoder and a decoder, with teacher forcing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from recurra.preprocessing.sequence import pad_sequences
from recurra.tasks.buckets import LengthBatches
from recurra.typing import Array


def batch_size_for(pairs: int) -> int:
    """The batch size where none is given: 128, or less for so few pairs that an epoch would have under 200 steps."""
    return max(4, min(128, pairs // 200))


class PairBatches(LengthBatches):
    """Batches of pairs in which targets, and then sources, have about the same length.

    sources, targets : N arrays of token ids > 0 each; sources are not empty
    start, end : the ids that the decoder reads before the first token, and gives after the last one
    batch_size, shuffle, seed : as in :class:`LengthBatches`
    forcing : the share of the decoder's inputs that are the true tokens, one number for each pass (the last holds on).
        In place of the others it reads what the network expects there (Bengio and others, 2015), found with the true
        tokens in one pass over the whole batch (Duckworth and others, 2019)
    guess : gives the most probable tokens (B, T) for a batch of inputs; needed where a share is below 1

    A batch is ``{"source": (B, S), "target": (B, T)}`` and the tokens to give, (B, T), all int32 with 0 as padding.
    """

    def __init__(
        self,
        sources: Sequence[Array],
        targets: Sequence[Array],
        batch_size: int,
        *,
        start: int,
        end: int,
        shuffle: bool = False,
        seed: int = 0,
        forcing: Sequence[float] = (1.0,),
        guess: Callable[[dict[str, Array]], Array] | None = None,
    ) -> None:
        super().__init__([ids.tolist() for ids in targets], None, batch_size, shuffle=shuffle, seed=seed)
        if len(sources) != len(targets):
            raise ValueError(f"sources must be as many as targets, {len(targets)}, got {len(sources)}")
        self.sources, self.targets, self.start, self.end = sources, targets, start, end
        self.forcing, self.guess = forcing, guess
        lengths = np.fromiter((len(s) for s in sources), dtype=np.int64, count=len(sources))
        self._target_tokens = int(self.lengths.sum()) + len(targets)
        self.lengths = self.lengths * (int(lengths.max()) + 1) + lengths  # the order goes by target, then by source

    @property
    def tokens(self) -> int:
        """How many tokens of targets one pass gives, ends included."""
        return self._target_tokens

    def __iter__(self) -> Iterator[Any]:
        number = self.passes
        share = self.forcing[min(number, len(self.forcing) - 1)]
        groups = self._groups()
        self.order = np.concatenate(groups)
        for batch, rows in enumerate(groups):
            inputs, wanted = self.batch(rows)
            if share < 1 and self.guess is not None:
                rng = np.random.default_rng([self.seed, number, batch, 1])
                inputs["target"] = self._mixed(inputs, share, rng)
            yield inputs, wanted

    def batch(self, rows: Sequence[int] | Array) -> tuple[dict[str, Array], Array]:
        """The batch of these rows with all true tokens."""
        source = pad_sequences([self.sources[row] for row in rows], padding="post")
        wanted = pad_sequences([[*self.targets[row], self.end] for row in rows], padding="post")
        target = np.concatenate([np.full((len(wanted), 1), self.start, np.int32), wanted[:, :-1]], axis=1)
        target[wanted == 0] = 0
        return {"source": source, "target": target}, wanted

    def _mixed(self, inputs: dict[str, Array], share: float, rng: np.random.Generator) -> Array:
        true = inputs["target"]
        if self.guess is None:
            return true
        guessed = np.roll(self.guess(inputs), 1, axis=1)
        own = (rng.random(true.shape) >= share) & (true != 0)
        own[:, 0] = False  # the start is always read
        mixed: Array = np.where(own, guessed, true)
        return mixed
