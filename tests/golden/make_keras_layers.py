"""Write keras_layers.npz: what Keras 3 (JAX backend) computes for the cases in layer_cases.py.

    KERAS_BACKEND=jax python -m tests.golden.make_keras_layers

Made with Keras 3.15.1 and JAX 0.10.2. Keys: ``<case>/y<k>`` outputs, ``<case>/dx<k>`` and ``<case>/dw<k>`` the
gradients of ``sum(y * random)`` for the inputs and the trainable weights, ``<case>/w<k>`` weights that the call
changed, ``<case>/mask`` the mask that the first output carries. All numbers stand in one array, `numbers`; `index` is
JSON, ``[[key, shape], ...]`` in their order (815 arrays of a few numbers would be mostly zip headers).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np

from tests.golden.layer_cases import CASES, draw, draw_output_gradient, draw_weights


def flat(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in flat(item)]
    return [value]


def run(name: str) -> dict[str, Any]:
    case = CASES[name]
    x, call = draw(case, name)
    layer = case.layer(keras)
    layer(x, **call)
    weights = draw_weights(layer, name)
    layer.set_weights(weights)
    outputs = flat(layer(x, **call))
    found: dict[str, Any] = {f"{name}/y{k}": np.asarray(y) for k, y in enumerate(outputs)}
    for k, (before, variable) in enumerate(zip(weights, layer.weights, strict=True)):
        if not np.array_equal(before, np.asarray(variable)):
            found[f"{name}/w{k}"] = np.asarray(variable)
    mask = getattr(outputs[0], "_keras_mask", None)
    if mask is not None:
        found[f"{name}/mask"] = np.asarray(mask)
    if not case.gradient:
        return found
    factors = [draw_output_gradient(y, name, k) for k, y in enumerate(outputs)]
    layer.set_weights(weights)
    fixed = [v.value for v in layer.non_trainable_variables]

    def loss(trainable: Any, x: Any) -> Any:
        y, _ = layer.stateless_call(trainable, fixed, x, **call)
        return sum((a * b).sum() for a, b in zip(flat(y), factors, strict=True))

    dw, dx = jax.grad(loss, argnums=(0, 1))([v.value for v in layer.trainable_variables], x)
    found.update({f"{name}/dx{k}": np.asarray(d) for k, d in enumerate(flat(dx))})
    found.update({f"{name}/dw{k}": np.asarray(d) for k, d in enumerate(dw)})
    return found


if __name__ == "__main__":
    results: dict[str, Any] = {}
    for name in CASES:
        results.update(run(name))
    index = json.dumps([[key, list(value.shape)] for key, value in results.items()])
    numbers = np.concatenate([np.asarray(value, "float32").ravel() for value in results.values()])
    np.savez_compressed(Path(__file__).with_name("keras_layers.npz"), index=np.array(index), numbers=numbers)
    print(f"{len(CASES)} cases, {len(results)} arrays, keras {keras.__version__}, jax {jax.__version__}")
