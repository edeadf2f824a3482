"""recurra itself, through its public operations: ``recurra.ops.lstm``, ``lstm_backward`` and so on, or ``run_cell``.

The weights are Variables, as in its layers, so that inference packs them once, as the peers do with the constants of a
graph; a training step packs them each time, since they would have changed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import recurra
from bench.cells import COMPARED, Cell
from bench.python.peers import Candidate, keep_reversed
from bench.python.problem import Answer, Array, Problem
from recurra import ops


def prepare(threads: int) -> None:
    recurra.set_num_threads(threads)


def versions() -> dict[str, str]:
    return {"recurra": recurra.__version__, "recurra ISA": str(recurra.build_config()["isa"])}


def candidates(problem: Problem) -> list[Candidate]:
    options: dict[str, Any] = {
        "training": problem.training,
        "lengths": problem.lengths if problem.case.lengths else None,
    }
    states = [
        tuple(state[direction] for state in (problem.h0, problem.c0) if state is not None)
        for direction in range(problem.case.directions)
    ]
    units = problem.dy.shape[-1] // problem.case.directions
    part = [slice(d * units, (d + 1) * units) for d in range(problem.case.directions)]  # each direction's part of y

    weights = [tuple(map(recurra.Variable, w.of(problem.cell))) for w in problem.weights]
    forward, backward = _operations(problem.cell.name)
    forwards = [forward(problem.x, w, states[d], reverse=d == 1, **options) for d, w in enumerate(weights)]

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
        finals = [final if isinstance(final, tuple) else (final,) for _, final, _ in done]
        found: Answer = {"y": y} | {n: np.stack(parts) for n, *parts in zip("hc", *finals, strict=False)}
        if gradients:
            dx, *parts = gradients
            found["dx"] = dx
            named = [_by_name(problem.cell, part) for part in parts]
            for state in ("dh0", "dc0")[: len(states[0])]:
                found[state] = np.stack([part.pop(state) for part in named])
            found |= keep_reversed(problem, named)
        return found

    return [Candidate("ops", call, answer)]


def _operations(cell: str) -> tuple[Callable[..., Callable[..., Any]], Callable[..., Any]]:
    """Forward, to be called with x, the weights, the states and options: gives the call itself; and backward."""
    if cell not in COMPARED:
        return partial(partial, ops.run_cell, cell), ops.run_cell_backward
    name = "gru" if cell.startswith("gru") else cell
    more = {"reset_after": cell == "gru"} if name == "gru" else {}

    def forward(x: Array, weights: tuple[Any, ...], states: tuple[Array, ...], **options: Any) -> Callable[..., Any]:
        return partial(getattr(ops, name), x, *weights, states, **more, **options)

    return forward, getattr(ops, name + "_backward")


def _by_name(cell: Cell, gradients: Any) -> dict[str, Array]:
    """The gradients of states and weights."""
    if isinstance(gradients, ops.RecurrentGradients):
        values = (*gradients.dstate, *gradients.dweights)
        return dict(zip([*(f"d{s}0" for s in cell.states), *(f"d{w}" for w in cell.weights)], values, strict=True))
    found: dict[str, Array] = gradients._asdict()
    del found["dx"]
    return found
