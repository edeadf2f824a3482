"""gradcheck finds wrong gradients, says where, and lets right ones pass."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from recurra import Variable, gradcheck, ops
from recurra.autograd import record, value_of
from recurra.gradcheck import GradientError


def _sine(x: Any, factor: Any = 1.0) -> Any:
    v = value_of(x)
    return record(np.sin(v), (x,), lambda d: (d * np.cos(v) * factor,))


def test_right_gradients_pass(rng: np.random.Generator) -> None:
    assert gradcheck(_sine, rng.normal(size=(3, 4)))
    assert gradcheck(_sine, rng.normal(size=(30, 40)))
    assert gradcheck(_sine, rng.normal(size=(3, 4)).astype(np.float32))
    assert gradcheck(lambda a, n, b: {"y": [_sine(a) * n, (b,)]}, [rng.normal(size=3), np.array([1, 2, 3]), 0.5])


def test_one_wrong_element_is_found_and_named(rng: np.random.Generator) -> None:
    factor = np.ones((3, 4))
    factor[2, 1] = 1.001
    with pytest.raises(GradientError, match=r"inputs\[0\] \(3, 4\): 1 of 12 elements .*\n  at \(2, 1\): gradient"):
        gradcheck(lambda x: _sine(x, factor), rng.normal(size=(3, 4)))


@pytest.mark.parametrize("shape", [(4,), (30, 20)])
def test_wrong_gradients_fail(rng: np.random.Generator, shape: tuple) -> None:
    x = rng.normal(size=shape)
    for factor in (1.01, -1.0, 0.0, np.nan):
        with pytest.raises(GradientError):
            gradcheck(lambda v, factor=factor: _sine(v, factor), x)
    with pytest.raises(GradientError):
        gradcheck(lambda v: ops.stop_gradient(v) * v, x)


def test_equal_terms_do_not_hide_an_error() -> None:
    """A swap of two elements keeps a plain sum's gradient right."""

    def swapped(x: Any) -> Any:
        return record(value_of(x) * 2.0, (x,), lambda d: (d[::-1] * 2.0,))

    with pytest.raises(GradientError):
        gradcheck(swapped, np.array([1.0, 2.0]))


def test_a_gradient_of_another_shape() -> None:
    with pytest.raises(GradientError, match=r"must have shape \(3,\), got \(\)"):
        gradcheck(lambda x: record(value_of(x).sum(), (x,), lambda d: (d,)), np.ones(3))


def test_variables(rng: np.random.Generator) -> None:
    w = Variable(rng.normal(size=(3, 2)), name="w")
    before = w.numpy()
    assert gradcheck(lambda x: ops.matmul(x, w), rng.normal(size=(4, 3)), variables=[w])
    np.testing.assert_array_equal(w.value, before)
    with pytest.raises(GradientError, match=r"^w \(3, 2\)"):
        gradcheck(lambda x: x @ ops.stop_gradient(w), [rng.normal(size=(4, 3))], variables=[w])
    with pytest.raises(ValueError, match="w must be float64"):
        gradcheck(lambda: w * 1.0, variables=[Variable(np.ones(2, np.float32), name="w")])


class _Layer:
    """As much of a layer as gradcheck looks at; its weights are made by the first call."""

    def __init__(self, right: bool) -> None:
        self.right = right
        self.trainable_variables: list[Variable] = []

    def __call__(self, x: Any, training: bool = False) -> Any:
        if not self.trainable_variables:
            self.trainable_variables = [Variable(np.arange(1.0, 4.0), name="scale")]
        (scale,) = self.trainable_variables
        y = x * scale if self.right or not training else x * ops.stop_gradient(scale)
        return y * 2.0 if training else y


def test_layers(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 3))
    assert gradcheck(_Layer(True), x)
    assert gradcheck(_Layer(True), x, kwargs={"training": True})
    with pytest.raises(GradientError, match="scale"):
        gradcheck(_Layer(False), x, kwargs={"training": True})


def test_functions_that_cannot_be_checked(rng: np.random.Generator) -> None:
    with pytest.raises(ValueError, match="same output each time"):
        gradcheck(lambda x: ops.dropout(x, 0.5), rng.normal(size=50))
    with pytest.raises(ValueError, match="at least one array of floats"):
        gradcheck(lambda x: ops.argmax(x), np.ones(3))
    with pytest.raises(ValueError, match="finite"):
        gradcheck(lambda x: x * np.inf, np.ones(3))


def test_the_module_may_be_imported_first() -> None:
    code = "import numpy, recurra.gradcheck; print(recurra.gradcheck(lambda x: x * 2.0, numpy.ones(2)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True\n"


def test_another_value_under_the_tape() -> None:
    def fickle(x: Any) -> Any:
        return x * (1.0 if isinstance(x, np.ndarray) else 2.0)

    with pytest.raises(GradientError, match="another value under a tape"):
        gradcheck(fickle, np.ones(3))


def test_what_is_no_function_is_refused() -> None:
    with pytest.raises(TypeError, match="fn must be a function or a layer, got 3"):
        gradcheck(3, np.ones(2))  # type: ignore[arg-type]
