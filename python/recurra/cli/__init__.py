"""The command ``recurra``: train, use and inspect models from a shell."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line; never returns."""
    from recurra.cli.standard_streams import ensure_streams

    ensure_streams()
    from recurra.cli.errors import show_warnings_as_lines
    from recurra.cli.root import cli

    show_warnings_as_lines()
    cli(prog_name="recurra")
