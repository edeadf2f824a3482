"""Whole training jobs: the sizes, and data of the right shape and statistics, drawn from a fixed seed.

Words follow a Zipf law, characters a flatter one, and review lengths are the ones that ``bench/cases.py`` lists: what a
batch holds decides how much work its distinct tokens and its padding save. Reviews can be read from IMDB itself instead
(``--imdb``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.cases import LONGEST_REVIEWS, SEED, TYPICAL_REVIEWS
from bench.python.problem import Array


@dataclass(frozen=True)
class Job:
    """A model and how it is trained.

    Embedding(vocabulary, embedding); one LSTM for each of ``units``, the last one returning sequences where
    ``every_step``; Dense(dense, relu) unless 0; Dense(outputs): logits of a softmax, or of a sigmoid for one output.
    """

    name: str
    title: str
    vocabulary: int
    embedding: int
    units: tuple[int, ...]
    dense: int
    outputs: int
    every_step: bool
    batch: int
    time: int
    optimizer: str

    def weight_shapes(self) -> list[tuple[int, ...]]:
        """Shapes in Keras's order: table, each LSTM's kernel, recurrent_kernel, bias, each Dense's kernel, bias."""
        shapes: list[tuple[int, ...]] = [(self.vocabulary, self.embedding)]
        width = self.embedding
        for units in self.units:
            shapes += [(width, 4 * units), (units, 4 * units), (4 * units,)]
            width = units
        for columns in (self.dense, self.outputs):
            if columns:
                shapes += [(width, columns), (columns,)]
                width = columns
        return shapes


JOBS: dict[str, Job] = {
    job.name: job
    for job in (
        Job("characters", "character model", 65, 256, (1024,), 0, 65, True, 64, 100, "adam"),
        Job("words-10", "word model, batch 10", 12_633, 50, (50, 50), 100, 12_633, False, 10, 50, "adam"),
        Job("words-128", "word model, batch 128", 12_633, 50, (50, 50), 100, 12_633, False, 128, 50, "adam"),
        Job("words-ptb", "language model of 10,000 words", 10_000, 200, (200, 200), 0, 10_000, True, 20, 35, "adam"),
        Job("sentiment", "sentiment model", 88_584, 32, (32,), 0, 1, False, 64, 250, "rmsprop"),
    )
}


def initial_weights(job: Job) -> list[Array]:
    """The same start for every framework: uniform in ±1/sqrt(rows), zero biases with a forget gate of 1."""
    draw = np.random.Generator(np.random.Philox(SEED))
    found = []
    for position, shape in enumerate(job.weight_shapes()):
        if len(shape) == 2:
            edge = 0.05 if position == 0 else shape[0] ** -0.5
            found.append(draw.uniform(-edge, edge, shape).astype(np.float32))
        else:
            found.append(np.zeros(shape, np.float32))
    for layer, units in enumerate(job.units):
        found[3 + 3 * layer][units : 2 * units] = 1
    return found


def _zipf(draw: np.random.Generator, size: tuple[int, ...], vocabulary: int, exponent: float) -> Array:
    """Ids in [1, vocabulary) of which the r-th is drawn in proportion to (r + 2.7)**-exponent."""
    weights = (np.arange(1, vocabulary) + 2.7) ** -exponent
    edges = np.cumsum(weights) / np.sum(weights)
    return np.searchsorted(edges, draw.random(size)).astype(np.int32) + 1


def make_batches(job: Job, count: int, imdb: Path | None = None) -> tuple[Array, Array]:
    """Inputs (count*B, T) int32 and labels: (count*B, T) or (count*B,) int32, float32 0 or 1 for one output."""
    draw = np.random.Generator(np.random.Philox(SEED + 1))
    rows = count * job.batch
    if job.outputs == 1:
        if imdb is not None:
            return _reviews(imdb, rows, job.time)
        x = np.zeros((rows, job.time), np.int32)
        words = _zipf(draw, x.shape, job.vocabulary, 1.07)
        lengths = draw.choice(np.array(TYPICAL_REVIEWS + LONGEST_REVIEWS), rows).clip(max=job.time)
        for row, length in enumerate(lengths):
            x[row, job.time - length :] = words[row, :length]
        return x, draw.integers(0, 2, rows).astype(np.float32)
    exponent = 1.0 if job.vocabulary > 1000 else 0.6
    text = _zipf(draw, (rows, job.time + 1), job.vocabulary, exponent)
    return text[:, :-1].copy(), text[:, 1:].copy() if job.every_step else text[:, -1].copy()


def _reviews(path: Path, rows: int, time: int) -> tuple[Array, Array]:
    """Training reviews of a file in the format of Keras's imdb.npz, padded and cut in front, as Keras pads."""
    with np.load(path, allow_pickle=True) as data:
        texts, labels = data["x_train"][:rows], data["y_train"][:rows]
    if len(texts) < rows:
        raise ValueError(f"{path} must hold at least {rows} training reviews, got {len(texts)}")
    x = np.zeros((rows, time), np.int32)
    for row, text in enumerate(texts):
        ids = [1, *(rank + 3 for rank in text)][-time:]
        x[row, time - len(ids) :] = ids
    return np.minimum(x, 88_583), labels.astype(np.float32)
