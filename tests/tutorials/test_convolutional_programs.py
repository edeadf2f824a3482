"""Programs with convolutions, CTC and heads of attention around recurrent layers, in the style of the public ones."""

from __future__ import annotations

from typing import Any

import numpy as np

import recurra
from recurra import backend as K
from recurra.layers import (
    GRU,
    LSTM,
    Activation,
    Conv1D,
    Conv2D,
    ConvLSTM2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    Input,
    Lambda,
    Layer,
    LayerNormalization,
    MaxPooling1D,
    MaxPooling2D,
    MultiHeadAttention,
    Reshape,
    TimeDistributed,
    add,
)
from recurra.models import Model, Sequential
from recurra.optimizers import SGD, Adam


def test_reading_text_in_images() -> None:
    """Convolutions, two GRUs over the columns, and CTC in a Lambda layer whose output is the loss."""
    recurra.utils.set_random_seed(0)
    random = np.random.RandomState(0)
    classes, width, height = 6, 32, 16

    def ctc(args: Any) -> Any:
        y_pred, labels, input_length, label_length = args
        return K.ctc_batch_cost(labels, y_pred[:, 2:, :], input_length, label_length)

    image = Input(name="image", shape=(width, height, 1))
    x = Conv2D(4, (3, 3), padding="same", activation="relu", kernel_initializer="he_normal")(image)
    x = MaxPooling2D(pool_size=(2, 2))(x)
    x = Conv2D(4, (3, 3), padding="same", activation="relu", kernel_initializer="he_normal")(x)
    x = MaxPooling2D(pool_size=(2, 2))(x)
    x = Dense(8, activation="relu")(Reshape(target_shape=(width // 4, height // 4 * 4))(x))
    forth, back = GRU(8, return_sequences=True)(x), GRU(8, return_sequences=True, go_backwards=True)(x)
    y_pred = Activation("softmax", name="softmax")(Dense(classes)(add([forth, back])))
    labels = Input(name="labels", shape=[3], dtype="float32")
    input_length, label_length = (Input(name=name, shape=[1], dtype="int64") for name in ("steps", "length"))
    loss = Lambda(ctc, output_shape=(1,), name="ctc")([y_pred, labels, input_length, label_length])
    model = Model(inputs=[image, labels, input_length, label_length], outputs=loss)
    optimizer = SGD(learning_rate=0.02, momentum=0.9, nesterov=True, clipnorm=5)
    model.compile(loss={"ctc": lambda y_true, y_pred: y_pred}, optimizer=optimizer)
    data = {
        "image": random.uniform(size=(6, width, height, 1)),
        "labels": random.randint(0, classes - 1, (6, 3)).astype("float32"),
        "steps": np.full((6, 1), width // 4 - 2),
        "length": np.full((6, 1), 2),
    }
    losses = model.fit(data, {"ctc": np.zeros(6)}, epochs=15, verbose=0).history["loss"]
    assert losses[0] > 5.5 and losses[-1] < 3.6
    read = K.function([image], [y_pred])
    out = read([data["image"]])[0]
    decoded = K.get_value(K.ctc_decode(out[:, 2:], input_length=np.full(6, 6), greedy=True)[0][0])
    assert decoded.shape == (6, 6) and decoded.max() < classes - 1


def test_reviews_by_convolution_and_lstm() -> None:
    recurra.utils.set_random_seed(1)
    random = np.random.RandomState(1)
    x = random.randint(1, 50, (40, 30))
    y = (x[:, 10:13].sum(1) > 75).astype(int)
    model = Sequential()
    model.add(Embedding(50, 16, input_length=30))
    model.add(Dropout(0.1))
    model.add(Conv1D(16, 5, padding="valid", activation="relu", strides=1))
    model.add(MaxPooling1D(pool_size=4))
    model.add(LSTM(12))
    model.add(Dense(1))
    model.add(Activation("sigmoid"))
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=8, epochs=40, validation_split=0.2, verbose=0).history
    assert history["loss"][0] > 0.6 and history["loss"][-1] < 0.2 and history["acc"][-1] > 0.9
    assert len(history["val_acc"]) == 40


def test_forecasts_by_convolutions_of_sub_sequences() -> None:
    recurra.utils.set_random_seed(2)
    series = np.sin(np.arange(60) / 3)
    windows = np.stack([series[k : k + 8] for k in range(50)])
    model = Sequential()
    model.add(TimeDistributed(Conv1D(filters=8, kernel_size=1, activation="relu"), input_shape=(None, 4, 1)))
    model.add(TimeDistributed(MaxPooling1D(pool_size=2)))
    model.add(TimeDistributed(Flatten()))
    model.add(LSTM(10, activation="relu"))
    model.add(Dense(1))
    model.compile(optimizer=Adam(0.01), loss="mse")
    losses = model.fit(windows.reshape(50, 2, 4, 1), series[8:58], epochs=60, verbose=0).history["loss"]
    assert losses[0] > 0.4 and losses[-1] < 0.03  # the variance is 0.5
    frames = Sequential([ConvLSTM2D(6, (1, 2), activation="relu", input_shape=(2, 1, 4, 1)), Flatten(), Dense(1)])
    frames.compile(optimizer=Adam(0.01), loss="mse")
    losses = frames.fit(windows.reshape(50, 2, 1, 4, 1), series[8:58], epochs=60, verbose=0).history["loss"]
    assert losses[0] > 0.4 and losses[-1] < 0.01


class Block(Layer):
    """Attention and a small network, each added to its input and normalised."""

    def __init__(self, size: int, heads: int, hidden: int, rate: float = 0.1) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(num_heads=heads, key_dim=size)
        self.network = Sequential([Dense(hidden, activation="relu"), Dense(size)])
        self.norms = [LayerNormalization(epsilon=1e-6), LayerNormalization(epsilon=1e-6)]
        self.dropouts = [Dropout(rate), Dropout(rate)]

    def call(self, inputs: Any, training: bool = False) -> Any:
        attended = self.dropouts[0](self.attention(inputs, inputs), training=training)
        first = self.norms[0](inputs + attended)
        return self.norms[1](first + self.dropouts[1](self.network(first), training=training))


def test_a_block_of_attention_before_an_lstm() -> None:
    recurra.utils.set_random_seed(3)
    random = np.random.RandomState(3)
    x = random.randint(0, 20, (32, 10))
    y = (x[:, 0] > x[:, -1]).astype(int)
    inputs = Input(shape=(10,))
    h = Block(8, 2, 16)(Embedding(20, 8)(inputs))
    model = Model(inputs, Dense(2, activation="softmax")(add([LSTM(8)(h), GlobalAveragePooling1D()(h)])))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    losses = model.fit(x, y, epochs=50, verbose=0).history["loss"]
    assert losses[-1] < 0.4  # chance is 0.69
