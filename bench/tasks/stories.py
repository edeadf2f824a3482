"""Questions about generated stories in bAbI's style: ``python -m bench.tasks.stories [--kinds one-fact two-facts]``.

For each kind of story (one supporting fact, two supporting facts, yes or no) 10,000 questions to learn from and 1,000
about other stories to test on, as in the tasks with 10,000 examples of Weston et al. (2015). Prints the accuracy, CPU
seconds and peak memory. ``--files FOLDER`` writes the stories there, for ``recurra answer``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench.tasks.resources import Meter
from bench.tasks.story_generator import KINDS, story_lines
from recurra.tasks import StoryAnswerer, read_stories

TEST_SEED = 1_000_003


def write_files(folder: Path, kind: str, train: int, test: int, seed: int) -> tuple[Path, Path]:
    """The questions to learn from and those to test on, in two files."""
    paths = folder / f"{kind}_train.txt", folder / f"{kind}_test.txt"
    for path, count, drawn in zip(paths, (train, test), (seed, TEST_SEED + seed), strict=True):
        path.write_text("\n".join(story_lines(kind, count, drawn)) + "\n", encoding="utf-8")
    return paths


def run(paths: tuple[Path, Path], kind: str, seed: int, epochs: int, verbose: int = 1) -> float:
    """Train, test, print; the share of right answers."""
    train, test = (read_stories(path) for path in paths)
    told = {(*one.story, one.text) for one in train}
    new = [one for one in test if (*one.story, one.text) not in told]
    meter = Meter()
    answerer = StoryAnswerer(seed=seed)
    answerer.fit(train, epochs=epochs, verbose=verbose)
    cost = meter.read()
    found = answerer.evaluate(new)
    print(
        f"{kind}, seed {seed}: {found.accuracy:.2%} of {found.questions:,} questions about unseen stories; "
        f"{len(train):,} to learn from, {answerer.trained['epochs']} epochs, {cost}",
        flush=True,
    )
    return found.accuracy


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--train", type=int, default=10_000, help="questions to learn from")
    parser.add_argument("--test", type=int, default=1_000, help="questions to test on")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--files", type=Path, help="keep the stories in this folder")
    parser.add_argument("--quiet", action="store_true")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if given.files is None else given.files
        folder.mkdir(parents=True, exist_ok=True)
        for kind in given.kinds:
            for seed in given.seeds:
                paths = write_files(folder, kind, given.train, given.test, seed)
                run(paths, kind, seed, given.epochs, 0 if given.quiet else 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
