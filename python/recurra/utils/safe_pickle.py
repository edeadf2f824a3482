"""Reading old pickles without letting them do anything: only named stand-ins can be called."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from recurra.limits import PICKLE_SIZE, PickleError

#: what no file of ours or Keras's holds: sets, codes of an extension registry, buffers outside of the pickle
_REFUSED = (
    "FROZENSET", "EMPTY_SET", "ADDITEMS", "EXT1", "EXT2", "EXT4", "BYTEARRAY8", "NEXT_BUFFER", "READONLY_BUFFER",
    "PERSID", "BINPERSID",
)  # fmt: skip


def check_keys(keys: Iterable[Any]) -> None:
    """Refuse keys that cost more than their size: nested tuples, whose hash takes for ever, or colliding numbers.

    raises : pickle.UnpicklingError
    """
    for key in keys:
        if type(key) is not str and not (isinstance(key, int) and abs(key) < 1 << 48):
            kind = "a number that large" if isinstance(key, int) else f"a {type(key).__name__}"
            raise pickle.UnpicklingError(f"a key must be text or a number, got {kind}")


#: Python's own unpickler in Python: its memo is a dictionary, so that a large index in a file allocates nothing, and
#: each operation can be looked at
_Unpickler: Any = vars(pickle)["_Unpickler"]


class RestrictedUnpickler(_Unpickler):  # type: ignore[misc]
    """An unpickler for which the only classes and functions are those in `stand_ins`.

    data : the pickle
    stand_ins : {(module, name): object} of harmless replacements of our own
    what : how errors call the data
    """

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(_Unpickler.dispatch)

    def __init__(self, data: bytes, stand_ins: Mapping[tuple[str, str], Any], what: str) -> None:
        super().__init__(io.BytesIO(data), encoding="latin1")  # Python 2 wrote its byte strings as they are
        self._stand_ins, self._what = stand_ins, what

    def find_class(self, module: str, name: str, /) -> Any:
        try:
            return self._stand_ins[module, name]
        except KeyError:
            refused = f"{self._what} names {module}.{name}, which is not loaded from a file"
            raise pickle.UnpicklingError(refused[:400]) from None

    def load_setitem(self) -> None:
        check_keys([self.stack[-2]])
        super().load_setitem()

    def load_setitems(self) -> None:
        check_keys(self.stack[::2])
        super().load_setitems()

    def load_dict(self) -> None:
        check_keys(self.stack[::2])
        super().load_dict()

    def refuse(self) -> None:
        raise pickle.UnpicklingError("it holds sets, extension codes or objects outside of itself")

    dispatch[pickle.SETITEM[0]] = load_setitem
    dispatch[pickle.SETITEMS[0]] = load_setitems
    dispatch[pickle.DICT[0]] = load_dict
    for _name in _REFUSED:
        dispatch[getattr(pickle, _name)[0]] = refuse


def restricted_load(data: bytes, stand_ins: Mapping[tuple[str, str], Any], what: str) -> Any:
    """The object that `data` describes, made of plain values and of `stand_ins` alone.

    What is fetched from the memo again and again is one object that stands in many places: who copies or prints it may
    need far more memory than the pickle has bytes.

    raises : PickleError (a FileFormatError and a pickle.UnpicklingError) for a damaged pickle and for one that names
        anything else
    """
    if len(data) > PICKLE_SIZE:
        raise PickleError(f"{what} has {len(data)} bytes, more than {PICKLE_SIZE}: refused")
    try:
        return RestrictedUnpickler(data, stand_ins, what).load()
    except pickle.UnpicklingError as error:
        said = str(error)
        raise PickleError(said if what in said else f"{what}: {said}") from None
    except MemoryError:
        raise PickleError(f"{what} asks for more memory than there is") from None
    except (ArithmeticError, AssertionError, AttributeError, EOFError, ImportError, LookupError, RuntimeError,
            TypeError, ValueError) as error:  # fmt: skip
        said = " ".join(str(error).split())[:200]
        raise PickleError(f"{what} is damaged or not a pickle of the expected kind: {said}") from error
    except Exception as error:  # struct.error and the unpickler's own way to stop
        raise PickleError(f"{what} is damaged or not a pickle of the expected kind: {type(error).__name__}") from error
