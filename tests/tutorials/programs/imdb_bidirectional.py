# Functional API, masks, a bidirectional stack, the history drawn as numbers.
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

keras.utils.set_random_seed(11)
max_features = 150
maxlen = 20

rng = np.random.default_rng(5)
y = rng.integers(0, 2, 400)
x = rng.integers(10, max_features, (400, maxlen))
for row, label in zip(x, y):
    row[rng.integers(0, maxlen - 6, 3)] = 3 + label
    row[maxlen - rng.integers(0, 6) :] = 0
x_train, x_val, y_train, y_val = x[:320], x[320:], y[:320], y[320:]

inputs = keras.Input(shape=(None,), dtype="int32")
h = layers.Embedding(max_features, 16, mask_zero=True)(inputs)
h = layers.Bidirectional(layers.LSTM(12, return_sequences=True))(h)
h = layers.Bidirectional(layers.LSTM(8))(h)
outputs = layers.Dense(1, activation="sigmoid")(h)
model = keras.Model(inputs, outputs)
model.summary()
model.compile(optimizer=tf.keras.optimizers.Adam(1e-2), loss="binary_crossentropy", metrics=["accuracy"])
history = model.fit(x_train, y_train, batch_size=32, epochs=4, validation_data=(x_val, y_val), verbose=2)
history_dict = history.history
print(sorted(history_dict.keys()))
probability = model(tf.constant(x_val[:2], dtype=tf.int32)).numpy()
np.testing.assert_allclose(probability, model.predict(x_val[:2]), atol=1e-5)
assert history_dict["val_accuracy"][-1] > 0.85
