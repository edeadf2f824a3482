"""A character model of Tiny Shakespeare: ``python -m bench.tasks.shakespeare DATA [--setting quick|default|best]``.

DATA is the text, or the folder that holds it as ``input.txt``. The first 90 % are learned, the last 10 % are held out:
prints their loss in nats a character after each epoch and at the end, for each seed, with wall-clock seconds, CPU
seconds and peak memory. The settings were chosen by the loss of the held-out part, which is no test set. ``--slice N``
takes the first N characters only, to see that it runs.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from bench.tasks.resources import Meter
from recurra.tasks import LanguageModel


class Setting(NamedTuple):
    """What is not as the defaults of ``LanguageModel`` have it, and the loss that is to be reached."""

    network: dict[str, Any]
    training: dict[str, Any]
    goal: float


SETTINGS = {
    "quick": Setting(
        {"units": 192, "dropout": 0.0},
        {"epochs": 1, "batch_size": 32, "window": 50, "learning_rate": 0.016, "averaging": 0.0},
        1.88,
    ),
    "default": Setting({}, {}, 1.50),
    "best": Setting(
        {"units": 512, "dropout": 0.4},
        {"epochs": 8, "window": 80, "learning_rate": 0.004, "averaging": 0.998},
        1.50,
    ),
}


def read(path: Path) -> str:
    """The text of a file, or of ``input.txt`` in a folder."""
    return (path / "input.txt" if path.is_dir() else path).read_text(encoding="utf-8")


def run(text: str, setting: Setting, seed: int) -> dict[str, Any]:
    """Train once; the result as numbers."""

    def show(_: LanguageModel, epoch: int, logs: dict[str, float]) -> None:
        print(f"  epoch {epoch}: loss {logs['loss']:.4f}, held out {logs['val_loss']:.4f}", file=sys.stderr, flush=True)

    meter = Meter()
    model = LanguageModel("char", seed=seed, **setting.network)
    model.fit(text, validation=0.1, verbose=0, on_epoch=show, **setting.training)
    cost = meter.read()._asdict()
    return {"seed": seed, "loss": model.trained["val_loss"], "best_epoch": model.trained["best_epoch"], **cost}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.tasks.shakespeare")
    parser.add_argument("data", type=Path)
    parser.add_argument("--setting", choices=list(SETTINGS), default="default")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--slice", type=int, metavar="N")
    parser.add_argument("--json", action="store_true", help="one JSON object a seed")
    chosen = parser.parse_args(arguments)
    text = read(chosen.data)[: chosen.slice]
    setting = SETTINGS[chosen.setting]
    for seed in chosen.seeds:
        found = run(text, setting, seed)
        if chosen.json:
            print(json.dumps({"setting": chosen.setting, "characters": len(text), **found}), flush=True)
            continue
        print(
            f"{chosen.setting}, seed {seed}: {found['loss']:.4f} nats a character held out (goal {setting.goal}), "
            f"{found['seconds']:.0f} s, {found['cpu_seconds']:.0f} CPU s, {found['peak_mb']:.0f} MiB",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
