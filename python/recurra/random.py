"""Where random numbers come from: counters, not hidden state.

A generator is a `seed` and a count of the draws made so far (`stream`). The numbers of one draw depend on both and on
the row alone, never on how many rows there are or how many threads computed them. ``recurra.utils.set_random_seed``
sets the one seed that everything unseeded is derived from.

    >>> from recurra.random import SeedGenerator
    >>> generator = SeedGenerator(7)
    >>> generator.next(), generator.next()
    ((7, 0), (7, 1))
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from recurra._core.locks import ForkSafeLock
from recurra._core.memory import taking
from recurra._core.select import core
from recurra.autograd import Array, value_of
from recurra.config import standardize_dtype
from recurra.typing import ArrayLike, DType

_MASK64 = (1 << 64) - 1
_SEED_LIMIT = 1 << 63

_lock = ForkSafeLock()
_root: int | None = None
_drawn = 0
_calls: dict[tuple[str, int], int] = {}  # of functions with a seed of their own whose next call gives other numbers
_CALLS_LIMIT = 1 << 16


def _mix(value: int) -> int:
    """One round of SplitMix64: neighbouring inputs give unrelated outputs."""
    value = (value + 0x9E3779B97F4A7C15) & _MASK64
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK64
    return value ^ (value >> 31)


def check_seed(seed: Any, name: str = "seed") -> int:
    """`seed` as an int, or an error that says what a seed is."""
    if isinstance(seed, (bool, np.bool_)) or not isinstance(seed, (int, np.integer)):
        raise TypeError(f"{name} must be an integer or None, got {seed!r}")
    if not 0 <= int(seed) < _SEED_LIMIT:
        raise ValueError(f"{name} must be in [0, 2**63), got {seed}")
    return int(seed)


def set_global_seed(seed: int) -> None:
    """Start over from `seed`: what is made afterwards without a seed of its own repeats exactly."""
    global _root, _drawn
    with _lock:
        _root, _drawn = check_seed(seed), 0
        _calls.clear()


def global_seed() -> int:
    """The seed of the process: the one set, or one taken from the operating system at first use."""
    global _root
    with _lock:
        if _root is None:
            _root = int.from_bytes(os.urandom(8), "little") >> 1
        return _root


def derive_seed() -> int:
    """A fresh seed from the global one: the n-th call after :func:`set_global_seed` always gives the same."""
    global _drawn
    root = global_seed()
    with _lock:
        _drawn += 1
        return _mix(root ^ _mix(_drawn)) >> 1


def count_call(function: str, seed: int) -> int:
    """How many calls of a function with this seed came before, since :func:`set_global_seed`.

    The counts of 65,536 are kept; beyond them the one that was called the longest time ago starts over.
    """
    key = (function, seed)
    with _lock:
        count = _calls.pop(key, 0)
        _calls[key] = count + 1
        if len(_calls) > _CALLS_LIMIT:
            del _calls[next(iter(_calls))]
    return count


def seed_of_call(function: str, seed: Any) -> int:
    """The seed for the next call of a function whose calls with one `seed` give other numbers each time.

    The n-th call after :func:`set_global_seed` always has the same one. Without `seed` it is :func:`derive_seed`.
    """
    if seed is None:
        return derive_seed()
    given = int(np.ravel(seed)[0]) & (_SEED_LIMIT - 1)
    return _mix(given ^ _mix(count_call(function, given))) >> 1


def get_global_state() -> dict[str, Any]:
    """The global seed, and the counts of derived seeds and of calls, for a checkpoint that resumes exactly."""
    seed = global_seed()
    with _lock:
        return {"seed": seed, "drawn": _drawn, "calls": [(*key, count) for key, count in _calls.items()]}


def set_global_state(state: dict[str, Any]) -> None:
    """Go back to what :func:`get_global_state` returned."""
    global _root, _drawn
    calls = {(str(function), int(seed)): int(count) for function, seed, count in state.get("calls", ())}
    with _lock:
        _root, _drawn = check_seed(state["seed"]), int(state["drawn"])
        _calls.clear()
        _calls.update(calls)


class SeedGenerator:
    """A seed and a counter of draws.

    seed : integer in [0, 2**63), or None to derive one from the global seed
    name : kept for the configuration

    Attributes: `seed` (int), `stream` (int, the number of draws made; may be set, to resume).
    """

    __slots__ = ("given", "name", "seed", "stream")

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        self.given = None if seed is None else check_seed(seed)
        self.seed = derive_seed() if self.given is None else self.given
        self.stream = 0
        self.name = name

    def next(self) -> tuple[int, int]:
        """``(seed, stream)`` for one draw; the stream of the next call is one higher."""
        stream = self.stream
        self.stream = stream + 1
        return self.seed, stream

    @property
    def state(self) -> tuple[int, int]:
        """``(seed, stream)`` of the next draw. May be assigned."""
        return self.seed, self.stream

    @state.setter
    def state(self, value: tuple[int, int]) -> None:
        self.seed, self.stream = int(value[0]), int(value[1])

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.given if self.given is not None else self.seed, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        return cls(**config)

    def __repr__(self) -> str:
        return f"SeedGenerator(seed={self.seed}, stream={self.stream})"


def draw_seed(seed: int | SeedGenerator | None) -> tuple[int, int]:
    """``(seed, stream)`` from what functions accept as `seed`.

    seed : a SeedGenerator (its next draw), an integer (the same numbers each time) or None (fresh numbers)
    """
    if isinstance(seed, SeedGenerator):
        return seed.next()
    return (derive_seed() if seed is None else check_seed(seed)), 0


def _rows_cols(shape: tuple[int, ...]) -> tuple[int, int]:
    rows = shape[0] if shape else 1
    return rows, math.prod(map(int, shape[1:]))


def uniform(
    shape: tuple[int, ...],
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: DType | None = None,
    seed: int | SeedGenerator | None = None,
) -> Array:
    """Numbers spread evenly over [minval, maxval).

    shape : of the result; dtype : "float32" or "float64" (None: ``recurra.config.floatx()``)
    """
    shape, name = tuple(shape), standardize_dtype(dtype)
    with taking("random numbers", shape, name, "ask for fewer"):
        values: Array = core.random_uniform(*draw_seed(seed), *_rows_cols(shape), name).reshape(shape)
    if minval != 0.0 or maxval != 1.0:
        values *= values.dtype.type(maxval - minval)
        values += values.dtype.type(minval)
    return values


def normal(
    shape: tuple[int, ...],
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DType | None = None,
    seed: int | SeedGenerator | None = None,
) -> Array:
    """Numbers from the normal distribution of the given mean and standard deviation."""
    shape, name = tuple(shape), standardize_dtype(dtype)
    with taking("random numbers", shape, name, "ask for fewer"):
        values: Array = core.random_normal(*draw_seed(seed), *_rows_cols(shape), name).reshape(shape)
    if stddev != 1.0:
        values *= values.dtype.type(stddev)
    if mean != 0.0:
        values += values.dtype.type(mean)
    return values


def truncated_normal(
    shape: tuple[int, ...],
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DType | None = None,
    seed: int | SeedGenerator | None = None,
) -> Array:
    """Normal numbers of which those further than two standard deviations from the mean are drawn again."""
    shape = tuple(shape)
    name = standardize_dtype(dtype)
    key, stream = draw_seed(seed)
    rows, cols = _rows_cols(shape)
    with taking("random numbers", shape, name, "ask for fewer"):
        values: Array = core.random_normal(key, stream, rows, cols, name)
    attempt = 0
    while (outside := np.abs(values) > 2.0).any():
        attempt += 1  # streams of later attempts lie far above any count of draws
        values = np.where(outside, core.random_normal(key, stream + (attempt << 48), rows, cols, name), values)
    values = values.reshape(shape)
    values *= values.dtype.type(stddev)
    values += values.dtype.type(mean)
    return values


def randint(
    shape: tuple[int, ...], minval: int, maxval: int, dtype: DType = "int32", seed: int | SeedGenerator | None = None
) -> Array:
    """Whole numbers spread evenly over [minval, maxval).

    >>> bool(np.isin(randint((3, 2), 5, 7, seed=0), [5, 6]).all())
    True
    """
    if int(maxval) <= int(minval):
        raise ValueError(f"maxval must be above minval = {minval}, got {maxval}")
    values = uniform(shape, dtype="float64", seed=seed)
    whole: Array = np.floor(values * (int(maxval) - int(minval))) + int(minval)
    return whole.astype(dtype, copy=False)


def shuffle(x: ArrayLike, axis: int = 0, seed: int | SeedGenerator | None = None) -> Array:
    """A copy of `x` with the slices along `axis` in random order."""
    values = np.asarray(value_of(x))
    if not -values.ndim <= axis < values.ndim:
        raise ValueError(f"axis must be one of the {values.ndim} axes of x, got {axis}")
    return np.take(values, np.argsort(uniform((values.shape[axis],), dtype="float64", seed=seed)), axis=axis)


def categorical(
    logits: ArrayLike, num_samples: int, dtype: DType = "int32", seed: int | SeedGenerator | None = None
) -> Array:
    """Ids drawn with the probabilities softmax(logits), with replacement.

    logits : (B, V), -inf for ids that are never drawn
    returns : (B, num_samples)

    >>> categorical(np.log([[0.5, 0.5, 1e-30], [1e-30, 1e-30, 1.0]]), 4, seed=0)[1].tolist()
    [2, 2, 2, 2]
    """
    scores = np.asarray(value_of(logits), "float64")
    if scores.ndim != 2:
        raise ValueError(f"logits must have shape (B, V), got {scores.shape}")
    if num_samples < 0:
        raise ValueError(f"num_samples must be >= 0, got {num_samples}")
    if np.isnan(scores).any():
        raise ValueError("logits must not hold NaN")
    top = scores.max(axis=1, keepdims=True)
    if not np.isfinite(top).all():
        raise ValueError("each row of logits must hold a finite number, and none that is +inf")
    sums = np.cumsum(np.exp(scores - top), axis=1)
    picks = uniform((len(scores), num_samples), dtype="float64", seed=seed) * sums[:, -1:]
    found = [np.searchsorted(row, pick, side="right") for row, pick in zip(sums, picks, strict=True)]
    ids: Array = np.minimum(np.reshape(found, picks.shape), scores.shape[1] - 1)
    return ids.astype(dtype, copy=False)


def dropout_multiplier(
    shape: tuple[int, ...], rate: float, dtype: DType | None, seed: int | SeedGenerator | None
) -> Array:
    """What dropout multiplies by: 0 with probability `rate`, else ``1 / (1 - rate)``; all zeros at rate 1.

    Row b depends on the seed, the draw and b alone.
    """
    name = standardize_dtype(dtype)
    key, stream = draw_seed(seed)
    if rate >= 1.0:
        return np.zeros(shape, name)
    mask: Array = core.dropout_mask(key, stream, *_rows_cols(shape), float(rate), name)
    return mask.reshape(shape)


def dropout(
    inputs: Any, rate: float, noise_shape: tuple[int | None, ...] | None = None, seed: int | SeedGenerator | None = None
) -> Any:
    """`inputs` with a share of zeros, and the rest divided by ``1 - rate``.

    noise_shape : the shape of the mask, which broadcasts to the inputs; None there and for it: as the inputs
    """
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"rate must be a number in [0, 1], got {rate!r}")
    x = inputs if hasattr(inputs, "shape") else np.asarray(inputs)
    wanted = tuple(x.shape) if noise_shape is None else tuple(noise_shape)
    if len(wanted) != len(x.shape) or any(one not in (None, 1, n) for one, n in zip(wanted, x.shape, strict=True)):
        raise ValueError(f"noise_shape must broadcast to the shape of the inputs, {tuple(x.shape)}, got {noise_shape}")
    shape = tuple(n if one is None else int(one) for one, n in zip(wanted, x.shape, strict=True))
    return x * dropout_multiplier(shape, rate, np.dtype(x.dtype).name, seed)


def _each_row(
    draw: Callable[..., Array], shape: tuple[int, ...], parameters: tuple[Any, ...], seed: Any, dtype: str
) -> Array:
    """``draw(generator, *parameters)`` of each row, by a generator of its own."""
    key, stream = draw_seed(seed)
    rows, cols = _rows_cols(shape)
    given = [np.broadcast_to(np.asarray(value_of(one), np.float64), shape).reshape(rows, cols) for one in parameters]
    values = np.empty((rows, cols), dtype)
    for row in range(rows):
        generator = np.random.Generator(np.random.Philox(key=[key, stream], counter=[0, 0, 0, row]))
        values[row] = draw(generator, *(one[row] for one in given))
    return values.reshape(shape)


def _above_zero(name: str, value: Any) -> None:
    if not (np.asarray(value_of(value)) > 0.0).all():
        raise ValueError(f"{name} must be positive, got {value!r}")


def gamma(
    shape: tuple[int, ...], alpha: ArrayLike, dtype: DType | None = None, seed: int | SeedGenerator | None = None
) -> Array:
    """Numbers from the gamma distribution of shape `alpha` and scale 1.

    alpha : a positive number, or an array that broadcasts to `shape`
    """
    _above_zero("alpha", alpha)
    name = standardize_dtype(dtype)
    return _each_row(lambda generator, a: generator.standard_gamma(a), tuple(shape), (alpha,), seed, name)


def beta(
    shape: tuple[int, ...],
    alpha: ArrayLike,
    beta: ArrayLike,
    dtype: DType | None = None,
    seed: int | SeedGenerator | None = None,
) -> Array:
    """Numbers in [0, 1] from the beta distribution.

    alpha, beta : positive numbers, or arrays that broadcast to `shape`
    """
    _above_zero("alpha", alpha)
    _above_zero("beta", beta)
    name = standardize_dtype(dtype)
    return _each_row(lambda generator, a, b: generator.beta(a, b), tuple(shape), (alpha, beta), seed, name)


def binomial(
    shape: tuple[int, ...],
    counts: ArrayLike,
    probabilities: ArrayLike,
    dtype: DType | None = None,
    seed: int | SeedGenerator | None = None,
) -> Array:
    """How many of `counts` trials come off, each with the same probability.

    counts, probabilities : numbers, or arrays that broadcast to `shape`
    """
    trials, chances = np.asarray(value_of(counts)), np.asarray(value_of(probabilities))
    if (trials < 0).any() or not np.array_equal(trials, np.trunc(trials)):
        raise ValueError(f"counts must be whole numbers that are not negative, got {counts!r}")
    if not ((chances >= 0.0) & (chances <= 1.0)).all():
        raise ValueError(f"probabilities must be in [0, 1], got {probabilities!r}")
    name = standardize_dtype(dtype)
    return _each_row(
        lambda generator, n, p: generator.binomial(n.astype(np.int64), p), tuple(shape), (trials, chances), seed, name
    )
