"""``tf.distribute``: strategies that have one replica, the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = [
    "MirroredStrategy", "OneDeviceStrategy", "ReduceOp", "Strategy", "TPUStrategy", "cluster_resolver", "experimental",
    "get_strategy", "has_strategy",
]  # fmt: skip


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


def has_strategy() -> bool:
    """Whether models are made for several devices: never."""
    return False


class TPUStrategy(Strategy):
    """Refused with ValueError: there is no TPU. Programs that look for one go on with :func:`get_strategy`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise ValueError(NO_TPU)


NO_TPU = "there is no TPU here: use tf.distribute.get_strategy()"


class cluster_resolver:  # noqa: N801  (the name is TensorFlow's)
    """Where other machines are looked for."""

    class TPUClusterResolver:
        """Refused with ValueError, as TensorFlow does where it finds no TPU."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            raise ValueError(NO_TPU)

        @staticmethod
        def connect(*args: Any, **kwargs: Any) -> Any:
            """Refused in the same way."""
            raise ValueError(NO_TPU)


class experimental:  # noqa: N801  (the name is TensorFlow's)
    """Older places of the same."""

    TPUStrategy = TPUStrategy
    CentralStorageStrategy = MirroredStrategy
