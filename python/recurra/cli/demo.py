"""``recurra demo``: the whole of it in a minute, offline."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

import select
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import recurra
from recurra.cli.errors import INTERRUPTED
from recurra.cli.options import Integer, check_out, encoding_option, size_option, stdin_is_terminal
from recurra.cli.standard_streams import say
from recurra.training.interrupt import signal_name

EXAMPLES = (
    "A warm, funny film that I would gladly see again.",
    "The room was dirty and nobody cared.",
    "Not bad at all, I was pleasantly surprised.",
    "I would not buy this again.",
)


@click.command()
@click.option(
    "--text",
    "text_file",
    metavar="FILE",
    type=click.Path(allow_dash=False),
    help="Learn this text instead of Python's language reference.",
)
@encoding_option
@size_option("--epochs", 3, "Passes over the text.")
@size_option("--units", 256, "Size of the LSTM layer.")
@size_option("--length", 300, "Characters to write after each epoch.")
@click.option(
    "--seed",
    type=Integer(0, 2**63 - 1),
    default=1,
    show_default=True,
    help="The same seed gives the same run on the same machine.",
)
@click.option(
    "-o", "--out", metavar="FILE", type=click.Path(path_type=Path), help="Keep the language model in this file."
)
@click.option("-f", "--force", is_flag=True, help="Overwrite FILE if it exists.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bars.")
def demo(
    text_file: str | None,
    encoding: str,
    epochs: int,
    units: int,
    length: int,
    seed: int,
    out: Path | None,
    force: bool,
    quiet: bool,
) -> None:
    """Train on this machine, offline, and show what came of it.

    First a character LSTM learns Python's language reference, which every Python has on board (or FILE), and writes a
    passage after each epoch. Then a small classifier learns from 240 short reviews which ones are praise, is tried on
    60 others, and on sentences that you type (or pipe in).

    \b
    Examples:
      recurra demo
      recurra demo --text novel.txt --epochs 10 -o novel.rlm
      echo "I would not miss it." | recurra demo
    """
    if out is not None:
        check_out(out, force, [text_file] if text_file is not None else [])
    text, source = read_demo_text(text_file, encoding)
    config = recurra.build_config()
    click.echo(f"recurra {recurra.__version__}, kernels for {config['isa']}, {recurra.get_num_threads()} threads")
    write_text(text, source, epochs=epochs, units=units, length=length, seed=seed, out=out, quiet=quiet)
    classifier = classify_sentences(seed)
    show_predictions(classifier)


def read_demo_text(text_file: str | None, encoding: str = "utf-8") -> tuple[str, str]:
    """The text to learn, and what to call it."""
    from recurra.utils.io import read_text

    if text_file is not None:
        return read_text(text_file, encoding), text_file
    from pydoc_data.topics import topics

    return "\n".join(topics.values()), "Python's language reference (pydoc_data.topics)"


def write_text(
    text: str, source: str, *, epochs: int, units: int, length: int, seed: int, out: Path | None, quiet: bool
) -> None:
    """Train the language model, showing a passage after each epoch."""
    from recurra.tasks import LanguageModel

    click.echo(
        f"\nA character LSTM with {units} units learns {source}: {len(text):,} characters, the last tenth held out"
    )

    def passage(live: LanguageModel, epoch: int, logs: dict[str, float]) -> None:
        loss = logs.get("val_loss", logs["loss"])
        say(f"\n--- after epoch {epoch}, validation loss {loss:.3f} nats/character " + "-" * 20, error=False)
        say(live.generate(length=length, temperature=0.7, seed=seed) + "\n", error=False)

    model = LanguageModel(units=units, seed=seed)
    record = model.fit(text, epochs=epochs, batch_size=32, on_epoch=passage, verbose=0 if quiet else 1)
    if out is not None:
        model.save(out)
        click.echo(f"saved {out}: recurra lm generate {out}")
    if model.trained["interrupted"]:
        kept = f", the trained weights are in {out}" if out is not None else " (--out FILE keeps the trained weights)"
        number = INTERRUPTED - 128 if record.signal is None else record.signal
        say(f"stopped by {signal_name(number)} after the batch{kept}")
        click.get_current_context().exit(128 + number)


def classify_sentences(seed: int) -> Any:
    """Train the sentiment classifier on the sentences that come with the package, and try it on the held-out ones."""
    from recurra.datasets import sentences
    from recurra.tasks import SentimentClassifier

    (texts, labels), (held_out, truth) = sentences.load_data()
    click.echo(
        f"\nA small LSTM learns from {len(texts)} short reviews which ones are praise; {len(held_out)} are held out"
    )
    names = ("negative", "positive")
    classifier = SentimentClassifier(
        units=16, embedding=32, dropout=0.4, vocabulary_size=5000, pooling="mean", pairs=0, word_dropout=0.0,
        averaging=0.0, seed=seed,
    )  # fmt: skip
    classifier.fit(
        texts, [names[label] for label in labels], validation=0.0, epochs=20, batch_size=16, learning_rate=5e-3,
        patience=20, verbose=0,
    )  # fmt: skip
    found = classifier.evaluate(held_out, [names[label] for label in truth])
    right = round(found.accuracy * found.examples)
    click.echo(f"held-out accuracy {found.accuracy:.1%} ({right} of {found.examples} sentences)\n")
    return classifier


def show_predictions(classifier: Any) -> None:
    """Label a few examples, then what the user types or pipes in."""
    for sentence in EXAMPLES:
        show_prediction(classifier, sentence)
    if stdin_is_terminal():
        click.echo("\nType sentences to classify; an empty line ends.")
        while sentence := typed_line():
            show_prediction(classifier, sentence)
        return
    for line in waiting_lines():
        show_prediction(classifier, line)


def show_prediction(classifier: Any, sentence: str) -> None:
    """One line: label, probability, sentence."""
    (found,) = classifier.predict([sentence])
    click.echo(f"{found.label:>9} {found.score:6.1%}  {sentence}")


def typed_line() -> str:
    """A line from the person at the terminal; empty at the end of input."""
    try:
        return input("> ").strip()
    except EOFError:
        return ""


def waiting_lines() -> Iterator[str]:
    """The lines that were piped in. A pipe that nothing has been written to is left alone rather than waited for."""
    if sys.stdin is None or sys.stdin.closed:
        return
    try:
        ready, _, _ = select.select([sys.stdin], [], [], 0)
    except (OSError, ValueError):  # not something that can be polled
        ready = [sys.stdin]
    if ready:
        yield from (line.strip() for line in sys.stdin if line.strip())
