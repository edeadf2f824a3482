"""The limits of every reader."""

from __future__ import annotations

import pickle

import pytest

from recurra import limits
from recurra.limits import FileFormatError


def test_small_files_may_unpack_to_much_and_large_ones_to_little_more() -> None:
    limits.check_unpacked(limits.SMALL, 1 << 20, "f")
    limits.check_unpacked(20 << 30, 1 << 30, "f")
    for claimed, stored in ((limits.SMALL + 1, 1 << 20), ((20 << 30) + 1, 1 << 30), (1_000_001, 0), (1 << 70, 1 << 40)):
        with pytest.raises(
            FileFormatError, match=rf"f claims {claimed} bytes, stored in {stored}: .*max_size={claimed}"
        ):
            limits.check_unpacked(claimed, stored, "f")
        with limits.allowing(claimed):
            limits.check_unpacked(claimed, stored, "f")


def test_the_limit_is_back_after_the_block() -> None:
    before = limits.unpacked(5)
    with pytest.raises(ZeroDivisionError), limits.allowing(7):
        assert limits.unpacked(5) == 7 and limits.unpacked(9) == 9
        raise ZeroDivisionError
    assert limits.unpacked(5) == before
    with limits.allowing(None):
        assert limits.unpacked(5) == before


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "1"])
def test_max_size_is_checked(wrong: object) -> None:
    with pytest.raises(ValueError, match="max_size must be None or a number of bytes >= 1"), limits.allowing(wrong):  # type: ignore[arg-type]
        raise AssertionError("the block must not run")


def test_nesting_of_json() -> None:
    limits.check_json(b'{"a": "' + b"[" * 10_000 + b'\\""}', "f")
    limits.check_json(b"[]" * 10_000, "f")
    limits.check_json(b"[" * limits.NESTING, "f")
    for data in (b"[" * 501, b'{"a":' * 501, b'["\\\\",[' * 251):
        with pytest.raises(FileFormatError, match="f is nested more than 500 levels deep"):
            limits.check_json(data, "f")
    with pytest.raises(FileFormatError, match="bytes of JSON, more than"):
        limits.check_json(b" " * (limits.JSON_SIZE + 1), "f")


def test_errors_of_pickles_are_both_kinds() -> None:
    assert issubclass(limits.PickleError, FileFormatError) and issubclass(limits.PickleError, pickle.UnpicklingError)


def test_paths_are_refused_while_a_configuration_is_read() -> None:
    limits.refuse_path("vocabulary", "/etc/passwd")
    with limits.loading_configuration(), pytest.raises(FileFormatError, match="vocabulary must be given as its values"):
        limits.refuse_path("vocabulary", "/etc/passwd")
    limits.refuse_path("vocabulary", "/etc/passwd")
