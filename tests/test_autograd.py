"""The tape: what it follows, what it returns, what it forgets."""

from __future__ import annotations

import copy as copy_module
import gc
import pickle
import subprocess
import sys
import threading
import weakref
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Variable, no_grad, ops
from recurra.autograd import RowSparse, Tensor, current_tape, record, tracked, value_of


def test_gradients_of_variables_and_watched_arrays() -> None:
    w, x = Variable(np.array([2.0, 3.0])), np.array([5.0, 7.0])
    with GradientTape() as tape:
        v = tape.watch(x)
        loss = ops.sum(w * w * v)
    dw, dv = tape.gradient(loss, [w, v])
    np.testing.assert_array_equal(dw, 2 * w.value * x)
    np.testing.assert_array_equal(dv, w.value**2)


def test_one_source_gives_one_gradient_and_unused_gives_none() -> None:
    w, u = Variable(np.ones(2)), Variable(np.ones(2))
    with GradientTape() as tape:
        loss = ops.sum(w)
    assert tape.gradient(loss, w).shape == (2,)
    with GradientTape() as tape:
        loss = ops.sum(w)
    assert tape.gradient(loss, [u, w])[0] is None


def test_output_gradient() -> None:
    w = Variable(np.array([1.0, 2.0]))
    with GradientTape() as tape:
        y = w * 3.0
    np.testing.assert_array_equal(tape.gradient(y, w, np.array([10.0, 100.0])), [30, 300])
    with GradientTape() as tape:
        y = w * 3.0
    with pytest.raises(ValueError, match=r"output_gradient must have shape \(2,\), got \(3,\)"):
        tape.gradient(y, w, np.ones(3))


def test_many_uses_add_up() -> None:
    w = Variable(np.array(3.0))
    with GradientTape() as tape:
        y = w
        for _ in range(5):
            y = y * w + w
        first = y
        total = first + first * w
    grad = float(tape.gradient(total, w))

    def f(v: float) -> float:
        y = v
        for _ in range(5):
            y = y * v + v
        return y + y * v

    assert grad == pytest.approx((f(3 + 1e-6) - f(3 - 1e-6)) / 2e-6, rel=1e-8)


def test_sums_made_in_place_do_not_leak_into_other_gradients() -> None:
    a, b = Variable(np.ones(3)), Variable(np.ones(3))
    with GradientTape() as tape:
        s = a + b  # both get the very same array
        loss = ops.sum(s + s + a + a * 2.0 + a)
    da, db = tape.gradient(loss, [a, b])
    np.testing.assert_array_equal(da, [6, 6, 6])
    np.testing.assert_array_equal(db, [2, 2, 2])


def test_an_intermediate_value_as_source() -> None:
    w = Variable(np.array([1.0, 2.0]))
    with GradientTape() as tape:
        h = w * w
        loss = ops.sum(h * 5.0)
    dh, dw = tape.gradient(loss, [h, w])
    np.testing.assert_array_equal(dh, [5, 5])
    np.testing.assert_array_equal(dw, [10, 20])


def test_a_variable_as_target() -> None:
    w = Variable(np.array([1.0, 2.0]))
    with GradientTape() as tape:
        pass
    np.testing.assert_array_equal(tape.gradient(w, w), [1, 1])


def test_what_is_not_followed() -> None:
    frozen = Variable(np.ones(2), trainable=False)
    with GradientTape() as tape:
        assert isinstance(ops.sum(frozen), np.floating)
        assert not tape.nodes
        w = Variable(np.ones(2))
        with no_grad():
            assert current_tape() is None
            assert not isinstance(w * w, Tensor)
        assert isinstance(w * w, Tensor)
    assert not isinstance(w * w, Tensor)
    assert current_tape() is None


def test_no_grad_decorates_nests_and_ends_with_an_error() -> None:
    w = Variable(np.ones(2))

    @no_grad()
    def squared(depth: int = 2) -> Any:
        """w * w."""
        return squared(depth - 1) if depth else w * w

    again = no_grad()
    with GradientTape() as tape:
        assert isinstance(squared(), np.ndarray) and squared.__doc__ == "w * w."
        with again, again:
            assert current_tape() is None
        assert current_tape() is tape
        with pytest.raises(ZeroDivisionError), again:
            1 / 0  # noqa: B018
        assert current_tape() is tape


def test_targets_from_elsewhere() -> None:
    w = Variable(np.ones(2))
    with GradientTape() as tape:
        loss = ops.sum(w)
    with GradientTape() as other:
        pass
    for wrong in (loss, np.float64(1.0)):
        with pytest.raises(ValueError, match="target was not computed on this tape"):
            other.gradient(wrong, w)
    tape.gradient(loss, w)
    with pytest.raises(RuntimeError, match="used already"):
        tape.gradient(loss, w)


def test_nested_tapes() -> None:
    w = Variable(np.array(2.0))
    with GradientTape() as outer:
        a = w * w
        with GradientTape() as inner:
            b = w * 3.0
            assert not tracked(a, inner)
        c = a * 2.0
    assert float(inner.gradient(b, w)) == 3
    assert float(outer.gradient(c, w)) == 8


def test_an_error_inside_frees_the_arrays() -> None:
    w = Variable(np.ones(3))
    tape = GradientTape()
    with pytest.raises(ZeroDivisionError), tape:
        w * w
        raise ZeroDivisionError
    assert not tape.nodes
    assert current_tape() is None


class _Array(np.ndarray):
    """An array that can be watched."""


def test_arrays_that_no_gradient_needs_are_freed_at_once() -> None:
    w = Variable(np.ones(3))
    with GradientTape() as tape:
        h = record(np.ones(3).view(_Array), (w,), lambda d: (d,))
        alive = weakref.ref(h.value)
        loss = ops.sum(h + h)
        del h
        assert alive() is None
    np.testing.assert_array_equal(tape.gradient(loss, w), [2, 2, 2])


def test_arrays_are_freed_during_the_walk() -> None:
    w, seen = Variable(np.ones(3)), []
    with GradientTape() as tape:
        early = record(np.ones(3), (w,), lambda d: (seen.append(alive()), d)[1:])
        kept = np.ones(3).view(_Array)
        alive = weakref.ref(kept)
        late = record(np.ones(3), (early,), lambda d, kept=kept: (d * np.asarray(kept),))
        del kept
        assert alive() is not None
    tape.gradient(late, w)
    assert seen == [None]


def test_an_abandoned_tape_is_freed_at_once() -> None:
    gc.disable()
    try:
        w = Variable(np.ones(3))
        with GradientTape() as tape:
            y = ops.exp(w) * w
        alive = weakref.ref(tape)
        del tape, y
        assert alive() is None
    finally:
        gc.enable()


def test_a_new_tensor_is_never_taken_for_one_that_is_gone() -> None:
    w = Variable(np.array(2.0))
    with GradientTape() as tape:
        total = w * 0.0
        for k in range(1, 50):
            total = total + ops.stop_gradient(w) * (w * float(k))  # w * k is gone after each round
    assert tape.gradient(total, w) == pytest.approx(2 * sum(range(50)))


def test_copies_are_variables_of_their_own() -> None:
    w = Variable(np.ones(3), name="w")
    with GradientTape() as tape:
        loss = ops.sum(w * 2.0)
        for copy in (copy_module.copy(w), copy_module.deepcopy(w), pickle.loads(pickle.dumps(w))):
            assert copy.name == "w"
            assert copy.trainable
            loss = loss + ops.sum(copy * 5.0)
        pickled = pickle.loads(pickle.dumps(loss))
        assert pickled.tape is None
        assert float(pickled) == float(loss)
    np.testing.assert_array_equal(tape.gradient(loss, w), [2, 2, 2])


def test_threads_have_their_own_tape() -> None:
    seen = []
    with GradientTape():
        thread = threading.Thread(target=lambda: seen.append(current_tape()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_recording_an_operation_of_your_own() -> None:
    def cube(x):
        v = value_of(x)
        return record(v**3, (x,), lambda d: (3 * v * v * d,))

    def halves(x):
        v = value_of(x)
        return record((v / 2, v * 5), (x,), lambda d1, d2: (d1 / 2 if d2 is None else d1 / 2 + 5 * d2,))

    assert cube(np.array(2.0)) == 8
    w = Variable(np.array(2.0))
    with GradientTape() as tape:
        y = cube(w)
    assert tape.gradient(y, w) == 12
    with GradientTape() as tape:
        first, _ = halves(w)
    assert tape.gradient(first, w) == 0.5


def test_row_sparse() -> None:
    a = RowSparse(np.array([1, 3], np.int32), np.array([[1.0, 2], [3, 4]]), (5, 2))
    b = RowSparse(np.array([0, 3], np.int32), np.array([[5.0, 6], [7, 8]]), (5, 2))
    dense = np.array([[5.0, 6], [1, 2], [0, 0], [10, 12], [0, 0]])
    total = a + b
    assert isinstance(total, RowSparse)
    np.testing.assert_array_equal(total.ids, [0, 1, 3])
    np.testing.assert_array_equal(np.asarray(total), dense)
    np.testing.assert_array_equal(a + np.asarray(b), dense)
    np.testing.assert_array_equal(np.asarray(b) + np.asarray(a), dense)
    assert np.asarray(a, np.float32).dtype == np.float32
    assert "2 of 5 rows" in repr(a)


def test_a_table_used_sparsely_and_densely() -> None:
    table = Variable(np.arange(10.0).reshape(5, 2))
    for order in (0, 1):
        with GradientTape() as tape:
            parts = [ops.sum(ops.embedding(table, [1, 3, 1])), ops.sum(table * 2.0), ops.sum(ops.embedding(table, [4]))]
            loss = parts[order] + parts[1 - order] + parts[2]
        expected = np.full((5, 2), 2.0)
        expected[[1, 3, 4]] += [[2], [1], [1]]
        np.testing.assert_array_equal(np.asarray(tape.gradient(loss, table)), expected)


def test_variable() -> None:
    v = Variable([[1, 2], [3, 4]], dtype="float32", name="w")
    copy = v.numpy()
    v.assign(np.zeros((2, 2)))
    assert v.version == 1
    np.testing.assert_array_equal(copy, [[1, 2], [3, 4]])
    with pytest.raises(ValueError, match=r"w: value must have shape \(2, 2\), got \(3,\)"):
        v.assign(np.zeros(3))
    v.assign_add(np.ones((2, 2))).assign_sub(0.25)
    np.testing.assert_array_equal(v.value, 0.75)
    assert v.version == 3
    assert v.dtype == np.float32
    assert "name='w'" in repr(v)
    assert Variable(v).value is not v.value


def test_operators() -> None:
    a = Tensor(np.array([4.0, 9.0]))
    b = np.array([2.0, 3.0])
    pairs = [
        *[(a + b, [6, 12]), (b + a, [6, 12]), (a - b, [2, 6]), (b - a, [-2, -6]), (a * b, [8, 27]), (b * a, [8, 27])],
        *[
            (a / b, [2, 3]),
            (b / a, [0.5, 1 / 3]),
            (a**b, [16, 729]),
            (b**a, [16, 19683]),
            (-a, [-4, -9]),
            (abs(-a), [4, 9]),
        ],
        *[(a @ b, 35), (b @ a, 35), (a[1], 9), (a > 5, [False, True]), (a >= 9, [False, True]), (a < 5, [True, False])],
        *[(a <= 4, [True, False]), (a == 4, [True, False]), (a != 4, [False, True])],
        *[(a.sum(), 13), (a.mean(), 6.5), (a.max(), 9), (a.min(), 4)],
        *[(a.reshape(2, 1), [[4], [9]]), (a.reshape((2, 1)).T, [[4, 9]]), (a.astype("int8"), [4, 9])],
    ]
    for found, expected in pairs:
        np.testing.assert_allclose(found, expected)
    assert a.shape == (2,)
    assert a.ndim == 1
    assert a.size == 2
    assert len(a) == 2
    assert [float(v) for v in a] == [4, 9]
    assert f"{a[0]:.2f}" == "4.00"
    assert int(Tensor(np.array(3.7))) == 3
    assert int(Tensor(np.array([5]))) == 5 and float(Tensor(np.array([[2.5]]))) == 2.5
    with pytest.raises((TypeError, ValueError), match="only"):
        float(Tensor(np.ones(2)))
    assert bool(Tensor(np.array(0.0))) is False
    assert Tensor(np.array(2.5)).item() == 2.5


def test_variables_are_found_in_lists() -> None:
    a, b = Variable(np.ones(2)), Variable(np.ones(2))
    assert [a, b].index(b) == 1
    assert a in [b, a]
    assert a != b
    assert len({a, b}) == 2
    assert len({Tensor(np.ones(2)): 1}) == 1


def test_operators_load_what_they_need() -> None:
    code = "import numpy; from recurra.autograd import Variable; print((Variable(numpy.ones(3)) * 2 == 2).all())"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"


@pytest.mark.parametrize("sources", [np.ones(3), [np.ones(3)], "w", 3, None])
def test_sources_that_no_tape_follows_are_refused(sources: Any) -> None:
    with GradientTape() as tape:
        loss = ops.sum(tape.watch(np.ones(3)))
    with pytest.raises(TypeError, match=r"sources must be Variables, or what tape.watch\(array\) returned, got"):
        tape.gradient(loss, sources)
    w = Variable(np.ones(3))
    with GradientTape() as tape:
        loss = ops.sum(w * 2.0)
    (found,) = tape.gradient(loss, {"w": w}.values())
    assert np.array_equal(found, np.full(3, 2.0))
