"""The ONNX graph that ONNX Runtime and OpenVINO run: a recurrent node, time-major or batch-major through transposes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bench.python import gates
from bench.python.problem import Answer, Array, Problem

OPERATOR = {"lstm": "LSTM", "gru": "GRU", "gru_reset_before": "GRU", "simple_rnn": "RNN"}


def make_graph(problem: Problem, time_major: bool, sequence_lengths: bool) -> bytes:
    """The model's bytes. Inputs x, h0, c0 (LSTM), lengths (int32, on request); outputs y, h, c (LSTM).

    y is (B, T, D*H), or (T, D, B, H) when time-major, which is the operator's own layout.
    """
    case = problem.case
    dtype = TensorProto.FLOAT if problem.dtype == "float32" else TensorProto.DOUBLE
    lstm = problem.c0 is not None
    stacked = [gates.to_onnx(problem.cell, weights) for weights in problem.weights]
    initializers = [
        numpy_helper.from_array(np.stack(arrays), name)
        for name, arrays in zip("WRB", zip(*stacked, strict=True), strict=True)
    ]
    attributes: dict[str, Any] = {"hidden_size": case.units}
    if case.bidirectional:
        attributes["direction"] = "bidirectional"
    if problem.cell.name.startswith("gru"):
        attributes["linear_before_reset"] = int(problem.cell.biases == 2)
    nodes = []
    if not time_major:
        nodes.append(helper.make_node("Transpose", ["x"], ["x_time"], perm=[1, 0, 2]))
    nodes.append(
        helper.make_node(
            OPERATOR[problem.cell.name],
            [
                "x" if time_major else "x_time",
                *"WRB",
                "lengths" if sequence_lengths else "",
                "h0",
                *(["c0"] if lstm else []),
            ],
            ["y" if time_major else "y_time", "h", *(["c"] if lstm else [])],
            **attributes,
        )
    )
    if not time_major:  # (T, D, B, H) -> (B, T, D, H) -> (B, T, D*H)
        nodes.append(helper.make_node("Transpose", ["y_time"], ["y_batch"], perm=[2, 0, 1, 3]))
        initializers.append(numpy_helper.from_array(np.array([0, 0, -1], np.int64), "shape"))
        nodes.append(helper.make_node("Reshape", ["y_batch", "shape"], ["y"]))
    x_shape = [case.time, case.batch] if time_major else [case.batch, case.time]
    y_shape = [case.time, case.directions, case.batch, case.units]
    if not time_major:
        y_shape = [case.batch, case.time, case.directions * case.units]
    state_shape = [case.directions, case.batch, case.units]
    info = helper.make_tensor_value_info
    inputs = [info("x", dtype, [*x_shape, case.inputs]), info("h0", dtype, state_shape)]
    outputs = [info("y", dtype, y_shape), info("h", dtype, state_shape)]
    if lstm:
        inputs.append(info("c0", dtype, state_shape))
        outputs.append(info("c", dtype, state_shape))
    if sequence_lengths:
        inputs.append(info("lengths", TensorProto.INT32, [case.batch]))
    graph = helper.make_graph(nodes, "bench", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def make_feeds(problem: Problem, time_major: bool, sequence_lengths: bool) -> dict[str, Array]:
    """The graph's inputs by name, contiguous."""
    x = np.ascontiguousarray(problem.x.swapaxes(0, 1)) if time_major else problem.x
    feeds = {"x": x, "h0": problem.h0}
    if problem.c0 is not None:
        feeds["c0"] = problem.c0
    if sequence_lengths:
        feeds["lengths"] = problem.lengths
    return feeds


def read_answer(problem: Problem, time_major: bool, outputs: list[Array]) -> Answer:
    """Name the outputs y, h and (LSTM) c; y becomes (B, T, D*H)."""
    y = outputs[0]
    if time_major:
        y = y.transpose(2, 0, 1, 3).reshape(problem.case.batch, problem.case.time, -1)
    return dict(zip(("y", "h", "c"), [y, *outputs[1:]], strict=False))
