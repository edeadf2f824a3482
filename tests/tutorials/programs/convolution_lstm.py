# A convolution and pooling in front of LSTMs: texts with Keras 2 imports, a series with causal windows.
from __future__ import print_function

import numpy as np
import tensorflow as tf
from keras.models import Sequential
from keras.layers import Dense, Dropout, Activation
from keras.layers import Embedding
from keras.layers import LSTM
from keras.layers import Conv1D, MaxPooling1D

tf.random.set_seed(2)
max_features, maxlen, embedding_size = 60, 24, 12
kernel_size, filters, pool_size, lstm_output_size, batch_size, epochs = 3, 16, 2, 12, 16, 8
rng = np.random.RandomState(1)
y = rng.randint(0, 2, 240)
x = rng.randint(4, max_features, (240, maxlen))
for row, label in zip(x, y):
    place = rng.randint(0, maxlen - 3)
    row[place : place + 2] = (2, 3) if label else (3, 2)
x_train, x_test, y_train, y_test = x[:200], x[200:], y[:200], y[200:]
print("Build model...")
model = Sequential()
model.add(Embedding(max_features, embedding_size, input_length=maxlen))
model.add(Dropout(0.1))
model.add(Conv1D(filters, kernel_size, padding="valid", activation="relu", strides=1))
model.add(MaxPooling1D(pool_size=pool_size))
model.add(LSTM(lstm_output_size))
model.add(Dense(1))
model.add(Activation("sigmoid"))
model.compile(loss="binary_crossentropy", optimizer=tf.keras.optimizers.Adam(0.01), metrics=["accuracy"])
print("Train...")
model.fit(x_train, y_train, batch_size=batch_size, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
score, acc = model.evaluate(x_test, y_test, batch_size=batch_size, verbose=0)
print("Test score:", score, "Test accuracy:", acc)
assert acc > 0.7

series = (np.sin(np.arange(300) / 6.0) + 0.1 * rng.randn(300)).astype("float32")
window = 20
dataset = tf.data.Dataset.from_tensor_slices(series[:, None]).window(window + 1, shift=1, drop_remainder=True)
dataset = dataset.flat_map(lambda w: w.batch(window + 1)).shuffle(300).map(lambda w: (w[:-1], w[1:])).batch(32).prefetch(1)
forecaster = tf.keras.models.Sequential([
    tf.keras.layers.Conv1D(filters=16, kernel_size=5, strides=1, padding="causal", activation="relu", input_shape=[None, 1]),
    tf.keras.layers.LSTM(16, return_sequences=True),
    tf.keras.layers.LSTM(16, return_sequences=True),
    tf.keras.layers.Dense(1),
])
forecaster.compile(loss=tf.keras.losses.Huber(), optimizer=tf.keras.optimizers.Adam(0.01), metrics=["mae"])
history = forecaster.fit(dataset, epochs=5, verbose=0)
assert history.history["mae"][-1] < 0.6 * history.history["mae"][0]
