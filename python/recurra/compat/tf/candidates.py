"""Samplers of classes for losses that compare a true class with a few others: ``tf.random.*_candidate_sampler``.

Each draws `num_sampled` ids below `range_max`, and says how often the true classes and those drawn are expected among
so many: ``p * num_sampled`` for ids that may repeat, ``1 - (1 - p)^tries`` for ids that may not, `tries` being the
draws it took.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from recurra import random as own
from recurra.compat.tf.errors import InvalidArgumentError
from recurra.compat.tf.tensors import array_of, present

_Draw = Callable[[np.random.Generator, int], Any]


class Candidates(NamedTuple):
    """Ids that were drawn, and expected counts of the true classes and of these ids."""

    sampled_candidates: Any
    true_expected_count: Any
    sampled_expected_count: Any


def log_uniform_candidate_sampler(
    true_classes: Any,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    seed: Any = None,
    name: str | None = None,
) -> Any:
    """Ids with P(k) = log((k + 2) / (k + 1)) / log(range_max + 1): words sorted by falling frequency, as Zipf has them.

    true_classes : (B, num_true) ids below `range_max`
    unique : no id is drawn twice
    """
    span = np.log(range_max + 1.0)

    def draw(rng: np.random.Generator, count: int) -> Any:
        return np.minimum(np.exp(rng.random(count) * span).astype(np.int64) - 1, range_max - 1)

    def probability(ids: Any) -> Any:
        return np.log1p(1.0 / (ids + 1.0)) / span

    function = "log_uniform_candidate_sampler"
    return _sample(function, true_classes, num_true, num_sampled, unique, range_max, draw, probability, seed)


def uniform_candidate_sampler(
    true_classes: Any,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    seed: Any = None,
    name: str | None = None,
) -> Any:
    """Ids that are all equally likely; the arguments of :func:`log_uniform_candidate_sampler`."""

    def draw(rng: np.random.Generator, count: int) -> Any:
        return rng.integers(0, range_max, count)

    def probability(ids: Any) -> Any:
        return np.full(np.shape(ids), 1.0 / range_max)

    function = "uniform_candidate_sampler"
    return _sample(function, true_classes, num_true, num_sampled, unique, range_max, draw, probability, seed)


def fixed_unigram_candidate_sampler(
    true_classes: Any,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    vocab_file: str = "",
    distortion: float = 1.0,
    num_reserved_ids: int = 0,
    num_shards: int = 1,
    shard: int = 0,
    unigrams: Any = (),
    seed: Any = None,
    name: str | None = None,
) -> Any:
    """Ids with P(k) proportional to ``unigrams[k] ** distortion``, after `num_reserved_ids` that are never drawn.

    vocab_file : or a file whose lines end with these counts, after a comma
    """
    function = "fixed_unigram_candidate_sampler"
    if (num_shards, shard) != (1, 0):
        raise ValueError(f"tf.random.{function}: one shard only, got num_shards={num_shards}, shard={shard}")
    if bool(vocab_file) == (len(unigrams) > 0):
        raise ValueError(f"tf.random.{function}: give one of vocab_file and unigrams")
    if vocab_file:
        with open(vocab_file, encoding="utf-8") as lines:
            unigrams = [float(line.rsplit(",", 1)[-1]) for line in lines if line.strip()]
    weights = np.append(np.zeros(num_reserved_ids), np.asarray(array_of(unigrams), np.float64) ** distortion)
    if len(weights) != range_max:
        raise InvalidArgumentError(
            f"tf.random.{function}: unigrams and num_reserved_ids must be range_max={range_max} ids, got {len(weights)}"
        )
    weights /= weights.sum()
    ends = np.cumsum(weights)

    def draw(rng: np.random.Generator, count: int) -> Any:
        return np.searchsorted(ends, rng.random(count) * ends[-1], side="right")

    possible = int(np.count_nonzero(weights))
    return _sample(
        function, true_classes, num_true, num_sampled, unique, range_max, draw, weights.__getitem__, seed, possible
    )


def _sample(
    function: str,
    true_classes: Any,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    draw: _Draw,
    probability: Callable[[Any], Any],
    seed: Any,
    possible: int | None = None,
) -> Candidates:
    where = f"tf.random.{function}"
    true = array_of(true_classes)
    if true.dtype.kind not in "iu" or true.ndim != 2 or true.shape[1] != num_true:
        raise InvalidArgumentError(
            f"{where}: true_classes must hold integers of shape (B, num_true) = (B, {num_true}), got {true.dtype} "
            f"{true.shape}"
        )
    if true.size and not (true.min() >= 0 and true.max() < range_max):
        raise InvalidArgumentError(
            f"{where}: true_classes must be in [0, {range_max}), got {true.min()} to {true.max()}"
        )
    if num_sampled < 1:
        raise InvalidArgumentError(f"{where}: num_sampled must be positive, got {num_sampled}")
    possible = range_max if possible is None else possible
    if unique and num_sampled > possible:
        raise InvalidArgumentError(f"{where}: num_sampled={num_sampled} different ids, of {possible} that can be drawn")
    rng = np.random.default_rng(own.seed_of_call(function, seed))
    sampled, tries = _different(draw, rng, num_sampled) if unique else (draw(rng, num_sampled), num_sampled)

    def expected(ids: Any) -> Any:
        share = probability(ids)
        if tries == num_sampled:
            return present((share * num_sampled).astype(np.float32))
        with np.errstate(divide="ignore"):
            return present((-np.expm1(tries * np.log1p(-share))).astype(np.float32))

    return Candidates(present(sampled.astype(np.int64)), expected(true), expected(sampled))


def _different(draw: _Draw, rng: np.random.Generator, count: int) -> tuple[Any, int]:
    """`count` ids, each at its first draw, and the number of draws until the last of them."""
    found: dict[int, None] = {}
    tries = 0
    size = 2 * count
    while True:
        for one in draw(rng, size).tolist():
            tries += 1
            found[one] = None
            if len(found) == count:
                return np.array(list(found), np.int64), tries
        size *= 2
