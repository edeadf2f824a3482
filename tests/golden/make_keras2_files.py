"""Make ``keras2_files.zip``: small models saved by Keras 2 (in TensorFlow 2.15), with what they predict.

Needs ``pip install 'tensorflow-cpu==2.15.1' 'numpy<2'``. From the folder of this script::

    python make_keras2_files.py

``NAME.npz`` beside each file holds ``x0, ...`` (inputs), ``y0, ...`` (predictions), ``t0, ...`` (targets) and, where
the file holds an optimizer, ``losses`` and ``after0, ...`` of three more steps. ``cudnn.h5`` was saved with CuDNNLSTM
and CuDNNGRU, which need a GPU to run: its predictions are those of Keras's own conversion to LSTM and GRU.
``checkpoint/`` holds the index file of a checkpoint in TensorFlow's own format, which is recognised and refused.
"""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

K = tf.keras
L = K.layers
V1 = tf.compat.v1.keras.layers
HERE = Path(__file__).parent
rng = np.random.default_rng(21)


def randomize(model: Any) -> None:
    model.set_weights(
        [rng.uniform(0.5, 1.5, w.shape) if "variance" in w.name else rng.normal(0, 0.9, w.shape) for w in model.weights]
    )


def floats(*shape: int) -> np.ndarray:
    return rng.normal(0, 1, shape).astype("float32")


def stateful() -> tuple[Any, list[Any], list[Any]]:
    model = K.Sequential(
        [
            L.Embedding(7, 3, batch_input_shape=[2, None]),
            L.LSTM(4, return_sequences=True, stateful=True, recurrent_initializer="glorot_uniform", implementation=1),
            L.Dense(7),
        ]
    )
    loss = K.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(K.optimizers.legacy.Adam(lr=0.02, decay=0.1), loss=loss, metrics=["accuracy"])
    return model, [rng.integers(0, 7, (2, 5)).astype("int32")], [rng.integers(0, 7, (2, 5)).astype("int32")]


def old_gates() -> tuple[Any, list[Any], list[Any]]:
    model = K.Sequential(
        [
            L.LSTM(4, recurrent_activation="hard_sigmoid", return_sequences=True, input_shape=(5, 3)),
            L.GRU(2, recurrent_activation="hard_sigmoid", reset_after=False, return_sequences=True),
            L.GRU(6, return_sequences=True, go_backwards=True),
            L.BatchNormalization(),
            L.Activation("hard_sigmoid"),
            L.TimeDistributed(L.Dense(3)),
            L.Flatten(),
            L.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(K.optimizers.legacy.RMSprop(learning_rate=0.01, momentum=0.5), loss="binary_crossentropy")
    return model, [floats(6, 5, 3)], [rng.integers(0, 2, (6, 1)).astype("float32")]


def functional() -> tuple[Any, list[Any], list[Any]]:
    source = L.Input((None,), name="source")
    target = L.Input((4, 2), name="target")
    embedded = L.Embedding(9, 3, mask_zero=True, input_length=6)(source)
    out, h, c = L.LSTM(5, return_state=True, name="encoder")(embedded)
    decoded = L.LSTM(5, return_sequences=True, name="decoder")(target, initial_state=[h, c])
    both = L.Bidirectional(L.GRU(3, return_sequences=True), merge_mode="mul")(decoded)
    shared = L.Dense(2, name="shared")
    tail = K.Sequential([L.Dense(4, input_shape=(5,)), L.Activation("softplus")], name="tail")
    inside = L.Input((5,))
    inner = K.Model(inside, L.Dense(3, activation="tanh")(inside), name="inner")
    joined = L.concatenate([shared(out), tail(h), inner(out), inner(h), tail(c)])
    model = K.Model([source, target], [L.GlobalMaxPooling1D()(both), joined, shared(c), inner(c), tail(out)])
    model.compile(K.optimizers.Adam(0.02), loss=["mse", "mae", "mse", "mse", "mae"])
    x = rng.integers(1, 9, (4, 6)).astype("float32")
    x[1, 4:] = x[2, 1:] = 0
    return model, [x, floats(4, 4, 2)], [floats(4, 3), floats(4, 16), floats(4, 2), floats(4, 3), floats(4, 4)]


def cudnn() -> tuple[Any, list[Any], list[Any]]:
    model = K.Sequential(
        [
            V1.CuDNNLSTM(4, return_sequences=True, input_shape=(5, 3)),
            L.Bidirectional(V1.CuDNNGRU(2, return_sequences=True)),
            V1.CuDNNGRU(5),
            L.Dense(1),
        ]
    )
    return model, [floats(6, 5, 3)], []


def cudnn_twin() -> Any:
    return K.Sequential(
        [
            L.LSTM(4, return_sequences=True, input_shape=(5, 3)),
            L.Bidirectional(L.GRU(2, return_sequences=True, reset_after=True)),
            L.GRU(5, reset_after=True),
            L.Dense(1),
        ]
    )


FILES = {
    "stateful.h5": stateful,
    "old_gates.h5": old_gates,
    "functional.h5": functional,
    "functional_weights.h5": functional,
    "functional.keras": functional,
    "cudnn.h5": cudnn,
}


def one(name: str, build: Any, path: Path) -> dict[str, np.ndarray]:
    K.backend.clear_session()
    model, x, t = build()
    randomize(model)
    single = len(x) == 1
    batch = (x[0], t[0]) if single and t else (x, t)
    if t:
        for _ in range(2):
            model.train_on_batch(*batch)
    if name.endswith("_weights.h5"):
        model.save_weights(path)
    else:
        model.save(path)
    if name == "cudnn.h5":
        model = cudnn_twin()
        model.load_weights(path)
    if model.stateful:
        model.reset_states()

    def predict() -> list[np.ndarray]:
        y = model.predict_on_batch(x[0] if single else x)
        if model.stateful:
            model.reset_states()
        return [np.asarray(v) for v in (y if isinstance(y, list) else [y])]

    data = {f"x{i}": v for i, v in enumerate(x)} | {f"t{i}": v for i, v in enumerate(t)}
    data |= {f"y{i}": v for i, v in enumerate(predict())}
    if not t:
        return data
    losses = []
    for _ in range(3):
        model.reset_metrics()
        losses.append(float(np.ravel(model.train_on_batch(*batch))[0]))
        if model.stateful:
            model.reset_states()
    return data | {"losses": np.array(losses)} | {f"after{i}": v for i, v in enumerate(predict())}


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(HERE / "keras2_files.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out,
    ):
        for name, build in FILES.items():
            path = Path(folder) / name
            data = one(name, build, path)
            out.write(path, name)
            buffer = io.BytesIO()
            np.savez(buffer, **data)
            out.writestr(name + ".npz", buffer.getvalue())
            print(f"{name}: {path.stat().st_size} bytes")
        model = K.Sequential([L.Dense(1, input_shape=(2,))])
        model.save_weights(Path(folder) / "tf" / "ckpt_1")
        for file in ("checkpoint", "ckpt_1.index"):
            out.write(Path(folder) / "tf" / file, f"checkpoint/{file}")


if __name__ == "__main__":
    main()
