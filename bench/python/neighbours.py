"""recurra beside other thread pools in one process: ``python -m bench.python.neighbours``.

After a call of PyTorch, ONNX Runtime or OpenBLAS its threads spin for a while on the cores that recurra's second thread
wants. Each case is timed alone, on one thread and on two, and on two right after a call of a neighbour, in turns:

    alone1  alone2      a process that holds recurra and numpy, no neighbour ever called
    beside2             the neighbour's call before every call of ours; only ours is timed
    ratio               beside2 / alone2; wanted: at most 1.15, and beside2 at most alone1

The bound: while a neighbour's thread spins on the second core for the whole call, ours has half of that core. Two
threads then have one core and a half, so that the ratio is at least 4/3 of a perfectly divided call; a call that runs
on one thread has alone1 / alone2. A process makes at least 15 calls, the first fifth left out: recurra needs some to
notice.

``RECURRA_OPENMP=0`` has recurra keep to its own threads also where a neighbour has OpenMP's. Neighbours that are not
installed are left out, and the table says so. Writes ``neighbours.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.cases import CASES, MODES, find
from bench.cells import CELLS, weight_shapes
from bench.python.session import ROOT

NEIGHBOURS = ("torch", "onnxruntime", "openblas")
WANTED = 1.15


def neighbour(name: str) -> Callable[[], Any]:
    """A call of a neighbour, some milliseconds on all its threads."""
    draw = np.random.default_rng(0)
    a = draw.normal(size=(512, 512)).astype(np.float32)
    if name == "torch":
        import torch

        x = torch.from_numpy(a)
        return lambda: torch.relu(x @ x).sum()
    if name == "onnxruntime":
        import onnx
        import onnxruntime

        shape = [512, 512]
        node = onnx.helper.make_node("MatMul", ["a", "a"], ["y"])
        values = [onnx.helper.make_tensor_value_info(one, onnx.TensorProto.FLOAT, shape) for one in ("a", "y")]
        graph = onnx.helper.make_graph([node], "product", values[:1], values[1:])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
        model.ir_version = 8
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return lambda: session.run(None, {"a": a})
    return lambda: a @ a


def ours(case_name: str, cell: str, mode: str) -> Callable[[], Any]:
    """One call of a layer: inference, or forward and backward."""
    from recurra._core.select import core

    case, draw = find(case_name), np.random.default_rng(1)
    kernel = CELLS[cell]
    x = draw.normal(size=(case.batch, case.time, case.inputs)).astype(np.float32)
    weights = [
        (draw.normal(size=shape) * case.units**-0.5).astype(np.float32) for shape in weight_shapes(case, cell).values()
    ]
    states = [None] * len(kernel.states)
    mask = None if case.lengths is None else np.arange(case.time) < np.array(case.lengths)[:, None]
    dy = draw.normal(size=(case.batch, case.time, case.units)).astype(np.float32)
    packed = core.packed_weights_cache()

    def call() -> None:
        training = mode == "training"
        *_, cache = core.recurrent_forward(
            kernel.name, x, states, weights, mask, None, None, None, "tanh", "sigmoid", False, True, False, training,
            None if training else packed, None, None,
        )  # fmt: skip
        if training:
            core.recurrent_backward(cache, dy, states, True)

    return call


def measure(case: str, cell: str, mode: str, beside: str | None, threads: int, seconds: float) -> list[float]:
    """Seconds of our calls, each right after one of the neighbour's, if there is one."""
    import recurra

    other = neighbour(beside) if beside else None  # before our first call, as a program imports it
    recurra.set_num_threads(threads)
    call = ours(case, cell, mode)
    found: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(found) < 15:
        if other:
            other()
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return found[len(found) // 5 :]


def in_a_process(*arguments: Any) -> list[float] | str:
    """`measure` in a fresh process; the last line of its error where it fails."""
    command = [sys.executable, "-m", "bench.python.neighbours", "--measure", json.dumps(arguments)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=os.environ, check=False)
    if result.returncode:
        return (result.stderr.strip().splitlines() or ["no message"])[-1]
    found: list[float] = json.loads(result.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=list(CASES), help="names of bench/cases.py")
    parser.add_argument("--cells", nargs="+", default=["lstm"], choices=list(CELLS))
    parser.add_argument("--modes", nargs="+", default=list(MODES), choices=MODES)
    parser.add_argument("--neighbours", nargs="+", default=list(NEIGHBOURS), choices=NEIGHBOURS)
    parser.add_argument("--seconds", type=float, default=1.5, help="for each figure")
    parser.add_argument("--rounds", type=int, default=3, help="all figures of a case in turns, so often")
    parser.add_argument("--out", type=Path, default=Path("build/bench/neighbours"))
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(*json.loads(options.measure))))
        return
    results, worst = [], 0.0
    print(f"{'case':28} {'neighbour':12} {'alone1':>8} {'alone2':>8} {'beside2':>8} {'ratio':>6}  (ms, medians)")
    for case in options.cases:
        for cell in options.cells:
            for mode in options.modes:
                settings = {"alone1": (None, 1), "alone2": (None, 2)} | {n: (n, 2) for n in options.neighbours}
                times: dict[str, list[float]] = {name: [] for name in settings}
                for _ in range(options.rounds):
                    for name, (beside, threads) in settings.items():
                        found = in_a_process(case, cell, mode, beside, threads, options.seconds / options.rounds)
                        if isinstance(found, str):
                            print(f"{case:28} {name:12} left out: {found}")
                        else:
                            times[name] += found
                medians = {name: statistics.median(t) * 1e3 for name, t in times.items() if t}
                results.append({"case": case, "cell": cell, "mode": mode, "median_ms": medians})
                for name in options.neighbours:
                    if name not in medians:
                        continue
                    one, two, beside_ms = medians["alone1"], medians["alone2"], medians[name]
                    ratio = beside_ms / min(one, two)
                    worst = max(worst, ratio)
                    flag = " <" if ratio > WANTED or beside_ms > one else ""
                    label = f"{case} {cell} {mode[:5]}"
                    print(f"{label:28} {name:12} {one:8.3f} {two:8.3f} {beside_ms:8.3f} {ratio:6.2f}{flag}", flush=True)
    print(f"worst ratio {worst:.2f}, wanted {WANTED}")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "neighbours.json").write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
