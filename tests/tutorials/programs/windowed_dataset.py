# A series cut by Dataset.window, Lambda layers around the recurrent ones, a search for the learning rate.
import numpy as np
import tensorflow as tf

print(tf.__version__)


def trend(time, slope=0):
    return slope * time


def seasonal_pattern(season_time):
    return np.where(season_time < 0.4, np.cos(season_time * 2 * np.pi), 1 / np.exp(3 * season_time))


def seasonality(time, period, amplitude=1, phase=0):
    season_time = ((time + phase) % period) / period
    return amplitude * seasonal_pattern(season_time)


time = np.arange(240, dtype="float32")
series = 10 + trend(time, 0.05) + seasonality(time, period=30, amplitude=4) + np.random.RandomState(42).randn(len(time)) * 0.2
split_time = 200
x_train, x_valid = series[:split_time], series[split_time:]
window_size = 16
batch_size = 16
shuffle_buffer_size = 200


def windowed_dataset(series, window_size, batch_size, shuffle_buffer):
    series = tf.expand_dims(series, axis=-1)
    dataset = tf.data.Dataset.from_tensor_slices(series)
    dataset = dataset.window(window_size + 1, shift=1, drop_remainder=True)
    dataset = dataset.flat_map(lambda window: window.batch(window_size + 1))
    dataset = dataset.shuffle(shuffle_buffer).map(lambda window: (window[:-1], window[-1]))
    dataset = dataset.batch(batch_size).prefetch(1)
    return dataset


tf.keras.backend.clear_session()
tf.random.set_seed(51)
np.random.seed(51)
dataset = windowed_dataset(x_train, window_size, batch_size, shuffle_buffer_size)
model = tf.keras.models.Sequential([
    tf.keras.layers.Bidirectional(tf.keras.layers.LSTM(12, return_sequences=True), input_shape=[None, 1]),
    tf.keras.layers.Bidirectional(tf.keras.layers.LSTM(12)),
    tf.keras.layers.Dense(1),
    tf.keras.layers.Lambda(lambda x: x * 10.0),
])
lr_schedule = tf.keras.callbacks.LearningRateScheduler(lambda epoch: 1e-4 * 10 ** (epoch / 4))
optimizer = tf.keras.optimizers.SGD(learning_rate=1e-4, momentum=0.9)
model.compile(loss=tf.keras.losses.Huber(), optimizer=optimizer, metrics=["mae"])
history = model.fit(dataset, epochs=8, callbacks=[lr_schedule], verbose=0)


def model_forecast(model, series, window_size):
    ds = tf.data.Dataset.from_tensor_slices(series)
    ds = ds.window(window_size, shift=1, drop_remainder=True)
    ds = ds.flat_map(lambda w: w.batch(window_size))
    ds = ds.batch(32).prefetch(1)
    forecast = model.predict(ds, verbose=0)
    return forecast


rnn_forecast = model_forecast(model, series[..., np.newaxis], window_size)
results = rnn_forecast[split_time - window_size : -1, 0]
print(tf.keras.metrics.mean_absolute_error(x_valid, results).numpy())
assert rnn_forecast.shape == (len(series) - window_size + 1, 1)
assert history.history["mae"][-1] < history.history["mae"][0]
