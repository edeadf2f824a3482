"""Every array argument of every kernel, laid out in memory in every way that numpy knows.

The answer is that of the contiguous copy, bit for bit. An array that a kernel writes into may be refused instead, and
so may foreign byte order: with one error that names the argument. The functions and their array arguments are read
off ``kernels.pyi``, so a new one without a call here fails.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import recurra._core
from recurra._core.cells import CELLS as CELL_TABLE
from tests.support.array_forms import forms
from tests.support.recurrent_cases import CELLS, Case, backward, forward, h_size, make_inputs

Array = np.ndarray[Any, Any]


# --- the calls --------------------------------------------------------------------------------------------------------


@dataclass
class Call:
    """A call of `function`: run(core, arrays) with its array arguments by name; "params[1]" is an entry of a list."""

    function: str
    arrays: dict[str, Array]
    run: Callable[[ModuleType, dict[str, Array]], Any]
    written: frozenset[str] = frozenset()
    label: str = ""

    def __str__(self) -> str:
        return f"{self.function}{'-' if self.label else ''}{self.label}"


def recurrent_calls(dtype: str) -> Iterator[Call]:
    options: list[dict[str, Any]] = [
        {"sizes": (3, 2, 4, 5)},  # few rows and steps: weights are not packed
        {"sizes": (7, 12, 6, 21), "mask": "holes", "input_dropout": "gates", "recurrent_dropout": "shared"},
        {"sizes": (12, 9, 3, 8), "input_dropout": "shared", "recurrent_dropout": "gates", "reverse": True},
        {"sizes": (7, 6, 5, 9), "embeddings": True, "mask": "left"},
        {"sizes": (5, 7, 3, 10), "return_sequences": False},
        {"sizes": (3, 5, 2, 9), "zoneout": "units"},
    ]
    for cell in CELLS:
        yield from row_calls(cell, dtype)
        if cell in ("lstm", "gru", "simple_rnn", "cifg_lstm"):
            yield recurrent_backward_step(Case(cell, dtype, (3, 1, 4, 5), gradients="state"))
        for number, option in enumerate(options):
            yield from (
                make(Case(cell, dtype, seed=number, **option)) for make in (recurrent_forward, recurrent_backward)
            )


def recurrent_forward(case: Case) -> Call:
    everything = make_inputs(case).arrays
    given = {key: value for key, value in everything.items() if value is not None}
    B, T, _, _ = case.sizes
    H = h_size(case)
    given["out"] = np.zeros((B, T, H) if case.return_sequences else (B, H), case.dtype)

    def run(core: ModuleType, arrays: dict[str, Array]) -> Any:
        inputs = {key: arrays.get(key) for key in everything}
        return forward(core, case, inputs, training=False, out=arrays["out"])[:-1]

    return Call("recurrent_forward", given, run, frozenset({"out"}), str(case))


def recurrent_backward(case: Case) -> Call:
    inputs = make_inputs(case)
    given = {key: value for key, value in inputs.upstream.items() if value is not None}

    def run(core: ModuleType, arrays: dict[str, Array]) -> Any:
        *_, cache = forward(core, case, inputs.arrays)
        return backward(core, case, cache, arrays)

    return Call("recurrent_backward", given, run, label=str(case))


def recurrent_backward_step(case: Case) -> Call:
    inputs = make_inputs(case)
    given = {key: value for key, value in inputs.upstream.items() if value is not None}

    def run(core: ModuleType, arrays: dict[str, Array]) -> Any:
        *_, cache = forward(core, case, inputs.arrays)
        *found, step = core.recurrent_backward_step(cache, list(arrays.values()), True)
        return [*found, core.recurrent_sum_steps([step], False, None)]

    return Call("recurrent_backward_step", given, run, label=str(case))


def row_calls(cell: str, dtype: str) -> Iterator[Call]:
    """x time-major (T, B, I), and sequences listed without padding (N, I)."""
    case, kind, lengths = Case(cell, dtype, (3, 4, 5, 6)), CELL_TABLE[cell], np.array([4, 1, 3])
    given = {key: value for key, value in make_inputs(case).arrays.items() if value is not None}
    x = given.pop("x")

    def run(core: ModuleType, a: dict[str, Array]) -> Any:
        states, weights = ([a[f"{state}0"] for state in kind.states], [a[name] for name in kind.weights])
        return core.recurrent_forward_rows(
            cell, a["x"], states, weights, a.get("lengths"), a.get("rows"), "tanh", "sigmoid", False, False, None,
            a["out"],
        )[:-1]  # fmt: skip

    time_major, listed = x.swapaxes(0, 1).copy(), np.concatenate([x[b, :n] for b, n in enumerate(lengths)])
    places = {"lengths": lengths, "rows": np.random.default_rng(1).permutation(len(listed))}
    for label, own in (("time-major", {"x": time_major}), ("listed", {"x": listed, **places})):
        out = np.zeros((*own["x"].shape[:-1], h_size(case)), dtype)
        yield Call("recurrent_forward_rows", {**own, **given, "out": out}, run, frozenset({"out"}), f"{cell}-{label}")


def other_calls(dtype: str) -> Iterator[Call]:
    rng = np.random.default_rng(7)

    def normal(*shape: int) -> Array:
        return rng.normal(size=shape).astype(dtype)

    def ids(limit: int, *shape: int) -> Array:
        return rng.integers(0, limit, shape).astype(np.int32)

    def plain(function: str, arrays: dict[str, Array], *rest: Any, label: str = "", first: Any = ()) -> Call:
        return Call(function, arrays, lambda core, a: getattr(core, function)(*first, *a.values(), *rest), label=label)

    matrices = {"a": normal(7, 5), "b": normal(5, 9), "bias": normal(9)}
    yield plain("matmul", matrices, False, False)
    yield plain("matmul", {"a": normal(5, 7), "b": normal(9, 5), "bias": normal(9)}, True, True, label="transposed")
    yield plain("matmul", {"a": normal(3, 7, 5), "b": normal(3, 5, 9), "bias": normal(9)}, False, False, label="stack")
    added = {"a": normal(7, 5), "b": normal(9, 5), "out": normal(7, 9)}
    add = lambda core, a: core.matmul_add(a["a"], a["b"], False, True, a["out"])  # noqa: E731
    yield Call("matmul_add", added, add, frozenset({"out"}))
    quantized = {"a": normal(7, 5), "weights[0]": rng.integers(-127, 128, (5, 9)).astype(np.int8)}
    quantized |= {"weights[1]": rng.uniform(20, 40, 9).astype(dtype), "bias": normal(9)}
    int8 = lambda core, a: core.int8_matmul(a["a"], (a["weights[0]"], a["weights[1]"]), a["bias"], None)  # noqa: E731
    yield Call("int8_matmul", quantized, int8)
    yield plain("activation_forward", {"x": normal(3, 4, 5)}, first=("tanh",))
    yield plain("activation_backward", {"y": normal(3, 4, 5), "dy": normal(3, 4, 5)}, first=("sigmoid",))
    yield plain("softmax_forward", {"x": normal(3, 4, 5)})
    yield plain("softmax_backward", {"y": normal(3, 4, 5), "dy": normal(3, 4, 5)})
    yield plain("softmax_cross_entropy_forward", {"logits": normal(6, 5), "labels": ids(5, 6)})
    yield plain(
        "softmax_cross_entropy_backward",
        {"logits": normal(6, 5), "labels": ids(5, 6), "lse": normal(6), "dloss": normal(6)},
    )
    yield plain("embedding_forward", {"table": normal(11, 5), "ids": ids(11, 3, 4)})
    yield plain("embedding_backward", {"ids": ids(11, 3, 4), "dy": normal(3, 4, 5)})
    yield plain("sample", {"logits": normal(6, 5)}, 0.7, 3, 5, 8)
    texts = (["a b", "c d a"], " ", ["a", "b", "c"])
    yield Call("tokenize_encode", {"ids": ids(9, 3)}, lambda core, a: core.tokenize_encode(*texts, a["ids"], 4))
    rows = {"input_rows": normal(16, 3), "recurrent_rows": normal(16, 4)}
    rows.update(input_bias=normal(16), recurrent_bias=normal(16))
    yield plain("gate_rows_to_columns", rows, False, first=(4, False))
    columns = {"kernel": normal(3, 12), "recurrent_kernel": normal(4, 12), "bias": normal(2, 12)}
    yield plain("columns_to_gate_rows", columns, first=(3, True))
    both = {"arrays[0]": normal(3, 4), "arrays[1]": normal(7)}
    yield Call("checksum", both, lambda core, a: core.checksum(list(a.values())), frozenset(both))  # copies nothing
    yield from generation_calls(normal, ids)
    yield from optimizer_calls(normal)


def generation_calls(normal: Callable[..., Array], ids: Callable[..., Array]) -> Iterator[Call]:
    weights = {
        "weights[0][0]": normal(3, 16), "weights[0][1]": normal(4, 16), "weights[0][2]": normal(16),
        "weights[1][0]": normal(4, 6), "weights[1][1]": normal(6),
    }  # fmt: skip
    network = {"embeddings": normal(6, 3), **weights}
    names = [("tanh", "sigmoid"), ("linear", "sigmoid")]
    rows = {"prompt": ids(6, 2, 3), "states[0][0]": normal(2, 4), "states[0][1]": normal(2, 4)}
    marks = {"ended": np.array([False, True]), "seen": ids(2, 2, 6).astype(bool)}
    chosen = {"banned": np.array([1, 4], np.int32), "end_ids": np.array([0, 2], np.int32)}

    def model(core: ModuleType, a: dict[str, Array]) -> Any:
        given = [[a[f"weights[{n}][{k}]"] for k in range(3 - n)] for n in range(2)]
        return core.generation_model(a["embeddings"], ["lstm", "dense"], given, names, False, [None, None])

    def states(a: dict[str, Array]) -> Any:
        return [(a["states[0][0]"], a["states[0][1]"])]

    def generate(core: ModuleType, a: dict[str, Array]) -> Any:
        options = (5, 0.7, 3, 0.9, 1.3, a["banned"], a["end_ids"], 5, 8)
        return core.generate(model(core, {**network, **a}), a["prompt"], states(a), a["ended"], a["seen"], *options)

    def of_model(core: ModuleType, a: dict[str, Array]) -> Any:
        return generate(core, {**rows, **marks, **chosen, **a})

    def beams(core: ModuleType, a: dict[str, Array]) -> Any:
        return core.beam_search(model(core, network), a["prompt"], states(a), 4, 2, 1.0, a["end_ids"], a["banned"])

    yield Call("generation_model", network, of_model)
    yield Call("generate", {**rows, **marks, **chosen}, generate)
    one = {"prompt": ids(6, 3), "states[0][0]": normal(1, 4), "states[0][1]": normal(1, 4)}
    yield Call("beam_search", {**one, "end_ids": chosen["end_ids"], "banned": chosen["banned"]}, beams)


def optimizer_calls(normal: Callable[..., Array]) -> Iterator[Call]:
    shapes = [(3, 5), (2, 4, 3), (7,)]

    def lists(*names: str) -> dict[str, Array]:
        return {f"{name}[{k}]": np.abs(normal(*shape)) for name in names for k, shape in enumerate(shapes)}

    def updates(function: str, states: tuple[str, ...], *rest: Any) -> Call:
        def run(core: ModuleType, a: dict[str, Array]) -> Any:
            given = [[a[f"{name}[{k}]"] for k in range(3)] for name in ("params", "grads", *states)]
            return getattr(core, function)(*given, *rest)

        arrays = lists("params", "grads", *states)
        arrays.update({name: 0.1 * array for name, array in arrays.items() if name.startswith("means")})  # v > means²
        arrays.update({name: 1 + array for name, array in arrays.items() if name.startswith("v[")})
        return Call(function, arrays, run, frozenset(arrays) - frozenset(f"grads[{k}]" for k in range(3)))

    scale = [1.0, 0.5, 2.0]
    yield Call("grad_norm", lists("grads"), lambda core, a: core.grad_norm(list(a.values())))
    yield updates("sgd_update", ("moments",), 0.1, 0.9, True, 0.01, scale, 0.5)
    yield updates("rmsprop_update", ("v", "moments", "means"), 0.1, 0.9, 0.5, 1e-7, 0.01, scale, 0.5)
    yield updates("adam_update", ("m", "v", "vmax"), 0.1, 0.9, 0.99, 1e-7, 3, 0.01, scale, 0.5)

    def rows(function: str, states: tuple[str, ...], *rest: Any, last_step: bool = False) -> Call:
        arrays: dict[str, Array] = {"param": normal(9, 5), "ids": np.array([1, 4, 6], np.int32), "rows": normal(3, 5)}
        arrays.update({name: np.abs(normal(9, 5)) for name in states})
        if last_step:
            arrays["last_step"] = np.arange(9) % 3
        run = lambda core, a: getattr(core, function)(*a.values(), *rest)  # noqa: E731
        return Call(function, arrays, run, frozenset(arrays) - {"ids", "rows"})

    yield rows("sgd_update_rows", (), 0.1, 0.5, 0.4)
    yield rows("rmsprop_update_rows", ("v",), 4, 0.1, 0.9, 1e-7, 0.5, 0.4, last_step=True)
    yield rows("adam_update_rows", ("m", "v", "vmax"), 0.1, 0.9, 0.99, 1e-7, 3, 0.01, 0.5, 0.4)
    yield rows("adagrad_update_rows", ("acc",), 0.1, 1e-7, 0.5, 0.4)


@cache
def calls(dtype: str) -> list[Call]:
    """Made once for all tests, which must not write into their arrays."""
    return [*recurrent_calls(dtype), *other_calls(dtype)]


# --- the tests --------------------------------------------------------------------------------------------------------


def array_arguments() -> dict[str, set[str]]:
    """From kernels.pyi: the names of the arguments that are arrays or lists of arrays, by function."""
    tree = ast.parse((Path(recurra._core.__path__[0]) / "kernels.pyi").read_text())
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            typed = {argument.arg: ast.unparse(argument.annotation or node) for argument in node.args.args}
            found[node.name] = {
                name for name, text in typed.items() if re.search(r"\b(Array|Ids|NDArray|Int8Weights)\b", text)
            }
    return {name: arguments for name, arguments in found.items() if arguments}


def test_every_array_argument_of_the_contract_is_in_a_call() -> None:
    in_list = dict(h0="states", c0="states", dh="dstates", dc="dstates", zoneout_h="zoneout", zoneout_c="zoneout")
    for cell in CELL_TABLE.values():
        in_list.update(dict.fromkeys(cell.weights, "weights"))
    covered: dict[str, set[str]] = {}
    for call in calls("float64"):
        names = (name.partition("[")[0] for name in call.arrays)
        if call.function.startswith("recurrent"):
            names = (in_list.get(name, name) for name in names)
        covered.setdefault(call.function, set()).update(names)
    assert covered == array_arguments()


def outcome(call: Call, core: ModuleType, arrays: dict[str, Array]) -> tuple[str, list[Any]]:
    """The error's text, or all that came back and what the call's arrays hold after it."""
    try:
        result = call.run(core, arrays)
    except (TypeError, ValueError) as error:
        return str(error), []
    return "", [*_leaves(result), *(array.copy() for array in arrays.values())]


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def same(found: list[Any], expected: list[Any]) -> bool:
    if len(found) != len(expected):
        return False
    for a, b in zip(found, expected, strict=True):
        if isinstance(b, np.ndarray):
            native = np.ascontiguousarray(a, b.dtype)
            if a.shape != b.shape or native.tobytes() != b.tobytes():
                return False
        elif a != b:
            return False
    return True


@pytest.mark.parametrize("number", range(len(calls("float64"))), ids=[str(call) for call in calls("float64")])
def test_forms(core: ModuleType, dtype: np.dtype[Any], number: int) -> None:
    call = calls(dtype.name)[number]
    for name, array in call.arrays.items():
        for form, view in forms(array.copy()):
            if form == "byte-swapped" and call.function == "checksum":
                continue  # other bytes have another checksum
            copies = {key: value.copy() for key, value in call.arrays.items()}
            expected_error, expected = outcome(call, core, {**copies, name: np.array(view, array.dtype, order="C")})
            others = {key: value.copy() for key, value in call.arrays.items()}
            before = view.copy()
            error, found = outcome(call, core, {**others, name: view})
            if error != expected_error and (form == "byte-swapped" or name in call.written):
                assert name.partition("[")[0] in error, f"{name}, {form}: {error}"
                assert view.tobytes() == before.tobytes(), f"{name}, {form}: refused, yet written"
            else:
                assert error == expected_error, f"{name}, {form}"
                assert same(found, expected), f"{name}, {form}"


def test_a_gradient_that_repeats_rows_is_read_within_its_memory(core: ModuleType) -> None:
    """At this size a kernel that takes stride 0 for rows side by side leaves the array's pages."""
    case = Case("lstm", "float32", (64, 50, 3, 32), states=False, gradients="y")
    inputs = make_inputs(case)
    for shape in ((64, 1, 32), (1, 50, 32), (1, 1, 32), (1, 1, 1)):
        dy = np.broadcast_to(np.random.default_rng(3).normal(size=shape).astype("f4"), (64, 50, 32))
        results = []
        for form in (dy, dy.copy()):
            *_, cache = forward(core, case, inputs.arrays)
            results.append(backward(core, case, cache, {"dy": form, "dh": None, "dc": None}))
        assert same(list(_leaves(results[0])), list(_leaves(results[1]))), shape
