"""The functions of ``tf`` give TensorFlow's values, shapes, types and gradients (computed by TensorFlow 2.21)."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from recurra.compat import tf
from tests.golden.tf_cases import EXPRESSIONS, GOLDEN, described, space_of

WANTED = json.loads(GOLDEN.read_text("utf-8"))
SPACE = space_of(tf)


def assert_alike(found: Any, wanted: Any) -> None:
    if isinstance(wanted, list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert_alike(one, other)
        return
    assert {key: found.get(key) for key in ("dtype", "shape")} == {key: wanted.get(key) for key in ("dtype", "shape")}
    if wanted.get("dtype", "").startswith("float"):
        np.testing.assert_allclose(found["value"], wanted["value"], rtol=2e-5, atol=2e-6)
    else:
        assert found["value"] == wanted["value"]


def test_all_are_there() -> None:
    assert list(WANTED) == EXPRESSIONS and len(EXPRESSIONS) > 300


@pytest.mark.parametrize("line", EXPRESSIONS)
def test_value(line: str) -> None:
    assert_alike(described(eval(line, SPACE)), WANTED[line])
