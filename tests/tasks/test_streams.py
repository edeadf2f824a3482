"""Parallel streams: every window continues the one before, and no token is predicted twice."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.tasks.streams import Streams


def test_rows_continue_from_batch_to_batch() -> None:
    ids = np.arange(100, 211, dtype=np.int32)
    batches = Streams(ids, 3, 5, start=7)
    xs, ys = zip(*batches, strict=True)
    assert len(batches) == len(xs) == 7 and all(x.shape == y.shape == (3, 5) for x, y in zip(xs, ys, strict=True))
    x, y = np.concatenate(xs, axis=1), np.concatenate(ys, axis=1)
    np.testing.assert_array_equal(y.ravel(), ids[:105])
    np.testing.assert_array_equal(x[:, 0], 7)
    np.testing.assert_array_equal(x[:, 1:], y[:, :-1])
    assert batches.tokens == 105 and x.dtype == np.int32


def test_shifted_passes_use_every_token_and_repeat_by_seed() -> None:
    ids = np.arange(1, 24, dtype=np.int32)

    def passes(seed: int) -> list[list[int]]:
        batches = Streams(ids, 2, 4, start=0, shift=True, seed=seed)
        return [np.concatenate([y for _, y in batches], axis=1).ravel().tolist() for _ in range(30)]

    first = passes(1)
    assert all(np.diff(row).tolist() == [1] * 15 for row in first)
    assert set().union(*first) == set(range(1, 24))
    assert first == passes(1) != passes(2)


@pytest.mark.parametrize(
    ("n", "batch_size", "window", "expected"),
    [(9, 4, 20, (1, 9, 1)), (50, 64, 10, (5, 10, 1)), (1, 1, 1, (1, 1, 1)), (1000, 8, 10, (8, 10, 12))],
)
def test_short_texts_get_fewer_streams(n: int, batch_size: int, window: int, expected: tuple[int, ...]) -> None:
    batches = Streams(np.zeros(n, np.int32), batch_size, window, start=0)
    assert (batches.batch_size, batches.window, len(batches)) == expected


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match=r"ids must be a non-empty sequence of shape \(N,\), got shape \(0,\)"):
        Streams(np.zeros(0, np.int32), 1, 1, start=0)
    with pytest.raises(ValueError, match="batch_size and window must be >= 1, got batch_size=0, window=3"):
        Streams(np.zeros(5, np.int32), 0, 3, start=0)
