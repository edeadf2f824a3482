"""One command each: `nox -l` lists them, `nox -s tests` runs one."""

from __future__ import annotations

from pathlib import Path

import nox

nox.options.sessions = ["lint", "tests", "cpp"]
nox.options.default_venv_backend = "uv|virtualenv"

PROJECT = nox.project.load_toml("pyproject.toml")["project"]
CPP = [str(path) for pattern in ("cpp", "tests/cpp", "bench/cpp") for path in sorted(Path(pattern).rglob("*.[ch]pp"))]


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite on an installed package; arguments go to pytest."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check ruff, mypy and clang-format; `nox -s lint -- --fix` repairs what can be."""
    session.install(".[dev]")
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []), ".")
    session.run("ruff", "format", *([] if fix else ["--check"]), ".")
    session.run("mypy")
    session.run("clang-format", *(["-i"] if fix else ["--dry-run", "--Werror"]), *CPP)


@nox.session
def bench(session: nox.Session) -> None:
    """Time recurra against every peer that is installed; see bench/README.md."""
    session.install(".[bench]")
    session.run("python", "-m", "bench.python.run", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation site into build/site, without a warning; `nox -s docs -- serve` shows it while you write."""
    session.install(*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["docs"])
    command = session.posargs or ["build", "--strict"]
    # The pages need names and docstrings, no speed: nothing is compiled.
    environment = {"PYTHONPATH": "python", "RECURRA_ISA": "reference", "NO_MKDOCS_2_WARNING": "1"}
    session.run("mkdocs", *command, "-f", "python/docs/mkdocs.yml", env=environment)


@nox.session
def notebooks(session: nox.Session) -> None:
    """Run the notebooks in python/examples/ with their plots; what came of them is in build/notebooks."""
    session.install(".[examples]")
    session.run("python", "python/examples/run.py", "build/notebooks")


def _ctest(session: nox.Session, preset: str) -> None:
    session.install("cmake>=3.25", "ninja", "cmeel-eigen>=3.4,<4")
    folder = session.create_tmp()
    session.run("cmake", "-G", "Ninja", "--preset", preset, "-B", folder)
    session.run("cmake", "--build", folder)
    session.run("ctest", "--test-dir", folder, "--output-on-failure", *session.posargs)


@nox.session
def cpp(session: nox.Session) -> None:
    """The kernels' tests without Python, for every instruction set."""
    _ctest(session, "default")


@nox.session
def sanitize(session: nox.Session) -> None:
    """The same under the address and undefined-behaviour sanitizers."""
    _ctest(session, "sanitize")


@nox.session
def sanitize_threads(session: nox.Session) -> None:
    """The same under the thread sanitizer."""
    _ctest(session, "sanitize-threads")


@nox.session
def tidy(session: nox.Session) -> None:
    """Read the kernels with clang-tidy."""
    session.install("cmake>=3.25", "ninja", "cmeel-eigen>=3.4,<4", "clang-tidy==23.1.4")
    folder = session.create_tmp()
    session.run("cmake", "-G", "Ninja", "--preset", "clang-tidy", "-B", folder)
    session.run("cmake", "--build", folder)


@nox.session
def aarch64(session: nox.Session) -> None:
    """The C++ tests compiled for 64-bit Arm, under QEMU; needs g++-aarch64-linux-gnu and qemu-user."""
    _ctest(session, "aarch64")
