"""ONNX Runtime on its CPU provider: bound buffers, denormals flushed, all optimizations. Inference and float32 only."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime

from bench.python.peers import Candidate, onnx_graph
from bench.python.problem import Answer, Problem

_threads = 1


def prepare(threads: int) -> None:
    global _threads
    _threads = threads


def versions() -> dict[str, str]:
    return {"onnxruntime": onnxruntime.__version__}


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
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    session = onnxruntime.InferenceSession(
        onnx_graph.make_graph(problem, time_major, sequence_lengths), options, providers=["CPUExecutionProvider"]
    )
    binding = session.io_binding()
    inputs: list[Any] = []
    for name, array in onnx_graph.make_feeds(problem, time_major, sequence_lengths).items():
        inputs.append(onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array)))
        binding.bind_ortvalue_input(name, inputs[-1])
    outputs: list[Any] = []
    for output in session.get_outputs():
        outputs.append(onnxruntime.OrtValue.ortvalue_from_shape_and_type(output.shape, np.float32))
        binding.bind_ortvalue_output(output.name, outputs[-1])

    def call() -> tuple[list[Any], list[Any]]:
        session.run_with_iobinding(binding)
        return outputs, inputs  # the binding knows addresses only; the values must live as long as the call

    def answer(result: tuple[list[Any], list[Any]]) -> Answer:
        return onnx_graph.read_answer(problem, time_major, [value.numpy().copy() for value in result[0]])

    return Candidate(setting, call, answer)
