"""Makes keras2_text.keras: a model that begins with texts, saved by TensorFlow 2.15's Keras.

Run with that TensorFlow installed: ``python -m tests.golden.make_keras2_text``.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import numpy as np
from tensorflow import keras

TEXTS = ["the cat sat on the mat", "a dog ate my homework", "the dog sat"]


def main() -> None:
    keras.utils.set_random_seed(5)
    layers = keras.layers
    vectorize = layers.TextVectorization(max_tokens=20, output_sequence_length=6)
    vectorize.adapt(np.array(TEXTS))
    stack = [keras.Input((1,), dtype="string"), vectorize, layers.Embedding(20, 4, mask_zero=True), layers.LSTM(3)]
    model = keras.Sequential([*stack, layers.Dense(1)])
    for weight in model.trainable_weights:
        weight.assign(np.random.default_rng(weight.shape[0]).normal(size=weight.shape))
    print("predictions:", model.predict(np.array(TEXTS), verbose=0).ravel().tolist())
    print("vocabulary:", vectorize.get_vocabulary())
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        target = Path(__file__).with_name("keras2_text.keras")
        with zipfile.ZipFile(f"{folder}/model.keras") as source, zipfile.ZipFile(target, "w", 8) as packed:
            for name in source.namelist():
                packed.writestr(name, source.read(name))


if __name__ == "__main__":
    main()
