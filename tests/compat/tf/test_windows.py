"""Convolutions, poolings and decoders of tf.nn: the layers' numbers."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import layers, ops
from recurra.compat import tf

RNG = np.random.default_rng(4)


def test_convolutions() -> None:
    x, kernel = RNG.normal(size=(2, 9, 3)).astype("float32"), RNG.normal(size=(4, 3, 5)).astype("float32")
    found = tf.nn.conv1d(x, kernel, stride=2, padding="SAME")
    np.testing.assert_allclose(found, ops.conv(x, kernel, 2, "same"), rtol=1e-6)
    turned = tf.nn.conv1d(x.transpose(0, 2, 1), kernel, [2], "SAME", data_format="NCW")
    np.testing.assert_allclose(turned.numpy().transpose(0, 2, 1), found, rtol=1e-5)
    x, kernel = RNG.normal(size=(2, 7, 6, 3)).astype("float32"), RNG.normal(size=(3, 2, 3, 4)).astype("float32")
    found = tf.nn.conv2d(x, kernel, strides=[1, 2, 1, 1], padding="VALID")
    np.testing.assert_allclose(found, ops.conv(x, kernel, (2, 1), "valid"), rtol=1e-5)
    filters = tf.Variable(kernel)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.nn.conv2d(x, filters, 1, "SAME"))
    assert tape.gradient(loss, filters).shape == (3, 2, 3, 4)
    with pytest.raises(ValueError, match="padding must be 'SAME' or 'VALID'"):
        tf.nn.conv2d(x, kernel, 1, "same")


def test_poolings() -> None:
    x = RNG.normal(size=(2, 7, 6, 3)).astype("float32")
    found = tf.nn.max_pool(x, ksize=[1, 3, 2, 1], strides=2, padding="VALID")
    np.testing.assert_array_equal(found, layers.MaxPooling2D((3, 2), 2)(x))
    found = tf.nn.avg_pool(x[:, :, 0], 2, 1, "SAME")
    np.testing.assert_allclose(found, layers.AveragePooling1D(2, 1, "same")(x[:, :, 0]), rtol=1e-6)


def test_batch_normalization() -> None:
    x = RNG.normal(size=(5, 3)).astype("float32")
    mean, variance = tf.nn.moments(x, axes=[0])
    found = tf.nn.batch_normalization(x, mean, variance, 1.0, 2.0, 0.001).numpy()
    np.testing.assert_allclose(found, 2 * (x - x.mean(0)) / np.sqrt(x.var(0) + 0.001) + 1, rtol=1e-4, atol=1e-5)
    plain = tf.nn.batch_normalization(x, mean, variance, None, None, 0.001).numpy()
    np.testing.assert_allclose(plain, (found - 1) / 2, rtol=1e-4, atol=1e-5)


def test_ctc_loss_of_sparse_labels_as_tensorflow() -> None:
    x = np.random.default_rng(2).standard_normal((6, 3, 5)).astype("float32")
    places = [[0, 0], [0, 1], [1, 0], [2, 0], [2, 1], [2, 2]]
    labels = tf.cast(tf.SparseTensor(places, [1, 3, 0, 2, 2, 1], [3, 4]), tf.int32)
    assert type(labels) is tf.SparseTensor and labels.values.dtype == tf.int32
    expected = [5.6254997, 3.8852181, 12.4298172]  # of TensorFlow 2.21
    older = tf.compat.v1.nn.ctc_loss(labels=labels, inputs=x, sequence_length=[6, 4, 6])
    newer = tf.nn.ctc_loss(labels, x, None, [6, 4, 6], blank_index=4)
    rows = tf.compat.v1.nn.ctc_loss(labels, tf.transpose(x, [1, 0, 2]), [6, 4, 6], time_major=False)
    for found in (older, newer, rows):
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    assert tf.compat.v1.nn.relu is tf.nn.relu
    with pytest.raises(ValueError, match="blank_index must be given where labels are a sparse tensor"):
        tf.nn.ctc_loss(labels, x, None, [6, 4, 6])
    with pytest.raises(ValueError, match="must have their defaults, got True, True and False"):
        tf.compat.v1.nn.ctc_loss(labels, x, [6, 4, 6], preprocess_collapse_repeated=True)


def test_decoders_of_ctc() -> None:
    logits = RNG.normal(size=(6, 2, 4)).astype("float32") * 3
    lengths = np.array([6, 4])
    (greedy,), scores = tf.nn.ctc_greedy_decoder(logits, lengths)
    for row, steps in enumerate(lengths):
        best = logits[:steps, row].argmax(-1)
        wanted = [k for k, before in zip(best, [-1, *best[:-1]], strict=True) if k not in (before, 3)]
        found = tf.sparse.to_dense(greedy, default_value=-1).numpy()[row]
        assert found[found >= 0].tolist() == wanted
        np.testing.assert_allclose(scores[row, 0], -logits[:steps, row].max(-1).sum(), rtol=1e-5)
    paths, probabilities = tf.nn.ctc_beam_search_decoder(logits, lengths, beam_width=20, top_paths=2)
    assert len(paths) == 2 and probabilities.shape.as_list() == [2, 2]
    assert (probabilities.numpy()[:, 0] >= probabilities.numpy()[:, 1]).all()


def test_graphs_are_named() -> None:
    with pytest.raises(AttributeError, match=r"tf\.nn\.dynamic_rnn is of TensorFlow 1's graphs"):
        _ = tf.nn.dynamic_rnn
    with pytest.raises(AttributeError, match=r"tf\.contrib is of TensorFlow 1's graphs"):
        _ = tf.contrib.rnn
    tf.compat.v1.disable_eager_execution()
    tf.compat.v1.disable_v2_behavior()


def test_programs_that_look_for_a_tpu_go_on() -> None:
    try:
        strategy = tf.distribute.TPUStrategy(tf.distribute.cluster_resolver.TPUClusterResolver())
    except ValueError as error:
        assert "there is no TPU here" in str(error)
        strategy = tf.distribute.get_strategy()
    with strategy.scope(), tf.init_scope():
        assert strategy.num_replicas_in_sync == 1 and not tf.distribute.has_strategy()
    for call in (tf.tpu.experimental.initialize_tpu_system, tf.config.experimental_connect_to_cluster):
        with pytest.raises(ValueError):
            call(None)
    assert tf.recompute_grad(abs) is abs
