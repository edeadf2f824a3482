# Sentences of unequal length, masks, a bidirectional GRU with regularizers; SGD with momentum and clipping.
import keras
import numpy as np
from keras import layers, regularizers

rng = np.random.RandomState(2)
ids = rng.randint(1, 30, (40, 11))
lengths = rng.randint(4, 12, 40)
for row, length in zip(ids, lengths):
    row[length:] = 0
labels = rng.randint(0, 4, 40)

inputs = keras.Input((11,), dtype="int32")
h = layers.Embedding(30, 6, mask_zero=True)(inputs)
h = layers.Bidirectional(layers.GRU(7, kernel_regularizer=regularizers.l2(1e-3)), merge_mode="sum")(h)
outputs = layers.Dense(4, activation="softmax")(h)
model = keras.Model(inputs, outputs)
model.set_weights([rng.uniform(-0.5, 0.5, w.shape).astype("float32") for w in model.get_weights()])
optimizer = keras.optimizers.SGD(learning_rate=0.2, momentum=0.8, clipnorm=1.0)
model.compile(optimizer=optimizer, loss=keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
history = model.fit(ids, labels, epochs=6, batch_size=8, shuffle=False, verbose=0, class_weight={0: 1.0, 1: 2.0, 2: 1.0, 3: 0.5})
for value in history.history["loss"] + history.history["accuracy"]:
    print("loss %.7f" % value)
