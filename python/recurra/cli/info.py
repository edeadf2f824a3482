"""``recurra info``: what runs here, and what is in a model file."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import click

import recurra
from recurra.cli.options import json_option
from recurra.cli.results import json_line


@click.command()
@click.argument("model", required=False, type=click.Path(path_type=Path), metavar="[MODEL]")
@json_option("One JSON object instead of lines.")
def info(model: Path | None, as_json: bool) -> None:
    """Say which kernels run here, or what a model file holds.

    RECURRA_ISA=NAME forces one of the instruction sets listed, or "reference"; RECURRA_NUM_THREADS=N the threads.

    \b
    Examples:
      recurra info
      recurra info novel.rlm
    """
    found = describe_machine() if model is None else describe_model(model)
    if as_json:
        click.echo(json_line(found))
        return
    width = max(map(len, found)) + 2
    for name, value in found.items():
        shown = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else value
        click.echo(f"{name}:".ljust(width) + f"{shown}")


def describe_machine() -> dict[str, Any]:
    """Versions, the kernels that run and how they were built."""
    found: dict[str, Any] = {"recurra": recurra.__version__}
    found.update({name: value for name, value in recurra.build_config().items() if name != "version"})
    found["threads"] = recurra.get_num_threads()
    found["python"] = platform.python_version()
    for package in ("numpy", "h5py"):
        found[package] = metadata.version(package)
    found["machine"] = f"{platform.system()} {platform.machine()}"
    return found


def describe_model(path: Path) -> dict[str, Any]:
    """What a task's model file says about itself."""
    from recurra.tasks.model_file import NAMES, describe_archive

    description = describe_archive(path)
    config = dict(description["config"])
    trained = config.pop("trained", {})
    found: dict[str, Any] = {"file": str(path), "bytes": path.stat().st_size}
    found["kind"] = NAMES.get(description["task"], description["task"])
    return {**found, **config, **{f"trained {name}": value for name, value in trained.items()}}
