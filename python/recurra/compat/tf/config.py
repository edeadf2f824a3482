"""``tf.config``: one CPU, no GPU, and the number of threads."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, NamedTuple

import recurra

__all__ = [
    "LogicalDevice",
    "LogicalDeviceConfiguration",
    "PhysicalDevice",
    "experimental",
    "functions_run_eagerly",
    "get_visible_devices",
    "list_local_devices",
    "list_logical_devices",
    "list_physical_devices",
    "optimizer",
    "run_functions_eagerly",
    "set_logical_device_configuration",
    "set_soft_device_placement",
    "set_visible_devices",
    "threading",
]  # fmt: skip


class PhysicalDevice(NamedTuple):
    """A device that there is."""

    name: str
    device_type: str


class LogicalDevice(NamedTuple):
    """A device as programs name it."""

    name: str
    device_type: str


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The CPU; no GPU, whatever the machine has."""
    return [PhysicalDevice("/physical_device:CPU:0", "CPU")] if device_type in (None, "CPU") else []


def list_logical_devices(device_type: str | None = None) -> list[LogicalDevice]:
    """The CPU."""
    return [LogicalDevice("/device:CPU:0", "CPU")] if device_type in (None, "CPU") else []


def get_visible_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The CPU."""
    return list_physical_devices(device_type)


def list_local_devices(session_config: Any = None) -> list[Any]:
    """The CPU, as ``device_lib`` describes it."""
    return [SimpleNamespace(name="/device:CPU:0", device_type="CPU", memory_limit=0, physical_device_desc="")]


def _only_cpu(devices: Any, name: str) -> None:
    for one in [devices] if isinstance(devices, PhysicalDevice) or devices is None else devices:
        if one is not None and getattr(one, "device_type", "CPU") != "CPU":
            raise ValueError(f"{name}: there is no {one.device_type} here, recurra computes on the CPU")


def set_visible_devices(devices: Any, device_type: str | None = None) -> None:
    """Take the CPU or no GPU; there is nothing else to choose.

    raises : ValueError for a device that is no CPU
    """
    _only_cpu(devices, "set_visible_devices")


def set_memory_growth(device: Any, enable: bool) -> None:
    """Take no notice: memory is of the process, and always grows as needed.

    raises : ValueError for a device that is no CPU
    """
    _only_cpu(device, "set_memory_growth")


class LogicalDeviceConfiguration(NamedTuple):
    """Limits of a device."""

    memory_limit: Any = None
    experimental_priority: Any = None


def set_logical_device_configuration(device: Any, logical_devices: Any) -> None:
    """Take one device, and refuse several with ValueError."""
    _only_cpu(device, "set_logical_device_configuration")
    if len(logical_devices) > 1:
        raise ValueError("set_logical_device_configuration: the CPU is one device here")


def set_soft_device_placement(enabled: bool) -> None:
    """There is one device to place on."""


def experimental_connect_to_cluster(cluster_spec_or_resolver: Any, *args: Any, **kwargs: Any) -> None:
    """ValueError: this process is alone."""
    raise ValueError("tf.config.experimental_connect_to_cluster: there are no other machines here")


_eagerly = False


def run_functions_eagerly(run_eagerly: bool) -> None:
    """Functions run as Python always."""
    global _eagerly
    _eagerly = bool(run_eagerly)


def functions_run_eagerly() -> bool:
    """What :func:`run_functions_eagerly` was told."""
    return _eagerly


class threading:  # noqa: N801  (the name is TensorFlow's)
    """The number of threads."""

    @staticmethod
    def set_intra_op_parallelism_threads(num_threads: int) -> None:
        """Compute with so many threads; 0 is the default."""
        if num_threads:
            recurra.set_num_threads(int(num_threads))

    @staticmethod
    def get_intra_op_parallelism_threads() -> int:
        """How many threads compute."""
        return recurra.get_num_threads()

    @staticmethod
    def set_inter_op_parallelism_threads(num_threads: int) -> None:
        """Operations run one after the other, each on all threads."""

    @staticmethod
    def get_inter_op_parallelism_threads() -> int:
        """One operation runs at a time."""
        return 1


class optimizer:  # noqa: N801  (the name is TensorFlow's)
    """The compiler's settings: there is no graph to compile."""

    @staticmethod
    def set_jit(enabled: Any) -> None:
        """The kernels are compiled already."""

    @staticmethod
    def get_jit() -> str:
        """No compiler runs."""
        return ""


class experimental:  # noqa: N801  (the name is TensorFlow's)
    """Older places of the same."""

    list_physical_devices = staticmethod(list_physical_devices)
    list_logical_devices = staticmethod(list_logical_devices)
    get_visible_devices = staticmethod(get_visible_devices)
    set_visible_devices = staticmethod(set_visible_devices)
    set_memory_growth = staticmethod(set_memory_growth)
    set_virtual_device_configuration = staticmethod(set_logical_device_configuration)
    VirtualDeviceConfiguration = LogicalDeviceConfiguration

    @staticmethod
    def enable_op_determinism() -> None:
        """Results repeat always, given a seed."""
