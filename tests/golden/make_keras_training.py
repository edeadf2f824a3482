"""Write keras_training.npz: what Keras 3 (JAX backend) gives for the cases in training_cases.py.

    KERAS_BACKEND=jax JAX_ENABLE_X64=1 python -m tests.golden.make_keras_training [training run ...]

With names of training runs only these are made anew. Made with Keras 3.15.1 and JAX 0.10.2.

Optimizers in float32 and float64, losses in float32 and float64 with their gradients, metrics in float32, schedules,
and whole training runs in float64. Keras computes tanh, means and cosines of float64 in float32 on this backend; one
entry of its promotion table is changed here so that float64 stays float64.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_ENABLE_X64", "1")

import jax
import keras
import numpy as np
from keras.src.backend.common import dtypes

from tests.golden.optimizer_cases import OPTIMIZERS, SCHEDULES, run_optimizer, run_schedule
from tests.golden.training_cases import LOSSES, METRICS, RUNS, run_loss, run_metric, run_training, set_float

dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"


def differentiate(function: Any, x: Any) -> tuple[Any, Any]:
    return jax.value_and_grad(function)(jax.numpy.asarray(x))


def main(only: list[str]) -> None:
    path = Path(__file__).with_name("keras_training.npz")
    found: dict[str, Any] = {}

    def keep(group: str, values: dict[str, Any]) -> None:
        found.update({f"{group}/{key}": np.asarray(value) for key, value in values.items()})

    if only:
        with np.load(path) as file:
            found = {key: file[key] for key in file if not key.startswith(tuple(f"runs/{name}/" for name in only))}
    else:
        for dtype in ("float32", "float64"):
            set_float(keras, dtype)
            for name in OPTIMIZERS:
                keep(f"optimizers/{dtype}", run_optimizer(keras, name, dtype))
            for name in LOSSES:
                keep(f"losses/{dtype}", run_loss(keras, name, dtype, differentiate))
        keep("scheduled/float64", run_optimizer(keras, "adam", "float64", schedule=True))
        set_float(keras, "float32")
        for name in METRICS:
            keep("metrics", run_metric(keras, name))
        set_float(keras, "float64")
        for name in SCHEDULES:
            keep("schedules", run_schedule(keras, name))
    set_float(keras, "float32")
    for name in only or RUNS:
        keep("runs", run_training(keras, name))
    np.savez_compressed(path, **found)
    print(f"{len(found)} arrays with Keras {keras.__version__}, JAX {jax.__version__}")


if __name__ == "__main__":
    main(sys.argv[1:])
