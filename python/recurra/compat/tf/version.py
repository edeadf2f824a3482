"""``tf.version``: the version of TensorFlow whose names are followed, with recurra's own behind the plus."""

from __future__ import annotations

import recurra

__all__ = ["COMPILER_VERSION", "GIT_VERSION", "VERSION"]

VERSION = f"2.20.0+recurra.{recurra.__version__}"
GIT_VERSION = VERSION
COMPILER_VERSION = ""
