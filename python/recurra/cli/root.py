"""The root command and its options."""

# ruff: noqa: D301 - click takes \b in a docstring for lines that stay as they are
from __future__ import annotations

import click

import recurra
from recurra.cli.answer import answer
from recurra.cli.chat import chat
from recurra.cli.classify import classify
from recurra.cli.convert import convert
from recurra.cli.demo import demo
from recurra.cli.errors import Group
from recurra.cli.info import info
from recurra.cli.lm import lm
from recurra.cli.options import Integer
from recurra.cli.programs import check, run
from recurra.cli.quantize import quantize_command
from recurra.cli.sentiment import sentiment
from recurra.cli.tag import tag
from recurra.cli.translate import translate


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(recurra.__version__, prog_name="recurra")
@click.option(
    "--threads",
    type=Integer(min=1),
    metavar="N",
    help="Threads to compute with (default: the CPUs that the process may use).",
)
def cli(threads: int | None) -> None:
    """Train recurrent networks on text, and use them.

    \b
    Examples:
      recurra demo                                see it work in a minute, offline
      recurra lm train novel.txt -o novel.rlm     learn to continue a text
      recurra lm generate novel.rlm               write more of it
      recurra sentiment train reviews.csv -o reviews.rsc
      echo "What a waste of time." | recurra sentiment predict reviews.rsc
      recurra tag train en-train.conllu -o english.rst --dev en-dev.conllu
      recurra classify explain reviews.rsc -t "A dull film with one good joke."
      recurra translate train fra.txt -o fra.rtr
      recurra chat train talk.tsv -o talk.rct
      recurra answer train qa1_train.txt -o places.rsa
      recurra run script.py                       a program written for TensorFlow or Keras, as it stands

    Every command explains itself with --help. Progress goes to standard error, results to standard output. Exit codes:
    0 done, 1 when a reader of the results such as head has left, 2 bad input (one line says what), 130 ended by Ctrl-C,
    143 by SIGTERM, 129 by SIGHUP (a training then saves what it has).
    """
    if threads is not None:
        recurra.set_num_threads(threads)


lm.add_command(quantize_command("LanguageModel", ".rlm", "recurra lm quantize novel.rlm -o novel-int8.rlm"))
classify.add_command(
    quantize_command("TextClassifier", ".rsc", "recurra classify quantize reviews.rsc -o reviews-int8.rsc")
)
sentiment.add_command(
    quantize_command("SentimentClassifier", ".rsc", "recurra sentiment quantize reviews.rsc -o reviews-int8.rsc")
)
for command in (demo, lm, classify, sentiment, tag, translate, chat, answer, run, check, convert, info):
    cli.add_command(command)
