"""Makes keras_int8.keras: an Embedding and Dense layers with 8-bit weights, saved by Keras 3.

Run with Keras 3 installed: ``KERAS_BACKEND=torch python -m tests.golden.make_keras_int8``. It prints what the test
expects.
A Dense layer inside TimeDistributed is left out: Keras 3.15 multiplies by its integers without their scale there.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np

IDS = np.arange(12).reshape(3, 4) % 9


def main() -> None:
    layers = keras.layers
    stack = [layers.Embedding(9, 5), layers.Dense(6, activation="tanh", use_bias=False), layers.LSTM(4)]
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *stack, layers.Dense(3)])
    random = np.random.default_rng(3)
    model.set_weights([random.normal(size=weight.shape) for weight in model.weights])
    model.quantize("int8")
    print("predictions:", model.predict(IDS, verbose=0).tolist())
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        target = Path(__file__).with_name("keras_int8.keras")
        with zipfile.ZipFile(f"{folder}/model.keras") as source, zipfile.ZipFile(target, "w") as out:
            for name in source.namelist():
                out.writestr(zipfile.ZipInfo(name), source.read(name), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
