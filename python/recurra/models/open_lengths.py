"""Whether a layer that was built for sequences of one length has weights for any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from recurra.layers.base.layer import Layer
from recurra.naming import names_kept
from recurra.training.run_state import global_random_state, set_global_random_state


def builds_alike(layer: Layer, shape: Sequence[int | None]) -> bool:
    """Whether the weights of `layer`, which are there, would be made for inputs of `shape` too.

    Another layer of the same configuration is built where one of the weights has a size that is open in `shape`. A
    layer without a configuration, which cannot be saved, is taken to be alike.
    """
    built: Any = layer._build_shape
    if not isinstance(built, (list, tuple)) or len(built) != len(shape):
        return True
    opened = {size for size, now in zip(built[1:], shape[1:], strict=True) if now is None and isinstance(size, int)}
    if not any(opened.intersection(variable.shape) for variable in layer.weights):
        return True
    with _nothing_drawn():
        try:
            other = type(layer).from_config(layer.get_config())
        except Exception:  # of a class of the user's
            return True
        try:
            other.build(tuple(shape))
        except Exception:  # whatever it says to a size that is open
            return False
        found, expected = ([variable.shape for variable in one.weights] for one in (other, layer))
        return len(found) != len(expected) or found == expected


@contextmanager
def _nothing_drawn() -> Iterator[None]:
    """What is made in the block takes no name and no random number from what is made after it."""
    before = global_random_state()
    try:
        with names_kept():
            yield
    finally:
        set_global_random_state(before)
