"""``recurra lm|classify|sentiment quantize``: a trained model with 8-bit weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from recurra.cli.options import check_out, out_option, quiet_option
from recurra.cli.standard_streams import say


def quantize_command(task: str, ending: str, example: str) -> click.Command:
    """The command of one kind of model. task : its class's name in ``recurra.tasks``."""

    @click.command(
        "quantize",
        short_help="Write a trained model with 8-bit weights.",
        help=f"""Write a trained model with 8-bit weights: smaller and faster, for use, not for more training.

    The numbers change a little: compare the two with the command that evaluates.

    \b
    Example:
      {example}
    """,
    )
    @click.argument("model", type=click.Path(path_type=Path), metavar="MODEL")
    @out_option(ending)
    @quiet_option
    def quantize(model: Path, out: Path, force: bool, quiet: bool) -> None:
        from recurra import tasks

        check_out(out, force, [str(model)])
        kind: Any = getattr(tasks, task)
        kind.load(model).quantize("int8").save(out)
        if not quiet:
            before, after = (path.stat().st_size for path in (model, out))
            say(f"saved {out}: {after:,} bytes, from {before:,}")

    return quantize
