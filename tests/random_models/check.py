"""One model under several variants and under the reference: do they agree?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.random_models.compare import OVERFLOW, Numbers, before_overflow, compare
from tests.random_models.spec import Spec
from tests.random_models.workers import Worker


@dataclass
class Verdict:
    """What came of a model.

    failures : by variant, what is wrong
    refused : the error that all variants and the reference agree on, if any
    ill : whether a comparison was given up because the model is ill-conditioned
    finite : whether all numbers of the reference are finite and their squares too
    """

    failures: dict[str, str] = field(default_factory=dict)
    refused: str | None = None
    ill: bool = False
    finite: bool = True
    expected: Numbers = field(default_factory=dict)


class Checker:
    """Workers for the variants, and one for the reference.

    bound : how far float numbers may be apart; that of their dtype unless said
    """

    def __init__(
        self, variants: Sequence[str], reference: Worker | None = None, bound: float | None = None, threads: int = 1
    ) -> None:
        self.reference = reference or Worker("reference")
        self.variants = [Worker(isa, threads) for isa in variants]
        self.bound = bound

    def check(self, spec: Spec) -> Verdict:
        kind, expected = self.reference.run(spec)
        verdict = Verdict()
        if kind == "numbers":
            verdict.expected = expected
            compared = before_overflow(expected, spec.dtype)
            verdict.finite = not expected.keys() - compared.keys() - {OVERFLOW} and not any(
                bool(np.isnan(value).any()) for value in compared.values()
            )
        elif kind == "error":
            verdict.refused = expected
        else:
            verdict.failures[self.reference.isa] = expected
            return verdict
        for worker in self.variants:
            answer, found = worker.run(spec)
            if answer != kind:
                text = "numbers" if answer == "numbers" else f"{answer}: {found}"
                other = "numbers" if kind == "numbers" else f"{kind}: {expected}"
                verdict.failures[worker.isa] = f"{text}; {self.reference.isa} gives {other}"
                verdict.refused = None
            elif kind == "error":
                if self._told(found) != self._told(expected):
                    verdict.failures[worker.isa] = f"{found}; {self.reference.isa} says {expected}"
            else:
                difference, ill = compare(
                    *self._shared(found, expected), spec.dtype, lambda seed: self._nudged(spec, seed), self.bound
                )
                verdict.ill = verdict.ill or ill
                if difference is not None:
                    verdict.failures[worker.isa] = str(difference)
        return verdict

    def _told(self, error: str) -> str:
        """What two errors must have in common: all but the numbers in the layers' names."""
        return re.sub(r"_\d+", "", error)

    def _shared(self, found: Numbers, expected: Numbers) -> tuple[Numbers, Numbers]:
        return found, expected

    def _nudged(self, spec: Spec, seed: int) -> Any:
        kind, numbers = self.reference.run(spec, seed + 1)
        return numbers if kind == "numbers" else {}

    def close(self) -> None:
        for worker in (self.reference, *self.variants):
            worker.close()

    def __enter__(self) -> Checker:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
