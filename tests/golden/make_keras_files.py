"""Make ``keras_files.zip``: small models saved by Keras 3, with what they predict and how they go on training.

Needs ``pip install keras jax h5py``. From the folder of this script::

    python make_keras_files.py

For each ``NAME`` the archive holds the model file and ``NAME.npz`` with ``x0, x1, ...`` (inputs), ``y0, y1, ...``
(predictions of the saved model), ``t0, t1, ...`` (targets), ``losses`` (of three more ``train_on_batch`` calls, after
the model was saved) and ``after0, ...`` (predictions after these). Every dimension of a model differs from the others.
"""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np
from keras import layers as L

HERE = Path(__file__).parent
rng = np.random.default_rng(20)


def randomize(model: Any) -> None:
    """Give every weight, biases too, a value that a swap would show."""
    for variable in model.weights:
        if "variance" in variable.path:
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        else:
            variable.assign(rng.normal(0, 0.4, variable.shape))


def ids(batch: int, time: int, high: int, lengths: list[int] | None = None) -> np.ndarray:
    """Token ids from 1, padded with 0 behind `lengths`."""
    out = rng.integers(1, high, (batch, time)).astype("int32")
    for row, length in enumerate(lengths or []):
        out[row, length:] = 0
    return out


def floats(*shape: int) -> np.ndarray:
    return rng.normal(0, 1, shape).astype("float32")


def lstm_adam() -> tuple[Any, list[Any], list[Any]]:
    model = keras.Sequential(
        [L.Input((None,), dtype="int32"), L.Embedding(7, 3, mask_zero=True), L.LSTM(4), L.Dense(2)]
    )
    model.compile(keras.optimizers.Adam(0.02), loss="mse", metrics=["mae"])
    return model, [ids(5, 6, 7, [6, 2, 4, 1, 5])], [floats(5, 2)]


def gru_rmsprop() -> tuple[Any, list[Any], list[Any]]:
    model = keras.Sequential(
        [
            L.Input((4, 3)),
            L.GRU(5, return_sequences=True, recurrent_activation="hard_sigmoid"),
            L.GRU(2, reset_after=False, activation="relu", go_backwards=True),
            L.Dense(1, activation="sigmoid", kernel_regularizer=keras.regularizers.L1L2(0.001, 0.002)),
        ]
    )
    optimizer = keras.optimizers.RMSprop(0.01, rho=0.8, momentum=0.5, centered=True, clipnorm=1.5)
    model.compile(optimizer, loss=keras.losses.BinaryCrossentropy())
    return model, [floats(6, 4, 3)], [rng.integers(0, 2, (6, 1)).astype("float32")]


def bidirectional_sgd() -> tuple[Any, list[Any], list[Any]]:
    model = keras.Sequential(
        [
            L.Input((5, 2)),
            L.Masking(0.0),
            L.SimpleRNN(3, return_sequences=True, use_bias=False, recurrent_regularizer="l2"),
            L.Bidirectional(L.LSTM(4, return_sequences=True), merge_mode="concat"),
            L.Bidirectional(L.GRU(2), backward_layer=L.GRU(2, activation="relu", go_backwards=True), merge_mode="ave"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True), loss=keras.losses.LogCosh())
    x = floats(3, 5, 2)
    x[1, 3:] = 0
    return model, [x], [floats(3, 2)]


def cells_adamw() -> tuple[Any, list[Any], list[Any]]:
    model = keras.Sequential(
        [
            L.Input((None, 3)),
            L.RNN([L.LSTMCell(2), L.GRUCell(4), L.SimpleRNNCell(5)], return_sequences=True),
            L.TimeDistributed(L.Dense(6, activation="tanh")),
            L.LayerNormalization(),
            L.SpatialDropout1D(0.0),
            L.RNN(L.LSTMCell(3)),
            L.BatchNormalization(),
            L.Dense(2),
        ]
    )
    model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.01, amsgrad=True, global_clipnorm=2.0), loss="mae")
    return model, [floats(7, 4, 3)], [floats(7, 2)]


def functional_nadam() -> tuple[Any, list[Any], list[Any]]:
    source = L.Input((None,), dtype="int32", name="source")
    target = L.Input((4, 2), name="target")
    embedded = L.Embedding(9, 3, mask_zero=True)(source)
    sequence, h, c = L.LSTM(5, return_sequences=True, return_state=True, name="encoder")(embedded)
    decoded = L.LSTM(5, return_sequences=True, name="decoder")(target, initial_state=[h, c])
    context = L.Attention(use_scale=True)([decoded, sequence])
    joined = L.Concatenate()([decoded, context])
    shared = L.Dense(3, activation="tanh", name="shared")
    tail = keras.Sequential([L.Input((3,)), L.Dense(2), L.Activation("softplus")], name="tail")
    first = L.GlobalAveragePooling1D(name="pooled")(shared(joined))
    second = tail(shared(L.Concatenate()([h, c])))
    model = keras.Model([source, target], [first, second], name="pair")
    rate = keras.optimizers.schedules.ExponentialDecay(0.05, 4, 0.5)
    model.compile(keras.optimizers.Nadam(rate), loss=["mse", "mae"], loss_weights=[1.0, 0.25])
    return model, [ids(4, 6, 9, [6, 3, 5, 1]), floats(4, 4, 2)], [floats(4, 3), floats(4, 2)]


def two_inputs_adagrad() -> tuple[Any, list[Any], list[Any]]:
    a, b = L.Input((3,), name="a"), L.Input((2, 3), name="b")
    summed = L.Add()([L.GRU(4)(b), L.Dense(4, name="map")(a)])
    model = keras.Model([a, b], L.Dense(1)(L.Reshape((4,))(L.RepeatVector(1)(summed))))
    model.compile(keras.optimizers.Adagrad(0.1), loss="mean_squared_error")
    return model, [floats(5, 3), floats(5, 2, 3)], [floats(5, 1)]


FILES = {
    "lstm_adam.keras": lstm_adam,
    "gru_rmsprop.keras": gru_rmsprop,
    "bidirectional_sgd.keras": bidirectional_sgd,
    "cells_adamw.keras": cells_adamw,
    "functional_nadam.keras": functional_nadam,
    "adagrad.keras": two_inputs_adagrad,
    "lstm_adam.weights.h5": lstm_adam,
    "bidirectional_sgd.h5": bidirectional_sgd,
    "cells_adamw.h5": cells_adamw,
    "functional_nadam.h5": functional_nadam,
}


def one(build: Any, path: Path) -> dict[str, np.ndarray]:
    """Train for two steps, save to `path`, train for three more."""
    keras.utils.clear_session()
    model, x, t = build()
    randomize(model)
    for _ in range(2):
        model.train_on_batch(x, t)
    if path.name.endswith(".weights.h5"):
        model.save_weights(path)
    else:
        model.save(path)

    def predict() -> list[np.ndarray]:
        y = model.predict_on_batch(x if len(x) > 1 else x[0])
        return [np.asarray(v) for v in (y if isinstance(y, list) else [y])]

    data = {f"x{i}": v for i, v in enumerate(x)} | {f"t{i}": v for i, v in enumerate(t)}
    data |= {f"y{i}": v for i, v in enumerate(predict())}
    losses = []
    for _ in range(3):
        model.reset_metrics()
        losses.append(float(np.ravel(model.train_on_batch(x, t))[0]))
    return data | {"losses": np.array(losses)} | {f"after{i}": v for i, v in enumerate(predict())}


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(HERE / "keras_files.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out,
    ):
        for name, build in FILES.items():
            path = Path(folder) / name
            data = one(build, path)
            out.write(path, name)
            buffer = io.BytesIO()
            np.savez(buffer, **data)
            out.writestr(name + ".npz", buffer.getvalue())
            print(f"{name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
