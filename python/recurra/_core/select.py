"""The choice among the kernels' implementations, made once, here: ``from recurra._core.select import core``.

An installation holds one compiled module for each instruction set, from the same sources:

    v2         x86-64-v2: SSE4.2, every x86-64 processor since about 2009
    v3         x86-64-v3: AVX2 and FMA, since about 2013
    v4         x86-64-v4: AVX-512
    native     on other processors, the one that the build found
    reference  not compiled: ``recurra.reference``, the same functions in plain numpy

The best that this processor and operating system may run is loaded. The environment variable ``RECURRA_ISA`` forces
one of these names (``x86-64-v3``, ``avx2``, ``avx512``, ``baseline`` are understood too); what cannot be had is an
error, and so is a module that does not load: there is no silent fallback to something slower.
"""

from __future__ import annotations

import os
import platform
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from recurra._core.interpreters import check_main_interpreter
from recurra._core.threads import default_threads, usable_cpus

COMPILED = ("v4", "v3", "v2", "native")  # the best first
_ALIASES = {
    "baseline": "v2",
    "sse4": "v2",
    "sse4.2": "v2",
    "x86-64-v2": "v2",
    "avx2": "v3",
    "x86-64-v3": "v3",
    "avx512": "v4",
    "avx-512": "v4",
    "x86-64-v4": "v4",
    "numpy": "reference",
}
_MACHINE = platform.machine() or "this processor"


def built() -> tuple[str, ...]:
    """The compiled variants that this installation holds, the best first."""
    return tuple(isa for isa in COMPILED if find_spec(f"recurra._core._core_{isa}") is not None)


def runnable() -> tuple[str, ...]:
    """The compiled variants that this processor and operating system may run, the best first, built or not."""
    if find_spec("recurra._core._cpuinfo") is None:
        return ()
    levels: tuple[str, ...] = import_module("recurra._core._cpuinfo").supported()
    return tuple(isa for isa in COMPILED if isa == "native" or isa in levels)


def choose(wanted: str | None) -> str:
    """The variant to load: the best there is, or `wanted` (a value of ``RECURRA_ISA``).

    Raises
    ------
    ImportError
        `wanted` is not a variant's name, is not part of this installation, or cannot run here; or nothing wanted and
        nothing compiled that can run here.
    """
    name = (wanted or "").strip().lower()
    isa = _ALIASES.get(name, name)
    if isa == "reference":
        return isa
    if isa and isa not in COMPILED:
        names = ", ".join((*reversed(COMPILED), "reference"))
        raise ImportError(f"RECURRA_ISA must be one of {names}, got {wanted!r}")
    here, can = built(), runnable()
    if not isa:
        for candidate in can:
            if candidate in here:
                return candidate
        raise ImportError(
            f"no compiled kernels that {_MACHINE} can run: built are {_listed(here)}, runnable {_listed(can)}. "
            "Install recurra anew on this machine (`pip install .`), or set RECURRA_ISA=reference for plain numpy, slow"
        )
    if isa not in here:
        raise ImportError(
            f"RECURRA_ISA={wanted} asks for a variant that this installation does not hold: it has {_listed(here)}"
        )
    if isa not in can:
        raise ImportError(
            f"RECURRA_ISA={wanted} asks for instructions that {_MACHINE} (or its operating system) does not offer: "
            f"it can run {_listed(can)}. Unset RECURRA_ISA to let recurra choose"
        )
    return isa


def check_switches() -> None:
    """ValueError where a switch in the environment is neither 0 nor 1: the kernels would take "off" for 1."""
    for name in ("RECURRA_OPENMP", "RECURRA_VNNI"):
        if os.environ.get(name, "") not in ("", "0", "1"):
            raise ValueError(f"{name} must be 0 or 1, got {os.environ[name]!r}")


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) if names else "none"


def _load(isa: str) -> Any:
    return import_module("recurra.reference" if isa == "reference" else f"recurra._core._core_{isa}")


check_main_interpreter()
check_switches()
core: Any = _load(choose(os.environ.get("RECURRA_ISA")))
core.set_num_threads(default_threads())


def set_num_threads(n: int) -> None:
    """Let the kernels use `n` threads from now on (n >= 1). Results do not depend on it, to the last bit."""
    core.set_num_threads(n)


def get_num_threads() -> int:
    """How many threads the kernels use: ``RECURRA_NUM_THREADS``, else as many as there are usable CPUs."""
    return int(core.get_num_threads())


def build_config() -> dict[str, Any]:
    """What runs: for reports of bugs and speed.

    Returns
    -------
    dict
        ``isa`` (what was picked), ``available`` (what ``RECURRA_ISA`` may name here), ``version``, ``compiler``,
        ``flags``, ``eigen``, ``lanes`` (float32 numbers in a vector), ``int8`` (the instructions of products with
        8-bit weights), ``threads`` and ``cpus`` (usable ones).

    Examples
    --------
    >>> import recurra
    >>> recurra.build_config()["isa"] in ("v2", "v3", "v4", "native", "reference")
    True
    """
    from recurra import __version__

    here, can = built(), runnable()
    config: dict[str, Any] = {"version": __version__, **core.build_config()}
    config["available"] = [isa for isa in can if isa in here] + ["reference"]
    config["threads"] = get_num_threads()
    config["cpus"] = usable_cpus()
    return config
