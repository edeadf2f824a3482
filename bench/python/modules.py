"""recurra.torch beside PyTorch's own modules in one process: ``python -m bench.python.modules``.

Every shape and cell of ``bench/cases.py`` as a module: 1 and 2 threads, inference and a training step through autograd
(gradients of input, initial states and weights); the ragged ones as PackedSequence. Beside it the bare kernels on numpy
arrays, so that what the module costs on top is seen:

    torch, ours, kernel    medians in ms, taken in turns
    speed-up               torch / ours
    overhead               ours - kernel, in µs; wanted: at most 60 in a training step

A PackedSequence's bare kernel gets the padded batch and a mask. Answers are compared first. Writes ``modules.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.cases import CASES, MODES, THREADS, Case, find

NAMES = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "RNN"}


def modules(case: Case, cell: str) -> dict[str, Any]:
    import torch

    import recurra.torch

    found = {}
    for name, source in (("torch", torch.nn), ("ours", recurra.torch)):
        torch.manual_seed(0)
        made = getattr(source, NAMES[cell])
        found[name] = made(case.inputs, case.units, batch_first=True, bidirectional=case.bidirectional)
    return found


def calls(case: Case, cell: str, mode: str) -> dict[str, Callable[[], Any]]:
    """One call of each candidate. The first two return their outputs and gradients, to be compared."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence

    from recurra._core.select import core
    from recurra.torch.kinds import KINDS
    from recurra.torch.weights import columns_of

    torch.manual_seed(1)
    mode_name = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "RNN_TANH"}[cell]
    kind, training = KINDS[mode_name], mode == "training"
    padded = torch.randn(case.batch, case.time, case.inputs)
    x: Any = padded
    if case.lengths is not None:
        x = pack_padded_sequence(padded, torch.tensor(case.lengths), batch_first=True, enforce_sorted=False)
    states = [torch.randn(case.directions, case.batch, case.units) for _ in range(2 if kind.has_c else 1)]
    if training:
        (x if case.lengths is None else x.data).requires_grad_()
        for state in states:
            state.requires_grad_()
    hx = tuple(states) if kind.has_c else states[0]
    found: dict[str, Callable[[], Any]] = {}
    both = modules(case, cell)
    with torch.no_grad():
        shape = both["torch"](x, hx)[0]
    dy = torch.randn((shape if case.lengths is None else shape.data).shape)

    def module_call(module: Any) -> Callable[[], Any]:
        leaves = [x if case.lengths is None else x.data, *states, *module.parameters()]

        def infer() -> Any:
            with torch.no_grad():
                y, _ = module(x, hx)
            return [y if case.lengths is None else y.data]

        def train() -> Any:
            y, _ = module(x, hx)
            y = y if case.lengths is None else y.data
            return [y, *torch.autograd.grad(y, leaves, dy)]

        return train if training else infer

    for name, module in both.items():
        found[name] = module_call(module)
    arrays = [state.detach().numpy() for state in states]
    numbers = padded.detach().numpy()
    upstream = np.resize(dy.numpy(), (case.batch, case.time, case.units))
    mask = None if case.lengths is None else np.arange(case.time) < np.array(case.lengths)[:, None]
    flat = list(both["torch"].parameters())
    columns = [columns_of(kind, flat[4 * d : 4 * d + 4]) for d in range(case.directions)]
    packed = [core.packed_weights_cache() for _ in columns]

    def kernel() -> None:
        for d, weights in enumerate(columns):
            *_, cache = core.recurrent_forward(
                kind.cell, numbers, [one[d] for one in arrays], weights, mask, None, None, None, kind.activation,
                "sigmoid", d == 1, True, mask is not None, training, None if training else packed[d], None, None,
            )  # fmt: skip
            if training:
                core.recurrent_backward(cache, upstream, [None] * len(arrays), True)

    found["kernel"] = kernel
    return found


def in_turns(candidates: dict[str, Callable[[], Any]], seconds: float) -> dict[str, float]:
    """Median seconds a call of each, in slices of a few calls, one candidate after the other."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    repeats = {}
    for name, call in candidates.items():
        call()
        start = time.perf_counter()
        call()
        repeats[name] = max(1, min(200, int(0.02 / (time.perf_counter() - start + 1e-7))))
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times["ours"]) < 3:
        for name, call in candidates.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            times[name].append((time.perf_counter() - start) / repeats[name])
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=list(CASES))
    parser.add_argument("--cells", nargs="+", default=list(NAMES), choices=list(NAMES))
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=MODES)
    parser.add_argument("--threads", nargs="+", type=int, default=list(THREADS))
    parser.add_argument("--seconds", type=float, default=2.0, help="for all candidates of a case together")
    parser.add_argument("--out", type=Path, default=Path("build/bench/modules"))
    options = parser.parse_args()
    import torch

    import recurra

    results = []
    print(f"{'case':34} {'torch':>9} {'ours':>9} {'kernel':>9} {'speed-up':>8} {'overhead':>9}")
    for threads in options.threads:
        torch.set_num_threads(threads)
        recurra.set_num_threads(threads)
        for cell in options.cells:
            for mode in options.modes:
                for case_name in options.cases:
                    candidates = calls(find(case_name), cell, mode)
                    for one, other in zip(candidates["ours"](), candidates["torch"](), strict=True):
                        largest = float(other.detach().abs().max()) or 1.0
                        worst = float((one - other).detach().abs().max()) / largest
                        if worst > 5e-4:
                            raise SystemExit(f"{case_name} {cell} {mode}: the answers differ by {worst:.1e}")
                    found = in_turns(candidates, options.seconds)
                    entry = {"case": case_name, "cell": cell, "mode": mode, "threads": threads}
                    results.append({**entry, "median_ms": {name: value * 1e3 for name, value in found.items()}})
                    theirs, ours, kernel = (found[name] for name in ("torch", "ours", "kernel"))
                    print(
                        f"{f'{case_name} {cell} {mode} {threads}':34} {theirs * 1e3:9.3f} {ours * 1e3:9.3f} "
                        f"{kernel * 1e3:9.3f} {theirs / ours:7.2f}x {(ours - kernel) * 1e6:6.0f} µs",
                        flush=True,
                    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "modules.json").write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
