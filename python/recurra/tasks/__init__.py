"""Whole jobs on text: train, use, save, in a few lines.

    >>> from recurra.tasks import LanguageModel, SentimentClassifier, SequenceTagger
    >>> lm = LanguageModel(level="char", units=256)
    >>> classifier = SentimentClassifier()
    >>> tagger = SequenceTagger()

Tasks join the parts (text to ids, networks, training, generation, files) and compute nothing themselves.
"""

from recurra.tasks.checkpoint import TrainingCheckpoint
from recurra.tasks.evaluation import Perplexity
from recurra.tasks.language_model import LanguageModel
from recurra.tasks.ngram import NGram
from recurra.tasks.sentiment import Evaluation, Prediction, SentimentClassifier
from recurra.tasks.spans import Scores
from recurra.tasks.tagger import SequenceTagger, TaggingEvaluation
from recurra.tasks.vocabulary import Vocabulary, split_text

__all__ = [
    "Evaluation",
    "LanguageModel",
    "NGram",
    "Perplexity",
    "Prediction",
    "Scores",
    "SentimentClassifier",
    "SequenceTagger",
    "TaggingEvaluation",
    "TrainingCheckpoint",
    "Vocabulary",
    "split_text",
]
