"""The same models in Keras: same code, same weights, nothing random in training.

Keras runs in a process of its own, on any interpreter that has it (torch is the backend that builds small models
fastest; KERAS_BACKEND chooses). What Keras itself refuses is counted; what it takes, recurra must take and agree.
Gradients are compared through the weights that they lead to.

    python -m tests.random_models --keras python --models 3000
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from tests.random_models.check import Checker, Verdict
from tests.random_models.compare import Numbers
from tests.random_models.spec import Spec
from tests.random_models.workers import Worker

#: Keras rounds some constants of float64 models to float32
BOUNDS = {"float64": 1e-6, "float32": 1e-3}


class KerasChecker(Checker):
    """Keras in the reference's place.

    python : an interpreter that has Keras
    """

    def __init__(self, variants: Sequence[str], python: str) -> None:
        os.environ.setdefault("KERAS_BACKEND", "torch")
        super().__init__(variants, Worker("keras", python=python))

    def check(self, spec: Spec) -> Verdict:
        self.bound = BOUNDS[spec.dtype]
        verdict = super().check(spec)
        refused = [text for text in verdict.failures.values() if text.startswith("numbers; keras gives error")]
        if refused and len(refused) == len(verdict.failures):
            return Verdict(refused=refused[0].removeprefix("numbers; keras gives error: "))
        return verdict

    def _told(self, error: str) -> str:
        return ""  # each says it in its own words

    def _shared(self, found: Numbers, expected: Numbers) -> tuple[Numbers, Numbers]:
        return comparable(found), comparable(expected)

    def _nudged(self, spec: Spec, seed: int) -> Any:
        return comparable(super()._nudged(spec, seed))


def comparable(numbers: Numbers) -> Numbers:
    """Without gradients, weights by number alone, losses without those of the single outputs."""
    result = {}
    for key, value in numbers.items():
        if "/gradient" in key:
            continue
        if key.endswith("/loss") and not key.startswith("fit"):
            value = value.reshape(-1)[:1]
        result[re.sub(r"(/weight \d+) .*", r"\1", key)] = value
    return result
