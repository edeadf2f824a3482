# Dot attention between an encoder and a decoder, as a functional model; the weights of the attention looked at.
import numpy as np
from tensorflow.keras.layers import Activation, Concatenate, Dense, Embedding, GRU, Input, TimeDistributed, concatenate, dot
from tensorflow.keras.models import Model
import tensorflow as tf

np.random.seed(0)
tf.random.set_seed(0)
n, length, vocab = 300, 6, 14
source = np.random.randint(2, vocab, (n, length))
target = source[:, ::-1].copy()
decoder_in = np.concatenate([np.ones((n, 1), dtype="int64"), target[:, :-1]], axis=1)

encoder_input = Input(shape=(length,))
decoder_input = Input(shape=(length,))
encoder = Embedding(vocab, 16, input_length=length, mask_zero=False)(encoder_input)
encoder = GRU(32, return_sequences=True, unroll=True)(encoder)
encoder_last = encoder[:, -1, :]
decoder = Embedding(vocab, 16, input_length=length)(decoder_input)
decoder = GRU(32, return_sequences=True)(decoder, initial_state=encoder_last)
attention = dot([decoder, encoder], axes=[2, 2])
attention = Activation("softmax", name="attention")(attention)
context = dot([attention, encoder], axes=[2, 1])
decoder_combined_context = concatenate([context, decoder])
output = TimeDistributed(Dense(32, activation="tanh"))(decoder_combined_context)
output = TimeDistributed(Dense(vocab, activation="softmax"))(output)
model = Model(inputs=[encoder_input, decoder_input], outputs=[output])
model.compile(optimizer=tf.keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x=[source, decoder_in], y=target[..., None], validation_split=0.1, batch_size=32, epochs=12, verbose=0)
print(history.history["val_accuracy"][-1])
weights = Model(model.inputs, model.get_layer("attention").output).predict([source[:1], decoder_in[:1]], verbose=0)
print(np.round(weights[0], 2))
np.testing.assert_allclose(weights.sum(axis=-1), 1.0, rtol=1e-5)
assert history.history["accuracy"][-1] > 0.6
