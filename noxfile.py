"""One command each: `nox -l` lists them, `nox -s tests` runs one."""

from __future__ import annotations

import subprocess
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


@nox.session(python="3.10")
def oldest(session: nox.Session) -> None:
    """The whole suite on the oldest Python and the oldest versions that pyproject.toml allows."""
    oldest = [spec.replace(">=", "==") + ".*" for spec in PROJECT["dependencies"]]
    tests = [spec.replace(">=", "==") + ".*" for spec in PROJECT["optional-dependencies"]["test"]]
    session.install(*oldest, *tests)
    session.install(".")
    session.run("pytest", *session.posargs)


@nox.session
def random_models_keras(session: nox.Session) -> None:
    """Random models against Keras on PyTorch's CPU build; arguments: --models, --first-seed, --isa."""
    session.install(".[test]", "keras>=3.10")
    session.install("torch>=2.1", "--index-url", "https://download.pytorch.org/whl/cpu")
    arguments = session.posargs or ["--models", "3000"]
    session.run("python", "-m", "tests.random_models", "--keras", "python", *arguments, env={"KERAS_BACKEND": "torch"})


@nox.session
def torch(session: nox.Session) -> None:
    """The tests of recurra.torch beside PyTorch's CPU build, its guide among them."""
    session.install(".[test]", "expecttest")
    session.install("torch>=2.7", "--index-url", "https://download.pytorch.org/whl/cpu")
    session.run(
        "pytest",
        *(session.posargs or ["tests/torch", "tests/docs", "tests/saving/test_pytorch.py", "tests/bench/test_fuzz.py"]),
    )


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
        # the interpreter itself keeps memory until it ends; a test asks for more memory than there is
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }
    rooms = ["tests/_core", "tests/ops", "tests/layers", "tests/random_models", "tests/test_autograd.py"]
    session.run("pytest", "-x", *rooms, env=environment)
