"""The expressions of tf_expressions.txt; their values are in tf_values.json, by TensorFlow.

They are evaluated with `tf`, `np`, the arrays below and ``grad(function, *arrays)``, the gradients of a weighted sum of
what a function of tensors gives. make_tf_values.py writes the values.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

GOLDEN = Path(__file__).with_name("tf_values.json")


def space_of(tf: Any) -> dict[str, Any]:
    """The names that the expressions use."""
    rng = np.random.RandomState(0)
    x = rng.randn(2, 3).astype("float32")

    def grad(function: Any, *arrays: Any) -> Any:
        tensors = [tf.constant(one) for one in arrays]
        weights = np.random.RandomState(1)
        with tf.GradientTape() as tape:
            for one in tensors:
                tape.watch(one)
            y = function(*tensors)
            loss = tf.reduce_sum(y * tf.constant(weights.randn(*y.shape).astype("float32")))
        return [tf.convert_to_tensor(one) for one in tape.gradient(loss, tensors)]

    return {
        "tf": tf, "np": np, "grad": grad, "x": x, "pos": np.abs(x) + 0.5,
        "m": rng.randn(3, 4).astype("float32"), "b": rng.randn(2, 4, 3).astype("float32"),
        "ids": np.array([[2, 0], [1, 2]]), "i": np.array([3, -1, 2], "int32"),
        "words": np.array(["Foo bar", "", "añb c"], object),
        "flags": np.array([[True, False, True], [False, False, True]]),
    }  # fmt: skip


EXPRESSIONS = Path(__file__).with_name("tf_expressions.txt").read_text("utf-8").splitlines()


def described(value: Any) -> Any:
    """A value as JSON keeps it."""
    if isinstance(value, (list, tuple)):
        return [described(one) for one in value]
    if isinstance(value, (str, int, float)) and not hasattr(value, "dtype"):
        return {"value": value}
    array = np.asarray(value.numpy())
    if array.dtype.kind in "OSU":
        texts = [one.decode("latin-1") for one in array.reshape(-1).tolist()]
        return {"dtype": "string", "shape": list(array.shape), "value": texts}
    flat = [float(f"{one:.8g}") if array.dtype.kind == "f" else one for one in array.reshape(-1).tolist()]
    return {"dtype": array.dtype.name, "shape": list(array.shape), "value": flat}
