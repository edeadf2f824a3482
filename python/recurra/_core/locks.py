"""A lock that does not outlive a fork."""

from __future__ import annotations

import os
import threading


class ForkSafeLock:
    """A lock for ``with``, which a forked child finds open: another thread of the parent may have held it."""

    def __init__(self) -> None:
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
