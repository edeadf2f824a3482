"""What Keras gave on small inputs (``tests/golden/make_keras_text.py``)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def golden() -> dict[str, Any]:
    path = Path(__file__).parent / "golden" / "keras_text.json"
    result: dict[str, Any] = json.loads(path.read_text(encoding="ascii"))
    return result
