"""Addition of numbers of three digits, learned from examples: ``python -m bench.tasks.addition``.

The sum is read backwards, "321+54" for 45 + 123, as in Keras's example of sequence to sequence; 50,000 different sums
to learn from, 5,000 others to test on, exact answers counted. Operands are drawn with one to three digits.
"""

from __future__ import annotations

import argparse

import numpy as np

from bench.tasks.resources import measured
from recurra.tasks import Translator


def sums(count: int, digits: int, seed: int) -> tuple[list[str], list[str]]:
    """`count` different questions, backwards, and their answers; a + b and b + a count as one."""
    rng = np.random.default_rng(seed)
    known: dict[tuple[int, int], None] = {}
    while len(known) < count:
        a, b = (int(rng.integers(10 ** int(rng.integers(1, digits + 1)))) for _ in range(2))
        if (a, b) not in known and (b, a) not in known:
            known[a, b] = None
    return [f"{a}+{b}"[::-1] for a, b in known], [str(a + b) for a, b in known]


def run(
    train: int = 50_000, test: int = 5_000, seed: int = 1, epochs: int = 12, units: int = 128, verbose: int = 1
) -> float:
    """Train, test, print; the share of exact answers."""
    sources, targets = sums(train + test, 3, seed)
    translator = Translator(level="char", units=units, embedding=32, dropout=0.0, seed=seed)
    with measured("training"):
        translator.fit(
            sources[:train], targets[:train], validation=0.02, epochs=epochs, batch_size=64, learning_rate=5e-3,
            verbose=verbose,
        )  # fmt: skip
    with measured("test"):
        answers = translator.translate(sources[train:], beam=1, batch_size=500)
    right = float(np.mean([a == b for a, b in zip(answers, targets[train:], strict=True)]))
    print(f"seed {seed}: {right:.2%} of {test:,} unseen sums exact; parameters {translator.model.count_params():,}")
    return right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--train", type=int, default=50_000, help="sums to learn from")
    parser.add_argument("--test", type=int, default=5_000, help="sums to test on")
    given = parser.parse_args()
    run(given.train, given.test, given.seed, given.epochs, given.units)


if __name__ == "__main__":
    main()
