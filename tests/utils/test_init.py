"""The front door of utils."""

from __future__ import annotations

import sys

import pytest

import recurra.utils


def test_the_front_door() -> None:
    for name in recurra.utils.__all__:
        assert getattr(recurra.utils, name) is not None
    assert set(recurra.utils.__all__) <= set(dir(recurra.utils))
    with pytest.raises(AttributeError, match=r"module 'recurra.utils' has no attribute 'nothing'"):
        _ = recurra.utils.nothing


def test_importing_utils_imports_nothing_else() -> None:
    import subprocess

    code = "import sys, recurra.utils; print(sorted(m for m in sys.modules if m.split('.')[0] in ('numpy', 'tqdm')))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
