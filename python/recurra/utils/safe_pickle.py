"""Reading old pickles without letting them do anything: only named stand-ins can be called."""

from __future__ import annotations

import copyreg
import io
import pickle
import pickletools
from collections.abc import Mapping
from typing import Any

_EXTENSIONS = ("EXT1", "EXT2", "EXT4")


class RestrictedUnpickler(pickle.Unpickler):
    """An unpickler for which the only classes and functions are those in `stand_ins`.

    data : the pickle
    stand_ins : {(module, name): object} of harmless replacements of our own
    what : how errors call the data
    """

    def __init__(self, data: bytes, stand_ins: Mapping[tuple[str, str], Any], what: str) -> None:
        super().__init__(io.BytesIO(data), encoding="latin1")  # Python 2 wrote its byte strings as they are
        self._stand_ins, self._what = stand_ins, what

    def find_class(self, module: str, name: str, /) -> Any:
        try:
            return self._stand_ins[module, name]
        except KeyError:
            refused = f"{self._what} names {module}.{name}, which is not loaded from a file"
            raise pickle.UnpicklingError(refused) from None

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError(f"{self._what} refers to an object outside of itself, which is not loaded")


def restricted_load(data: bytes, stand_ins: Mapping[tuple[str, str], Any], what: str) -> Any:
    """The object that `data` describes, made of plain values and of `stand_ins` alone.

    raises : pickle.UnpicklingError for a damaged pickle and for one that names anything else
    """
    try:
        # the registry of short codes would be asked before find_class; nobody fills it, but then let nobody use it
        if copyreg._inverted_registry and any(op.name in _EXTENSIONS for op, _, _ in pickletools.genops(data)):  # type: ignore[attr-defined]
            raise pickle.UnpicklingError(f"{what} uses extension codes, which are not loaded")
        return RestrictedUnpickler(data, stand_ins, what).load()
    except pickle.UnpicklingError as error:
        if what in str(error):
            raise
        raise pickle.UnpicklingError(f"{what}: {error}") from None
    except (
        AttributeError,
        EOFError,
        ImportError,
        IndexError,
        KeyError,
        MemoryError,
        OverflowError,
        RecursionError,
        TypeError,
        UnicodeError,
        ValueError,
    ) as error:
        raise pickle.UnpicklingError(f"{what} is damaged or not a pickle of the expected kind: {error}") from error
