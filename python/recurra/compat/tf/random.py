"""``tf.random``: numbers from recurra's seeds. The same seed gives other numbers than TensorFlow's.

A function with a `seed` gives other numbers at each call, and the same ones after ``set_seed``; a stateless one gives
the same numbers each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import random as own
from recurra.compat.tf.candidates import (
    fixed_unigram_candidate_sampler,
    log_uniform_candidate_sampler,
    uniform_candidate_sampler,
)
from recurra.compat.tf.dtypes import as_dtype
from recurra.compat.tf.making import shape_of
from recurra.compat.tf.tensors import array_of, present

__all__ = [
    "Generator", "categorical", "experimental", "fixed_unigram_candidate_sampler", "gamma", "get_global_generator",
    "log_uniform_candidate_sampler", "normal", "poisson",
    "set_global_generator", "set_seed", "shuffle", "stateless_normal", "stateless_truncated_normal",
    "stateless_uniform", "truncated_normal", "uniform", "uniform_candidate_sampler",
]  # fmt: skip


def set_seed(seed: int) -> None:
    """Start over from `seed`: weights, dropout, shuffling and the functions here repeat."""
    own.set_global_seed(int(seed) & (2**63 - 1))


def _stateless(seed: Any) -> np.random.Generator:
    """The same numbers for the same seed, each time; without one, what comes next from the global seed."""
    return np.random.default_rng(own.derive_seed() if seed is None else [int(s) & (2**63 - 1) for s in np.ravel(seed)])


def _of_call(function: str, seed: Any) -> np.random.Generator:
    return np.random.default_rng(own.seed_of_call(function, seed))


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = np.float32, seed: Any = None, name: str | None = None
) -> Any:
    """Numbers from the normal distribution."""
    return _scaled(_of_call("normal", seed).standard_normal(shape_of(shape)), mean, stddev, dtype)


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = np.float32, seed: Any = None, name: str | None = None
) -> Any:
    """The same within two standard deviations."""
    return _scaled(_truncated(_of_call("truncated_normal", seed), shape), mean, stddev, dtype)


def _scaled(drawn: Any, mean: Any, stddev: Any, dtype: Any) -> Any:
    return present((drawn * array_of(stddev) + array_of(mean)).astype(np.dtype(as_dtype(dtype))))


def _truncated(rng: np.random.Generator, shape: Any) -> Any:
    drawn = rng.standard_normal(shape_of(shape))
    while (outside := np.abs(drawn) > 2).any():
        drawn = np.where(outside, rng.standard_normal(drawn.shape), drawn)
    return drawn


def uniform(
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = np.float32, seed: Any = None, name: str | None = None
) -> Any:
    """Numbers spread evenly over [minval, maxval); integers need a `maxval`."""
    return present(_uniform(_of_call("uniform", seed), shape, minval, maxval, dtype))


def _uniform(rng: np.random.Generator, shape: Any, minval: Any, maxval: Any, dtype: Any) -> Any:
    kind = np.dtype(as_dtype(dtype))
    low = array_of(minval)
    if kind.kind in "iu":
        if maxval is None:
            raise ValueError("tf.random.uniform: maxval must be given for integers")
        return rng.integers(low, array_of(maxval), shape_of(shape)).astype(kind)
    high = array_of(1.0 if maxval is None else maxval)
    drawn = rng.random(shape_of(shape), np.float64 if kind == np.float64 else np.float32)
    return (drawn * (high - low) + low).astype(kind)


def categorical(logits: Any, num_samples: Any, dtype: Any = np.int64, seed: Any = None, name: str | None = None) -> Any:
    """Classes drawn by the softmax of their scores: (B, num_samples) for (B, classes)."""
    scores = np.ascontiguousarray(array_of(logits))
    if scores.dtype not in (np.float32, np.float64):
        scores = scores.astype(np.float32)
    seed = None if seed is None else own.seed_of_call("categorical", seed)
    drawn = own.categorical(scores, int(num_samples), seed=seed)
    return present(np.asarray(drawn).astype(np.dtype(as_dtype(np.int64 if dtype is None else dtype))))


def shuffle(value: Any, seed: Any = None, name: str | None = None) -> Any:
    """The rows in another order."""
    array = array_of(value)
    return present(array[_of_call("shuffle", seed).permutation(len(array))])


def poisson(shape: Any, lam: Any, dtype: Any = np.float32, seed: Any = None, name: str | None = None) -> Any:
    """Counts of independent events, `lam` of them on average."""
    rate = array_of(lam)
    drawn = _of_call("poisson", seed).poisson(rate, (*shape_of(shape), *rate.shape))
    return present(drawn.astype(np.dtype(as_dtype(dtype))))


def gamma(
    shape: Any, alpha: Any, beta: Any = None, dtype: Any = np.float32, seed: Any = None, name: str | None = None
) -> Any:
    """Numbers from the gamma distribution."""
    form, rate = np.broadcast_arrays(array_of(alpha), array_of(1.0 if beta is None else beta))
    size = (*shape_of(shape), *form.shape)
    drawn = _of_call("gamma", seed).gamma(form, size=size) / rate
    return present(drawn.astype(np.dtype(as_dtype(dtype))))


def stateless_uniform(
    shape: Any, seed: Any, minval: Any = 0, maxval: Any = None, dtype: Any = np.float32, name: str | None = None
) -> Any:
    """:func:`uniform` from the two numbers of `seed` alone."""
    return present(_uniform(_stateless(array_of(seed)), shape, minval, maxval, dtype))


def stateless_normal(
    shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = np.float32, name: str | None = None
) -> Any:
    """:func:`normal` from the two numbers of `seed` alone."""
    return _scaled(_stateless(array_of(seed)).standard_normal(shape_of(shape)), mean, stddev, dtype)


def stateless_truncated_normal(
    shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = np.float32, name: str | None = None
) -> Any:
    """:func:`truncated_normal` from the two numbers of `seed` alone."""
    return _scaled(_truncated(_stateless(array_of(seed)), shape), mean, stddev, dtype)


class Generator:
    """A source of random numbers with a state of its own."""

    def __init__(self, seed: Any = None) -> None:
        self._rng = _stateless(seed)

    @classmethod
    def from_seed(cls, seed: Any, alg: Any = None) -> Generator:
        """A generator that starts from `seed`."""
        return cls(seed)

    @classmethod
    def from_non_deterministic_state(cls, alg: Any = None) -> Generator:
        """A generator that starts anywhere."""
        return cls(int(np.random.SeedSequence().generate_state(1)[0]))

    def reset_from_seed(self, seed: Any) -> None:
        """Start over from `seed`."""
        self._rng = _stateless(seed)

    def normal(
        self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = np.float32, name: str | None = None
    ) -> Any:
        """Numbers from the normal distribution."""
        return _scaled(self._rng.standard_normal(shape_of(shape)), mean, stddev, dtype)

    def uniform(
        self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = np.float32, name: str | None = None
    ) -> Any:
        """Numbers spread evenly."""
        return present(_uniform(self._rng, shape, minval, maxval, dtype))


class experimental:  # noqa: N801  (the name is TensorFlow's)
    """Older places of the same."""

    Generator = Generator


_global: Generator | None = None


def get_global_generator() -> Generator:
    """The generator of the process."""
    global _global
    if _global is None:
        _global = Generator()
    return _global


def set_global_generator(generator: Generator) -> None:
    """Let `generator` be the generator of the process."""
    global _global
    _global = generator
