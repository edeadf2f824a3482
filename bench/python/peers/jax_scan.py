"""JAX: a cell under ``jax.lax.scan``, jitted; the input product before the loop or inside it, rolled or unrolled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.python.peers import Candidate, keep_reversed
from bench.python.problem import Answer, Problem

State = tuple[Any, ...]
CACHE = Path(__file__).resolve().parents[3] / "build" / "bench" / "jax-cache"


def prepare(threads: int) -> None:
    """The number of threads follows the CPUs that the process may use, which the worker has set."""
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_compilation_cache_dir", str(CACHE))  # compiling takes longer than measuring
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


def versions() -> dict[str, str]:
    import jaxlib

    return {"jax": jax.__version__, "jaxlib": jaxlib.__version__}


def candidates(problem: Problem) -> list[Candidate]:
    if problem.cell.name not in CELLS:
        return []
    settings = [("product before the loop", True, 1), ("product in the loop", False, 1)]
    if problem.case.time > 1:
        settings.append(("product before the loop, unroll 8", True, 8))
    return [_candidate(problem, name, hoisted, unroll) for name, hoisted, unroll in settings]


def _lstm(state: State, z: Any, recurrent: Any, bias: Any) -> State:
    h, c = state
    i, f, g, o = jnp.split(z + h @ recurrent, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def _gru(state: State, z: Any, recurrent: Any, bias: Any) -> State:
    (h,) = state
    a = h @ recurrent + bias
    units = h.shape[-1]
    u = jax.nn.sigmoid(z[:, :units] + a[:, :units])
    r = jax.nn.sigmoid(z[:, units : 2 * units] + a[:, units : 2 * units])
    n = jnp.tanh(z[:, 2 * units :] + r * a[:, 2 * units :])
    return (u * h + (1 - u) * n,)


def _gru_reset_before(state: State, z: Any, recurrent: Any, bias: Any) -> State:
    (h,) = state
    units = h.shape[-1]
    a = jax.nn.sigmoid(z[:, : 2 * units] + h @ recurrent[:, : 2 * units])
    u, r = a[:, :units], a[:, units:]
    n = jnp.tanh(z[:, 2 * units :] + (r * h) @ recurrent[:, 2 * units :])
    return (u * h + (1 - u) * n,)


def _simple_rnn(state: State, z: Any, recurrent: Any, bias: Any) -> State:
    return (jnp.tanh(z + state[0] @ recurrent),)


CELLS: dict[str, Callable[[State, Any, Any, Any], State]] = {
    "lstm": _lstm,
    "gru": _gru,
    "gru_reset_before": _gru_reset_before,
    "simple_rnn": _simple_rnn,
}


def _candidate(problem: Problem, setting: str, hoisted: bool, unroll: int) -> Candidate:
    cell = CELLS[problem.cell.name]

    def direction(x: Any, states: State, weights: Any, reverse: bool) -> tuple[Any, State]:
        kernel, recurrent, bias = weights
        first, second = (bias[0], bias[1]) if problem.cell.biases == 2 else (bias, None)

        def step(state: State, row: Any) -> tuple[State, Any]:
            z = row if hoisted else row @ kernel + first
            state = cell(state, z, recurrent, second)
            return state, state[0]

        rows = jnp.swapaxes(x @ kernel + first if hoisted else x, 0, 1)
        final, y = jax.lax.scan(step, states, rows, reverse=reverse, unroll=min(unroll, problem.case.time))
        return jnp.swapaxes(y, 0, 1), final

    def layer(x: Any, states: State, weights: Any) -> tuple[Any, Any]:
        done = [
            direction(x, tuple(state[d] for state in states), weights[d], reverse=d == 1) for d in range(len(weights))
        ]
        final = tuple(jnp.stack(parts) for parts in zip(*(state for _, state in done), strict=True))
        return jnp.concatenate([y for y, _ in done], axis=-1), final

    def step(x: Any, states: State, weights: Any, dy: Any) -> Any:
        y, backward, final = jax.vjp(layer, x, states, weights, has_aux=True)
        return y, final, backward(dy)

    states = tuple(jnp.asarray(state) for state in (problem.h0, problem.c0) if state is not None)
    weights = [tuple(jnp.asarray(a) for a in (w.kernel, w.recurrent_kernel, w.bias)) for w in problem.weights]
    x, dy = jnp.asarray(problem.x), jnp.asarray(problem.dy)
    if problem.training:
        run = jax.jit(step).lower(x, states, weights, dy).compile()
        call: Callable[[], Any] = lambda: jax.block_until_ready(run(x, states, weights, dy))  # noqa: E731
    else:
        run = jax.jit(layer).lower(x, states, weights).compile()
        call = lambda: jax.block_until_ready(run(x, states, weights))  # noqa: E731

    def answer(result: Any) -> Answer:
        y, final = result[:2]
        found = {"y": np.asarray(y)} | dict(zip("hc", map(np.asarray, final), strict=False))
        if problem.training:
            dx, dstates, dweights = result[2]
            found |= {"dx": np.asarray(dx)} | dict(zip(("dh0", "dc0"), map(np.asarray, dstates), strict=False))
            names = ("dkernel", "drecurrent_kernel", "dbias")
            found |= keep_reversed(problem, [dict(zip(names, map(np.asarray, d), strict=True)) for d in dweights])
        return found

    return Candidate(setting, call, answer)
