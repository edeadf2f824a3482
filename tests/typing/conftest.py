"""These tests need mypy, which comes with ``recurra[dev]``: without it they are not collected."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("mypy") else ["test_*.py"]
