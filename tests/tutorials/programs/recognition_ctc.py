# Frames to letters without an alignment: a bidirectional stack, a layer that adds the CTC loss, greedy decoding.
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

np.random.seed(42)
tf.random.set_seed(42)
characters = ["a", "b", "c", "d"]
steps, features, label_length = 16, 6, 3
patterns = np.random.randn(len(characters), features)


def make(count):
    x = 0.1 * np.random.randn(count, steps, features)
    y = np.random.randint(0, len(characters), (count, label_length))
    for row, label in zip(x, y):
        starts = np.sort(np.random.choice(np.arange(0, steps - 3, 4), label_length, replace=False))
        for start, letter in zip(starts, label):
            row[start : start + 3] += patterns[letter]
    return x.astype("float32"), y


x_train, y_train = make(256)
x_valid, y_valid = make(32)


def encode_single_sample(frames, label):
    return {"frames": frames, "label": label}


train_dataset = tf.data.Dataset.from_tensor_slices((x_train, y_train))
train_dataset = train_dataset.map(encode_single_sample, num_parallel_calls=tf.data.AUTOTUNE).batch(32).prefetch(buffer_size=tf.data.AUTOTUNE)


class CTCLayer(layers.Layer):
    def __init__(self, name=None):
        super().__init__(name=name)
        self.loss_fn = keras.backend.ctc_batch_cost

    def call(self, y_true, y_pred):
        batch_len = tf.cast(tf.shape(y_true)[0], dtype="int64")
        input_length = tf.cast(tf.shape(y_pred)[1], dtype="int64")
        label_length = tf.cast(tf.shape(y_true)[1], dtype="int64")
        input_length = input_length * tf.ones(shape=(batch_len, 1), dtype="int64")
        label_length = label_length * tf.ones(shape=(batch_len, 1), dtype="int64")
        loss = self.loss_fn(y_true, y_pred, input_length, label_length)
        self.add_loss(loss)
        return y_pred


def build_model():
    frames = layers.Input(shape=(steps, features), name="frames", dtype="float32")
    labels = layers.Input(name="label", shape=(None,), dtype="float32")
    x = layers.Dense(24, activation="relu", name="dense1")(frames)
    x = layers.Bidirectional(layers.LSTM(24, return_sequences=True, dropout=0.1))(x)
    x = layers.Bidirectional(layers.LSTM(16, return_sequences=True))(x)
    x = layers.Dense(len(characters) + 1, activation="softmax", name="dense2")(x)
    output = CTCLayer(name="ctc_loss")(labels, x)
    model = keras.models.Model(inputs=[frames, labels], outputs=output, name="recognition")
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    return model


model = build_model()
model.summary()
history = model.fit(train_dataset, epochs=12, verbose=0)
prediction_model = keras.models.Model(model.get_layer(name="frames").output, model.get_layer(name="dense2").output)


def decode_batch_predictions(pred):
    input_len = np.ones(pred.shape[0]) * pred.shape[1]
    results = keras.backend.ctc_decode(pred, input_length=input_len, greedy=True)[0][0][:, :label_length]
    output_text = []
    for res in results:
        res = np.asarray(res)
        output_text.append("".join(characters[k] for k in res if k >= 0))
    return output_text


predicted = decode_batch_predictions(prediction_model.predict(x_valid, verbose=0))
wanted = ["".join(characters[k] for k in row) for row in y_valid]
print(list(zip(predicted, wanted))[:5])
print("loss", history.history["loss"][0], "->", history.history["loss"][-1])
assert history.history["loss"][-1] < 0.6 * history.history["loss"][0]
