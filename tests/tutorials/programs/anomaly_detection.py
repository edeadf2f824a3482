# An autoencoder learns the usual; what it rebuilds badly is an anomaly.
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import Input, Model
from tensorflow.keras.layers import Dense, Dropout, LSTM, RepeatVector, TimeDistributed

np.random.seed(1)
tf.random.set_seed(1)
print("TF version:", tf.__version__, "GPUs:", len(tf.config.experimental.list_physical_devices("GPU")))
TIME_STEPS = 16


def create_sequences(values, time_steps=TIME_STEPS):
    return np.stack([values[i : i + time_steps] for i in range(len(values) - time_steps + 1)])


t = np.arange(400)
normal = np.sin(t / 5.0) + 0.05 * np.random.randn(400)
test = normal.copy()
test[200:216] += np.random.choice([-2.0, 2.0], 16)
mean, std = normal.mean(), normal.std()
x_train = create_sequences(((normal - mean) / std)[:, None])
x_test = create_sequences(((test - mean) / std)[:, None])
print(x_train.shape, x_test.shape)

inputs = Input(shape=(x_train.shape[1], x_train.shape[2]))
x = LSTM(24)(inputs)
x = Dropout(rate=0.1)(x)
x = RepeatVector(n=x_train.shape[1])(x)
x = LSTM(24, return_sequences=True)(x)
outputs = TimeDistributed(Dense(units=x_train.shape[2]))(x)
model = Model(inputs, outputs)
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mae")
history = model.fit(x_train, x_train, epochs=12, batch_size=32, validation_split=0.1,
                    callbacks=[keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, mode="min")], shuffle=False, verbose=0)
train_mae_loss = np.mean(np.abs(model.predict(x_train) - x_train), axis=1)
threshold = np.max(train_mae_loss)
test_mae_loss = np.mean(np.abs(model.predict(x_test) - x_test), axis=1).reshape((-1))
anomalies = test_mae_loss > threshold
print("Number of anomaly samples: ", np.sum(anomalies), "Indices:", np.where(anomalies)[0][:5])
assert anomalies[190:216].sum() > 5 and not anomalies[:180].any()
