"""recurra itself, through its public operations: ``recurra.ops.lstm``, ``lstm_backward`` and so on.

The weights are Variables, as in its layers, so that inference packs them once, as the peers do with the constants of a
graph; a training step packs them each time, since they would have changed.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import recurra
from bench.python.peers import Candidate, keep_reversed
from bench.python.problem import Answer, Problem
from recurra import ops


def prepare(threads: int) -> None:
    recurra.set_num_threads(threads)


def versions() -> dict[str, str]:
    return {"recurra": recurra.__version__, "recurra ISA": str(recurra.build_config()["isa"])}


def candidates(problem: Problem) -> list[Candidate]:
    name = "gru" if problem.cell.name.startswith("gru") else problem.cell.name
    forward, backward = getattr(ops, name), getattr(ops, name + "_backward")
    options: dict[str, Any] = {
        "training": problem.training,
        "lengths": problem.lengths if problem.case.lengths else None,
    }
    if name == "gru":
        options["reset_after"] = problem.cell.reset_after
    states = [
        tuple(state[direction] for state in (problem.h0, problem.c0) if state is not None)
        for direction in range(problem.case.directions)
    ]
    units = problem.case.units
    part = [slice(d * units, (d + 1) * units) for d in range(problem.case.directions)]  # each direction's part of y

    weights = [tuple(map(recurra.Variable, (w.kernel, w.recurrent_kernel, w.bias))) for w in problem.weights]
    forwards = [partial(forward, problem.x, *w, states[d], reverse=d == 1, **options) for d, w in enumerate(weights)]

    def call() -> Any:
        if len(forwards) == 1:
            done = [forwards[0]()]
            y = done[0][0]
        else:
            y = np.empty_like(problem.dy)
            done = [run(out=y[..., part[d]]) for d, run in enumerate(forwards)]
        if not problem.training:
            return y, done, []
        gradients = [backward(cache, problem.dy[..., part[d]]) for d, (_, _, cache) in enumerate(done)]
        dx = gradients[0].dx if len(done) == 1 else gradients[0].dx + gradients[1].dx
        return y, done, [dx, *gradients]

    def answer(result: Any) -> Answer:
        y, done, gradients = result
        found: Answer = {"y": y} | {n: np.stack(parts) for n, *parts in zip("hc", *(d[1] for d in done), strict=False)}
        if gradients:
            dx, *parts = gradients
            found["dx"] = dx
            for state in ("dh0", "dc0")[: len(states[0])]:
                found[state] = np.stack([getattr(part, state) for part in parts])
            names = ("dkernel", "drecurrent_kernel", "dbias")
            found |= keep_reversed(problem, [{n: getattr(part, n) for n in names} for part in parts])
        return found

    return [Candidate("ops", call, answer)]
