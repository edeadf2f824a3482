# A recurrent cell written with tf.Variable and tf.Module, unrolled in a loop, trained by hand.
import math

import numpy as np
import tensorflow as tf

tf.random.set_seed(8)
rng = np.random.RandomState(8)


class Cell(tf.Module):
    def __init__(self, n_in, n_hidden, name=None):
        super().__init__(name=name)
        bound = 1.0 / math.sqrt(n_hidden)
        init = tf.random_uniform_initializer(-bound, bound)
        self.w = tf.Variable(init([n_in, n_hidden]), name="w")
        self.u = tf.Variable(tf.random.uniform([n_hidden, n_hidden], -bound, bound), name="u")
        self.b = tf.Variable(tf.zeros([n_hidden]), name="b")

    @tf.function
    def __call__(self, x, h):
        return tf.tanh(tf.matmul(x, self.w) + tf.matmul(h, self.u) + self.b)


class Network(tf.Module):
    def __init__(self, n_in, n_hidden, n_out):
        super().__init__()
        self.cell = Cell(n_in, n_hidden)
        self.hidden = n_hidden
        self.v = tf.Variable(tf.random.truncated_normal([n_hidden, n_out], stddev=0.3), name="v")
        self.c = tf.Variable(tf.zeros([n_out]), name="c")

    def __call__(self, x):
        h = tf.zeros([tf.shape(x)[0], self.hidden])
        outputs = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t, :], h)
            outputs = outputs.write(t, h)
        hidden = tf.transpose(outputs.stack(), perm=[1, 0, 2])
        return tf.nn.bias_add(tf.einsum("bth,ho->bto", hidden, self.v), self.c)


x = rng.randint(0, 2, (128, 8, 1)).astype("float32")
y = np.cumsum(x, axis=1) % 2
network = Network(1, 12, 1)
print([v.name for v in network.trainable_variables], sum(int(tf.size(v)) for v in network.trainable_variables))
step = tf.Variable(0, trainable=False, dtype=tf.int64)
m = [tf.Variable(tf.zeros_like(v)) for v in network.trainable_variables]
optimizer = tf.optimizers.RMSprop(0.01)
losses = []
for epoch in range(60):
    with tf.GradientTape() as tape:
        logits = network(tf.convert_to_tensor(x))
        loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits))
    grads = tape.gradient(loss, network.trainable_variables)
    grads = [tf.clip_by_value(g, -1.0, 1.0) for g in grads]
    for g, average in zip(grads, m):
        average.assign(0.9 * average + 0.1 * g)
    optimizer.apply_gradients(zip(grads, network.trainable_variables))
    step.assign_add(1)
    losses.append(loss.numpy())
    if int(step) % 20 == 0:
        accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.cast(logits > 0, tf.float32), y), tf.float32))
        print("step:", int(step), "loss: {:.4f}".format(loss), "accuracy: {:.3f}".format(accuracy))
assert losses[-1] < losses[0] and int(step) == 60

h = tf.constant([[0.0] * 12])
_, final = tf.while_loop(lambda t, state: tf.less(t, 5), lambda t, state: (t + 1, network.cell(tf.ones([1, 1]), state)), [tf.constant(0), h])
np.testing.assert_allclose(final.numpy(), tf.foldl(lambda state, row: network.cell(row, state), tf.ones([5, 1, 1]), h).numpy(), rtol=1e-5)
