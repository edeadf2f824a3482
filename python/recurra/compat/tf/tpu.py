"""``tf.tpu``: there is none, and whoever starts one is told."""

from __future__ import annotations

from typing import Any

from recurra.compat.tf.distribute import NO_TPU

__all__ = ["experimental"]


class experimental:  # noqa: N801  (the name is TensorFlow's)
    """What programs call before they look for another device."""

    @staticmethod
    def initialize_tpu_system(cluster_resolver: Any = None) -> Any:
        """ValueError, as TensorFlow where it finds none."""
        raise ValueError(NO_TPU)
