"""``tf.test``: what this machine has, which is a CPU."""

from __future__ import annotations

__all__ = ["gpu_device_name", "is_built_with_cuda", "is_built_with_gpu_support", "is_gpu_available"]


def is_gpu_available(cuda_only: bool = False, min_cuda_compute_capability: object = None) -> bool:
    """No."""
    return False


def is_built_with_cuda() -> bool:
    """No."""
    return False


def is_built_with_gpu_support() -> bool:
    """No."""
    return False


def gpu_device_name() -> str:
    """An empty text: there is none."""
    return ""
