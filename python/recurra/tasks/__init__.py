"""Whole jobs on text: train, use, save, in a few lines.

    >>> from recurra.tasks import LanguageModel, SequenceTagger, TextClassifier
    >>> lm = LanguageModel(level="char", units=256)
    >>> classifier = TextClassifier()
    >>> tagger = SequenceTagger()

Tasks join the parts (text to ids, networks, training, generation, files) and compute nothing themselves.
"""

from recurra.tasks.chatbot import ChatBot, ChatEvaluation, Reply
from recurra.tasks.checkpoint import TrainingCheckpoint
from recurra.tasks.classification import Evaluation, LabelReport, Prediction
from recurra.tasks.evaluation import Perplexity
from recurra.tasks.explanation import Contribution, Explanation
from recurra.tasks.language_model import LanguageModel
from recurra.tasks.ngram import NGram
from recurra.tasks.sentiment import SentimentClassifier
from recurra.tasks.spans import Scores
from recurra.tasks.stories import StoryQuestion, read_stories
from recurra.tasks.story_answerer import Answer, StoryAnswerer, StoryEvaluation
from recurra.tasks.tagger import SequenceTagger, TaggingEvaluation
from recurra.tasks.text_classifier import TextClassifier
from recurra.tasks.translator import AttentionMap, Translation, TranslationLoss, Translator
from recurra.tasks.vocabulary import Vocabulary, split_text
from recurra.tasks.writing import Continuation

__all__ = [
    "Answer",
    "AttentionMap",
    "ChatBot",
    "ChatEvaluation",
    "Continuation",
    "Contribution",
    "Evaluation",
    "Explanation",
    "LabelReport",
    "LanguageModel",
    "NGram",
    "Perplexity",
    "Prediction",
    "Reply",
    "Scores",
    "SentimentClassifier",
    "SequenceTagger",
    "StoryAnswerer",
    "StoryEvaluation",
    "StoryQuestion",
    "TaggingEvaluation",
    "TextClassifier",
    "TrainingCheckpoint",
    "Translation",
    "TranslationLoss",
    "Translator",
    "Vocabulary",
    "read_stories",
    "split_text",
]
