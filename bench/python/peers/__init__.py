"""The candidates, one module a framework. Each offers its settings for a problem; the fastest stands for the framework.

To add a framework: write a module here with ``prepare``, ``versions`` and ``candidates`` as :class:`Family` describes
them, and list it in ``FAMILIES``.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.python.problem import Answer, Problem

OURS = "recurra"


@dataclass(frozen=True)
class Candidate:
    """One setting of one framework, ready to run.

    call : runs the problem once and waits for the result; the only thing that is timed
    answer : turns call's result into ``y``, ``h``, ``c`` and the gradients, in Keras's layout (see ``gradient_names``)
    enter : switches the framework to this setting; called before each series of calls, not timed
    """

    setting: str
    call: Callable[[], Any]
    answer: Callable[[Any], Answer]
    enter: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Family:
    """A framework.

    module : holds ``prepare(threads)``, called before anything else; ``versions()``; ``candidates(problem)``, which is
        empty when the framework has no such cell, mode or dtype
    packages : what must be importable
    required : whether a table without it is incomplete
    """

    name: str
    title: str
    module: str
    packages: tuple[str, ...]
    required: bool = True

    def missing(self) -> list[str]:
        return [package for package in self.packages if importlib.util.find_spec(package) is None]

    def load(self) -> Any:
        return importlib.import_module(f"bench.python.peers.{self.module}")


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(OURS, "recurra", "ours", ("recurra",)),
        Family("torch", "PyTorch", "pytorch", ("torch",)),
        Family("onnxruntime", "ONNX Runtime", "onnx_runtime", ("onnxruntime", "onnx")),
        Family("openvino", "OpenVINO", "openvino_cpu", ("openvino", "onnx")),
        Family("jax", "JAX", "jax_scan", ("jax",)),
        Family("keras", "Keras (TensorFlow)", "keras_layers", ("keras", "tensorflow"), required=False),
    )
}


def offers(family: str, problem: Problem) -> list[Candidate]:
    """That family's settings for the problem."""
    found: list[Candidate] = FAMILIES[family].load().candidates(problem)
    return found


def keep_reversed(problem: Problem, answers: list[Answer]) -> Answer:
    """Join the weight gradients of both directions under their own names."""
    joined: Answer = {}
    for suffix, answer in zip(("", "_reverse"), answers, strict=False):
        joined.update({name + suffix: value for name, value in answer.items()})
    return joined
