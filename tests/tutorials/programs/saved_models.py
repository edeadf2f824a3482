# Architecture as JSON, weights as HDF5, whole models with a custom layer, and continuing from them.
import os
import tempfile

import numpy as np
import tensorflow as tf
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Dense, Dropout, Input, Lambda, LSTM, Layer
from tensorflow.keras.models import Model, Sequential, load_model, model_from_json
from tensorflow.keras.optimizers import Adam

folder = tempfile.mkdtemp()
rng = np.random.RandomState(0)
x = rng.randn(64, 6, 3).astype("float32")
y = x[:, -1, :2] * 0.5

model = Sequential([LSTM(8, input_shape=(6, 3)), Dropout(0.1), Dense(2)])
model.compile(loss="mean_squared_error", optimizer=Adam(learning_rate=0.01))
model.fit(x, y, epochs=3, batch_size=16, verbose=0)
model_json = model.to_json()
with open(os.path.join(folder, "model.json"), "w") as json_file:
    json_file.write(model_json)
model.save_weights(os.path.join(folder, "model.weights.h5"))
print("Saved model to disk")
with open(os.path.join(folder, "model.json"), "r") as json_file:
    loaded_model_json = json_file.read()
loaded_model = model_from_json(loaded_model_json)
loaded_model.load_weights(os.path.join(folder, "model.weights.h5"))
loaded_model.compile(loss="mean_squared_error", optimizer="adam")
np.testing.assert_allclose(loaded_model.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-6)
assert loaded_model.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)


class LastSteps(Layer):
    def __init__(self, steps, **kwargs):
        self.steps = steps
        super(LastSteps, self).__init__(**kwargs)

    def call(self, inputs):
        return K.mean(inputs[:, -self.steps :], axis=1) + tf.reduce_max(inputs, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[2])

    def get_config(self):
        config = super(LastSteps, self).get_config()
        config.update({"steps": self.steps})
        return config


inputs = Input(shape=(6, 3), name="series")
h = LSTM(8, return_sequences=True, name="lstm")(inputs)
h = LastSteps(2, name="last")(h)
outputs = Dense(2, name="out")(h)
custom = Model(inputs=inputs, outputs=outputs, name="custom")
custom.compile(loss="mse", optimizer="adam", metrics=["mae"])
custom.fit(x, y, epochs=2, verbose=0)
for ending in (".keras", ".h5"):
    path = os.path.join(folder, "custom" + ending)
    custom.save(path)
    again = load_model(path, custom_objects={"LastSteps": LastSteps})
    np.testing.assert_allclose(again.predict(x, verbose=0), custom.predict(x, verbose=0), rtol=1e-6)
    before = again.evaluate(x, y, verbose=0)[0]
    again.fit(x, y, epochs=5, verbose=0)
    assert again.evaluate(x, y, verbose=0)[0] < before
features = Model(custom.input, custom.get_layer("lstm").output)
print(features.predict(x[:2], verbose=0).shape, [layer.name for layer in custom.layers], custom.count_params())
custom.get_layer("lstm").trainable = False
custom.compile(loss="mse", optimizer="adam")
frozen = custom.get_layer("lstm").get_weights()[0].copy()
custom.fit(x, y, epochs=1, verbose=0)
np.testing.assert_array_equal(custom.get_layer("lstm").get_weights()[0], frozen)
