"""What a load must leave as it was in the process, and what it must not do on its way."""

from __future__ import annotations

import gc
import locale
import os
import random
import signal
import sys
import threading
import warnings
from typing import Any

import numpy as np

#: audit events that no load has a reason for, by the beginnings of their names
FORBIDDEN = (
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.kill", "os.remove", "os.rename", "os.rmdir",
    "os.mkdir", "os.chmod", "os.chown", "os.link", "os.symlink", "os.truncate", "os.utime", "os.putenv", "os.unsetenv",
    "os.chdir", "pty.", "shutil.", "tempfile.", "socket.", "urllib.", "ftplib.", "http.", "webbrowser.",
    "pickle.find_class", "code.__new__", "function.__new__", "ctypes.call_function", "syslog.",
)  # fmt: skip
#: modules whose import makes functions and classes out of text, as their own sources tell them to
_MAKERS = ("dataclasses", "collections", "enum", "typing", "importlib", "numpy", "h5py", "torch")
_ROOMS = ("activations", "constraints", "initializers", "losses", "metrics", "optimizers", "regularizers")


class Watch:
    """Records events of one load that it has no reason for. Python keeps audit hooks for good: one in a process.

    path : the file that is loaded; only it, and Python's own modules, may be opened
    events : what was seen
    """

    def __init__(self) -> None:
        self.path: str | None = None
        self.events: list[str] = []
        places = {os.path.realpath(place) for place in (*sys.path, sys.prefix, sys.base_prefix) if place}
        self._places = tuple(sorted({place + os.sep for place in places if place != os.sep}))
        sys.addaudithook(self._hook)

    def _trusted(self, name: str) -> bool:
        return name.startswith(self._places) or os.path.realpath(name).startswith(self._places)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.path is None:
            return
        path, self.path = self.path, None  # what the checks below do is not the load's
        try:
            if self._is_wrong(event, arguments, path):
                self.events.append(f"{event} {str(arguments)[:200]}")
        finally:
            self.path = path

    def _is_wrong(self, event: str, arguments: tuple[Any, ...], path: str) -> bool:
        if event == "open":
            name, mode = arguments[0], arguments[1]
            if isinstance(name, int):
                return False
            name = os.fsdecode(name)
            writes = isinstance(mode, str) and bool(set(mode) & set("wax+"))
            return writes or not (name == path or self._trusted(name))
        if event in ("os.listdir", "os.scandir", "glob.glob"):
            return not self._trusted(os.fsdecode(arguments[0] or "."))
        if event == "subprocess.Popen":  # the process that reads unusual HDF5 files
            return not _is_reader(arguments)
        if event == "os.posix_spawn" and _is_by(("subprocess",)):  # how Python 3.13 starts it
            return not _is_reader(arguments)
        if event == "exec":
            source = arguments[0].co_filename
            known = source.startswith("<frozen ") or (source[:1] != "<" and self._trusted(source))
            return not known and not _is_by(_MAKERS)
        return event.startswith(FORBIDDEN) and not _is_by(_MAKERS)


def _is_reader(arguments: tuple[Any, ...]) -> bool:
    """Whether a program that is started is the one that reads unusual HDF5 files."""
    return bool(os.fsdecode(arguments[0]) == sys.executable and "recurra.saving.h5copy" in arguments[1])


def _is_by(modules: tuple[str, ...]) -> bool:
    """Whether the code that caused the event, below this file's own frames, is of one of these modules."""
    frame: Any = sys._getframe()
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    return frame is not None and str(frame.f_globals.get("__name__")).split(".")[0] in modules


class State:
    """The process's state, to be compared: ``changed(before, after)``.

    folder : holds the files that are loaded, and should hold nothing else afterwards
    """

    def __init__(self, folder: str) -> None:
        import recurra

        for room in _ROOMS:
            getattr(recurra, room)
        from recurra.registry import Registry

        self._folder = folder
        self._registries = sorted(
            (item for item in gc.get_objects() if isinstance(item, Registry)), key=lambda registry: registry.kind
        )

    def now(self) -> dict[str, Any]:
        """Each part of the state by what it is called."""
        from recurra import config, limits, registry
        from recurra._core.select import core
        from recurra.autograd import thread_state
        from recurra.layers.base.context import context

        scopes = registry._scopes
        return {
            "the folder's files": sorted(os.listdir(self._folder)),
            "open files": os.listdir("/proc/self/fd"),
            "threads": (len(os.listdir("/proc/self/task")), threading.active_count()),
            "processes": _children(),
            "registered objects": (dict(registry._by_name), dict(registry._names)),
            "built-in names": [dict(item.objects) for item in self._registries],
            "scopes of custom objects": (list(scopes.stack), scopes.live, scopes.saved, scopes.made),
            "configuration": (config._floatx, config._epsilon, config._policy, core.get_num_threads()),
            "limits": (limits._allowed.get(), limits._loading.get()),
            "recording": (thread_state.tape, context.entry, context.training, context.scores_wait, context.loading),
            "random numbers": (random.getstate(), np.random.get_state(legacy=False)["state"]["key"].tobytes()),
            "numpy's errors": np.geterr(),
            "warnings": (list(warnings.filters), warnings.showwarning),
            "environment": dict(os.environ),
            "folder": os.getcwd(),
            "module path": list(sys.path),
            "Python's switches": (
                sys.getrecursionlimit(), sys.getswitchinterval(), sys.stdout, sys.stderr, sys.excepthook,
                gc.isenabled(), gc.get_threshold(), sys.gettrace(), sys.getprofile(),
            ),
            "locale": locale.setlocale(locale.LC_ALL),
            "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)],
        }  # fmt: skip


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What differs between two states."""
    return [name for name, value in before.items() if after[name] != value]


def _children() -> str:
    """The process's children, those that ended and that nobody waited for included."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return file.read()


def memory() -> tuple[int, int]:
    """Bytes of the process's address space, and those in memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        total, resident = file.read().split()[:2]
    page = os.sysconf("SC_PAGE_SIZE")
    return int(total) * page, int(resident) * page
