"""Pipelines written once for ``tf.data.Dataset`` and ``recurra.data.Dataset``: D is the class."""

from __future__ import annotations

from typing import Any

import numpy as np

XS = (np.arange(22).reshape(11, 2) * 3) % 17
YS = np.arange(11) * 10


def _both(D: Any) -> Any:
    return D.from_tensor_slices((XS, YS))


CASES = {
    "range": lambda D: D.range(7),
    "range_steps": lambda D: D.range(9, 1, -3),
    "tensors": lambda D: D.from_tensors((XS, YS)),
    "windows_1": lambda D: D.range(8).window(5, shift=1, drop_remainder=True).flat_map(lambda w: w.batch(5)),
    "windows_2": lambda D: D.range(11).window(4, shift=3).flat_map(lambda w: w.batch(10)),
    "windows_3": lambda D: D.range(11).window(3, stride=2).flat_map(lambda w: w.batch(10)),
    "windows_4": lambda D: D.range(11).window(2, shift=4).flat_map(lambda w: w.batch(10)),
    "windows_5": lambda D: D.range(12).window(3, 5, 2, True).flat_map(lambda w: w.batch(3, drop_remainder=True)),
    "windows_6": lambda D: D.range(3).window(5).flat_map(lambda w: w),
    "windows_7": lambda D: D.range(3).window(5, drop_remainder=True).flat_map(lambda w: w),
    "windows_of_pairs": lambda D: (
        _both(D).window(3, shift=2).flat_map(lambda x, y: D.zip((x.batch(3), y.skip(1).batch(3))))
    ),
    "windows_of_windows": lambda D: (
        D.range(9).window(4, shift=4).flat_map(lambda w: w.window(2, shift=1).flat_map(lambda v: v.batch(2)))
    ),
    "split": lambda D: (
        D.range(14).batch(5, drop_remainder=True).map(lambda s: (s[:-1], s[1:])).batch(2, drop_remainder=True)
    ),
    "enumerate": lambda D: _both(D).batch(4).enumerate(start=3),
    "concatenate": lambda D: D.range(3).concatenate(D.range(7, 9)).batch(2),
    "unbatch": lambda D: _both(D).batch(4).unbatch(),
    "repeat": lambda D: D.range(3).repeat(2).skip(1).take(4),
    "shard": lambda D: D.range(10).shard(3, 1),
    "zip": lambda D: D.zip((D.range(4), D.range(9, 0, -1).batch(2))),
    "padded": lambda D: D.range(1, 6).map(lambda n: n).flat_map(lambda n: D.range(n).batch(9)).padded_batch(2),
    "padded_values": lambda D: (
        D.range(1, 6)
        .flat_map(lambda n: D.zip((D.range(n).batch(9), D.range(n, n + 1))))
        .padded_batch(3, padded_shapes=([6], []), padding_values=(np.int64(-1), np.int64(0)))
    ),
    "padded_rest": lambda D: (
        D.range(1, 6).flat_map(lambda n: D.range(n).batch(9)).padded_batch(2, [None], drop_remainder=True)
    ),
}
