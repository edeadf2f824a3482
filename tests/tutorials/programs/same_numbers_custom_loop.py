# A loop written out with a GradientTape, teacher forcing and a mask over padding.
import numpy as np
import tensorflow as tf

rng = np.random.RandomState(3)
source = rng.randint(1, 12, (24, 6))
target = np.concatenate([np.ones((24, 1), int), source[:, ::-1] % 9 + 2], axis=1)
target[::3, 5:] = 0

encoder_embedding = tf.keras.layers.Embedding(12, 5)
encoder = tf.keras.layers.LSTM(8, return_state=True)
decoder_embedding = tf.keras.layers.Embedding(12, 5)
decoder = tf.keras.layers.LSTM(8, return_sequences=True, return_state=True)
dense = tf.keras.layers.Dense(12)
parts = [encoder_embedding, encoder, decoder_embedding, decoder, dense]


def forward(inputs, outputs):
    _, h, c = encoder(encoder_embedding(inputs))
    sequence, _, _ = decoder(decoder_embedding(outputs), initial_state=[h, c])
    return dense(sequence)


forward(tf.constant(source), tf.constant(target[:, :-1]))
for part in parts:
    part.set_weights([rng.uniform(-0.4, 0.4, w.shape).astype("float32") for w in part.get_weights()])
optimizer = tf.keras.optimizers.RMSprop(0.01)
loss_object = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
dataset = tf.data.Dataset.from_tensor_slices((source, target)).batch(8)


@tf.function
def train_step(inputs, outputs):
    real = outputs[:, 1:]
    with tf.GradientTape() as tape:
        logits = forward(inputs, outputs[:, :-1])
        mask = tf.cast(tf.math.not_equal(real, 0), tf.float32)
        loss = tf.reduce_sum(loss_object(real, logits) * mask) / tf.reduce_sum(mask)
    variables = [v for part in parts for v in part.trainable_variables]
    gradients = tape.gradient(loss, variables)
    gradients = [tf.clip_by_norm(tf.convert_to_tensor(g), 0.5) for g in gradients]
    optimizer.apply_gradients(zip(gradients, variables))
    return loss


for epoch in range(6):
    for inputs, outputs in dataset:
        print("loss %.7f" % train_step(inputs, outputs).numpy())
