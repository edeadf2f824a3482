"""Sentiment of film reviews: the Large Movie Review Dataset (Maas et al. 2011), its official split.

    python -m bench.tasks.imdb FOLDER [--seed N] [--dev] [--vectors FILE]

FOLDER holds ``imdb_train.jsonl`` and ``imdb_test.jsonl``, perhaps packed (.xz, .gz, .bz2): an object a line with `text`
and `label`. The settings are TextClassifier's defaults, chosen with --dev, which leaves the test set alone: it trains
on the first four fifths of the training reviews and evaluates on the rest.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import recurra
from bench.tasks.resources import Meter, setting
from recurra.tasks import LanguageModel, TextClassifier
from recurra.tasks.classification import report_table
from recurra.utils import read_examples


def find(folder: Path, stem: str) -> Path:
    """The one file in `folder` whose name begins with `stem`."""
    found = sorted(folder.glob(f"{stem}.jsonl*"))
    if len(found) != 1:
        raise SystemExit(f"{folder} must hold one file {stem}.jsonl, perhaps packed, got {len(found)}")
    return found[0]


def language_model(texts: Sequence[str], units: int, embedding: int, epochs: int, seed: int) -> LanguageModel:
    """A model of the training reviews' words to start from, lower-cased."""
    lm = LanguageModel("word", units=units, embedding=embedding, dropout=0.3, vocabulary_size=30_000, seed=seed)
    lm.fit("\n".join(texts).lower(), validation=0.02, epochs=epochs, batch_size=64, window=70)
    return lm


def main(arguments: Sequence[str] | None = None) -> float:
    """Train, evaluate, print; returns the accuracy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, help="default: all CPUs that the process may use")
    parser.add_argument("--dev", action="store_true", help="evaluate on a part of the training reviews")
    parser.add_argument("--limit", type=int, help="use only so many reviews of each part")
    parser.add_argument("--vectors", help="pretrained word vectors")
    parser.add_argument("--language-model", type=int, metavar="EPOCHS", help="train one first, and start from it")
    parser.add_argument("--set", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a setting")
    options = parser.parse_args(arguments)
    if options.threads:
        recurra.set_num_threads(options.threads)
    settings = {name: setting(value) for name, value in options.set}
    texts, labels = read_examples(find(options.folder, "imdb_train"))
    assert labels is not None
    if options.dev:
        cut = len(texts) * 4 // 5
        test, test_labels = texts[cut:], labels[cut:]
        texts, labels = texts[:cut], labels[:cut]
    texts, labels = texts[: options.limit], labels[: options.limit]
    meter = Meter()
    if options.language_model:
        sizes = int(settings.setdefault("units", 128)), int(settings.setdefault("embedding", 64))
        lm = language_model(texts, *sizes, options.language_model, options.seed)
        print(f"language model: {meter.read()}", flush=True)
        settings["language_model"] = lm
        texts = [text.lower() for text in texts]
    classifier = TextClassifier(seed=options.seed, vectors=options.vectors, **settings)
    classifier.fit(texts, labels)
    training = meter.read()
    if not options.dev:
        found = read_examples(find(options.folder, "imdb_test"))
        test, test_labels = found.texts, found.labels or []
    test, test_labels = test[: options.limit], test_labels[: options.limit]
    if options.language_model:
        test = [text.lower() for text in test]
    result = classifier.evaluate(test, test_labels)
    print(classifier.trained)
    print("\n".join(report_table(result)))
    part = "the last fifth of the training reviews" if options.dev else "the official test set"
    print(f"accuracy {result.accuracy:.2%} of {result.examples:,} reviews of {part}, seed {options.seed}")
    print(f"training: {training}; {recurra.get_num_threads()} threads")
    return result.accuracy


if __name__ == "__main__":
    main()
