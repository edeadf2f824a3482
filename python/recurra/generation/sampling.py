"""How the next token is drawn from the model's scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recurra import random
from recurra._core.select import core
from recurra.generation.arguments import check_ids, check_integer, check_number
from recurra.typing import Array

#: with more, or one over it, scores overflow
_LARGEST_PENALTY = 1e6


class Sampler:
    """Draw one token id for each row of scores.

    The scores are divided by the temperature, all but the `top_k` highest are dropped, then all but the smallest set
    of the remaining tokens that together hold the probability `top_p`; one of what is left is drawn by its probability.

    temperature : >= 0. 1 draws from the model's own distribution, less sharpens it, 0 takes the most probable token
        (the lowest id on ties)
    top_k : >= 0, how many of the most probable tokens stay; 0 keeps all
    top_p : in (0, 1], how much probability stays (nucleus sampling, Holtzman et al. 2020); 1 keeps all
    seed : an int for a repeatable sequence of draws, or None for one that follows ``recurra.utils.set_random_seed``
    banned : ids that are never drawn
    repetition_penalty : > 0, a million at most; the scores of tokens that occurred before, in the prompt too, are
        divided by it where they are positive, else multiplied (Keskar et al. 2019). 1 changes nothing, 1.2 avoids
        much repetition

    The draws depend on the seed, the number of calls so far and the row, on nothing else.

        >>> import numpy as np
        >>> Sampler(temperature=0)(np.array([[0.1, 2.0, 0.3]]))
        array([1], dtype=int32)
        >>> Sampler(temperature=0, banned=[1])(np.array([[0.1, 2.0, 0.3]]))
        array([2], dtype=int32)
    """

    def __init__(
        self,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        seed: int | None = None,
        banned: Sequence[int] = (),
        repetition_penalty: float = 1.0,
    ) -> None:
        finite, share = "a finite number >= 0", "in (0, 1] (1 keeps all tokens)"
        positive = f"a number > 0 (1 changes nothing), in [1e-06, {_LARGEST_PENALTY:g}]"
        self.temperature = check_number(temperature, "temperature", finite)
        if not (np.isfinite(self.temperature) and self.temperature >= 0):
            raise ValueError(f"temperature must be {finite}, got {temperature}")
        self.top_k = check_integer(top_k, "top_k", 0, " (0 keeps all tokens)")
        self.top_p = check_number(top_p, "top_p", share)
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be {share}, got {top_p}")
        self.repetition_penalty = check_number(repetition_penalty, "repetition_penalty", positive)
        if not 1 / _LARGEST_PENALTY <= self.repetition_penalty <= _LARGEST_PENALTY:
            raise ValueError(f"repetition_penalty must be {positive}, got {repetition_penalty}")
        self.seed = seed
        self.banned = check_ids(banned, "banned")
        if self.banned.size and self.banned[0] < 0:
            raise ValueError(f"banned must hold ids >= 0, got {self.banned[0]}")
        self._draws = random.SeedGenerator(seed)
        self._allowed: Array | None = None

    @property
    def settings(self) -> tuple[float, int, float, float, tuple[int, ...]]:
        """What decides the draws beside the random numbers."""
        banned = tuple(self.banned.tolist())
        return self.temperature, self.top_k, self.top_p, self.repetition_penalty, banned

    @property
    def draws(self) -> random.SeedGenerator:
        """The seed, and the number of calls so far."""
        return self._draws

    def reset(self) -> None:
        """Start the sequence of draws again."""
        self._draws.stream = 0

    def __call__(self, logits: Array, seen: Array | None = None) -> Array:
        """Draw.

        logits : (B, V) float, the tokens' scores: log probabilities up to a constant in each row
        seen : (B, V) bool, which tokens occurred before, for a repetition_penalty other than 1
        returns : (B,) int32
        """
        scores = np.asarray(logits)
        if scores.ndim != 2 or scores.dtype.kind != "f" or scores.shape[1] == 0:
            raise ValueError(f"logits must be a float array of shape (B, V), got {scores.dtype} {scores.shape}")
        if np.isnan(scores).any():
            raise ValueError("logits must hold numbers, got NaN: the model's weights have diverged")
        scores = scores.astype(np.float32 if scores.dtype == np.float16 else scores.dtype, copy=False)
        if self.repetition_penalty != 1.0:
            scores = self._penalized(scores, seen)
        if not self.banned.size:
            return self._draw(np.ascontiguousarray(scores))
        allowed = self._allowed_ids(scores.shape[1])
        ids: Array = allowed[self._draw(np.ascontiguousarray(scores[:, allowed]))]
        return ids

    def _penalized(self, scores: Array, seen: Array | None) -> Array:
        if seen is None or seen.shape != scores.shape or seen.dtype != np.bool_:
            got = "None" if seen is None else f"{seen.dtype} {seen.shape}"
            raise ValueError(f"seen must be bool of logits' shape {scores.shape} for a repetition_penalty, got {got}")
        penalty = scores.dtype.type(self.repetition_penalty)
        penalized: Array = np.where(seen, np.where(scores > 0, scores / penalty, scores * penalty), scores)
        return penalized

    def _allowed_ids(self, vocabulary: int) -> Array:
        if self._allowed is None or len(self._allowed) + len(self.banned) != vocabulary:
            if self.banned[-1] >= vocabulary:
                raise ValueError(f"banned must hold ids below V = {vocabulary}, got {self.banned[-1]}")
            if len(self.banned) == vocabulary:
                raise ValueError(f"banned leaves no token to draw: it holds all V = {vocabulary} ids")
            self._allowed = np.setdiff1d(np.arange(vocabulary), self.banned).astype(np.int32)
        return self._allowed

    def _draw(self, scores: Array) -> Array:
        seed, step = self._draws.next()
        top_k = min(self.top_k, scores.shape[1])
        if self.temperature == 0 or self.top_p == 1.0:
            ids: Array = core.sample(scores, self.temperature, top_k, seed, step)
            return ids
        # Nucleus: the tokens in order of probability, so that what stays is the front of each row
        order = np.argsort(-scores, axis=1, kind="stable")
        if top_k:
            order = order[:, :top_k]
        ranked = np.take_along_axis(scores, order, axis=1)
        weights = np.exp((ranked.astype(np.float64) - ranked[:, :1]) / self.temperature)
        before = np.cumsum(weights, axis=1) - weights
        kept = np.sum(before < self.top_p * weights.sum(axis=1, keepdims=True), axis=1)
        ranked[np.arange(ranked.shape[1]) >= kept[:, None]] = -np.inf
        drawn = np.minimum(core.sample(np.ascontiguousarray(ranked), self.temperature, 0, seed, step), kept - 1)
        nucleus: Array = np.take_along_axis(order, drawn[:, None].astype(np.int64), axis=1)[:, 0].astype(np.int32)
        return nucleus

    def __repr__(self) -> str:
        more = "" if self.repetition_penalty == 1.0 else f", repetition_penalty={self.repetition_penalty}"
        return (
            f"Sampler(temperature={self.temperature}, top_k={self.top_k}, top_p={self.top_p}, seed={self.seed}{more})"
        )
