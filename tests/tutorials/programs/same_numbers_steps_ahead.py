# A series several steps ahead: a cell with layer normalization, causal convolutions, windows of a data set.
import numpy as np
import tensorflow as tf
from tensorflow import keras

rng = np.random.RandomState(3)
n_steps = 20
freq1, freq2, offsets1, offsets2 = rng.rand(4, 40, 1)
time = np.linspace(0, 1, n_steps + 5)
series = 0.5 * np.sin((time - offsets1) * (freq1 * 10 + 10))
series += 0.2 * np.sin((time - offsets2) * (freq2 * 20 + 20))
series = series[..., np.newaxis].astype(np.float32)
Y = np.empty((40, n_steps, 5))
for step_ahead in range(1, 5 + 1):
    Y[..., step_ahead - 1] = series[..., step_ahead : step_ahead + n_steps, 0]
X = series[:, :n_steps]


def last_time_step_mse(Y_true, Y_pred):
    return tf.reduce_mean(tf.square(Y_true[:, -1] - Y_pred[:, -1]), axis=-1)


class LNSimpleRNNCell(keras.layers.Layer):
    def __init__(self, units, activation="tanh", **kwargs):
        super().__init__(**kwargs)
        self.state_size = units
        self.output_size = units
        self.simple_rnn_cell = keras.layers.SimpleRNNCell(units, activation=None)
        self.layer_norm = keras.layers.LayerNormalization()
        self.activation = keras.activations.get(activation)

    def call(self, inputs, states):
        outputs, new_states = self.simple_rnn_cell(inputs, states)
        norm_outputs = self.activation(self.layer_norm(outputs))
        return norm_outputs, [norm_outputs]


def seeded(model):
    r = np.random.RandomState(0)
    model.set_weights([r.normal(0, 0.2, w.shape) for w in model.get_weights()])
    return model


normalized = [keras.layers.RNN(LNSimpleRNNCell(7), return_sequences=True, input_shape=[None, 1])]
convolved = [
    keras.layers.Conv1D(filters=6, kernel_size=4, strides=1, padding="causal", input_shape=[None, 1]),
    keras.layers.GRU(7, return_sequences=True),
]
for layers in (normalized, convolved):
    model = keras.models.Sequential([*layers, keras.layers.TimeDistributed(keras.layers.Dense(5))])
    model(X[:2])
    seeded(model).compile(loss="mse", optimizer=keras.optimizers.Adam(learning_rate=0.01), metrics=[last_time_step_mse])
    h = model.fit(X[:30], Y[:30], epochs=2, validation_data=(X[30:], Y[30:]), verbose=0, shuffle=False, batch_size=8)
    for key in ("loss", "val_loss", "last_time_step_mse", "val_last_time_step_mse"):
        for value in h.history[key]:
            print("loss", value)

window_size, horizon = 12, 3


def windowed_dataset(series):
    ds = tf.data.Dataset.from_tensor_slices(series)
    ds = ds.window(window_size + horizon, shift=1, drop_remainder=True)
    ds = ds.flat_map(lambda w: w.batch(window_size + horizon))
    ds = ds.map(lambda w: (w[:window_size, tf.newaxis], w[-horizon:]))
    return ds.batch(16).prefetch(1)


values = series.reshape(-1)
model = keras.models.Sequential(
    [
        keras.layers.Lambda(lambda x: x * 2.0, input_shape=[window_size, 1]),
        keras.layers.Bidirectional(keras.layers.LSTM(6)),
        keras.layers.Dense(horizon),
    ]
)
lr = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-2 * 10 ** (epoch / 20))
optimizer = keras.optimizers.SGD(learning_rate=1e-2, momentum=0.9)
seeded(model).compile(loss=keras.losses.Huber(), optimizer=optimizer, metrics=["mae"])
h = model.fit(
    windowed_dataset(values[:200]), epochs=3, callbacks=[lr], validation_data=windowed_dataset(values[200:300]), verbose=0
)
for key in ("loss", "val_loss", "mae"):
    for value in h.history[key]:
        print("loss", value)
assert h.history["loss"][-1] < h.history["loss"][0]
assert model.predict(windowed_dataset(values[300:360]), verbose=0).shape == (46, horizon)
