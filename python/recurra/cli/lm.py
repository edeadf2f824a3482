"""``recurra lm``: language models."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from recurra.cli.errors import Group
from recurra.cli.inputs import read_text_files
from recurra.cli.lm_reading import inspect, perplexity, text_files
from recurra.cli.lm_writing import generate, predict
from recurra.cli.options import (
    Integer,
    Number,
    encoding_option,
    history_option,
    json_option,
    on_command_line,
    open_checkpoint,
    out_option,
    quiet_option,
    resume_options,
    save_training,
    seed_option,
    share_option,
    size_option,
)
from recurra.cli.plots import LOSSES, check_plot, plot_option
from recurra.cli.standard_streams import say
from recurra.layers import LAYER_OF_CELL


@click.group(cls=Group)
def lm() -> None:
    """Learn to continue a text, by characters, words or subwords.

    \b
    Examples:
      recurra lm train novel.txt -o novel.rlm
      recurra lm generate novel.rlm --prompt "It was" --length 400
      recurra lm predict novel.rlm -t "It was"
      recurra lm perplexity novel.rlm another.txt
    """


@lm.command(short_help="Train a language model on text files.")
@text_files
@out_option(".rlm")
@click.option(
    "--level",
    type=click.Choice(["char", "word", "subword"]),
    default="char",
    show_default=True,
    help="What a token is. Words and subwords (extra recurra[tokenizers]) need more text: a megabyte or more.",
)
@click.option(
    "--cell",
    type=click.Choice(list(LAYER_OF_CELL)),
    default="lstm",
    show_default=True,
    help="The recurrent cell.",
)
@size_option("--units", 256, "Size of each recurrent layer; time grows with its square.")
@size_option("--layers", 1, "Recurrent layers.")
@click.option(
    "--embedding",
    type=Integer(min=1),
    metavar="N",
    help="Width of a token's vector  [default: 64 for characters, else the units]",
)
@share_option("--dropout", 0.3, "After each recurrent layer; more for more units.")
@click.option("--locked-dropout", is_flag=True, help="Drop the same units at every step of a window.")
@share_option("--recurrent-dropout", 0.0, "On the state inside of each recurrent layer.")
@click.option(
    "--projection",
    type=Integer(min=1),
    metavar="N",
    help="Width of a linear layer before the scores  [default: none]",
)
@click.option(
    "--tied",
    is_flag=True,
    help="Let the embedding's table make the scores too (weight tying): fewer weights for many words.",
)
@share_option("--embedding-dropout", 0.0, "Share of the vocabulary that a step drops from its inputs.")
@share_option("--weight-drop", 0.0, "Share of the recurrent weights that a step drops.")
@click.option(
    "--vocabulary",
    type=Integer(min=3),
    metavar="N",
    help="Tokens to know, at most  [default: all characters, 20000 words, 8000 subwords]",
)
@size_option("--epochs", 7, "Passes over the text, at most.")
@size_option("--patience", 3, "Stop after so many epochs without a better validation loss.")
@click.option(
    "--batch-size",
    type=Integer(min=1),
    metavar="N",
    help="Places in the text that are read side by side  [default: 32, fewer for a short text]",
)
@size_option("--window", 64, "Tokens that gradients are propagated back through.")
@click.option(
    "--learning-rate",
    type=Number(0, min_open=True),
    metavar="RATE",
    help="Adam's, at the start; falls to a tenth  [default: 0.012, less for words, small batches and many units]",
)
@click.option(
    "--clipnorm",
    type=Number(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Norm that gradients are clipped to.",
)
@click.option(
    "--averaging",
    type=Number(0, 1, max_open=True),
    metavar="M",
    help="Momentum of a moving average of the weights, kept in their place; 0 for none  [default: a fifth of an epoch]",
)
@share_option("--validation", 0.1, "Share of the text, at its end, to hold out.")
@click.option(
    "--start-from",
    type=click.Path(path_type=Path),
    metavar="MODEL",
    help="Go on training this model, with its sizes and vocabulary.",
)
@click.option(
    "--sample", type=Integer(min=0), default=0, metavar="N", help="Print N generated tokens after each epoch."
)
@history_option
@plot_option(LOSSES)
@json_option("Print the result as one JSON object.")
@resume_options
@encoding_option
@seed_option("the training")
@quiet_option
def train(
    files: tuple[str, ...],
    out: Path,
    force: bool,
    epochs: int,
    patience: int,
    batch_size: int | None,
    window: int,
    learning_rate: float | None,
    clipnorm: float,
    averaging: float | None,
    validation: float,
    start_from: Path | None,
    sample: int,
    history: Path | None,
    plot: Path | None,
    as_json: bool,
    encoding: str,
    seed: int | None,
    quiet: bool,
    resume: bool,
    checkpoint_minutes: float,
    **sizes: Any,
) -> None:
    """Train a language model on text files ("-" is standard input) and write it to FILE.

    The end of the text is held out: its loss, in nats a token, says how well the model predicts what it has not seen.
    The weights of the best epoch are kept. Ctrl-C (SIGTERM and SIGHUP too) stops after the batch and saves what was
    learned; --resume goes on exactly there, or where the training was killed.

    \b
    Examples:
      recurra lm train novel.txt -o novel.rlm
      recurra lm train *.txt -o corpus.rlm --level word --units 512 --dropout 0.4
      curl -s https://example.org/book.txt | recurra lm train - -o book.rlm --sample 300
      recurra lm train novel.txt -o more.rlm --start-from novel.rlm --epochs 3
      recurra lm train novel.txt -o novel.rlm --resume
    """
    from recurra.tasks import LanguageModel

    check_plot(plot, files, out, history)
    checkpoint = open_checkpoint(out, force, resume, checkpoint_minutes, files, history)
    text = read_text_files(files, encoding)
    if start_from is None:
        vocabulary_size = sizes.pop("vocabulary")
        model = LanguageModel(sizes.pop("level"), vocabulary_size=vocabulary_size, seed=seed, **sizes)
    else:
        refuse_sizes_with_start_from()
        model = LanguageModel.load(start_from)
        model.seed = seed
        say_unknown(model, text)

    def show_sample(live: LanguageModel, epoch: int, logs: dict[str, float]) -> None:
        say(f"--- epoch {epoch} " + "-" * 40, error=as_json)
        say(live.generate(length=sample, seed=seed), error=as_json)

    record = model.fit(
        text, validation=validation, epochs=epochs, batch_size=batch_size, window=window, learning_rate=learning_rate,
        clipnorm=clipnorm, averaging=averaging, patience=patience, on_epoch=show_sample if sample else None,
        verbose=0 if quiet else 1, checkpoint=checkpoint,
    )  # fmt: skip
    unit = f"nats/{'character' if model.level == 'char' else 'token'}"
    save_training(model, record, out, history, checkpoint, unit, quiet, plot, as_json)


def say_unknown(model: Any, text: str) -> None:
    """Say how much of a text the vocabulary of a trained model does not hold, if some."""
    from recurra.tasks.vocabulary import UNKNOWN

    ids = model.vocabulary.encode(text)
    unknown = int((ids == UNKNOWN).sum())
    if unknown:
        what = "characters" if model.level == "char" else "tokens"
        say(f"{unknown:,} of {len(ids):,} {what} are not in the model's vocabulary, read as unknown")


def refuse_sizes_with_start_from() -> None:
    """The sizes come from the model that training starts from: say so where they are given as well."""
    own = ("level", "cell", "units", "layers", "embedding", "dropout", "locked_dropout", "recurrent_dropout")
    for name in (*own, "projection", "tied", "embedding_dropout", "weight_drop", "vocabulary"):
        if on_command_line(name):
            option = name.replace("_", "-")
            raise click.UsageError(f"--{option} cannot be given with --start-from: the model has its own {option}")


lm.add_command(generate)
lm.add_command(predict)
lm.add_command(perplexity)
lm.add_command(perplexity, "evaluate")  # as the other tasks call it
lm.add_command(inspect)
