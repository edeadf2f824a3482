"""Write lookups.json: what Keras 3 on TensorFlow computes for the cases in lookup_cases.py.

    KERAS_BACKEND=tensorflow python -m tests.golden.make_lookups

Made with Keras 3.15.1 and TensorFlow 2.21.0. For each case the result, the vocabulary or None, and the shape that
``compute_output_shape`` gives.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np

from tests.golden.lookup_cases import CASES, arrays, plain

if __name__ == "__main__":
    found: dict[str, Any] = {}
    for name, (kind, arguments, data, inputs) in CASES.items():
        layer = getattr(keras.layers, kind)(**arguments)
        if data is not None:
            layer.adapt(arrays(data))
        result = plain(layer(arrays(inputs)).numpy())
        words = layer.get_vocabulary() if hasattr(layer, "get_vocabulary") else None
        words = None if words is None else [w if isinstance(w, str) else int(w) for w in words]
        shape = layer.compute_output_shape(np.shape(inputs))
        found[name] = {**result, "vocabulary": words, "output_shape": list(shape)}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(one)}" for name, one in found.items())
    Path(__file__).with_name("lookups.json").write_text("{" + lines + "}\n")
