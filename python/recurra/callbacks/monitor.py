"""What callbacks share that watch one quantity."""

from __future__ import annotations

import warnings
from typing import Any

from recurra.callbacks.base import Callback, Logs


class MonitorCallback(Callback):
    """Base of callbacks that compare a logged quantity with its best value so far.

    monitor : a key of the logs, "val_loss"
    mode : "min", "max", or "auto": losses go down, metrics where they say
    baseline : the first value to beat, None for none
    min_delta : by how much
    """

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode must be 'auto', 'min' or 'max', got {mode!r}")
        self.monitor, self.mode = monitor, mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self._sign = {"min": -1, "max": 1}.get(mode, 0)

    def _direction(self) -> int:
        """-1 where less is better, 1 where more is."""
        if self.mode != "auto":
            return -1 if self.mode == "min" else 1
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return -1
        state = getattr(self.model, "_compiled_state", None)
        named: dict[str, Any] = dict(state.metrics._named) if state is not None else {}
        metric = named.get(name)
        if metric is None:
            metric = next((m for m in getattr(self.model, "metrics", ()) if m.name == name), None)
        direction = getattr(metric, "direction", None) or getattr(metric, "_direction", None)
        if direction is None:
            raise ValueError(
                f"{type(self).__name__}: whether {self.monitor!r} should be high or low is not known; "
                "pass mode='max' or mode='min'"
            )
        return 1 if direction == "up" else -1

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._sign = self._direction()

    def _is_improvement(self, value: Any, reference: Any) -> bool:
        if reference is None:
            return True
        return bool((value - self._sign * self.min_delta - reference) * self._sign > 0)

    def _value(self, logs: Logs | None) -> Any:
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__} monitors {self.monitor!r}, which is not logged; there are: "
                f"{', '.join(logs or {})}",
                stacklevel=3,
            )
        return value
