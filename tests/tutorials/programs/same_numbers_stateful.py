# States carried from batch to batch, a time-distributed output, sample weights over time.
import numpy as np
from keras import Input, Model, optimizers
from keras.layers import LSTM, Dense, TimeDistributed

rng = np.random.RandomState(5)
x = rng.randn(24, 5, 2).astype("float32")
y = np.cumsum(x, axis=1)[:, :, :1] / 3
weights = rng.uniform(0.2, 1.0, (24, 5)).astype("float32")
inputs = Input(batch_shape=(6, 5, 2))
h = LSTM(7, stateful=True, return_sequences=True, unroll=False)(inputs)
outputs = TimeDistributed(Dense(1, activation="tanh"))(h)
model = Model(inputs, outputs)
model.set_weights([rng.uniform(-0.5, 0.5, w.shape).astype("float32") for w in model.get_weights()])
model.compile(optimizer=optimizers.Nadam(0.01), loss="huber")
for epoch in range(5):
    for layer in model.layers:
        if hasattr(layer, "reset_states"):
            layer.reset_states()
        elif hasattr(layer, "reset_state"):
            layer.reset_state()
    for start in range(0, 24, 6):
        batch = slice(start, start + 6)
        print("loss %.7f" % float(np.ravel(model.train_on_batch(x[batch], y[batch], sample_weight=weights[batch]))[0]))
