# A subclassed model with its own train_step, a custom layer with weights, a custom metric and a custom callback.
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras.layers import Dense, Layer, LSTM, Masking

tf.keras.utils.set_random_seed(5)


class AttentionPooling(Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(name="att_weight", shape=(input_shape[-1], self.units), initializer="glorot_uniform", trainable=True)
        self.b = self.add_weight(name="att_bias", shape=(self.units,), initializer="zeros", trainable=True)
        self.u = self.add_weight(name="att_u", shape=(self.units, 1), initializer="glorot_uniform", trainable=True)
        super().build(input_shape)

    def call(self, x, mask=None):
        e = tf.matmul(tf.tanh(tf.tensordot(x, self.w, axes=1) + self.b), tf.broadcast_to(self.u, [x.get_shape().as_list()[0], self.units, 1]))
        if mask is not None:
            e -= 1e9 * tf.cast(tf.logical_not(mask), tf.float32)[:, :, tf.newaxis]
        a = tf.nn.softmax(e, axis=1)
        return tf.reduce_sum(x * a, axis=1)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Classifier(keras.Model):
    def __init__(self):
        super().__init__()
        self.masking = Masking(mask_value=0.0)
        self.lstm = LSTM(16, return_sequences=True)
        self.pooling = AttentionPooling(8)
        self.out = Dense(1, activation="sigmoid")
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.acc = keras.metrics.BinaryAccuracy(name="acc")

    @property
    def metrics(self):
        return [self.loss_tracker, self.acc]

    def call(self, inputs, training=False):
        x = self.masking(inputs)
        x = self.lstm(x, training=training)
        return self.out(self.pooling(x))

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = tf.reduce_mean(keras.losses.binary_crossentropy(y, y_pred))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        self.loss_tracker.update_state(loss)
        self.acc.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


class Remember(tf.keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.losses = []

    def on_epoch_end(self, epoch, logs={}):
        self.losses.append(logs.get("loss"))
        if logs.get("acc") > 0.99:
            print("\nReached 99% accuracy so cancelling training!")
            self.model.stop_training = True


rng = np.random.default_rng(9)
x = rng.normal(size=(192, 9, 4)).astype("float32")
lengths = rng.integers(3, 10, 192)
for row, length in zip(x, lengths):
    row[length:] = 0
y = (x[:, :, 0].sum(axis=1) > 0).astype("float32")[:, None]
model = Classifier()
model.compile(optimizer=keras.optimizers.Adam(0.02))
remember = Remember()
model.fit(x, y, epochs=8, batch_size=32, callbacks=[remember], verbose=0)
print(remember.losses)
assert remember.losses[-1] < 0.7 * remember.losses[0]
