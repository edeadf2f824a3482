"""``recurra translate``: texts into other texts."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recurra.cli.errors import Group
from recurra.cli.inputs import reading_options, text_batches
from recurra.cli.options import (
    Integer,
    history_option,
    item_bar,
    json_option,
    open_checkpoint,
    out_option,
    quiet_option,
    refuse_blank,
    resume_options,
    save_training,
    seed_option,
)
from recurra.cli.pair_options import beam_options, network_options, pair_options, read_pair_files, training_options
from recurra.cli.parallel import jobs_option, predicted
from recurra.cli.plots import LOSSES, check_plot, plot_option
from recurra.cli.results import json_line
from recurra.limits import SENTENCE

if TYPE_CHECKING:
    from recurra.tasks.translator import Translation

_model_file = click.argument("model", type=click.Path(path_type=Path), metavar="MODEL")
_files = click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True), metavar="FILE...")


@click.group(cls=Group, short_help="Learn to translate, or to write any text for another.")
def translate() -> None:
    """Learn to write a text for another one: translation, or any pairs.

    \b
    Examples:
      recurra translate train fra.txt -o fra.rtr
      echo "Where are you going?" | recurra translate predict fra.rtr
      recurra translate evaluate fra.rtr test.txt --bleu
    """


@translate.command(short_help="Train a translator on pairs of texts.")
@_files
@out_option(".rtr")
@pair_options
@network_options(units=256, embedding=256, dropout=0.2)
@training_options(epochs=8, learning_rate=5e-3, validation=0.02)
@plot_option(LOSSES)
@history_option
@resume_options
@seed_option("the training")
@quiet_option
@json_option("Print the result as one JSON object.")
def train(
    files: tuple[str, ...],
    out: Path,
    force: bool,
    plot: Path | None,
    history: Path | None,
    seed: int | None,
    quiet: bool,
    as_json: bool,
    resume: bool,
    checkpoint_minutes: float,
    **options: Any,
) -> None:
    """Train on pairs of texts ("-" is standard input) and write the model to FILE.

    A line holds a text, a tab and its translation; CSV and JSONL work too. Some of the sources are held out with all
    their translations, to keep the best epoch. Ctrl-C (SIGTERM and SIGHUP too) stops after the batch and saves what was
    learned; --resume goes on exactly there, or where the training was killed.

    \b
    Examples:
      recurra translate train fra.txt -o fra.rtr
      recurra translate train sums.tsv -o sums.rtr --level char --units 128 --dropout 0
      recurra translate train pairs.jsonl -o p.rtr --source en --target fr --attention additive --input-feeding
      recurra translate train fra.txt -o fra.rtr --resume
    """
    from recurra.tasks import Translator

    check_plot(plot, files, out, history)
    checkpoint = open_checkpoint(out, force, resume, checkpoint_minutes, files, history)
    sources, targets = read_pair_files(files, options)
    model = Translator(
        level=options["level"], cell=options["cell"], units=options["units"], layers=options["layers"],
        embedding=options["embedding"], attention=None if options["attention"] == "none" else options["attention"],
        input_feeding=options["input_feeding"], dropout=options["dropout"], vocabulary_size=options["vocabulary"],
        seed=seed,
    )  # fmt: skip
    first, last = options["teacher_forcing"]
    record = model.fit(
        sources, targets, validation=options["validation"], epochs=options["epochs"],
        batch_size=options["batch_size"], learning_rate=options["learning_rate"], patience=options["patience"],
        teacher_forcing=(first, last), maxlen=options["maxlen"], verbose=0 if quiet else 1, checkpoint=checkpoint,
    )  # fmt: skip
    if model.trained["left_out"] and not quiet:
        click.echo(
            f"{model.trained['left_out']:,} pairs of more than {options['maxlen']} tokens were left out", err=True
        )
    save_training(model, record, out, history, checkpoint, "nats/token", quiet, plot, as_json)


@translate.command()
@_model_file
@click.argument("files", nargs=-1, type=click.Path(allow_dash=True), metavar="[FILE]...")
@click.option(
    "-t", "--sentence", multiple=True, metavar="TEXT", help="A text to translate, instead of files; repeatable."
)
@reading_options(labelled=False)
@beam_options
@click.option("--best", type=Integer(min=1), help="With --json: so many translations of each text.")
@json_option("A JSON object for each text, with scores.")
@plot_option("the attention map of one --sentence")
@jobs_option
@quiet_option
def predict(
    model: Path,
    files: tuple[str, ...],
    sentence: tuple[str, ...],
    beam: int,
    length_penalty: float,
    early_stopping: bool,
    best: int | None,
    as_json: bool,
    plot: Path | None,
    jobs: int,
    quiet: bool,
    **options: Any,
) -> None:
    """Translate texts, a line for each; a blank line stays one.

    Without files it reads standard input, one text a line, and writes as it goes. The memory does not grow with the
    files.

    \b
    Examples:
      recurra translate predict fra.rtr -t "Where are you going?"
      recurra translate predict fra.rtr english.txt > french.txt
      recurra translate predict fra.rtr english.txt --jobs 2 > french.txt
      cat english.txt | recurra translate predict fra.rtr --json --best 3
      recurra translate predict fra.rtr -t "Where are you going?" --plot map.png
    """
    from recurra.tasks import Translator

    if sentence and files:
        raise click.UsageError("--sentence cannot be given with files")
    refuse_blank(sentence, "--sentence")
    if best is not None and (not as_json or best > beam):
        raise click.UsageError("--best needs --json and a --beam of at least as many")
    if plot is not None and len(sentence) != 1:
        raise click.UsageError("--plot draws the map of one --sentence")
    check_plot(plot, (), model)
    translator = Translator.load(model)
    waiting: deque[str] = deque()
    size = 512 if jobs == 1 else 128
    batches = (
        [list(sentence)] if sentence else text_batches(files or ("-",), options, size, blank=True, longest=SENTENCE)
    )
    with item_bar(None, " texts", quiet or bool(sentence) or sys.stdout.isatty()) as advance:
        for _, found in predicted(
            translator, model, _not_blank(batches, waiting), jobs, "search", advance,
            beam=beam, length_penalty=length_penalty, early_stopping=early_stopping,
        ):  # fmt: skip
            for outputs in found:
                while not waiting[0]:
                    _write(waiting.popleft(), [], best, as_json)
                _write(waiting.popleft(), outputs, best, as_json)
        for text in waiting:
            _write(text, [], best, as_json)
    if plot is not None:
        from recurra.tasks.attention_plot import plot_attention

        plot_attention(translator.attention(sentence[0]), plot)


def _not_blank(batches: Iterable[list[str]], waiting: deque[str]) -> Iterator[list[str]]:
    """The texts of each batch that are not blank; all texts are put into `waiting`, blank ones too."""
    for batch in batches:
        waiting.extend(batch)
        if texts := [text for text in batch if text]:
            yield texts


def _write(text: str, outputs: Sequence[Translation], best: int | None, as_json: bool) -> None:
    """Print what was found for a text; of a blank one, for which there is nothing, a blank line or an empty text."""
    if as_json:
        ranked = [{"translation": o.text, "score": round(o.score, 6)} for o in outputs[: best or 1]]
        first = ranked[0] if ranked else {"translation": "", "score": None}
        result = {"text": text, **(first if best is None else {"translations": ranked})}
        click.echo(json_line(result))
    else:
        click.echo(" ".join(outputs[0].text.split("\n")) if outputs else "")


@translate.command()
@_model_file
@_files
@pair_options
@beam_options
@click.option("--bleu", is_flag=True, help="BLEU and chrF too, by sacrebleu (extra recurra[bleu]).")
@json_option("One JSON object.")
@quiet_option
def evaluate(
    model: Path,
    files: tuple[str, ...],
    beam: int,
    length_penalty: float,
    early_stopping: bool,
    bleu: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Compare a model's translations with the true ones.

    All translations of a text in the files are its references.

    \b
    Examples:
      recurra translate evaluate fra.rtr test.txt
      recurra translate evaluate fra.rtr test.txt --bleu --json
    """
    from recurra.tasks import Translator
    from recurra.tasks.bleu import sacrebleu_metrics, translation_scores
    from recurra.tasks.pairs import targets_by_source

    if bleu:
        sacrebleu_metrics()  # its absence is told before the work
    translator = Translator.load(model)
    sources, targets = read_pair_files(files, options)
    references = targets_by_source(sources, targets)
    loss = translator.evaluate(sources, targets)
    with item_bar(len(references), " texts", quiet) as advance:
        outputs = translator.translate(
            list(references), beam=beam, length_penalty=length_penalty, early_stopping=early_stopping, progress=advance
        )
    exact = sum(o in known for o, known in zip(outputs, references.values(), strict=True)) / len(references)
    result: dict[str, Any] = {**loss._asdict(), "texts": len(references), "exact": exact}
    if bleu:
        result |= translation_scores(outputs, list(references.values()))._asdict()
    if as_json:
        click.echo(json_line(result))
        return
    click.echo(
        f"loss {loss.loss:.4f} nats/token, perplexity {loss.perplexity:.4g}, over {loss.pairs:,} pairs; "
        f"{exact:.2%} of {len(references):,} texts exactly as a reference"
    )
    if bleu:
        click.echo(f"BLEU {result['bleu']:.2f}, chrF {result['chrf']:.2f} ({result['signature']})")
