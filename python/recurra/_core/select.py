"""The choice among the kernels' implementations. The only place that picks one: ``from recurra._core.select import core``."""

from __future__ import annotations

import os
from typing import Any

_wanted = os.environ.get("RECURRA_ISA", "reference")
if _wanted != "reference":
    raise ImportError(f"RECURRA_ISA must name a built variant or be 'reference', got {_wanted!r}")

import recurra.reference as _reference  # noqa: E402

core: Any = _reference
