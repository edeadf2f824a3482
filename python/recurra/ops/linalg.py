"""``ops.linalg``: norms of vectors and matrices."""

from __future__ import annotations

from recurra.ops.elementary import norm

__all__ = ["norm"]
