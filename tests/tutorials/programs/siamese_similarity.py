# Two questions through one LSTM; the similarity is exp(-|h1 - h2|).
import numpy as np
import tensorflow as tf
from tensorflow.python.keras import backend as K
from tensorflow.python.keras.models import Model, Sequential
from tensorflow.python.keras.layers import Input, Embedding, LSTM, Lambda
from tensorflow.python.keras.layers import Layer

rng = np.random.RandomState(0)


class ManDist(Layer):
    def __init__(self, **kwargs):
        super(ManDist, self).__init__(**kwargs)

    def build(self, input_shape):
        super(ManDist, self).build(input_shape)

    def call(self, x, **kwargs):
        return K.exp(-K.sum(K.abs(x[0] - x[1]), axis=1, keepdims=True))

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], 1)


embeddings = rng.randn(40, 12) * 0.3
embeddings[0] = 0
n, length = 240, 8
left = rng.randint(1, 40, (n, length))
right = rng.randint(1, 40, (n, length))
same = rng.rand(n) < 0.5
right[same] = left[same]
noise = rng.randint(0, length, n)
right[np.arange(n), noise] = rng.randint(1, 40, n)
labels = same.astype("float32")

x = Sequential()
x.add(Embedding(len(embeddings), 12, weights=[embeddings], input_shape=(length,), trainable=False))
x.add(LSTM(20))
shared_model = x
left_input = Input(shape=(length,), dtype="int32")
right_input = Input(shape=(length,), dtype="int32")
malstm_distance = ManDist()([shared_model(left_input), shared_model(right_input)])
model = Model(inputs=[left_input, right_input], outputs=[malstm_distance])
model.compile(loss="mean_squared_error", optimizer=tf.keras.optimizers.Adam(0.02), metrics=["accuracy"])
model.summary()
shared_model.summary()
malstm_trained = model.fit([left[:200], right[:200]], labels[:200], batch_size=20, epochs=15, validation_data=([left[200:], right[200:]], labels[200:]), verbose=0)
prediction = model.predict([left[200:], right[200:]])
print("accuracy", np.mean((np.asarray(prediction).ravel() > 0.5) == labels[200:]))
assert malstm_trained.history["val_accuracy"][-1] > 0.75
