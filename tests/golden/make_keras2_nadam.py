"""Make ``keras2_nadam.zip``: a model trained for four steps with Keras 2's two kinds of Nadam (in TensorFlow 2.15).

Needs ``pip install 'tensorflow-cpu==2.15.1' 'numpy<2'``; run in the folder of this script. ``legacy.h5`` holds the
momentum's schedule and product as Keras before 2.11 wrote them, ``losses.json`` the losses of three more steps with it;
``new.h5`` and ``new.keras`` lack the product.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from tensorflow import keras

X = np.random.RandomState(0).normal(size=(8, 3)).astype("float32")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile("keras2_nadam.zip", "w", 8) as target:
        for kind, optimizer in (("new", keras.optimizers.Nadam), ("legacy", keras.optimizers.legacy.Nadam)):
            keras.utils.set_random_seed(1)
            model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
            model.compile(optimizer(0.05), loss="mse")
            for _ in range(4):
                model.train_on_batch(X, X[:, :2])
            for name in ("new.h5", "new.keras") if kind == "new" else ("legacy.h5",):
                model.save(f"{folder}/{name}")
                target.write(f"{folder}/{name}", name)
        losses = [float(model.train_on_batch(X, X[:, :2])) for _ in range(3)]
        target.writestr("losses.json", json.dumps(losses))
    print(Path("keras2_nadam.zip").stat().st_size, losses)


if __name__ == "__main__":
    main()
