# A cell that reads a vector and a matrix at each step, and puts out such a pair: states and outputs by tf.TensorShape.
import collections

import numpy as np
import tensorflow as tf
from tensorflow import keras

keras.utils.set_random_seed(7)
Reading = collections.namedtuple("Reading", ["vector", "matrix"])


class PairCell(keras.layers.Layer):
    def __init__(self, units, rows, columns, **kwargs):
        self.units, self.rows, self.columns = units, rows, columns
        self.state_size = [tf.TensorShape([units]), tf.TensorShape([rows, columns])]
        self.output_size = [tf.TensorShape([units]), tf.TensorShape([rows, columns])]
        super().__init__(**kwargs)

    def build(self, input_shapes):
        i1 = input_shapes[0][1]
        i2, i3 = input_shapes[1][1], input_shapes[1][2]
        self.kernel_1 = self.add_weight(shape=(i1, self.units), initializer="uniform", name="kernel_1")
        self.kernel_2 = self.add_weight(shape=(i2, i3, self.rows, self.columns), initializer="uniform", name="kernel_2")

    def call(self, inputs, states):
        vector, matrix = tf.nest.flatten(inputs)
        s1, s2 = states
        new_1 = s1 + tf.matmul(vector, self.kernel_1)
        new_2 = s2 + tf.einsum("bij,ijkl->bkl", matrix, self.kernel_2)
        return (new_1, new_2), (new_1, new_2)

    def get_config(self):
        return {"units": self.units, "rows": self.rows, "columns": self.columns}


i1, i2, i3, steps, rows = 6, 5, 4, 12, 96
rnn = keras.layers.RNN(PairCell(3, 2, 7))
input_1 = keras.Input((None, i1))
input_2 = keras.Input((None, i2, i3))
outputs = rnn((input_1, input_2))
assert [tuple(o.shape) for o in outputs] == [(None, 3), (None, 2, 7)]

model = keras.models.Model([input_1, input_2], outputs)
model.compile(optimizer="adam", loss="mse", metrics=["accuracy", "accuracy"])
rng = np.random.default_rng(2)
data_1 = rng.random((rows, steps, i1))
data_2 = rng.random((rows, steps, i2, i3))
target_1 = data_1.sum(axis=1)[:, :3]
target_2 = np.repeat(data_2.mean(axis=(1, 2, 3))[:, None], 14, axis=1).reshape(rows, 2, 7)
history = model.fit([data_1, data_2], [target_1, target_2], batch_size=16, epochs=30, verbose=0)
print("loss", history.history["loss"][0], "->", history.history["loss"][-1])
assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]

named = rnn(Reading(tf.constant(data_1[:2], tf.float32), tf.constant(data_2[:2], tf.float32)))
for one, same in zip(named, model.predict([data_1[:2], data_2[:2]], verbose=0)):
    np.testing.assert_allclose(one.numpy(), same, rtol=1e-5, atol=1e-5)
