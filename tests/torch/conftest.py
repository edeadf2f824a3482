"""The tests of recurra.torch need PyTorch; without it they are not collected (`nox -s torch` runs them)."""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("torch") is None:
    collect_ignore_glob = ["test_*.py"]
elif find_spec("expecttest") is None:  # PyTorch's testing tools need it
    collect_ignore_glob = ["test_torch_module_infos.py"]
