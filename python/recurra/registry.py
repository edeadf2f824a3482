"""Names for classes and functions, so that a configuration can stand for an object.

Configurations follow Keras 3: ``{"module", "class_name", "config", "registered_name"}``. Reading one never imports a
module that the configuration names: a class comes from this package's own rooms, from what was registered with
:func:`register_keras_serializable`, or from `custom_objects`.
"""

from __future__ import annotations

import copy
import importlib
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, TypeVar

import numpy as np

from recurra.limits import loading_configuration

T = TypeVar("T")


#: where built-in classes are looked up, by the last part of the module name that a configuration gives
_ROOMS = (
    "layers", "initializers", "regularizers", "constraints", "activations", "models", "optimizers",
    "optimizers.schedules", "losses", "metrics", "random", "preprocessing",
)  # fmt: skip

#: rooms whose functions (load_model) are none that a configuration may name
_NOT_OF_ARRAYS = ("models", "preprocessing", "saving", "utils")
#: what the configurations of one layer in several places of a model have in common
_SHARED = "recurra_shared"

_by_name: dict[str, Any] = {}
_names: dict[Any, str] = {}


class _Scopes(threading.local):
    def __init__(self) -> None:
        self.stack: list[Mapping[str, Any]] = []
        self.live = False
        self.saved: dict[int, tuple[Any, dict[str, Any], int]] | None = None
        self.made: dict[Any, Any] | None = None


_scopes = _Scopes()


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """Decorate a class (with ``get_config``) or a function so that files can name it as ``package>name``."""

    def register(target: T) -> T:
        if inspect.isclass(target) and not hasattr(target, "get_config"):
            raise ValueError(f"{target.__name__} cannot be registered: a class needs a get_config method")
        full = f"{package}>{name if name is not None else target.__name__}"  # type: ignore[attr-defined]
        _by_name[full] = target
        _names[target] = full
        return target

    return register


def get_registered_name(target: Any) -> str:
    """``package>name`` of a registered class or function, otherwise its own name."""
    try:
        return _names.get(target) or str(target.__name__)
    except TypeError:  # not hashable
        return str(target.__name__)


def get_custom_objects() -> dict[str, Any]:
    """The registered objects by name. May be changed: ``get_custom_objects()["name"] = thing``."""
    return _by_name


def get_registered_object(name: str | None, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """What `name` stands for, from `custom_objects`, the open scopes or the registrations; None if nothing.

    ``package>name`` is also found under its last part, by which users know their classes.
    """
    if name is None:
        return None
    for known in (name, name.rpartition(">")[2]):
        for place in (custom_objects, *reversed(_scopes.stack), _by_name):
            if place and known in place:
                return place[known]
    return None


@contextmanager
def custom_object_scope(objects: Mapping[str, Any]) -> Iterator[None]:
    """Names in `objects` are known inside the ``with`` block."""
    _scopes.stack.append(dict(objects))
    try:
        yield
    finally:
        _scopes.stack.pop()


CustomObjectScope = custom_object_scope


@contextmanager
def live_objects() -> Iterator[None]:
    """Inside the block configurations hold classes and functions themselves instead of their names.

    They cannot be saved, but a copy can be made from them of anything: nobody needs to have registered it.
    """
    before, _scopes.live = _scopes.live, True
    try:
        yield
    finally:
        _scopes.live = before


@contextmanager
def shared_objects() -> Iterator[None]:
    """Inside the block a layer that is in several places of one model is one layer again when the model is read.

    All its configurations carry one number, under a name of our own: by ``shared_object_id`` Keras 3 would make one
    layer too, but connect it wrongly; that is read here as well.
    """
    before = _scopes.saved, _scopes.made
    _scopes.saved, _scopes.made = {}, {}
    try:
        yield
    finally:
        _scopes.saved, _scopes.made = before


def _mark_shared(value: Any, config: dict[str, Any]) -> None:
    if _scopes.saved is not None and id(value) in _scopes.saved:
        _, first, number = _scopes.saved[id(value)]
        config[_SHARED] = first[_SHARED] = number
    elif _scopes.saved is not None:
        _scopes.saved[id(value)] = value, config, len(_scopes.saved)


def is_builtin(target: Any) -> bool:
    """Whether a class or function is defined in this package."""
    return str(getattr(target, "__module__", "")).split(".")[0] == "recurra"


def is_configuration(value: Any) -> bool:
    """Whether `value` describes one object, and is no dict of several."""
    return isinstance(value, Mapping) and "class_name" in value


def _module_of(target: Any) -> str:
    """The module that Keras 3 files the class under."""
    if not is_builtin(target):
        return str(getattr(target, "__module__", "builtins"))
    return str(target.__dict__.get("_keras_module") or getattr(target, "_keras_module", "keras"))


def _python_numbers(value: Any) -> Any:
    """A configuration with Python's numbers in place of numpy's; what holds none of these is the same object."""
    if isinstance(value, dict):
        items = {key: _python_numbers(item) for key, item in value.items()}
        return value if all(items[key] is item for key, item in value.items()) else items
    if type(value) in (list, tuple):
        parts = [_python_numbers(item) for item in value]
        return value if all(a is b for a, b in zip(parts, value, strict=True)) else type(value)(parts)
    return value.item() if isinstance(value, np.generic) else value


def serialize_keras_object(value: Any) -> Any:
    """`value` as what JSON can hold: objects with ``get_config`` become Keras 3's dicts, functions their names."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        items = [serialize_keras_object(item) for item in value]
        return {"class_name": "__tuple__", "items": items} if isinstance(value, tuple) else items
    if isinstance(value, dict):
        return {key: serialize_keras_object(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        if _scopes.live:
            return value
        return {"class_name": "__numpy__", "config": {"value": value.tolist(), "dtype": value.dtype.name}}
    if isinstance(value, np.dtype):
        return value.name
    if hasattr(value, "get_config") and not inspect.isclass(value):
        kind = type(value)
        builtin = is_builtin(kind)
        result: dict[str, Any] = {
            "module": _module_of(kind),
            "class_name": kind if _scopes.live else kind.__name__,
            "config": value.get_config() if _scopes.live else _python_numbers(value.get_config()),
            "registered_name": None if builtin or _scopes.live else get_registered_name(kind),
        }
        build_config = getattr(value, "get_build_config", None)
        if build_config is not None:
            if (built := build_config()) is not None:
                result["build_config"] = built
            _mark_shared(value, result)
        return result
    if _scopes.live:
        return value if callable(value) else copy.deepcopy(value)
    if callable(value) and hasattr(value, "__name__"):
        if is_lambda(value):
            raise ValueError("a lambda has no name to save: define it with `def` and register it")
        if is_builtin(value):
            return value.__name__
        return {
            "module": _module_of(value),
            "class_name": "function",
            "config": value.__name__,
            "registered_name": get_registered_name(value),
        }
    raise TypeError(f"cannot serialize {value!r}: it has neither get_config() nor a name")


def is_lambda(value: Any) -> bool:
    """Whether `value` is a function without a name."""
    return getattr(value, "__name__", None) == "<lambda>"


def copying_live() -> bool:
    """Whether configurations are of copies in this process, and hold classes and functions themselves."""
    return bool(_scopes.live)


def _builtin(name: str, module: str | None) -> Any:
    rooms = list(_ROOMS)
    tail = (module or "").removeprefix("tensorflow.").removeprefix("tf.").removeprefix("keras.").removeprefix("src.")
    if tail in rooms:
        rooms.insert(0, tail)
    for room in rooms:
        try:
            place = importlib.import_module(f"recurra.{room}")
        except ModuleNotFoundError as missing:
            if missing.name is not None and missing.name.startswith("recurra"):
                continue
            raise
        if name in getattr(place, "__all__", ()):
            return getattr(place, name)
    return None


def deserialize_keras_object(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The object that :func:`serialize_keras_object` (or Keras 2 or 3) described.

    custom_objects : names of classes and functions that this package does not know
    raises : ValueError naming the class that is unknown
    """
    if config is None or isinstance(config, (str, bool, int, float)):
        return config
    if isinstance(config, (list, tuple)):
        return [deserialize_keras_object(item, custom_objects) for item in config]
    if not isinstance(config, dict):
        return config
    name = config.get("class_name")
    if name is None or ("config" not in config and "items" not in config):
        return {key: deserialize_keras_object(item, custom_objects) for key, item in config.items()}
    if name == "__tuple__":
        return tuple(deserialize_keras_object(item, custom_objects) for item in config["items"])
    inner = config["config"]
    if name == "__numpy__":
        return np.array(inner["value"], dtype=inner["dtype"])
    if name == "DTypePolicy":
        return inner["name"]
    if name == "__lambda__":
        raise ValueError(
            "the configuration holds the code of a Python lambda, which is never executed; "
            "pass the function by name in custom_objects"
        )
    registered = config.get("registered_name")
    if name == "function":
        found = get_registered_object(registered, custom_objects) or get_registered_object(inner, custom_objects)
        found = found or _builtin(str(inner), config.get("module"))
        if found is None or (is_builtin(found) and found.__module__.split(".")[1] in _NOT_OF_ARRAYS):
            if inner == "<lambda>":
                raise ValueError(
                    "the code of a lambda is not saved: pass the function as custom_objects={'name of the layer': ...}"
                )
            raise ValueError(f"unknown function {inner!r}: pass it as custom_objects={{{inner!r}: ...}}")
        return found
    kind = name if inspect.isclass(name) else get_registered_object(registered, custom_objects)
    kind = kind or get_registered_object(name, custom_objects) or _builtin(str(name), config.get("module"))
    if kind is None or (is_builtin(kind) and not inspect.isclass(kind)):
        raise ValueError(
            f"unknown class {name!r} (module {config.get('module')!r}): pass it as custom_objects={{{name!r}: ...}} "
            "or decorate it with register_keras_serializable()"
        )
    number = config.get(_SHARED, config.get("shared_object_id"))
    if _scopes.made is None or not isinstance(number, int):
        return build_from_config(kind, inner, custom_objects)
    made = _scopes.made.get((number, kind))
    if made is None:
        made = _scopes.made[number, kind] = build_from_config(kind, inner, custom_objects)
    return made


def build_from_config(kind: Any, inner: Any, custom_objects: Mapping[str, Any] | None) -> Any:
    """``kind.from_config(inner)``, with `custom_objects` known while it runs."""
    if not hasattr(kind, "from_config"):
        return kind(**inner) if inspect.isclass(kind) else kind
    inner = dict(inner)
    try:
        with custom_object_scope(custom_objects or {}), loading_configuration():
            return kind.from_config(inner)
    except (TypeError, ValueError) as error:
        name = inner.get("name")
        if not isinstance(name, str) or type(error) not in (TypeError, ValueError):
            raise
        raise type(error)(f"{kind.__name__} {name!r}: {error}") from error


class Registry:
    """The built-in objects of one kind by name, with `get`, `serialize` and `deserialize` as Keras has them.

    kind : what an object is called in errors, "initializer"
    objects : classes and functions by name
    base : the class of the objects, where they have one: instances of it are taken as they are
    callables : whether any callable is taken too
    any_case : whether a name may be spelled in capitals
    accepts, error : what `get` takes, for the error's text, and the error's class
    """

    def __init__(
        self,
        kind: str,
        objects: dict[str, Any],
        *,
        base: type | None = None,
        callables: bool = True,
        any_case: bool = False,
        accepts: str = "None, a name, a configuration or a callable",
        error: type[Exception] = ValueError,
    ) -> None:
        self.kind, self.objects, self.base = kind, objects, base
        self.callables, self.any_case = callables, any_case
        self.accepts, self.error = accepts, error

    def find(self, name: str) -> Any:
        """What `name` stands for: a registered object first, then a built-in one.

        raises : ValueError with all names, the nearest ones last
        """
        found = get_registered_object(name)
        if found is None:
            found = self.objects.get(name)
        if found is None and self.any_case:
            found = self.objects.get(name.lower())
        if found is None:
            known = sorted(key for key in self.objects if key == key.lower()) or sorted(self.objects)
            close = get_close_matches(name.lower(), known, 3)
            meant = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
            raise ValueError(f"unknown {self.kind} {name!r}: expected one of {', '.join(known)}{meant}")
        return found

    def get(self, identifier: Any) -> Any:
        """None, a name, a class, a configuration, an object or a callable → None or an object of this kind."""
        if identifier is None or (self.base is not None and isinstance(identifier, self.base)):
            return identifier
        identifier = getattr(identifier, "recurra_function", identifier)  # of a wrapper around one that is known
        if isinstance(identifier, Mapping):
            return self.deserialize(identifier)
        named = isinstance(identifier, str)
        found = self.find(identifier) if named else identifier
        if inspect.isclass(found) and (named or self.base is None or issubclass(found, self.base)):
            found = found()
        fits = callable(found) if self.callables else named or isinstance(found, self.base or object)
        if not fits:
            raise self.error(
                f"{self.kind} must be {self.accepts}, got {identifier!r} of type {type(identifier).__name__}"
            )
        return found

    def serialize(self, value: Any) -> Any:
        """The configuration of an object of this kind."""
        return serialize_keras_object(getattr(value, "recurra_function", value))

    def deserialize(self, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The object that a name or a configuration stands for."""
        if custom_objects:
            with custom_object_scope(custom_objects):
                return self.deserialize(config)
        if not isinstance(config, Mapping):
            return self.get(config)
        if "class_name" not in config:
            raise ValueError(f"{self.kind}: a configuration needs the key 'class_name', got {config!r}")
        name = config["class_name"]
        if name == "function":
            return self.find(config["config"])
        kind = name if inspect.isclass(name) else get_registered_object(config.get("registered_name"))
        kind = kind or self.find(name)
        return build_from_config(kind, config.get("config") or {}, None)
