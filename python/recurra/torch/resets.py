"""Rows that start anew inside one call: each row of the batch is cut into segments, each of which starts from zeros."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from recurra.torch.layer import Rows

Array = np.ndarray[Any, Any]


class Segments(NamedTuple):
    """The segments of a call, row by row."""

    rows: Rows
    first: Array  # of each row of the batch: the segment that starts from its initial state; -1 where it starts anew
    last: Array  # and the segment whose final state is its own


def check_resets(module: Any, x: Any, resets: Any) -> None:
    """Raise where `resets` is not a bool tensor of x's leading axes, or the module has two directions."""
    if module.bidirectional:
        raise ValueError("resets must be None: a bidirectional module would need the future of a row that starts anew")
    if not isinstance(x, Tensor) or x.dim() != 3:
        what = f"{x.dim()} dimensions" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"with resets the input must be a tensor of 3 dimensions, got {what}")
    axes = "(B, T)" if module.batch_first else "(T, B)"
    if not isinstance(resets, Tensor) or resets.dtype is not torch.bool:
        what = resets.dtype if isinstance(resets, Tensor) else type(resets).__name__
        raise TypeError(f"resets must be a bool tensor {axes}, got {what}")
    if resets.shape != x.shape[:2]:
        raise ValueError(f"resets must have shape {axes} = {tuple(x.shape[:2])}, got {tuple(resets.shape)}")
    if 0 in x.shape:
        raise ValueError(f"with resets the input must not be empty, got shape {tuple(x.shape)}")


def rows_of_resets(resets: Tensor, batch_first: bool) -> Segments:
    """The segments of (T, B), or with `batch_first` (B, T), resets."""
    given = resets.detach().cpu().numpy()
    by_row = given if batch_first else given.T  # (B, T)
    B, T = by_row.shape
    starts = by_row.copy()
    starts[:, 0] = True
    flat = np.flatnonzero(starts)
    lengths = np.diff(flat, append=B * T)
    place = np.arange(B * T).reshape((B, T) if batch_first else (T, B))
    rows = (place if batch_first else place.T).ravel()
    count = starts.sum(1)
    last = np.cumsum(count) - 1
    first = np.where(by_row[:, 0], -1, last - count + 1)
    return Segments(Rows(lengths, np.ascontiguousarray(rows)), first, last)


def states_of_segments(state: Tensor, segments: Segments) -> Tensor:
    """(L, B, H) initial states as those of the segments, (L, S, H): zeros where a segment starts anew."""
    keep = segments.first >= 0
    result = state.new_zeros(state.shape[0], len(segments.rows.lengths), state.shape[2])
    rows = torch.from_numpy(np.flatnonzero(keep)).to(state.device)
    return result.index_copy(1, torch.from_numpy(segments.first[keep]).to(state.device), state[:, rows])
