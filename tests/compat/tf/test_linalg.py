"""``tf.linalg``: matrices, with gradients where TensorFlow has them."""

from __future__ import annotations

import numpy as np
import pytest

import recurra.compat.tf as tf


def test_inverses_determinants_and_systems(rng: np.random.Generator) -> None:
    x = (rng.normal(size=(4, 4)) + 3 * np.eye(4)).astype("f")
    w, b = tf.Variable(x), tf.constant(rng.normal(size=(4, 2)).astype("f"))
    with tf.GradientTape() as tape:
        y = tf.linalg.logdet(w @ tf.transpose(w))
    np.testing.assert_allclose(tape.gradient(y, w).numpy(), 2 * np.linalg.inv(x).T, rtol=1e-3, atol=1e-5)
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.linalg.solve(w, b))
    assert tape.gradient(y, w).shape == (4, 4)
    np.testing.assert_allclose(tf.linalg.inv(w).numpy(), np.linalg.inv(x), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(tf.linalg.pinv(w).numpy(), np.linalg.pinv(x), rtol=1e-3, atol=1e-5)
    root = tf.linalg.cholesky(w @ tf.transpose(w))
    np.testing.assert_allclose((root @ tf.transpose(root)).numpy(), x @ x.T, rtol=1e-3, atol=1e-4)


def test_those_without_a_gradient() -> None:
    w = tf.Variable(np.eye(3, dtype="f"))
    with tf.GradientTape(), pytest.raises(NotImplementedError, match="no gradient"):
        tf.linalg.svd(w * 2.0)
