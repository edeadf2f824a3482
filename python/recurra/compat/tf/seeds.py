"""The numpy generator of one call of a random function of ``tf``."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import random as own

_MASK = 2**63 - 1


def stateless_generator(seed: Any) -> np.random.Generator:
    """The same numbers for the same seed, each time; without one, what comes next from the global seed."""
    return np.random.default_rng(own.derive_seed() if seed is None else [int(s) & _MASK for s in np.ravel(seed)])


def generator_of_call(function: str, seed: Any) -> np.random.Generator:
    """Other numbers at each call of a function with this seed, the same ones again after ``tf.random.set_seed``."""
    if seed is None:
        return stateless_generator(None)
    first = int(np.ravel(seed)[0])
    return stateless_generator([first, own.count_call(function, first)])
