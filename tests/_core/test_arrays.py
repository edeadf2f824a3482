"""What the bindings' checks (cpp/bindings/arrays.hpp) take, copy and refuse. Nothing here may crash the interpreter."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import recurra._core

IDS = np.array([0, 2, 1], np.int32)


def _unaligned(array: np.ndarray) -> np.ndarray:
    """A copy that starts one byte off."""
    room = np.empty(array.nbytes + 1, np.uint8)[1:]
    view = room.view(array.dtype).reshape(array.shape)
    view[...] = array
    assert not view.flags.aligned
    return view


def test_inputs_in_any_memory_layout_are_taken(compiled: ModuleType, rng: np.random.Generator) -> None:
    x = rng.normal(size=(6, 8))
    expected = compiled.softmax_forward(np.ascontiguousarray(x[::-2, ::2]))
    for same in (x[::-2, ::2], np.asfortranarray(x[::-2, ::2]), _unaligned(x[::-2, ::2])):
        before = same.copy()
        np.testing.assert_array_equal(compiled.softmax_forward(same), expected)
        np.testing.assert_array_equal(same, before)
    frozen = x.copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(compiled.softmax_forward(frozen), compiled.softmax_forward(x))
    row = np.broadcast_to(x[0], (3, 8))
    np.testing.assert_array_equal(compiled.softmax_forward(row), np.stack([compiled.softmax_forward(x[0])] * 3))


def test_other_byte_orders_are_refused(compiled: ModuleType) -> None:
    with pytest.raises(TypeError, match="x must be float32 or float64 in native byte order, got >f8"):
        compiled.softmax_forward(np.zeros((2, 3), ">f8"))
    with pytest.raises(TypeError, match="ids must be int32, got >i4"):
        compiled.embedding_forward(np.zeros((3, 2)), np.zeros(2, ">i4"))


@pytest.mark.parametrize("dtype", ["float16", "longdouble", "complex64", "int64", "bool", "O", "U3", "M8[s]"])
def test_other_dtypes_are_refused(compiled: ModuleType, dtype: str) -> None:
    with pytest.raises(TypeError, match="x must be float32 or float64"):
        compiled.softmax_forward(np.zeros((2, 3), dtype))


@pytest.mark.parametrize("value", [None, 1.0, [[1.0]], (1,), "x", {}, object(), np.float64(1), memoryview(b"abcd")])
def test_what_is_no_array_is_refused(compiled: ModuleType, value: Any) -> None:
    with pytest.raises(TypeError, match="x must be a numpy array, got "):
        compiled.softmax_forward(value)


def test_the_errors_words(compiled: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"^labels must have shape \(M,\) = \(2,\), got \(3,\)$"):
        compiled.softmax_cross_entropy_forward(np.zeros((2, 3)), IDS)
    with pytest.raises(ValueError, match=r"^table must have shape \(V, I\), got \(4,\)$"):
        compiled.embedding_forward(np.zeros(4), IDS)
    with pytest.raises(ValueError, match=r"^ids must be in \[0, V\) = \[0, 2\), got 2 at flat position 1$"):
        compiled.embedding_forward(np.zeros((2, 3)), IDS)
    with pytest.raises(TypeError, match=r"^dy must be float64 \(the dtype of the call's other arrays\), got float32$"):
        compiled.softmax_backward(np.zeros((2, 3)), np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match=r"^grads\[1\] must have the shape of params\[1\] = \(2, 3\), got \(3, 2\)$"):
        params, grads = [np.ones(2), np.ones((2, 3))], [np.ones(2), np.ones((3, 2))]
        compiled.sgd_update(params, grads, None, 0.1, 0.0, False, 0.0, [1.0, 1.0], 0.0)
    with pytest.raises(ValueError, match=r"^seed must be an integer in \[0, 2\*\*64\), got -1$"):
        compiled.random_uniform(-1, 0, 1, 1, "float32")


@pytest.mark.parametrize("id_", [-1, 3, 2**31 - 1, -(2**31)])
def test_ids_at_the_edges(compiled: ModuleType, id_: int) -> None:
    ids = np.array([0, 1, id_, 2], np.int32)
    table, logits, rows = np.ones((3, 5)), np.ones((4, 3)), np.ones((4, 5))
    with pytest.raises(ValueError, match=f"got {id_} at flat position 2"):
        compiled.embedding_forward(table, ids)
    with pytest.raises(ValueError, match=f"got {id_} at flat position 2"):
        compiled.softmax_cross_entropy_forward(logits, ids)
    with pytest.raises(ValueError, match=f"got {id_} at flat position 2"):
        compiled.sgd_update_rows(table, ids, rows, 0.1, 1.0, 0.0)
    assert (table == 1).all()


def test_rows_must_be_ascending_and_distinct(compiled: ModuleType) -> None:
    table = np.ones((4, 2))
    for ids in ([1, 1], [2, 1]):
        with pytest.raises(ValueError, match="ids must be ascending and distinct, got"):
            compiled.sgd_update_rows(table, np.array(ids, np.int32), np.ones((2, 2)), 0.1, 1.0, 0.0)
    assert (table == 1).all()


def test_row_steps_must_lie_in_the_past(compiled: ModuleType) -> None:
    for last in (-1, 4, 5):
        steps = np.array([0, last], np.int64)
        with pytest.raises(ValueError, match=rf"last_step must be in \[0, step\) = \[0, 4\), got {last} for row 1"):
            compiled.rmsprop_update_rows(
                np.ones((2, 3)), IDS[1:2] - 1, np.ones((1, 3)), np.ones((2, 3)), steps, 4, 0.1, 0.9, 1e-7, 1.0, 0.0
            )


def test_updated_arrays_must_not_share_memory(compiled: ModuleType) -> None:
    w = np.ones(10)

    def update(params: list, grads: list, moments: list) -> None:
        compiled.sgd_update(params, grads, moments, 0.1, 0.9, False, 0.0, [1.0] * len(params), 0.0)

    with pytest.raises(ValueError, match=r"moments\[0\] must not share memory with params\[0\]|params\[0\] must not"):
        update([w], [np.ones(10)], [w])
    with pytest.raises(ValueError, match="must not share memory"):
        update([w[:6], w[5:]], [np.ones(6), np.ones(5)], [np.ones(6), np.ones(5)])
    with pytest.raises(ValueError, match="must not share memory"):
        update([w[:5]], [w[4:9]], [np.ones(5)])
    assert (w == 1).all()
    shared = np.ones(5)
    update([w[:5], w[5:]], [shared, shared], [np.zeros(5), np.zeros(5)])  # reading twice is no harm
    np.testing.assert_allclose(w, 0.9)


def test_sizes_beyond_memory_are_errors(compiled: ModuleType) -> None:
    for rows, cols in ((2**32 - 1, 2**32 - 1), (2**31, 2**31), (2**31, 2**15)):
        with pytest.raises((ValueError, MemoryError)):
            compiled.random_uniform(1, 1, rows, cols, "float64")
    with pytest.raises(ValueError, match="rows must be an integer in"):
        compiled.random_uniform(1, 1, 2**32, 1, "float32")


def test_nothing_is_changed_when_a_later_array_is_wrong(compiled: ModuleType) -> None:
    params = [np.ones(3), np.ones(4)]
    with pytest.raises(ValueError, match=r"v\[1\]"):
        compiled.rmsprop_update(
            params,
            [np.ones(3), np.ones(4)],
            [np.ones(3), np.ones(5)],
            None,
            None,
            0.1,
            0.9,
            0.0,
            1e-7,
            0.0,
            [1.0] * 2,
            0.0,
        )
    assert all((p == 1).all() for p in params)


def _contract() -> dict[str, int]:
    source = (Path(recurra._core.__path__[0]) / "kernels.pyi").read_text()
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {f.name: len(f.args.args) for f in functions if f.args.args and f.name != "set_num_threads"}


HOSTILE: list[Any] = [
    None, True, False, 0, 1, -1, 2**64, 0.5, float("nan"), "", "tanh", "float32", b"x", [], [None], {}, object(),
    np.float32, np.zeros(()), np.zeros(0), np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(3), np.zeros((2, 3)),
    np.zeros((3, 2), np.float32), np.zeros((2, 3, 4)), np.zeros((1,) * 20), np.zeros((2, 3), np.int32),
    np.full(3, -5, np.int32), np.zeros((2, 3), bool), np.zeros((2, 3), complex), np.zeros((2, 3), object),
    np.ones((4, 4))[::2, ::-1], [np.zeros(3)], [np.zeros((2, 3))] * 2, np.zeros(3, np.int64), np.zeros((2, 2), "V8"),
]  # fmt: skip


@pytest.mark.parametrize("name", _contract())
def test_hostile_arguments_raise_or_work_but_never_crash(
    compiled: ModuleType, name: str, rng: np.random.Generator
) -> None:
    function, count = getattr(compiled, name), _contract()[name]
    tried = [[value] * count for value in HOSTILE]
    tried += [[HOSTILE[i] for i in rng.integers(0, len(HOSTILE), count)] for _ in range(300)]
    for arguments in itertools.chain(tried):
        try:
            function(*arguments)
        except (TypeError, ValueError, MemoryError, RuntimeError) as error:
            assert str(error)
