"""What recurra check finds in a program's syntax tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.compat.programs.check import Report, check_pieces
from recurra.compat.programs.report import lines_of, summary_of
from recurra.compat.programs.sources import Piece


def checked(text: str) -> Report:
    return check_pieces("p.py", [Piece("p.py", text, {})])


def missing(text: str) -> list[tuple[str, int]]:
    return [(use.name, use.line) for use in checked(text).missing]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("import tensorflow as tf\ntf.keras.layers.LSTM(3)\ntf.math.log(1.0).numpy().spam", []),
        ("import tensorflow as tf\n\ntf.spam.eggs(3)", [("tf.spam", 3)]),
        ("import tensorflow as tf\nx = tf.keras.layers.Spam(tf.eggs)", [("tf.keras.layers.Spam", 2), ("tf.eggs", 2)]),
        ("import tensorflow.keras.layers as L\nL.Spam", [("tf.keras.layers.Spam", 2)]),
        ("import tensorflow.keras\ntensorflow.keras.Spam", [("tf.keras.Spam", 2)]),
        ("from tensorflow import keras\nkeras.losses.spam", [("tf.keras.losses.spam", 2)]),
        ("from keras.layers import (\n    LSTM,\n    Spam as S,\n)\nS(3)", [("keras.layers.Spam", 3)]),
        ("from keras.spam import eggs", [("keras.spam", 1)]),
        ("import tensorflow as tf\nk = tf.keras\nL = k.layers\nL.Spam", [("tf.keras.layers.Spam", 4)]),
        ("import keras\nkeras.models.Sequential.spam", [("keras.models.Sequential.spam", 2)]),
        ("import keras\nkeras.Model.from_config({})\nkeras.layers.LSTM(3).spam", []),
        ("from keras.layers import *\nimport numpy as np\nnp.spam", []),
        ("from . import keras\nfrom .tensorflow import spam\nkeras.spam", []),
        ("import tensorflow as tf\nf(tf.constant([tf.spam])[0].tf.eggs)", [("tf.spam", 2)]),
        ("from tensorflow.python.client import device_lib\ndevice_lib.list_local_devices()\ndevice_lib.spam",
         [("tf.python.client.device_lib.spam", 3)]),
    ],
)  # fmt: skip
def test_missing(text: str, wanted: list[tuple[str, int]]) -> None:
    assert missing(text) == wanted


def test_what_the_program_goes_on_without() -> None:
    text = "try:\n    import tensorflow.spam\nexcept (ImportError, KeyError):\n    pass\n"
    report = checked(text)
    assert report.complete and report.missing[0].optional
    assert not checked(text.replace("ImportError", "ValueError")).complete
    assert checked(text.replace(" (ImportError, KeyError)", "")).complete


def test_what_differs_and_why() -> None:
    report = checked("import tensorflow as tf\n@tf.function\ndef f(x): return tf.placeholder(x)\n")
    assert [(use.name, use.line) for use in report.differs] == [("tf.function", 2)]
    assert "TensorFlow 1's graphs" in report.missing[0].note
    lines = lines_of(report)
    assert lines[0].startswith("p.py:3: tf.placeholder is missing: tf.placeholder is of") and "1 missing" in lines[-1]
    assert summary_of(report)[0] == "recurra stood in for tensorflow"


def test_nothing_of_tensorflow() -> None:
    assert lines_of(checked("import os\n")) == ["p.py: nothing of TensorFlow or Keras is used"]
    assert summary_of(checked("import os\n")) == []


def test_nothing_is_run(tmp_path: Path) -> None:
    checked(f"import tensorflow as tf\nopen({str(tmp_path / 'made')!r}, 'w')\n1 / 0\n")
    assert list(tmp_path.iterdir()) == []


def test_names_of_other_cells() -> None:
    pieces = [Piece("c 1", "import tensorflow as tf\n", {}), Piece("c 2", "\ntf.spam\n", {1: "!ls"})]
    report = check_pieces("n.ipynb", pieces)
    assert [(use.place, use.line) for use in report.missing] == [("c 2", 2)] and report.skipped[0].name == "!ls"
