"""Makes tf_data.json: what TensorFlow's tf.data gives for the pipelines of data_cases.py, and its counts of elements.

Run with TensorFlow installed: ``python -m tests.golden.make_tf_data``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tensorflow as tf

from tests.golden.data_cases import CASES


def plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value.numpy().tolist()


if __name__ == "__main__":
    found = {}
    for name, make in CASES.items():
        dataset = make(tf.data.Dataset)
        found[name] = {"elements": [plain(value) for value in dataset], "cardinality": int(dataset.cardinality())}
    text = json.dumps(found, separators=(",", ":"))
    Path(__file__).with_name("tf_data.json").write_text(text + "\n")
