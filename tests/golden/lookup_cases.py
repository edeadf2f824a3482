"""Preprocessing layers that Keras on TensorFlow and recurra must agree on; see make_lookups.py."""

from __future__ import annotations

from typing import Any

import numpy as np

WORDS = [["b", "a"], ["q", "b"], ["", "c"]]
LETTERS = [["b", "a", "a"], ["c", "a", "b"], ["e", "d", "b"]]
NUMBERS = [[12, 42], [7, 12], [-1, 100]]
FLOATS = np.random.RandomState(0).standard_normal((4, 3, 2)).round(3).tolist()

#: name: (layer, arguments, what to adapt to or None, the input)
CASES: dict[str, tuple[str, dict[str, Any], Any, Any]] = {
    "string": ("StringLookup", {"vocabulary": ["a", "b", "c"]}, None, WORDS),
    "string_mask": ("StringLookup", {"vocabulary": ["a", "b", "c"], "mask_token": ""}, None, WORDS),
    "string_special": ("StringLookup", {"vocabulary": ["", "[UNK]", "a", "b"], "mask_token": ""}, None, WORDS),
    "string_one_hot": ("StringLookup", {"vocabulary": ["a", "b"], "output_mode": "one_hot"}, None, WORDS),
    "string_one_hot_column": (
        "StringLookup", {"vocabulary": ["a", "b"], "output_mode": "one_hot"}, None, [["a"], ["x"]],
    ),
    "string_multi_hot": (
        "StringLookup", {"vocabulary": ["a", "b"], "output_mode": "multi_hot", "mask_token": ""}, None, WORDS,
    ),
    "string_count": (
        "StringLookup",
        {"vocabulary": ["a", "b"], "output_mode": "count", "max_tokens": 6, "pad_to_max_tokens": True},
        None,
        [["a", "a", "x"], ["b", "a", "y"]],
    ),
    "string_tf_idf": (
        "StringLookup", {"vocabulary": ["a", "b"], "idf_weights": [0.25, 0.5], "output_mode": "tf_idf"}, None, WORDS,
    ),
    "string_inverted": ("StringLookup", {"vocabulary": ["a", "b"], "invert": True}, None, [[0, 1], [2, 9]]),
    "string_inverted_mask": (
        "StringLookup", {"vocabulary": ["a", "b"], "invert": True, "mask_token": ""}, None, [[0, 1], [2, 3]],
    ),
    "string_adapted": ("StringLookup", {}, LETTERS, WORDS),
    "string_adapted_max": ("StringLookup", {"max_tokens": 4}, LETTERS, WORDS),
    "integer": ("IntegerLookup", {"vocabulary": [12, 1138, 42]}, None, NUMBERS),
    "integer_mask": ("IntegerLookup", {"vocabulary": [12, 42], "mask_token": -1}, None, NUMBERS),
    "integer_buckets": ("IntegerLookup", {"vocabulary": [12, 42], "num_oov_indices": 3}, None, NUMBERS),
    "integer_count": ("IntegerLookup", {"vocabulary": [12, 42], "output_mode": "count"}, None, NUMBERS),
    "integer_inverted": ("IntegerLookup", {"vocabulary": [12, 42], "invert": True}, None, [[0, 1], [2, 7]]),
    "integer_adapted": ("IntegerLookup", {"mask_token": 0}, [[5, 7, 7], [9, 9, 0]], [[5, 0], [9, 1]]),
    "multi_hot": ("CategoryEncoding", {"num_tokens": 4}, None, [[0, 1], [3, 3], [2, 0]]),
    "multi_hot_row": ("CategoryEncoding", {"num_tokens": 4}, None, [0, 3]),
    "one_hot": ("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"}, None, [3, 0, 1]),
    "one_hot_rows": ("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"}, None, [[3, 0], [1, 2]]),
    "count": ("CategoryEncoding", {"num_tokens": 4, "output_mode": "count"}, None, [[0, 1], [3, 3]]),
    "normalized": ("Normalization", {}, FLOATS, FLOATS),
    "normalized_all": ("Normalization", {"axis": None}, FLOATS, FLOATS),
    "normalized_axes": ("Normalization", {"axis": (1, 2)}, FLOATS, FLOATS),
    "normalized_given": ("Normalization", {"mean": [1.0, 2.0], "variance": [4.0, 0.25]}, None, FLOATS),
    "normalized_number": ("Normalization", {"mean": 3.0, "variance": 2.0}, None, FLOATS),
    "normalized_inverted": ("Normalization", {"invert": True}, FLOATS, FLOATS),
}  # fmt: skip


def arrays(value: Any) -> Any:
    """Inputs as arrays: of strings, of integers or of float32."""
    array = np.array(value)
    return array.astype("float32") if array.dtype.kind == "f" else array


def plain(value: Any) -> Any:
    """A result as JSON holds it: its dtype's kind, its shape and its values."""
    array = np.asarray(value)
    if array.dtype.kind in "SO":
        array = np.array([x.decode() if isinstance(x, bytes) else x for x in array.ravel()]).reshape(array.shape)
    kind = "U" if array.dtype.kind == "U" else array.dtype.kind
    return {"kind": kind, "shape": list(array.shape), "values": array.ravel().tolist()}
