# Keras 1: which of two motifs a sequence of letters holds, by a convolution in front of two LSTMs.
from __future__ import print_function

import numpy as np
from keras.layers import LSTM, Convolution1D, Dense, Dropout, Input, MaxPooling1D, merge
from keras.models import Model
from keras.optimizers import RMSprop
from keras.regularizers import l2

rng = np.random.RandomState(3)


def make(n, length=40):
    letters = rng.randint(0, 4, (n, length))
    labels = rng.randint(0, 2, n)
    for row, label in zip(letters, labels):
        place = rng.randint(0, length - 6)
        row[place : place + 6] = [0, 0, 1, 2, 3, 3] if label else [3, 2, 2, 1, 0, 1]
    return np.eye(4, dtype="float32")[letters], labels


X_train, y_train = make(2500)
X_test, y_test = make(200)

sequence = Input(shape=(40, 4))
motifs = Convolution1D(
    nb_filter=16, filter_length=6, border_mode="valid", subsample_length=1, activation="relu", init="glorot_uniform"
)(sequence)
motifs = MaxPooling1D(pool_length=5, stride=5)(motifs)
forwards = LSTM(output_dim=12, inner_activation="sigmoid", consume_less="gpu")(motifs)
backwards = LSTM(output_dim=12, inner_activation="sigmoid", go_backwards=True, forget_bias_init="one")(motifs)
merged = merge([forwards, backwards], mode="concat", concat_axis=-1)
output = Dense(output_dim=1, activation="sigmoid", W_regularizer=l2(1e-5))(Dropout(p=0.1)(merged))
model = Model(input=sequence, output=output)
model.compile(loss="binary_crossentropy", optimizer=RMSprop(lr=0.01), metrics=["accuracy"])


def batches(size=50):
    while True:
        for start in range(0, len(X_train), size):
            yield X_train[start : start + size], y_train[start : start + size]


model.fit(X_train, y_train, batch_size=50, nb_epoch=8, validation_data=(X_test, y_test), verbose=0)
model.fit_generator(batches(), samples_per_epoch=len(X_train), nb_epoch=4, verbose=0)
score, accuracy = model.evaluate(X_test, y_test, batch_size=50, verbose=0)
print("Test score:", score, "accuracy:", accuracy)
assert accuracy > 0.9, accuracy
