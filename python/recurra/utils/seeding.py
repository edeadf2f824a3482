"""One seed for everything, and a clean slate."""

from __future__ import annotations

import gc
import random

import numpy as np

from recurra.naming import reset_names


def set_random_seed(seed: int) -> None:
    """Seed Python's `random`, numpy's global generator and recurra's own.

    seed : integer in [0, 2**32). After it the same program gives the same weights, shuffles, dropout and samples,
        with any number of threads.
    raises : TypeError or ValueError for anything else

    >>> set_random_seed(7)
    """
    from recurra import random as own

    seed = own.check_seed(seed)
    if seed >= 2**32:
        raise ValueError(f"seed must be in [0, 2**32), got {seed}")
    random.seed(seed)
    np.random.seed(seed)
    own.set_global_seed(seed)


def clear_session(free_memory: bool = True) -> None:
    """Start the automatic names of layers over (``lstm``, ``lstm_1``, …). Models that exist are not touched.

    free_memory : collect what nothing refers to any more at once
    """
    reset_names()
    if free_memory:
        gc.collect()
