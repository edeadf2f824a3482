"""Write keras_layer_configs.json: the configurations that Keras 3 writes for the layers of layer_cases.py.

    KERAS_BACKEND=jax python -m tests.golden.make_keras_layer_configs

Made with Keras 3.15.1.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras

from tests.golden.layer_cases import CASES

if __name__ == "__main__":
    found: dict[str, str] = {}
    for name, case in CASES.items():
        if name.startswith(("dense/", "dot/")) and name not in ("dense/relu", "dot/crossed"):
            continue
        keras.utils.clear_session(free_memory=False)
        written = json.dumps(
            keras.saving.serialize_keras_object(
                getattr(case.layer(keras), "layer", None) if name.startswith("multi_head") else case.layer(keras)
            ),
            sort_keys=True,
        )
        if written not in found.values():
            found[name] = written
    lines = ",\n".join(f"{json.dumps(name)}: {written}" for name, written in found.items())
    Path(__file__).with_name("keras_layer_configs.json").write_text("{" + lines + "}\n")
    print(f"{len(found)} configurations, keras {keras.__version__}")
