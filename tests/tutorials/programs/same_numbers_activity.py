# What somebody does, from the sensors of a phone: LSTM, convolutions inside TimeDistributed, ConvLSTM2D.
import numpy as np
from tensorflow.keras.layers import LSTM, Conv1D, ConvLSTM2D, Dense, Dropout, Flatten, MaxPooling1D, TimeDistributed
from tensorflow.keras.models import Sequential
from tensorflow.keras.utils import to_categorical

rng = np.random.RandomState(0)
y = rng.randint(0, 3, 40)
time = np.arange(32) / 5
trainX = np.stack([np.sin(time * (1 + k + c / 3)) + 0.1 * rng.randn(32) for k in y for c in range(4)])
trainX = trainX.reshape(40, 4, 32).transpose(0, 2, 1)
trainy = to_categorical(y)
n_steps, n_length, n_features = 4, 8, trainX.shape[2]


def evaluate_model(kind, X):
    model = Sequential()
    if kind == "lstm":
        model.add(LSTM(8, input_shape=X.shape[1:]))
        model.add(Dropout(0.0))
    elif kind == "cnn-lstm":
        model.add(
            TimeDistributed(
                Conv1D(filters=6, kernel_size=3, activation="relu"), input_shape=(None, n_length, n_features)
            )
        )
        model.add(TimeDistributed(Conv1D(filters=5, kernel_size=3, activation="relu")))
        model.add(TimeDistributed(Dropout(0.0)))
        model.add(TimeDistributed(MaxPooling1D(pool_size=2)))
        model.add(TimeDistributed(Flatten()))
        model.add(LSTM(7))
    else:
        model.add(ConvLSTM2D(filters=4, kernel_size=(1, 3), activation="relu", input_shape=X.shape[1:]))
        model.add(Flatten())
    model.add(Dense(10, activation="relu"))
    model.add(Dense(3, activation="softmax"))
    r = np.random.RandomState(0)
    model.set_weights([r.normal(0, 0.2, w.shape) for w in model.get_weights()])
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    h = model.fit(X, trainy, epochs=3, batch_size=16, verbose=0, shuffle=False)
    for loss in h.history["loss"]:
        print("loss", loss)
    loss, accuracy = model.evaluate(X, trainy, batch_size=16, verbose=0)
    assert loss < h.history["loss"][0] and 0 <= accuracy <= 1


evaluate_model("lstm", trainX)
evaluate_model("cnn-lstm", trainX.reshape(40, n_steps, n_length, n_features))
evaluate_model("convlstm", trainX.reshape(40, n_steps, 1, n_length, n_features))
