# A training loop written out: tf.function steps, metrics, validation, gradients clipped by their global norm.
import time

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

tf.random.set_seed(0)
rng = np.random.default_rng(0)
x = rng.normal(size=(256, 10, 3)).astype("float32")
y = (x[:, :, 0].sum(axis=1) > 0).astype("int32") + (x[:, :, 1].sum(axis=1) > 2).astype("int32")
x_train, y_train, x_val, y_val = x[:192], y[:192], x[192:], y[192:]
batch_size = 32
train_dataset = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(buffer_size=192).batch(batch_size)
val_dataset = tf.data.Dataset.from_tensor_slices((x_val, y_val)).batch(batch_size)

inputs = keras.Input(shape=(10, 3), name="steps")
h = layers.GRU(24, return_sequences=True, name="gru_1")(inputs)
h = layers.GRU(16, name="gru_2")(h)
outputs = layers.Dense(3, name="predictions")(h)
model = keras.Model(inputs=inputs, outputs=outputs)
optimizer = keras.optimizers.Adam(learning_rate=1e-2)
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
train_acc_metric = keras.metrics.SparseCategoricalAccuracy()
val_acc_metric = keras.metrics.SparseCategoricalAccuracy()
train_loss = keras.metrics.Mean(name="train_loss")


@tf.function
def train_step(x, y):
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        loss_value = loss_fn(y, logits)
        loss_value += sum(model.losses)
    grads = tape.gradient(loss_value, model.trainable_weights)
    grads, norm = tf.clip_by_global_norm(grads, 5.0)
    optimizer.apply_gradients(zip(grads, model.trainable_weights))
    train_acc_metric.update_state(y, logits)
    train_loss(loss_value)
    return loss_value


@tf.function(input_signature=[tf.TensorSpec(shape=(None, 10, 3), dtype=tf.float32), tf.TensorSpec(shape=[None], dtype=tf.int32)])
def test_step(x, y):
    val_logits = model(x, training=False)
    val_acc_metric.update_state(y, val_logits)


for epoch in range(6):
    start_time = time.time()
    for step, (x_batch_train, y_batch_train) in enumerate(train_dataset):
        loss_value = train_step(x_batch_train, y_batch_train)
        if step % 10 == 0:
            print("Training loss (for one batch) at step %d: %.4f" % (step, float(loss_value)))
            tf.print("seen so far:", (step + 1) * batch_size)
    train_acc = train_acc_metric.result()
    print("Training acc over epoch: %.4f" % (float(train_acc),))
    template = "Epoch {}, Loss: {}, Accuracy: {}"
    print(template.format(epoch + 1, train_loss.result(), train_acc * 100))
    train_acc_metric.reset_state()
    train_loss.reset_state()
    for x_batch_val, y_batch_val in val_dataset:
        test_step(x_batch_val, y_batch_val)
    val_acc = val_acc_metric.result()
    val_acc_metric.reset_state()
    print("Validation acc: %.4f" % (float(val_acc),))
assert float(val_acc) > 0.6
