"""A process that generates text in one library: ``python -m bench.python.generation_worker CANDIDATE THREADS``."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, NamedTuple

import numpy as np

from bench.python.load import Meter, pick_cpus
from bench.python.serve import serve

# Candidate -> what must be importable, and its title.
CANDIDATES: dict[str, tuple[tuple[str, ...], str]] = {
    "recurra": (("recurra",), "recurra"),
    "recurra-steps": (("recurra",), "recurra, one call of each layer for each token"),
    "onnxruntime": (("onnxruntime", "onnx"), "ONNX Runtime, stepped from Python"),
}
TEMPERATURE = 0.8


class Size(NamedTuple):
    """Embedding(V, E), LSTM(H), Dense(V)."""

    embedding: int
    units: int
    prompts: int = 1
    vocabulary: int = 65

    def weights(self) -> list[np.ndarray[Any, Any]]:
        """The table, kernel, recurrent kernel, bias (gates i f c o), the scores' kernel and bias."""
        draw = np.random.default_rng(0)
        V, E, H = self.vocabulary, self.embedding, self.units
        shapes = [(V, E), (E, 4 * H), (H, 4 * H), (4 * H,), (H, V), (V,)]
        scales = [1.0, E**-0.5, H**-0.5, 0.1, 4 * H**-0.5, 0.1]
        pairs = zip(shapes, scales, strict=True)
        return [(scale * draw.standard_normal(shape)).astype(np.float32) for shape, scale in pairs]


SIZES = {
    "256 -> LSTM 1024": Size(256, 1024),
    "64 -> LSTM 256": Size(64, 256),
    "64 -> LSTM 256, 32 prompts": Size(64, 256, 32),
}


class Ours:
    def __init__(self, size: Size, threads: int, compiled: bool) -> None:
        import recurra
        from recurra.generation import Sampler, Stepper, generate
        from recurra.layers import LSTM, Dense, Embedding
        from recurra.models import Sequential

        recurra.set_num_threads(threads)
        model = Sequential(
            [
                Embedding(size.vocabulary, size.embedding),
                LSTM(size.units, return_sequences=True),
                Dense(size.vocabulary),
            ]
        )
        model(np.zeros((1, 1), np.int32))
        model.set_weights(size.weights())
        self._steps, self._generate, self._sampler = Stepper(model, compiled=compiled), generate, Sampler

    def tokens(self, prompt: np.ndarray[Any, Any], length: int, temperature: float) -> np.ndarray[Any, Any]:
        sampler = self._sampler(temperature, seed=1)
        return self._generate(self._steps, prompt, length=length, sampler=sampler)


class OnnxRuntime:
    def __init__(self, size: Size, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(_graph(size), options, providers=["CPUExecutionProvider"])
        self._zeros = np.zeros((1, size.prompts, size.units), np.float32)
        self._draw = np.random.default_rng(1)

    def tokens(self, prompt: np.ndarray[Any, Any], length: int, temperature: float) -> np.ndarray[Any, Any]:
        h = c = self._zeros
        made, token = [], prompt[:, -1].astype(np.int64)
        for _ in range(length):
            scores, h, c = self._session.run(None, {"ids": token[None], "h0": h, "c0": c})
            if temperature == 0:
                token = scores.argmax(axis=1)
            else:
                weights = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature).cumsum(axis=1)
                goal = self._draw.random((len(weights), 1)) * weights[:, -1:]
                token = (weights > goal).argmax(axis=1)
            made.append(token)
        return np.stack(made, axis=1)


def _graph(size: Size) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    from bench.cells import CELLS
    from bench.python import gates
    from bench.python.problem import Weights

    table, *lstm, kernel, bias = size.weights()
    W, R, B = gates.to_onnx(CELLS["lstm"], Weights(*lstm))
    arrays = {"table": table, "W": W[None], "R": R[None], "B": B[None], "kernel": kernel, "bias": bias}
    arrays["shape"] = np.array([size.prompts, size.units], np.int64)
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["x"]),
        helper.make_node("LSTM", ["x", "W", "R", "B", "", "h0", "c0"], ["y", "h", "c"], hidden_size=size.units),
        helper.make_node("Reshape", ["h", "shape"], ["rows"]),
        helper.make_node("Gemm", ["rows", "kernel", "bias"], ["scores"]),
    ]
    state = [1, size.prompts, size.units]
    inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, size.prompts])]
    inputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, state) for name in ("h0", "c0")]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [size.prompts, size.vocabulary])]
    outputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, state) for name in ("h", "c")]
    initializers = [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "step", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


class GenerationWorker:
    def __init__(self, candidate: str, threads: int) -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, pick_cpus(threads))
        self.candidate, self.threads = candidate, threads
        self.model: Any = None

    def prepare(self, size: str) -> dict[str, Any]:
        """Make the model; the first tokens that it takes greedily, for a comparison."""
        what = SIZES[size]
        if self.candidate == "onnxruntime":
            self.model = OnnxRuntime(what, self.threads)
        else:
            self.model = Ours(what, self.threads, self.candidate == "recurra")
        self.prompt = np.arange(what.prompts)[:, None] % what.vocabulary
        return {"tokens": self.model.tokens(self.prompt, 40, 0.0).tolist()}

    def measure(self, seconds: float) -> dict[str, Any]:
        """Tokens a second, over all prompts, in about so many seconds, and how busy others kept the processor."""
        length = 16
        while True:
            meter = Meter()
            start = time.perf_counter()
            self.model.tokens(self.prompt, length, TEMPERATURE)
            took = time.perf_counter() - start
            if took > seconds / 2:
                return {"tokens_per_second": length * len(self.prompt) / took, "load": meter.read().as_dict()}
            length = max(2 * length, int(length * seconds / max(took, 1e-6) * 0.9))


def main() -> int:
    candidate, threads = sys.argv[1], int(sys.argv[2])
    return serve(lambda: GenerationWorker(candidate, threads))


if __name__ == "__main__":
    sys.exit(main())
