"""``tf.distribute``: strategies that have one replica, the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["MirroredStrategy", "OneDeviceStrategy", "ReduceOp", "Strategy", "get_strategy"]


class ReduceOp:
    """How the results of replicas are put together."""

    SUM = "SUM"
    MEAN = "MEAN"


class Strategy:
    """One replica."""

    num_replicas_in_sync = 1

    @contextmanager
    def scope(self) -> Iterator[Strategy]:
        """A block in which models are made."""
        yield self

    def run(self, fn: Callable[..., Any], args: Any = (), kwargs: Any = None, options: Any = None) -> Any:
        """``fn(*args, **kwargs)``."""
        return fn(*args, **(kwargs or {}))

    def reduce(self, reduce_op: Any, value: Any, axis: int | None) -> Any:
        """The value of the one replica, summed or averaged along `axis`."""
        from recurra.compat.tf import math

        if axis is None:
            return value
        return (math.reduce_sum if str(reduce_op).endswith("SUM") else math.reduce_mean)(value, axis)

    def experimental_distribute_dataset(self, dataset: Any, options: Any = None) -> Any:
        """The dataset itself."""
        return dataset

    def experimental_local_results(self, value: Any) -> tuple[Any, ...]:
        """The value of the one replica."""
        return (value,)


class MirroredStrategy(Strategy):
    """Copies on several devices: here one, the CPU.

    raises : ValueError where several devices are asked for
    """

    def __init__(self, devices: Any = None, cross_device_ops: Any = None) -> None:
        if devices is not None and not isinstance(devices, str) and len(devices) > 1:
            raise ValueError(f"MirroredStrategy: there is one device here, the CPU, got {devices!r}")


class OneDeviceStrategy(Strategy):
    """One device."""

    def __init__(self, device: str) -> None:
        self.device = device


def get_strategy() -> Strategy:
    """The one there is."""
    return Strategy()
