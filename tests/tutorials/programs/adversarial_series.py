# A generator and a discriminator of short series, two tapes open at once.
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

tf.random.set_seed(3)
np.random.seed(3)
BATCH_SIZE, noise_dim, length = 16, 4, 12
phase = np.random.uniform(0, 6, (96, 1))
real_series = np.sin(phase + np.arange(length) / 2.0)[..., None].astype("float32")
train_dataset = tf.data.Dataset.from_tensor_slices(real_series).shuffle(96).batch(BATCH_SIZE)


def make_generator_model():
    model = tf.keras.Sequential()
    model.add(layers.Dense(24, use_bias=False, input_shape=(noise_dim,)))
    model.add(layers.LeakyReLU())
    model.add(layers.RepeatVector(length))
    model.add(layers.LSTM(16, return_sequences=True))
    model.add(layers.TimeDistributed(layers.Dense(1, activation="tanh")))
    assert model.output_shape == (None, length, 1)
    return model


def make_discriminator_model():
    return tf.keras.Sequential([layers.Bidirectional(layers.LSTM(12), input_shape=[length, 1]), layers.Dropout(0.2), layers.Dense(1)])


generator, discriminator = make_generator_model(), make_discriminator_model()
decision = discriminator(generator(tf.random.normal([1, noise_dim]), training=False))
print(decision)
cross_entropy = tf.keras.losses.BinaryCrossentropy(from_logits=True)


def discriminator_loss(real_output, fake_output):
    real_loss = cross_entropy(tf.ones_like(real_output), real_output)
    fake_loss = cross_entropy(tf.zeros_like(fake_output), fake_output)
    return real_loss + fake_loss


def generator_loss(fake_output):
    return cross_entropy(tf.ones_like(fake_output), fake_output)


generator_optimizer = tf.keras.optimizers.Adam(1e-3)
discriminator_optimizer = tf.keras.optimizers.Adam(5e-3)


@tf.function
def train_step(series):
    noise = tf.random.normal([BATCH_SIZE, noise_dim])
    with tf.GradientTape() as gen_tape, tf.GradientTape() as disc_tape:
        generated = generator(noise, training=True)
        real_output = discriminator(series, training=True)
        fake_output = discriminator(generated, training=True)
        gen_loss = generator_loss(fake_output)
        disc_loss = discriminator_loss(real_output, fake_output)
    gradients_of_generator = gen_tape.gradient(gen_loss, generator.trainable_variables)
    gradients_of_discriminator = disc_tape.gradient(disc_loss, discriminator.trainable_variables)
    generator_optimizer.apply_gradients(zip(gradients_of_generator, generator.trainable_variables))
    discriminator_optimizer.apply_gradients(zip(gradients_of_discriminator, discriminator.trainable_variables))
    return gen_loss, disc_loss


history = []
for epoch in range(8):
    for batch in train_dataset:
        gen_loss, disc_loss = train_step(batch)
    history.append((gen_loss.numpy(), disc_loss.numpy()))
    tf.print("epoch", epoch, "generator", gen_loss, "discriminator", disc_loss)
assert history[-1][1] < history[0][1] and np.isfinite(history).all()
