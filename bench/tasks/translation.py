"""English to French on Tatoeba: ``python -m bench.tasks.translation fra-eng.zip``, or fra.txt, or a folder with either.

2,000 English sentences are drawn at random and held out with all their French translations, which are the references;
no English sentence is on both sides. The training holds out another part to choose the epoch by. BLEU is sacrebleu's,
also by the number of words of the source. With ``--no-attention`` the decoder knows the source by the encoder's final
state alone; all else is the same. The data's licence is CC BY 2.0 FR (tatoeba.org, manythings.org/anki).
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path

import numpy as np

from bench.tasks.resources import measured
from recurra.tasks import Translator
from recurra.tasks.bleu import sacrebleu_metrics, translation_scores

LENGTHS = ((1, 4), (5, 6), (7, 8), (9, 12), (13, 1000))


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """English and French, from a file of lines "English, tab, French, perhaps more", its zip, or their folder."""
    if path.is_dir():
        path = next(found for name in ("fra-eng.zip", "fra.txt") for found in path.rglob(name))
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if Path(name).name == "fra.txt")
            text = archive.read(name).decode("utf-8")
    else:
        text = path.read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.split("\n") if line]
    return [(row[0], row[1]) for row in rows]


def split(pairs: list[tuple[str, str]], count: int, seed: int) -> tuple[list[tuple[str, str]], dict[str, list[str]]]:
    """The pairs to train on, and `count` other English sentences with all their translations."""
    sources = list(dict.fromkeys(source for source, _ in pairs))
    chosen = np.random.default_rng(seed).permutation(len(sources))[:count]
    references: dict[str, list[str]] = {sources[i]: [] for i in chosen}
    train = []
    for source, target in pairs:
        if source in references:
            references[source].append(target)
        else:
            train.append((source, target))
    return train, references


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--no-attention", action="store_true")
    parser.add_argument("--attention", choices=["dot", "bilinear", "additive"], default="bilinear")
    parser.add_argument("--input-feeding", action="store_true")
    parser.add_argument("--seed", type=int, default=1, help="of the training; the test sentences are always the same")
    parser.add_argument("--level", choices=["word", "subword"], default="word")
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--embedding", type=int, default=256)
    parser.add_argument("--vocabulary", type=int, default=10_000)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=5e-3)
    parser.add_argument("--beam", type=int, default=4)
    parser.add_argument("--pairs", type=int, help="train on so many pairs, drawn at random")
    parser.add_argument("--test", type=int, default=2000, help="English sentences that are held out")
    parser.add_argument("--save", type=Path, help="write the model to this file")
    given = parser.parse_args()

    sacrebleu_metrics()  # its absence is told before the training
    train, references = split(read_pairs(given.data), given.test, 2024)
    if given.pairs is not None:
        order = np.random.default_rng(given.seed).permutation(len(train))[: given.pairs]
        train = [train[i] for i in order]
    attention = None if given.no_attention else given.attention
    translator = Translator(
        level=given.level, units=given.units, embedding=given.embedding, attention=attention,
        input_feeding=given.input_feeding, dropout=given.dropout, vocabulary_size=given.vocabulary, seed=given.seed,
    )  # fmt: skip
    print(f"{len(train):,} pairs, {len(references):,} test sentences, {vars(given)}", flush=True)
    with measured("training"):
        translator.fit(
            [source for source, _ in train], [target for _, target in train], epochs=given.epochs,
            batch_size=given.batch_size, learning_rate=given.learning_rate, verbose=1,
        )  # fmt: skip
    print(translator.trained, f"parameters {translator.model.count_params():,}", flush=True)
    if given.save is not None:
        translator.save(given.save)
    sources = list(references)
    for beam in sorted({1, given.beam}):
        with measured(f"translation, beam {beam}"):
            outputs = translator.translate(sources, beam=beam)
        found = translation_scores(outputs, list(references.values()))
        print(f"beam {beam}: BLEU {found.bleu:.2f}, chrF {found.chrf:.2f}, exact {found.exact:.2%} ({found.signature})")
    for low, high in LENGTHS:
        rows = [i for i, source in enumerate(sources) if low <= len(source.split()) <= high]
        if rows:
            part = translation_scores([outputs[i] for i in rows], [references[sources[i]] for i in rows])
            words = f"{low} to {high}" if high < 1000 else f"{low} and more"
            print(f"sources of {words} words ({len(rows)}): BLEU {part.bleu:.2f}")
    for i in range(0, len(sources), max(1, len(sources) // 10)):
        print(f"  {sources[i]} -> {outputs[i]}   ({references[sources[i]][0]})")


if __name__ == "__main__":
    main()
