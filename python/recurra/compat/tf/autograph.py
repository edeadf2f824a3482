"""``tf.autograph``: Python runs as it stands, so there is nothing to convert."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["experimental", "set_verbosity", "to_graph"]


def set_verbosity(level: int, alsologtostdout: bool = False) -> None:
    """Nothing is said."""


def to_graph(entity: Any, recursive: bool = True, experimental_optional_features: Any = None) -> Any:
    """The function itself."""
    return entity


class experimental:  # noqa: N801  (the name is TensorFlow's)
    """Hints to the converter."""

    @staticmethod
    def do_not_convert(func: Callable[..., Any] | None = None) -> Any:
        """The function itself."""
        return (lambda later: later) if func is None else func

    @staticmethod
    def set_loop_options(**options: Any) -> None:
        """Loops are Python's."""
