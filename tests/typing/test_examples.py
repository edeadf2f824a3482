"""What a type checker says of the documents' examples, and of the names that users meet first."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import recurra

ROOT = Path(__file__).parents[2]
DOCUMENTS = [path for path in (ROOT / "README.md",) if path.is_file()]
DOCUMENTS += sorted((ROOT / "python" / "docs").rglob("*.md"))

TYPES = """
from typing import Any

import numpy as np
from typing_extensions import assert_type

import recurra
from recurra import callbacks, layers, losses, metrics, models, optimizers
from recurra.callbacks.early_stopping import EarlyStopping
from recurra.callbacks.history import History
from recurra.layers.recurrent.lstm import LSTM
from recurra.preprocessing.text import Tokenizer
from recurra.preprocessing.sequence import pad_sequences
from recurra.saving import load_model
from recurra.tasks import LanguageModel, SentimentClassifier

x, y = np.zeros((4, 3, 2)), np.zeros((4, 1))

assert_type(layers.LSTM(8), LSTM)
assert_type(recurra.layers.LSTM(8, activation=None, kernel_regularizer="l2"), LSTM)
assert_type(layers.LSTM(8).units, int)
assert_type(layers.Dense(1), recurra.layers.dense.Dense)

model = models.Sequential([layers.LSTM(8), layers.Dense(1)])
assert_type(model, recurra.Sequential)
model.compile(optimizers.Adam(1e-3), losses.MeanSquaredError(), metrics=["mae", metrics.RootMeanSquaredError()])
history = model.fit(x, y, epochs=1, callbacks=[callbacks.EarlyStopping(patience=2)], validation_data=(x, y))
assert_type(history, History)
assert_type(history.epoch, list[int])
assert_type(callbacks.EarlyStopping(), EarlyStopping)
assert_type(model.evaluate(x, y, return_dict=True), dict[str, Any])
loss, error, root = model.evaluate(x, y)
predicted = model.predict(x)
predicted.argmax(axis=-1)
first, second = model.predict({"a": x, "b": y})
assert_type(model.count_params(), int)

class Own(recurra.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.dense(inputs)


Own().compile("adam", {"a": "mse"}, metrics=[["mae"], None])
model.optimizer.beta_1 = 0.5
inputs = recurra.Input((None, 3))
assert_type(inputs, models.KerasTensor)
recurra.Model(inputs, layers.Dense(1)(layers.LSTM(4)(inputs))).summary()
load_model("model.keras").predict(x)

tokenizer = Tokenizer(num_words=10)
assert_type(tokenizer.texts_to_sequences(["a b"]), list[list[int]])
padded: np.ndarray = pad_sequences([[1, 2], [3]])

assert_type(LanguageModel(level="char").generate("a"), str)
assert_type(SentimentClassifier(), SentimentClassifier)
"""

WRONG = """
import recurra
from recurra.layers import LTSM  # attr-defined
recurra.layers.LSTM("8")  # arg-type
recurra.models.Sequential().compile(optimizer=1)  # arg-type
recurra.models.Sequential().fit(epochs="3")  # arg-type
recurra.torch  # attr-defined
"""


def example(document: Path) -> str:
    """The Python blocks of a document: they go on from each other."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```", document.read_text(encoding="utf-8"), re.M | re.S))


@pytest.fixture(scope="session")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """mypy's words on each file, by its name; one run for all."""
    folder = tmp_path_factory.mktemp("typed")
    sources = {f"doc_{re.sub(r'[^a-z0-9]', '_', path.stem.lower())}": example(path) for path in DOCUMENTS}
    sources |= {"types": TYPES, "wrong": WRONG}
    for name, text in sources.items():
        (folder / f"{name}_.py").write_text(text, encoding="utf-8")
    package = Path(recurra.__file__).parents[1]
    environment = {**os.environ, "MYPYPATH": "" if package.name == "site-packages" else str(package)}
    command = [sys.executable, "-m", "mypy", "--config-file=", "--check-untyped-defs", "--allow-redefinition"]
    command += ["--ignore-missing-imports", "--follow-imports=silent", "--no-error-summary", "--no-color-output"]
    command += [f"--cache-dir={folder / 'cache'}", *(f"{name}_.py" for name in sources)]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert run.returncode in (0, 1), run.stderr
    found: dict[str, list[str]] = {name: [] for name in sources}
    for line in run.stdout.splitlines():
        name, _, rest = line.partition("_.py:")
        if ": error:" in line:
            found[name].append(rest)
    return found


def test_documents_are_found() -> None:
    if (ROOT / "README.md").is_file():
        assert "model.fit(" in example(ROOT / "README.md")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_examples_have_no_type_errors(document: Path, said: dict[str, list[str]]) -> None:
    assert said[f"doc_{re.sub(r'[^a-z0-9]', '_', document.stem.lower())}"] == []


def test_names_have_their_types(said: dict[str, list[str]]) -> None:
    assert said["types"] == []


def test_mistakes_are_found(said: dict[str, list[str]]) -> None:
    for number, line in enumerate(WRONG.splitlines(), 1):
        kind = line.partition("  # ")[2]
        if kind:
            assert any(one.startswith(f"{number}: ") and one.endswith(f"[{kind}]") for one in said["wrong"]), line
