"""One command each: nox -s tests, lint, bench, cpp, sanitize, sanitize_python, random_models_keras."""

from __future__ import annotations

import subprocess
from pathlib import Path

import nox

nox.options.sessions = ["lint", "tests", "cpp"]
nox.options.default_venv_backend = "uv|virtualenv"

CPP = [str(path) for pattern in ("cpp", "tests/cpp", "bench/cpp") for path in sorted(Path(pattern).rglob("*.[ch]pp"))]


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite on an installed package; arguments go to pytest."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def random_models_keras(session: nox.Session) -> None:
    """Random models against Keras on PyTorch's CPU build; arguments: --models, --first-seed, --isa."""
    session.install(".[test]", "keras>=3.10")
    session.install("torch>=2.1", "--index-url", "https://download.pytorch.org/whl/cpu")
    arguments = session.posargs or ["--models", "3000"]
    session.run("python", "-m", "tests.random_models", "--keras", "python", *arguments, env={"KERAS_BACKEND": "torch"})


@nox.session
def lint(session: nox.Session) -> None:
    """Check ruff, mypy, the types of the examples and clang-format; `nox -s lint -- --fix` repairs what can be."""
    session.install(".[dev]")
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []), ".")
    session.run("ruff", "format", *([] if fix else ["--check"]), ".")
    session.run("mypy")
    session.run("pytest", "-q", "tests/typing")  # the types of the documents' examples
    session.run("clang-format", *(["-i"] if fix else ["--dry-run", "--Werror"]), *CPP)


@nox.session
def bench(session: nox.Session) -> None:
    """Time recurra against every peer that is installed; see bench/README.md."""
    session.install(".[bench]")
    session.run("python", "-m", "bench.python.run", *session.posargs)


def _ctest(session: nox.Session, *options: str) -> None:
    session.install("cmake", "ninja", "cmeel-eigen>=3.4,<4")
    folder = session.create_tmp()
    session.run("cmake", "-G", "Ninja", "-S", ".", "-B", folder, "-DRECURRA_PYTHON=OFF", "-DRECURRA_TESTS=ON", *options)
    session.run("cmake", "--build", folder)
    session.run("ctest", "--test-dir", folder, "--output-on-failure", *session.posargs)


@nox.session
def cpp(session: nox.Session) -> None:
    """The kernels' tests without Python, for every instruction set."""
    _ctest(session, "-DRECURRA_WERROR=ON")


@nox.session
def sanitize(session: nox.Session) -> None:
    """The same under the address and undefined-behaviour sanitizers."""
    _ctest(session, "-DRECURRA_SANITIZE=address,undefined", "-DCMAKE_BUILD_TYPE=RelWithDebInfo")


@nox.session
def sanitize_python(session: nox.Session) -> None:
    """The Python tests of kernels, operations and layers on sanitized modules; once a release, some twenty minutes.

    New memory is filled with NaN too (RECURRA_POISON). GCC's runtime comes in through LD_PRELOAD, as the interpreter
    itself is not instrumented.
    """
    variants = session.posargs[0] if session.posargs else "v3"
    session.install(".[test]", "-C", "cmake.define.RECURRA_SANITIZE=address,undefined", "-C",
                    f"cmake.define.RECURRA_ISAS={variants}", "-C", "cmake.build-type=RelWithDebInfo")  # fmt: skip
    libraries = [subprocess.check_output(["gcc", f"-print-file-name={name}"], text=True).strip()
                 for name in ("libasan.so", "libubsan.so")]  # fmt: skip
    environment = {
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",  # the interpreter itself keeps memory until it ends
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }
    rooms = ["tests/_core", "tests/ops", "tests/layers", "tests/random_models", "tests/test_autograd.py"]
    session.run("pytest", "-x", *rooms, env=environment)
