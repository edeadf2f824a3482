"""OpenVINO's CPU plugin on the same ONNX graph: f32, latency hint, one stream, denormals flushed. Inference only."""

from __future__ import annotations

from typing import Any

import openvino

from bench.python.peers import Candidate, onnx_graph
from bench.python.problem import Answer, Problem

_core: Any = None
_threads = 1


def prepare(threads: int) -> None:
    global _core, _threads
    _core, _threads = openvino.Core(), threads


def versions() -> dict[str, str]:
    return {"openvino": openvino.__version__}


def candidates(problem: Problem) -> list[Candidate]:
    if problem.training or problem.dtype != "float32" or problem.cell.name not in onnx_graph.OPERATOR:
        return []
    ragged = problem.mask is not None
    found = []
    for time_major in (False, True):
        for sequence_lengths in (False, True) if ragged else (False,):
            name = "time-major" if time_major else "batch-major"
            if ragged:
                name += ", sequence_lens" if sequence_lengths else ", padded"
            found.append(_candidate(problem, name, time_major, sequence_lengths))
    return found


def _candidate(problem: Problem, setting: str, time_major: bool, sequence_lengths: bool) -> Candidate:
    model = _core.read_model(onnx_graph.make_graph(problem, time_major, sequence_lengths))
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": "1",
        "INFERENCE_NUM_THREADS": str(_threads),
        "INFERENCE_PRECISION_HINT": "f32",
        "CPU_DENORMALS_OPTIMIZATION": "YES",
    }
    request = _core.compile_model(model, "CPU", options).create_infer_request()
    feeds = onnx_graph.make_feeds(problem, time_major, sequence_lengths)
    for name, array in feeds.items():
        request.set_tensor(name, openvino.Tensor(array, shared_memory=True))

    def call() -> Any:
        request.start_async()
        request.wait()
        return request, feeds  # the tensors share the feeds' memory, which must live as long as the call

    def answer(result: Any) -> Answer:
        names = ["y", "h"] + (["c"] if problem.c0 is not None else [])
        return onnx_graph.read_answer(problem, time_major, [result[0].get_tensor(name).data.copy() for name in names])

    return Candidate(setting, call, answer)
