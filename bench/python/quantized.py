"""8-bit weights: an LSTM in recurra beside float32 and beside the 8-bit forms of PyTorch and ONNX Runtime.

    python -m bench.python.quantized [--threads 1] [--isa v3] [--no-vnni] [--sizes 32x30x256 ...]

Peers: torch.ao.quantization.quantize_dynamic, and the operator DynamicQuantizeLSTM. Each candidate runs in a process
of its own on the same weights and inputs, (B, T, I) with I = H; what is not installed is left out. Answers come first:
each final h is compared with recurra's in float32, and the largest gap is printed beside the time; a candidate that is
off by more than 0.1 is not timed. Candidates take turns; a time is the least of all rounds. The last lines are tokens a
second of a character model that writes text, float32 and 8-bit. --isa and --no-vnni hold recurra to instructions; the
peers take what they find.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Run = Callable[[], Array]

SIZES = ("32x30x128", "32x30x256", "64x20x512", "32x10x1024", "1x50x256", "1x20x1024")
GENERATION = (256, 1024)  # units of a model with 65 characters
PACKAGES = {
    "recurra float32": (),
    "recurra int8": (),
    "torch float32": ("torch",),
    "torch int8": ("torch",),
    "onnxruntime float32": ("onnx", "onnxruntime"),
    "onnxruntime int8": ("onnx", "onnxruntime"),
}
FIRST = "recurra float32"


def arrays(size: str) -> tuple[Array, Array, Array, Array]:
    """x (B, T, H), kernel, recurrent kernel, bias."""
    batch, steps, units = map(int, size.split("x"))
    random = np.random.default_rng(units)
    scale = units**-0.5
    x = random.normal(0, 0.5, (batch, steps, units)).astype("float32")
    kernel, recurrent = (random.normal(0, scale, (units, 4 * units)).astype("float32") for _ in range(2))
    return x, kernel, recurrent, random.normal(0, 0.3, 4 * units).astype("float32")


def recurra_run(size: str, threads: int, quantized: bool) -> Run:
    import recurra
    from recurra.layers import LSTM

    recurra.set_num_threads(threads)
    x, *weights = arrays(size)
    layer = LSTM(weights[0].shape[1] // 4)
    layer.build(x.shape)
    layer.set_weights(weights)
    if quantized:
        layer.quantize("int8")
    return lambda: np.asarray(layer(x))


def torch_run(size: str, threads: int, quantized: bool) -> Run:
    import torch

    torch.set_num_threads(threads)
    x, kernel, recurrent, bias = arrays(size)
    units = len(recurrent)
    layer = torch.nn.LSTM(units, units, batch_first=True)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.tensor(kernel.T.copy()))  # gates i f g o, as in Keras
        layer.weight_hh_l0.copy_(torch.tensor(recurrent.T.copy()))
        layer.bias_ih_l0.copy_(torch.tensor(bias))
        layer.bias_hh_l0.zero_()
    model: Any = layer
    if quantized:
        model = torch.ao.quantization.quantize_dynamic(torch.nn.Sequential(layer), {torch.nn.LSTM}, torch.qint8)
    inputs = torch.tensor(x)

    def run() -> Array:
        with torch.no_grad():
            return np.asarray(model(inputs)[1][0][0].numpy())

    return run


def onnxruntime_run(size: str, threads: int, quantized: bool) -> Run:
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime.quantization import quantize_dynamic

    x, kernel, recurrent, bias = arrays(size)
    batch, steps, units = x.shape

    def rows(matrix: Array) -> Array:
        """Gates i o f c in rows, with an axis of directions."""
        i, f, c, o = np.split(matrix.T, 4)
        return np.ascontiguousarray(np.concatenate([i, o, f, c])[None])

    stored = {
        "W": rows(kernel),
        "R": rows(recurrent),
        "B": np.append(rows(bias), np.zeros((1, 4 * units), "f4"), axis=1),
    }
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("LSTM", ["x", "W", "R", "B"], ["", "h"], hidden_size=units)],
        "bench",
        [info("x", TensorProto.FLOAT, [steps, batch, units])],
        [info("h", TensorProto.FLOAT, [1, batch, units])],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lstm.onnx"
        onnx.save(model, path)
        if quantized:
            small = Path(folder) / "int8.onnx"
            quantize_dynamic(path, small, op_types_to_quantize=["LSTM"], per_channel=True)
            assert any(node.op_type == "DynamicQuantizeLSTM" for node in onnx.load(small).graph.node)
            path = small
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = {"x": np.ascontiguousarray(x.swapaxes(0, 1))}  # time-major is the operator's own layout
    return lambda: np.asarray(session.run(["h"], feed)[0][0])


RUNS = {"recurra": recurra_run, "torch": torch_run, "onnxruntime": onnxruntime_run}


def tokens_per_second(units: int, threads: int, quantized: bool, tokens: int = 300) -> float:
    """Of a model Embedding(65, 64), LSTM, Dense(65) that continues one text."""
    import recurra
    from recurra.generation import Sampler, generate
    from recurra.layers import LSTM, Dense, Embedding, Input
    from recurra.models import Sequential

    recurra.set_num_threads(threads)
    model = Sequential([Input((None,)), Embedding(65, 64), LSTM(units, return_sequences=True), Dense(65)])
    if quantized:
        model.quantize("int8")
    prompt = np.array([1, 2, 3], np.int32)
    best = 0.0
    for _ in range(5):
        start = time.perf_counter()
        generate(model, prompt, length=tokens, sampler=Sampler(seed=1))
        best = max(best, tokens / (time.perf_counter() - start))
    return best


def work(name: str, threads: int) -> None:
    """Answer requests from standard input, one a line: a size to prepare, "time" for milliseconds, or "write UNITS"."""
    family, kind = name.split()
    run: Run | None = None
    for line in sys.stdin:
        request = line.strip()
        if request.startswith("write"):
            answer: Any = tokens_per_second(int(request.split()[1]), threads, kind == "int8")
        elif request == "time":
            assert run is not None
            start = time.perf_counter()
            run()
            answer = 1e3 * (time.perf_counter() - start)
        else:
            run = RUNS[family](request, threads, kind == "int8")
            run()
            answer = run().tolist()
        print(json.dumps(answer), flush=True)


class Worker:
    """A candidate's process."""

    def __init__(self, name: str, chosen: argparse.Namespace) -> None:
        command = [sys.executable, "-m", "bench.python.quantized", "--worker", name, "--threads", str(chosen.threads)]
        environment = dict(os.environ, OMP_NUM_THREADS=str(chosen.threads))
        if chosen.isa:
            environment["RECURRA_ISA"] = chosen.isa
        if chosen.no_vnni:
            environment["RECURRA_VNNI"] = "0"
        self.name = name
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def ask(self, request: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(request + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended while it worked on {request!r}")
        return json.loads(line)

    def close(self) -> None:
        self._process.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), metavar="BxTxH")
    parser.add_argument("--isa", help="hold recurra to this instruction set")
    parser.add_argument("--no-vnni", action="store_true", help="hold recurra to the variant's own instructions")
    parser.add_argument("--worker", choices=PACKAGES, help="used by the bench itself")
    chosen = parser.parse_args()
    if chosen.worker:
        work(chosen.worker, chosen.threads)
        return
    present = [name for name, needs in PACKAGES.items() if all(map(importlib.util.find_spec, needs))]
    workers = [Worker(name, chosen) for name in present]
    try:
        for size in chosen.sizes:
            measure(size, workers, chosen.rounds)
        for units in GENERATION:
            speeds = [worker.ask(f"write {units}") for worker in workers[:2]]
            print(
                f"generation, {units} units: {speeds[0]:,.0f}, {speeds[1]:,.0f} tokens/s: {speeds[1] / speeds[0]:.2f}×"
            )
    finally:
        for worker in workers:
            worker.close()


def measure(size: str, workers: list[Worker], rounds: int) -> None:
    """Print a line for each candidate: its time, how many times recurra's int8 is faster, its largest gap."""
    answers = {worker.name: np.array(worker.ask(size)) for worker in workers}
    gaps = {name: float(np.abs(answer - answers[FIRST]).max()) for name, answer in answers.items()}
    live = [worker for worker in workers if gaps[worker.name] < 0.1]
    times = {worker.name: [] for worker in live}  # type: dict[str, list[float]]
    for _ in range(rounds):
        for worker in live:
            times[worker.name].append(worker.ask("time"))
    own = min(times["recurra int8"])
    for name, gap in gaps.items():
        least = min(times[name]) if name in times else float("nan")
        print(f"{size:12} {name:20} {least:9.2f} ms   {least / own:6.2f}× ours   gap {gap:.4f}", flush=True)


if __name__ == "__main__":
    main()
