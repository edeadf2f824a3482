"""A long token sequence as batches of parallel streams, read window by window with the state carried on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from recurra.typing import Array


def windows(rows: Array, window: int, start: int) -> Iterator[tuple[Array, Array]]:
    """(inputs, next tokens) of (B, L) rows, `window` columns at a time; `start` stands before the first column."""
    for at in range(0, rows.shape[1], window):
        y = rows[:, at : at + window]
        before = rows[:, at - 1 : at] if at else np.full((len(rows), 1), start, rows.dtype)
        yield np.concatenate([before, y[:, :-1]], axis=1), y


class Streams:
    """The windows of B parallel, contiguous streams of a token sequence: (inputs, next tokens) batches.

    Stream ``b`` is the b-th of B equal stretches of `ids`. Row b of one batch continues row b of the batch before, so
    that a stateful model carries its state from window to window and sees each stream as one text. The first input of
    a stream is `start`, in place of the token before it.

    ids : (N,) int32
    batch_size : B >= 1; lowered where N is too short for so many streams
    window : T >= 1; lowered likewise
    start : the id that begins a stream
    shift : whether each pass begins at another of the tokens that fill no whole window, so that all of them are used
        in turn; the n-th pass is the same in every run with this `seed`

    The windows fill ``len(self) * B * T`` of the N tokens; fewer than one batch of windows is left over.

        >>> batches = Streams(np.arange(10, 20, dtype=np.int32), batch_size=2, window=2, start=0)
        >>> for x, y in batches:
        ...     print(x.tolist(), y.tolist())
        [[0, 10], [0, 14]] [[10, 11], [14, 15]]
        [[11, 12], [15, 16]] [[12, 13], [16, 17]]
    """

    def __init__(
        self, ids: Array, batch_size: int, window: int, *, start: int, shift: bool = False, seed: int = 0
    ) -> None:
        if ids.ndim != 1 or len(ids) == 0:
            raise ValueError(f"ids must be a non-empty sequence of shape (N,), got shape {ids.shape}")
        if batch_size < 1 or window < 1:
            raise ValueError(f"batch_size and window must be >= 1, got batch_size={batch_size}, window={window}")
        self.ids, self.start, self.shift, self.seed = ids, start, shift, seed
        self.window = min(window, len(ids))
        self.batch_size = min(batch_size, len(ids) // self.window)
        self._windows = len(ids) // (self.batch_size * self.window)
        self.passes = 0

    def __len__(self) -> int:
        return self._windows

    @property
    def tokens(self) -> int:
        """How many tokens one pass predicts."""
        return self._windows * self.batch_size * self.window

    def state_dict(self) -> dict[str, int]:
        """What the next pass depends on."""
        return {"passes": self.passes, "seed": self.seed}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Make the next pass the one that :meth:`state_dict` was asked before."""
        self.passes, self.seed = state["passes"], state["seed"]

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        spare = len(self.ids) - self.tokens
        first = int(np.random.default_rng([self.seed, self.passes]).integers(spare + 1)) if self.shift else 0
        self.passes += 1
        rows = self.ids[first : first + self.tokens].reshape(self.batch_size, -1)
        yield from windows(rows, self.window, self.start)
