"""Whole jobs on text: train, use, save, in a few lines.

    >>> from recurra.tasks import LanguageModel, SentimentClassifier
    >>> lm = LanguageModel(level="char", units=256)
    >>> classifier = SentimentClassifier()

Tasks join the parts (text to ids, networks, training, generation, files) and compute nothing themselves.
"""

from recurra.tasks.chatbot import ChatBot, Reply
from recurra.tasks.checkpoint import TrainingCheckpoint
from recurra.tasks.evaluation import Perplexity
from recurra.tasks.language_model import LanguageModel
from recurra.tasks.ngram import NGram
from recurra.tasks.sentiment import Evaluation, Prediction, SentimentClassifier
from recurra.tasks.translator import AttentionMap, Translation, TranslationLoss, Translator
from recurra.tasks.vocabulary import Vocabulary, split_text

__all__ = [
    "AttentionMap",
    "ChatBot",
    "Evaluation",
    "LanguageModel",
    "NGram",
    "Perplexity",
    "Prediction",
    "Reply",
    "SentimentClassifier",
    "TrainingCheckpoint",
    "Translation",
    "TranslationLoss",
    "Translator",
    "Vocabulary",
    "split_text",
]
