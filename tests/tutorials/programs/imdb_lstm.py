# Reviews as ids, padded; an Embedding and an LSTM with dropout; Keras 2 imports.
from __future__ import print_function

import numpy as np
from keras.layers import LSTM, Dense, Embedding
from keras.models import Sequential
from keras.preprocessing import sequence

max_features = 200
maxlen = 24
batch_size = 32

print("Loading data...")
rng = np.random.RandomState(3)


def reviews(count):
    y = rng.randint(0, 2, count)
    x = [list(rng.randint(20, max_features, rng.randint(8, 40))) for _ in range(count)]
    for row, label in zip(x, y):
        for place in rng.randint(0, len(row), 4):
            row[place] = 10 + label
    return x, y


x_train, y_train = reviews(320)
x_test, y_test = reviews(96)
print(len(x_train), "train sequences")
x_train = sequence.pad_sequences(x_train, maxlen=maxlen)
x_test = sequence.pad_sequences(x_test, maxlen=maxlen)
print("x_train shape:", x_train.shape)

print("Build model...")
model = Sequential()
model.add(Embedding(max_features, 16))
model.add(LSTM(16, dropout=0.1, recurrent_dropout=0.1))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])

print("Train...")
model.fit(x_train, y_train, batch_size=batch_size, epochs=12, validation_data=(x_test, y_test), verbose=2)
score, acc = model.evaluate(x_test, y_test, batch_size=batch_size)
print("Test score:", score)
print("Test accuracy:", acc)
assert acc > 0.8
