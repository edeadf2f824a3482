"""Polarity of sentences about films (Pang & Lee 2005), 10-fold cross-validation.

    python -m bench.tasks.rt_polarity FOLDER [--vectors glove.6B.50d.txt] [--seed N] [--folds 10]

FOLDER holds ``rt-polarity.pos`` and ``rt-polarity.neg``, a sentence a line. In each fold a tenth of the training part
is held out to choose the epoch; the fold's own tenth is only evaluated.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import recurra
from bench.tasks.resources import Meter, setting
from recurra.tasks import TextClassifier
from recurra.utils import read_lines

#: chosen on the development slices of the first fold
SETTINGS = {"pooling": "max", "pairs": 0, "epochs": 10, "maxlen": 60}


def main(arguments: Sequence[str] | None = None) -> float:
    """Train and evaluate each fold, print; returns the mean accuracy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, help="default: all CPUs that the process may use")
    parser.add_argument("--folds", type=int, default=10, help="how many of the ten to run")
    parser.add_argument("--dev", action="store_true", help="give the development slices' accuracy, not the folds'")
    parser.add_argument("--limit", type=int, help="use only so many sentences")
    parser.add_argument("--vectors", help="pretrained word vectors")
    parser.add_argument("--set", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a setting")
    options = parser.parse_args(arguments)
    if options.threads:
        recurra.set_num_threads(options.threads)
    settings = {**SETTINGS, **{name: setting(value) for name, value in options.set}}
    parts = [read_lines(options.folder / f"rt-polarity.{label}") for label in ("neg", "pos")]
    texts = [text for part in parts for text in part]
    labels = [label for label, part in enumerate(parts) for _ in part]
    order = np.random.default_rng(options.seed).permutation(len(texts))[: options.limit]
    meter = Meter()
    accuracies = []
    for fold in range(options.folds):
        test = set(order[fold::10].tolist())
        train = [i for i in order.tolist() if i not in test]
        classifier = TextClassifier(seed=options.seed + fold, vectors=options.vectors, verbose=0, **settings)
        classifier.fit([texts[i] for i in train], [labels[i] for i in train])
        if options.dev:
            accuracy = float(classifier.trained["val_accuracy"])
        else:
            accuracy = classifier.score([texts[i] for i in sorted(test)], [labels[i] for i in sorted(test)])
        accuracies.append(accuracy)
        best = f"epoch {classifier.trained['best_epoch']} of {classifier.trained['epochs']}"
        print(f"fold {fold + 1}: {accuracy:.2%}, {best}", flush=True)
    mean = float(np.mean(accuracies))
    what = "development slices" if options.dev else "folds"
    print(f"accuracy {mean:.2%} ± {np.std(accuracies):.2%} over {len(accuracies)} {what}, seed {options.seed}")
    print(f"{meter.read()}; {recurra.get_num_threads()} threads")
    return mean


if __name__ == "__main__":
    main()
