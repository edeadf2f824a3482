# The next frames of a film: ConvLSTM2D with batch normalization, and an encoder whose states start a decoder.
import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

rng = np.random.RandomState(0)
dataset = np.zeros((10, 6, 8, 9, 1), "float32")
for film in dataset:
    x, y, dx, dy = rng.randint(1, 7), rng.randint(1, 6), rng.randint(-1, 2), rng.randint(-1, 2)
    for t in range(6):
        film[t, (y + dy * t) % 7 : (y + dy * t) % 7 + 2, (x + dx * t) % 8 : (x + dx * t) % 8 + 2, 0] = 1


def create_shifted_frames(data):
    return data[:, 0 : data.shape[1] - 1, :, :], data[:, 1 : data.shape[1], :, :]


def seeded(model):
    r = np.random.RandomState(0)
    model.set_weights([np.abs(r.normal(0, 0.1, w.shape)) + 0.5 * (w.ndim == 1) for w in model.get_weights()])
    return model


x_train, y_train = create_shifted_frames(dataset)
inp = layers.Input(shape=(None, *x_train.shape[2:]))
x = layers.ConvLSTM2D(filters=3, kernel_size=(5, 5), padding="same", return_sequences=True, activation="relu")(inp)
x = layers.BatchNormalization()(x)
x = layers.ConvLSTM2D(filters=2, kernel_size=(1, 1), padding="same", return_sequences=True, activation="relu")(x)
x = layers.Conv3D(filters=1, kernel_size=(3, 3, 3), activation="sigmoid", padding="same")(x)
model = seeded(keras.models.Model(inp, x))
model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.Adam())
early_stopping = keras.callbacks.EarlyStopping(monitor="val_loss", patience=10)
reduce_lr = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", patience=1)
h = model.fit(
    x_train, y_train, batch_size=4, epochs=3, validation_split=0.2, callbacks=[early_stopping, reduce_lr], verbose=0,
    shuffle=False,
)  # fmt: skip
for key in ("loss", "val_loss"):
    for value in h.history[key]:
        print("loss", value)
frames = dataset[0][:3, ...]
for _ in range(2):
    new_prediction = model.predict(np.expand_dims(frames, axis=0), verbose=0)
    predicted_frame = np.expand_dims(np.squeeze(new_prediction, axis=0)[-1, ...], axis=0)
    frames = np.concatenate((frames, predicted_frame), axis=0)
print("loss", float(frames[3:].mean()))
assert frames.shape == (5, 8, 9, 1)

enc_in, dec_in = layers.Input((3, 8, 9, 1)), layers.Input((2, 8, 9, 1))
out, h1, c1 = layers.ConvLSTM2D(2, 3, padding="same", return_state=True)(enc_in)
y = layers.ConvLSTM2D(2, 3, padding="same", return_sequences=True)(dec_in, initial_state=[h1, c1])
y = layers.TimeDistributed(layers.Conv2D(1, 1, activation="sigmoid"))(y)
model = seeded(keras.Model([enc_in, dec_in], y))
model.compile("rmsprop", "mse")
h = model.fit([dataset[:, :3], dataset[:, 2:4]], dataset[:, 3:5], epochs=3, batch_size=4, shuffle=False, verbose=0)
for loss in h.history["loss"]:
    print("loss", loss)
assert h.history["loss"][-1] < h.history["loss"][0]
