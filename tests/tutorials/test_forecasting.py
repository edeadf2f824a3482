"""Time series: windows of the past, the value that comes next."""

from __future__ import annotations

import numpy as np
import pytest

import recurra
from recurra.layers import GRU, LSTM, Dense, RepeatVector, SimpleRNN, TimeDistributed
from recurra.models import Sequential
from recurra.preprocessing.sequence import TimeseriesGenerator


def create_dataset(dataset, look_back):
    dataX, dataY = [], []
    for i in range(len(dataset) - look_back):
        dataX.append(dataset[i : i + look_back, 0])
        dataY.append(dataset[i + look_back, 0])
    return np.array(dataX), np.array(dataY)


@pytest.fixture
def series():
    t = np.arange(300)
    return (np.sin(t / 5) + 0.3 * np.sin(t / 2))[:, None].astype("float32")


def test_windows_by_hand(series):
    recurra.utils.set_random_seed(8)
    train, test = series[:220], series[220:]
    trainX, trainY = create_dataset(train, 12)
    testX, testY = create_dataset(test, 12)
    trainX = np.reshape(trainX, (trainX.shape[0], trainX.shape[1], 1))
    testX = np.reshape(testX, (testX.shape[0], testX.shape[1], 1))
    model = Sequential()
    model.add(LSTM(16, input_shape=(12, 1)))
    model.add(Dense(1))
    model.compile(loss="mean_squared_error", optimizer=recurra.optimizers.Adam(0.02))
    model.fit(trainX, trainY, epochs=15, batch_size=16, verbose=0)
    predicted = model.predict(testX, verbose=0)
    assert predicted.shape == (len(testY), 1)
    naive = np.mean((testX[:, -1, 0] - testY) ** 2)  # tomorrow is like today
    assert np.mean((predicted[:, 0] - testY) ** 2) < 0.5 * naive


def test_timeseries_generator(series):
    recurra.utils.set_random_seed(9)
    generator = TimeseriesGenerator(series, series, length=10, batch_size=16)
    x, y = generator[0]
    assert x.shape == (16, 10, 1) and y.shape == (16, 1)
    np.testing.assert_array_equal(y[3], series[13])
    model = Sequential([SimpleRNN(16, input_shape=(10, 1)), Dense(1)])
    model.compile(optimizer=recurra.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
    history = model.fit(generator, epochs=10, verbose=0)
    assert history.history["loss"][-1] < 0.02
    assert model.evaluate(generator, verbose=0)[1] < 0.15

    batch = series[-10:].reshape(1, 10, 1)
    forecast = []
    for _ in range(5):  # it feeds on what it says
        step = model.predict(batch, verbose=0)[0]
        forecast.append(step[0])
        batch = np.append(batch[:, 1:, :], [[step]], axis=1)
    t = np.arange(300, 305)
    np.testing.assert_allclose(forecast, np.sin(t / 5) + 0.3 * np.sin(t / 2), atol=0.35)


def test_several_steps_ahead(series):
    """Encoder, RepeatVector, decoder."""
    recurra.utils.set_random_seed(10)
    windows = np.lib.stride_tricks.sliding_window_view(series[:, 0], 16)
    x, y = windows[:, :12, None], windows[:, 12:, None]
    model = Sequential(
        [
            GRU(20, activation="tanh", input_shape=(12, 1)),
            RepeatVector(4),
            GRU(20, return_sequences=True),
            TimeDistributed(Dense(1)),
        ]
    )
    model.compile(optimizer=recurra.optimizers.Adam(0.02), loss="mse")
    history = model.fit(x, y, epochs=12, batch_size=16, verbose=0, shuffle=True)
    assert model.output_shape == (None, 4, 1)
    assert history.history["loss"][-1] < 0.05


def test_stateful_between_batches():
    """The first number of a series is asked for at its end, batches later: only a state that is kept knows it."""
    recurra.utils.set_random_seed(3)
    rng = np.random.default_rng(3)
    first = rng.integers(0, 2, 8)
    x = np.zeros((3, 8, 4, 1), "float32")  # three pieces of eight series
    x[0, :, 0, 0] = first * 2 - 1
    y = np.repeat(first[None, :, None], 3, 0).astype("float32")
    model = Sequential([LSTM(8, batch_input_shape=(8, 4, 1), stateful=True), Dense(1, activation="sigmoid")])
    model.compile(optimizer=recurra.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"])
    for _ in range(60):
        model.fit(x.reshape(24, 4, 1), y.reshape(24, 1), batch_size=8, epochs=1, shuffle=False, verbose=0)
        model.reset_states()
    _, accuracy = model.evaluate(x.reshape(24, 4, 1), y.reshape(24, 1), batch_size=8, verbose=0)
    assert accuracy == 1.0
    model.reset_states()
    blank = model.predict(x[2], batch_size=8, verbose=0)
    assert np.ptp(blank) < 1e-6  # without the state there is nothing to tell the series apart
