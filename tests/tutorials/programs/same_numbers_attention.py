# A subclassed model whose attention is written with tf functions, trained by fit.
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

rng = np.random.RandomState(4)
x = rng.randn(40, 9, 4).astype("float32")
y = (x[:, 2:5, 1].sum(axis=1) > 0).astype("float32")[:, None]


class Attend(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.rnn = layers.SimpleRNN(6, return_sequences=True)
        self.score = layers.Dense(1)
        self.out = layers.Dense(1)

    def call(self, inputs):
        h = self.rnn(inputs)
        scores = tf.squeeze(self.score(tf.nn.tanh(h)), axis=-1)
        weights = tf.nn.softmax(scores, axis=-1)
        context = tf.einsum("bt,btd->bd", weights, h)
        last = tf.gather(h, 8, axis=1)
        return self.out(tf.concat([context, tf.maximum(last, 0.0), tf.math.log(1.5 + tf.abs(last))], axis=-1))


model = Attend()
model(x[:2])
model.set_weights([rng.uniform(-0.6, 0.6, w.shape).astype("float32") for w in model.get_weights()])
model.compile(
    optimizer=tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.ExponentialDecay(0.02, 5, 0.9)),
    loss=tf.keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
)
history = model.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(10), epochs=8, verbose=0)
for value in history.history["loss"]:
    print("loss %.7f" % value)
