"""Activations, softmax, embedding, random numbers, sampling, optimizers: compiled against the reference."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.support.tolerances import assert_close

ACTIVATIONS = ("tanh", "sigmoid", "relu", "hard_sigmoid", "linear")
SIZES = (1, 2, 7, 8, 9, 31, 64, 77, 1000)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("size", SIZES)
def test_activations(
    compiled: ModuleType, reference: ModuleType, dtype: np.dtype, rng: np.random.Generator, name: str, size: int
) -> None:
    x, dy = rng.normal(0, 5, size).astype(dtype), rng.normal(size=size).astype(dtype)
    y = reference.activation_forward(name, x)
    assert_close(compiled.activation_forward(name, x), y, "elementwise")
    assert_close(compiled.activation_backward(name, y, dy), reference.activation_backward(name, y, dy), "elementwise")
    shaped = compiled.activation_forward(name, np.ascontiguousarray(x[: size // 2 * 2].reshape(2, -1)))
    np.testing.assert_array_equal(shaped.reshape(-1), compiled.activation_forward(name, x)[: size // 2 * 2])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_at_the_edges(compiled: ModuleType, reference: ModuleType, dtype: np.dtype, name: str) -> None:
    x = np.array([0.0, -0.0, 1e-30, -1e-30, 88, -88, 104, -104, 1e4, -1e4, np.inf, -np.inf, np.nan], dtype)
    with np.errstate(all="ignore"):
        assert_close(compiled.activation_forward(name, x), reference.activation_forward(name, x), "elementwise", name)


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (5, 65), (2, 3, 33), (17,), (4, 1001)], ids=str)
def test_softmax(
    compiled: ModuleType, reference: ModuleType, dtype: np.dtype, rng: np.random.Generator, shape: tuple
) -> None:
    x, dy = rng.normal(0, 6, shape).astype(dtype), rng.normal(size=shape).astype(dtype)
    y = reference.softmax_forward(x)
    assert_close(compiled.softmax_forward(x), y, "product")
    assert_close(compiled.softmax_backward(y, dy), reference.softmax_backward(y, dy), "product")


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (5, 2), (7, 63), (33, 65), (3, 5000), (300, 70)], ids=str)
def test_softmax_cross_entropy(
    compiled: ModuleType, reference: ModuleType, dtype: np.dtype, rng: np.random.Generator, shape: tuple
) -> None:
    logits = rng.normal(0, 6, shape).astype(dtype)
    labels = rng.integers(0, shape[1], shape[0]).astype(np.int32)
    dloss = rng.normal(size=shape[0]).astype(dtype)
    expected = reference.softmax_cross_entropy_forward(logits, labels)
    found = compiled.softmax_cross_entropy_forward(logits, labels)
    for a, b in zip(found, expected, strict=True):
        assert_close(a, b, "product")
    back = reference.softmax_cross_entropy_backward(logits, labels, expected[1], dloss)
    assert_close(compiled.softmax_cross_entropy_backward(logits, labels, expected[1], dloss), back, "product")
    loss, lse = compiled.softmax_cross_entropy_forward(logits + dtype.type(4096), labels)
    np.testing.assert_allclose(loss, expected[0], atol=4096 * 4 * np.finfo(dtype).eps)
    np.testing.assert_allclose(lse, expected[1] + 4096, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("shape", [(), (1,), (4, 5), (2, 3, 4), (0,), (900,)], ids=str)
def test_embedding(
    compiled: ModuleType, reference: ModuleType, dtype: np.dtype, rng: np.random.Generator, shape: tuple
) -> None:
    for rows, features in ((13, 1), (7, 33), (1000, 16)):
        table = rng.normal(size=(rows, features)).astype(dtype)
        ids = np.asarray(rng.integers(0, rows, shape), np.int32)
        y = compiled.embedding_forward(table, ids)
        np.testing.assert_array_equal(y, reference.embedding_forward(table, ids))
        dy = rng.normal(size=y.shape).astype(dtype)
        used, sums = compiled.embedding_backward(ids, dy)
        expected_ids, expected = reference.embedding_backward(ids, dy)
        np.testing.assert_array_equal(used, expected_ids)
        assert used.dtype == np.int32
        assert_close(sums, expected, "product")


@pytest.mark.parametrize("shape", [(1, 1), (3, 4), (5, 5), (2, 67), (70, 130), (0, 3), (3, 0)], ids=str)
def test_random_numbers(compiled: ModuleType, reference: ModuleType, dtype: np.dtype, shape: tuple) -> None:
    for seed, stream in ((0, 0), (2**63 + 5, 2**40 + 3), (2**64 - 1, 7)):
        key = (seed, stream, *shape)
        np.testing.assert_array_equal(
            compiled.random_uniform(*key, dtype.name), reference.random_uniform(*key, dtype.name)
        )
        for rate in (0.0, 0.1, 0.5, 0.999):
            np.testing.assert_array_equal(
                compiled.dropout_mask(*key, rate, dtype.name), reference.dropout_mask(*key, rate, dtype.name)
            )
        normal = compiled.random_normal(*key, dtype.name)
        assert_close(normal, reference.random_normal(*key, dtype.name), "elementwise")


@pytest.mark.parametrize("temperature", [0.0, 0.3, 1.0, 4.0])
@pytest.mark.parametrize("top_k", [0, 1, 5, 400])
def test_sample(
    compiled: ModuleType,
    reference: ModuleType,
    dtype: np.dtype,
    rng: np.random.Generator,
    temperature: float,
    top_k: int,
) -> None:
    for rows, vocabulary in ((1, 1), (300, 9), (40, 301)):
        logits = np.round(rng.normal(0, 2, (rows, vocabulary)), 1).astype(dtype)  # with ties
        logits[:, 3:4] = -np.inf
        found = compiled.sample(logits, temperature, top_k, 11, 2**33 + 1)
        np.testing.assert_array_equal(found, reference.sample(logits, temperature, top_k, 11, 2**33 + 1))
        assert found.dtype == np.int32


# --- optimizers ------------------------------------------------------------------------------------------------------

SHAPES = ((3, 4), (5,), (1, 1), (70, 33), (257,), (2, 3, 5))


def _lists(rng: np.random.Generator, dtype: np.dtype, count: int) -> list[list[np.ndarray]]:
    """params, grads, then `count` lists of non-negative state."""
    lists = [[rng.normal(size=shape).astype(dtype) for shape in SHAPES] for _ in range(2)]
    lists += [[rng.uniform(0.5, 1.5, shape).astype(dtype) for shape in SHAPES] for _ in range(count)]
    return lists


def _copies(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    def copy(value: Any) -> Any:
        if isinstance(value, list):
            return [copy(v) for v in value]
        return value.copy() if isinstance(value, np.ndarray) else value

    return tuple(copy(value) for value in arguments)


def _same_updates(name: str, compiled: ModuleType, reference: ModuleType, arguments: tuple[Any, ...]) -> None:
    ours, theirs = _copies(arguments), _copies(arguments)
    getattr(compiled, name)(*ours)
    getattr(reference, name)(*theirs)
    for a, b in zip(ours, theirs, strict=True):
        if isinstance(a, list) and a and isinstance(a[0], np.ndarray):
            for k, (x, y) in enumerate(zip(a, b, strict=True)):
                assert_close(x, y, "product", f"{name}[{k}]")
        elif isinstance(a, np.ndarray) and a.dtype.kind == "f":
            assert_close(a, b, "product", name)


SCALES = [1.0, 0.5, 2.0, 0.1, 1.0, 0.7]


@pytest.mark.parametrize("weight_decay", [0.0, 0.02])
@pytest.mark.parametrize(("scale", "clip"), [([1.0] * 6, 0.0), (SCALES, 0.6)])
def test_optimizers(
    compiled: ModuleType,
    reference: ModuleType,
    dtype: np.dtype,
    rng: np.random.Generator,
    weight_decay: float,
    scale: list[float],
    clip: float,
) -> None:
    w, g, a, b, c = _lists(rng, dtype, 3)
    small = [0.3 * v for v in c]
    last = (weight_decay, scale, clip)
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("sgd_update", (w, g, None, 0.1, 0.0, False, *last)),
        ("sgd_update", (w, g, a, 0.1, 0.9, False, *last)),
        ("sgd_update", (w, g, a, 0.1, 0.9, True, *last)),
        ("rmsprop_update", (w, g, a, None, None, 0.01, 0.9, 0.0, 1e-7, *last)),
        ("rmsprop_update", (w, g, a, b, None, 0.01, 0.9, 0.8, 1e-7, *last)),
        ("rmsprop_update", (w, g, a, None, small, 0.01, 0.9, 0.0, 1e-3, *last)),
        ("rmsprop_update", (w, g, a, b, small, 0.01, 0.9, 0.5, 1e-3, *last)),
        ("adam_update", (w, g, a, b, None, 0.01, 0.9, 0.999, 1e-7, 1, *last)),
        ("adam_update", (w, g, a, b, c, 0.01, 0.9, 0.999, 1e-7, 23, *last)),
    ]
    for name, arguments in calls:
        _same_updates(name, compiled, reference, arguments)


def test_a_scale_that_is_nan_is_passed_on(core: ModuleType) -> None:
    """It is 1 / norm of gradients that are NaN themselves: the weights must show it, no argument is at fault."""
    params = [np.ones(3), np.ones(2)]
    core.sgd_update(params, [np.full(3, np.nan), np.ones(2)], None, 0.1, 0.0, False, 0.0, [np.nan, 1.0], 0.0)
    assert np.isnan(params[0]).all()
    np.testing.assert_allclose(params[1], 0.9)


def test_optimizers_of_nothing(compiled: ModuleType) -> None:
    compiled.sgd_update([], [], None, *REST, [], 0.0)
    compiled.adam_update([], [], [], [], None, 0.1, 0.9, 0.99, 1e-7, 1, 0.0, [], 0.0)
    assert compiled.grad_norm([]) == 0.0


def test_updates_do_not_depend_on_threads(compiled: ModuleType, rng: np.random.Generator) -> None:
    w, g, m, v = ([value] for value in rng.uniform(0.1, 1, (4, 400, 300)).astype(np.float32))
    before = compiled.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            compiled.set_num_threads(threads)
            lists = _copies((w, g, m, v))
            compiled.adam_update(*lists, None, 0.01, 0.9, 0.999, 1e-7, 3, 0.0, [0.9], 0.0)
            results.append([compiled.grad_norm(g), *(a[0].tobytes() for a in lists)])
    finally:
        compiled.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_grad_norm(compiled: ModuleType, reference: ModuleType, dtype: np.dtype, rng: np.random.Generator) -> None:
    grads = [*_lists(rng, dtype, 0)[1], rng.normal(size=(300, 401)).astype(dtype)]
    assert compiled.grad_norm(grads) == pytest.approx(reference.grad_norm(grads), rel=1e-6 if dtype == "f4" else 1e-13)
    huge = [np.full(3, 1e30, np.float32)]
    assert compiled.grad_norm(huge) == pytest.approx(3**0.5 * 1e30, rel=1e-6)


@pytest.mark.parametrize("clip", [0.0, 0.3])
def test_gradients_that_are_not_numbers_reach_the_weights(
    core: ModuleType, dtype: np.dtype, rng: np.random.Generator, clip: float
) -> None:
    """A norm that is NaN makes the scale NaN: the weights show it, in every implementation."""
    for gradient, scale in ((rng.normal(size=(3, 19)), np.nan), (np.full((3, 19), np.nan), 1.0)):
        w, m, v = (np.abs(rng.normal(size=(3, 19))).astype(dtype) for _ in range(3))
        g = gradient.astype(dtype)
        core.sgd_update([w], [g], None, 0.1, 0.0, False, 0.0, [scale], clip)
        assert np.isnan(w).all()
        w = v.copy()
        core.adam_update([w], [g], [m], [v], None, 0.1, 0.9, 0.99, 1e-7, 1, 0.0, [scale], clip)
        assert np.isnan(w).all() and np.isnan(m).all()
        w, v = (np.abs(rng.normal(size=(3, 19))).astype(dtype) for _ in range(2))
        core.rmsprop_update([w], [g], [v], None, None, 0.1, 0.9, 0.0, 1e-7, 0.0, [scale], clip)
        assert np.isnan(w).all() and np.isnan(v).all()


@pytest.mark.parametrize(("scale", "clip"), [(1.0, 0.0), (0.4, 0.3)])
def test_rows(
    compiled: ModuleType, reference: ModuleType, dtype: np.dtype, rng: np.random.Generator, scale: float, clip: float
) -> None:
    for rows, features in ((9, 5), (300, 33)):
        table, state = (rng.uniform(0.5, 1.5, (rows, features)).astype(dtype) for _ in range(2))
        ids = np.unique(rng.integers(0, rows, rows // 2)).astype(np.int32)
        grads = rng.normal(size=(len(ids), features)).astype(dtype)
        seen = rng.integers(0, 6, rows)
        last = (scale, clip)
        _same_updates("sgd_update_rows", compiled, reference, (table, ids, grads, 0.1, *last))
        _same_updates("adagrad_update_rows", compiled, reference, (table, ids, grads, state, 0.1, 1e-7, *last))
        for vmax in (None, state * 1.1):
            state_too = (table * 0.1, state, vmax, 0.01, 0.9, 0.999, 1e-7, 7, 0.02, *last)
            _same_updates("adam_update_rows", compiled, reference, (table, ids, grads, *state_too))
            _same_updates("adam_update_rows", compiled, reference, (table, ids[:0], grads[:0], *state_too))
        ours, theirs = (_copies((table, ids, grads, state, seen, 6, 0.1, 0.9, 1e-7, *last)) for _ in range(2))
        compiled.rmsprop_update_rows(*ours)
        reference.rmsprop_update_rows(*theirs)
        for k in (0, 3):
            assert_close(ours[k], theirs[k], "product")
        np.testing.assert_array_equal(ours[4], theirs[4])
        empty = (table.copy(), ids[:0], grads[:0], 0.1, *last)
        compiled.sgd_update_rows(*empty)
        np.testing.assert_array_equal(empty[0], table)


# --- bad input -------------------------------------------------------------------------------------------------------

Z, ONES, I32 = np.zeros, np.ones, np.int32
LABELS = np.array([0, 2], I32)


def _frozen() -> np.ndarray:
    value = ONES((2, 3))
    value.flags.writeable = False
    return value


REST = (0.1, 0.0, False, 0.0)  # lr, momentum, nesterov, weight_decay
BAD: dict[str, Callable[[ModuleType], Any]] = {
    "activation-name": lambda r: r.activation_forward("swish", Z(3)),
    "activation-name-type": lambda r: r.activation_forward(3, Z(3)),
    "activation-int": lambda r: r.activation_forward("tanh", Z(3, int)),
    "activation-dy": lambda r: r.activation_backward("tanh", Z(3), Z(4)),
    "activation-dy-dtype": lambda r: r.activation_backward("tanh", Z(3), Z(3, np.float32)),
    "softmax-scalar": lambda r: r.softmax_forward(Z(())),
    "softmax-dy": lambda r: r.softmax_backward(Z((2, 3)), Z((3, 2))),
    "xent-rank": lambda r: r.softmax_cross_entropy_forward(Z(3), LABELS),
    "xent-labels": lambda r: r.softmax_cross_entropy_forward(Z((2, 2)), LABELS),
    "xent-negative": lambda r: r.softmax_cross_entropy_forward(Z((2, 3)), -LABELS),
    "xent-length": lambda r: r.softmax_cross_entropy_forward(Z((3, 3)), LABELS),
    "xent-int64": lambda r: r.softmax_cross_entropy_forward(Z((2, 3)), LABELS.astype(np.int64)),
    "xent-dloss": lambda r: r.softmax_cross_entropy_backward(Z((2, 3)), LABELS, Z(2), Z(3)),
    "embedding-id": lambda r: r.embedding_forward(Z((2, 3)), LABELS),
    "embedding-rank": lambda r: r.embedding_forward(Z(3), LABELS),
    "embedding-float": lambda r: r.embedding_forward(Z((3, 3)), Z(2)),
    "embedding-dy": lambda r: r.embedding_backward(LABELS, Z((3, 4))),
    "random-dtype": lambda r: r.random_uniform(1, 1, 2, 2, "float16"),
    "random-dtype-type": lambda r: r.random_uniform(1, 1, 2, 2, np.float32),
    "random-seed": lambda r: r.random_uniform(-1, 1, 2, 2, "float32"),
    "random-stream": lambda r: r.random_uniform(1, 2**64, 2, 2, "float32"),
    "random-seed-type": lambda r: r.random_uniform(1.5, 1, 2, 2, "float32"),
    "random-rows": lambda r: r.random_normal(1, 1, -2, 2, "float32"),
    "dropout-rate": lambda r: r.dropout_mask(1, 1, 2, 2, 1.0, "float32"),
    "dropout-negative": lambda r: r.dropout_mask(1, 1, 2, 2, -0.1, "float32"),
    "dropout-nan": lambda r: r.dropout_mask(1, 1, 2, 2, np.nan, "float32"),
    "sample-nan": lambda r: r.sample(np.array([[0.0, np.nan]]), 1.0, 0, 1, 1),
    "sample-inf": lambda r: r.sample(np.array([[0.0, np.inf]]), 1.0, 0, 1, 1),
    "sample-nothing": lambda r: r.sample(np.full((1, 2), -np.inf), 1.0, 0, 1, 1),
    "sample-temperature": lambda r: r.sample(Z((2, 3)), -1.0, 0, 1, 1),
    "sample-top_k": lambda r: r.sample(Z((2, 3)), 1.0, -1, 1, 1),
    "sample-rank": lambda r: r.sample(Z(3), 1.0, 0, 1, 1),
    "sample-no-columns": lambda r: r.sample(Z((2, 0)), 1.0, 0, 1, 1),
    "sgd-lengths": lambda r: r.sgd_update([ONES(3)], [ONES(3)] * 2, None, *REST, [1.0], 0.0),
    "sgd-scale": lambda r: r.sgd_update([ONES(3)], [ONES(3)], None, *REST, [1.0] * 2, 0.0),
    "sgd-shape": lambda r: r.sgd_update([ONES(3)], [ONES(4)], None, *REST, [1.0], 0.0),
    "sgd-dtype": lambda r: r.sgd_update([ONES(3)], [ONES(3, np.float32)], None, *REST, [1.0], 0.0),
    "sgd-mixed": lambda r: r.sgd_update([ONES(3), ONES(3, "f4")], [ONES(3)] * 2, None, *REST, [1.0] * 2, 0.0),
    "sgd-int": lambda r: r.sgd_update([ONES(3, int)], [ONES(3, int)], None, *REST, [1.0], 0.0),
    "sgd-frozen": lambda r: r.sgd_update([_frozen()], [ONES((2, 3))], None, *REST, [1.0], 0.0),
    "sgd-strided": lambda r: r.sgd_update([ONES((3, 2)).T], [ONES((2, 3))], None, *REST, [1.0], 0.0),
    "adam-step": lambda r: r.adam_update([ONES(3)], *[[ONES(3)]] * 3, None, 0.1, 0.9, 0.99, 1e-7, 0, 0.0, [1.0], 0.0),
    "adam-v": lambda r: r.adam_update(*[[ONES(3)]] * 3, [ONES(2)], None, 0.1, 0.9, 0.99, 1e-7, 1, 0.0, [1.0], 0.0),
    "rows-id": lambda r: r.sgd_update_rows(ONES((2, 3)), np.array([2], I32), ONES((1, 3)), 0.1, 1.0, 0.0),
    "rows-shape": lambda r: r.sgd_update_rows(ONES((2, 3)), np.array([1], I32), ONES((2, 3)), 0.1, 1.0, 0.0),
    "rows-columns": lambda r: r.sgd_update_rows(ONES((2, 3)), np.array([1], I32), ONES((1, 2)), 0.1, 1.0, 0.0),
    "rows-rank": lambda r: r.sgd_update_rows(ONES(3), np.array([1], I32), ONES((1, 3)), 0.1, 1.0, 0.0),
    "rows-acc": lambda r: r.adagrad_update_rows(
        ONES((2, 3)), LABELS[:1], ONES((1, 3)), ONES((3, 2)), 0.1, 0.1, 1.0, 0.0
    ),
    "rows-last": lambda r: r.rmsprop_update_rows(
        ONES((2, 3)), LABELS[:1], ONES((1, 3)), ONES((2, 3)), Z(2, I32), 1, 0.1, 0.9, 1e-7, 1.0, 0.0
    ),
    "rows-adam-v": lambda r: r.adam_update_rows(
        ONES((2, 3)), LABELS[:1], ONES((1, 3)), ONES((2, 3)), ONES((3, 2)), None, 0.1, 0.9, 0.9, 0.1, 1, 0.0, 1.0, 0.0
    ),
    "rows-adam-vmax": lambda r: r.adam_update_rows(
        ONES((2, 3)), LABELS[:1], ONES((1, 3)), *[ONES((2, 3))] * 2, Z(3), 0.1, 0.9, 0.9, 0.1, 1, 0.0, 1.0, 0.0
    ),
    "rows-adam-step": lambda r: r.adam_update_rows(
        ONES((2, 3)), LABELS[:1], ONES((1, 3)), *[ONES((2, 3))] * 2, None, 0.1, 0.9, 0.9, 0.1, 0, 0.0, 1.0, 0.0
    ),
    "norm-int": lambda r: r.grad_norm([ONES(3, int)]),
    "threads": lambda r: r.set_num_threads(0),
    "threads-type": lambda r: r.set_num_threads(1.5),
}


@pytest.mark.parametrize("name", BAD)
def test_same_errors(compiled: ModuleType, reference: ModuleType, name: str) -> None:
    with pytest.raises((ValueError, TypeError)) as expected:
        BAD[name](reference)
    with pytest.raises((ValueError, TypeError)) as found:
        BAD[name](compiled)
    assert found.type is expected.type, (str(found.value), str(expected.value))
    assert "got" in str(found.value) or "writable" in str(found.value) or "contiguous" in str(found.value)


@pytest.mark.parametrize("shape", [(2, 0), (0, 0), ()], ids=str)
def test_a_softmax_over_nothing_is_refused(core: ModuleType, shape: tuple[int, ...]) -> None:
    empty = np.zeros(shape)
    with pytest.raises(ValueError, match=r"x must have shape \(\.\.\., V\).*got " + re.escape(str(shape))):
        core.softmax_forward(empty)
    with pytest.raises(ValueError, match=r"y must have shape \(\.\.\., V\).*got " + re.escape(str(shape))):
        core.softmax_backward(empty, empty)
