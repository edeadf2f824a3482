"""Which tape records in a thread, and blocks in which none does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

_F = TypeVar("_F", bound=Callable[..., Any])


class _State(threading.local):
    """The innermost open tape of each thread. Operations look at it themselves, to save a call."""

    tape: Any = None  # a GradientTape

    def __init__(self) -> None:
        self.holding: set[int] = set()  # ids of tapes that are open or not asked yet: what they read must not change


thread_state = _State()


class no_grad:  # noqa: N801  (used as a function; a generator in its place enters and leaves by six calls of Python)
    """Nothing inside the block, or the function that it decorates, is recorded."""

    def __init__(self) -> None:
        self._outer: list[Any] = []

    def __enter__(self) -> None:
        self._outer.append(thread_state.tape)
        thread_state.tape = None

    def __exit__(self, *exc: object) -> None:
        thread_state.tape = self._outer.pop()

    def __call__(self, function: _F) -> _F:
        @wraps(function)
        def unrecorded(*args: Any, **kwargs: Any) -> Any:
            with no_grad():
                return function(*args, **kwargs)

        return cast(_F, unrecorded)
