"""Words are counted, whatever the lengths of sentences and batches."""

from __future__ import annotations

import numpy as np
import pytest

from recurra.layers import Masking
from recurra.tasks.word_accuracy import WordAccuracy


def test_counts_words_of_batches_of_unequal_lengths() -> None:
    metric, random = WordAccuracy(), np.random.RandomState(0)
    right = words = 0
    for steps, rows in ((2, 3), (9, 4), (5, 1)):
        scores = random.standard_normal((rows, steps, 6)).astype("float32")
        scores[np.arange(steps) >= random.randint(1, steps + 1, (rows, 1))] = 0
        labels = random.randint(0, 6, (rows, steps))
        masked = Masking()(scores)
        kept = scores.any(-1)
        metric.update_state(labels, masked)
        right += ((scores.argmax(-1) == labels) & kept).sum()
        words += kept.sum()
    assert 0 < right < words and metric.result() == right / words
    metric.reset_state()
    assert metric.result() == 0.0


def test_decoded_labels() -> None:
    metric = WordAccuracy(lambda scores, mask: np.where(mask, 2, 0))
    metric.update_state([[2, 1]], np.zeros((1, 2, 4)))
    assert metric.result() == 0.5
    with pytest.raises(ValueError, match="sample_weight must be None"):
        metric.update_state([[2, 1]], np.zeros((1, 2, 4)), np.ones(1))
