"""Parts of speech of English: ``python -m bench.tasks.tagging DATA``, the folder of UD English EWT and GloVe's vectors.

Somewhere in DATA lie en_ewt-ud-train.conllu, -dev and -test (also .gz) and, where pretrained vectors are wanted, one
glove*.txt (also .gz, .xz). Trains with the defaults of ``recurra tag train``, chooses the epoch on dev, then looks at
the test part once. The tree bank's licence is CC BY-SA 4.0, that of the vectors PDDL 1.0.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.tasks.resources import Meter
from recurra.preprocessing.word_vectors import WordVectors, load_word_vectors
from recurra.tasks import SequenceTagger, TaggingEvaluation
from recurra.tasks.conll import column_format, read_file

Tagged = tuple[list[list[str]], list[list[str]]]


def find(folder: Path, pattern: str) -> Path:
    """The first file in `folder` or below whose name matches.

    raises : FileNotFoundError where there is none
    """
    found = sorted(path for path in folder.rglob(pattern) if path.is_file())
    if not found:
        raise FileNotFoundError(f"{folder} holds no {pattern}")
    return found[0]


def read_part(folder: Path, part: str, label: str, most: int | None = None) -> Tagged:
    """Words and labels of a part of the tree bank, at most `most` sentences."""
    path = find(folder, f"en_ewt-ud-{part}.conllu*")
    sentences = list(read_file(path, column_format("conllu", label=label), labelled=True))[:most]
    return [one.words for one in sentences], [one.labels for one in sentences]


def train(
    folder: Path, vectors: WordVectors | None, label: str, seed: int, most: int | None, epochs: int | None, verbose: int
) -> SequenceTagger:
    """A tagger with the defaults, its epoch chosen on dev."""
    tagger = SequenceTagger(seed=seed)
    dev = read_part(folder, "dev", label, most)
    options = {} if epochs is None else {"epochs": epochs}
    tagger.fit(*read_part(folder, "train", label, most), validation=dev, vectors=vectors, verbose=verbose, **options)
    return tagger


def row(found: TaggingEvaluation, tagger: SequenceTagger, label: str, seed: int) -> str:
    """What a run reached, on one line."""
    dev = tagger.trained["val_accuracy"]
    unknown = "" if found.unknown is None else f", {found.unknown:.2%} of words rare or missing in training"
    return (
        f"seed {seed}: {label} of {found.words:,} test words {found.accuracy:.2%}{unknown}; dev {dev:.2%} in epoch "
        f"{tagger.trained['best_epoch']} of {tagger.trained['epochs']}; parameters {tagger.model.count_params():,}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--label", choices=["upos", "xpos"], default="upos")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--no-vectors", action="store_true", help="without pretrained vectors")
    parser.add_argument("--no-test", action="store_true", help="look at dev alone")
    parser.add_argument("--most", type=int, help="at most so many sentences of each part, for a quick try")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--out", type=Path, help="write the last tagger to this file")
    parser.add_argument("--quiet", action="store_true")
    given = parser.parse_args()
    for seed in given.seeds:
        meter = Meter()
        vectors = None if given.no_vectors else load_word_vectors(find(given.data, "glove*.txt*"))
        tagger = train(given.data, vectors, given.label, seed, given.most, given.epochs, int(not given.quiet))
        print(f"reading and training: {meter.read()}", flush=True)
        if given.out is not None:
            tagger.save(given.out)
        if given.no_test:
            print(f"seed {seed}: dev {tagger.trained['val_accuracy']:.2%} in epoch {tagger.trained['best_epoch']}")
            continue
        meter = Meter()
        found = tagger.evaluate(*read_part(given.data, "test", given.label, given.most))
        print(f"test: {meter.read()}", flush=True)
        print(row(found, tagger, given.label, seed), flush=True)


if __name__ == "__main__":
    main()
