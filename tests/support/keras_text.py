"""What Keras gave on small inputs (``tests/golden/make_keras_text.py``)."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.golden import GOLDEN


@cache
def golden() -> dict[str, Any]:
    path = GOLDEN / "keras_text.json"
    result: dict[str, Any] = json.loads(path.read_text(encoding="ascii"))
    return result
