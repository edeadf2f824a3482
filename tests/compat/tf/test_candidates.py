"""Samplers of classes: the expected counts are TensorFlow's, the ids follow the distribution they name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import recurra
from recurra.compat import tf

TRUE = tf.constant([[1, 2], [0, 5]], dtype="int64")


def test_expected_counts_where_ids_may_repeat() -> None:
    found, true, sampled = tf.random.log_uniform_candidate_sampler(TRUE, 2, 4, False, 8, seed=3)
    wanted = np.array([1.2618595, 0.73814046, 0.523719, 0.4062281, 0.33191246, 0.280628, 0.24309194, 0.21442148])
    np.testing.assert_allclose(true, wanted[TRUE.numpy()], rtol=1e-5)
    np.testing.assert_allclose(sampled, wanted[found.numpy()], rtol=1e-5)
    assert (found.dtype, found.shape, true.dtype, sampled.shape) == (tf.int64, (4,), tf.float32, (4,))


def test_expected_counts_of_different_ids_depend_on_the_tries() -> None:
    # TensorFlow's for class 3 of 8, by the number of draws until four ids are there
    after = {4: 0.40622804, 5: 0.41460013}
    seen = set()
    for seed in range(40):
        found, true, _ = tf.random.log_uniform_candidate_sampler([[3]], 1, 4, True, 8, seed=seed)
        assert len(set(found.numpy().tolist())) == 4
        seen.add(round(float(true[0, 0]), 5))
    assert {round(one, 5) for one in after.values()} <= seen and len(seen) > 4


@pytest.mark.parametrize(
    ("name", "probability", "more"),
    [
        ("log_uniform", np.log1p(1 / np.arange(1.0, 7.0)) / np.log(7.0), {}),
        ("uniform", np.full(6, 1 / 6), {}),
        ("fixed_unigram", np.array([0, 0, 1, 4, 9, 16]) / 30, {"unigrams": [1, 2, 3, 4], "distortion": 2.0}),
    ],
)
def test_distribution(name: str, probability: np.ndarray, more: dict) -> None:
    if more:
        more = {**more, "num_reserved_ids": 2}
    sampler = getattr(tf.random, f"{name}_candidate_sampler")
    found, true, _ = sampler([[5], [2], [3]], 1, 60_000, False, 6, seed=9, **more)
    share = np.bincount(found.numpy(), minlength=6) / 60_000
    np.testing.assert_allclose(share, probability, atol=0.01)
    np.testing.assert_allclose(true[:, 0], 60_000 * probability[[5, 2, 3]], rtol=1e-5)


def test_unigrams_of_a_file(tmp_path) -> None:
    (tmp_path / "words.csv").write_text("a,1\nb,3\nc,6\n")
    sample = tf.random.fixed_unigram_candidate_sampler([[1]], 1, 10, False, 3, vocab_file=str(tmp_path / "words.csv"))
    assert float(sample.true_expected_count[0, 0]) == pytest.approx(3.0)
    with pytest.raises(ValueError, match="one of vocab_file and unigrams"):
        tf.random.fixed_unigram_candidate_sampler([[1]], 1, 10, False, 3)


def test_all_ids_may_be_asked_for() -> None:
    found = tf.random.log_uniform_candidate_sampler([[0]], 1, 50, True, 50, seed=0).sampled_candidates
    assert sorted(found.numpy()) == list(range(50))


def test_each_call_draws_anew_and_runs_repeat() -> None:
    def drawn() -> list:
        tf.random.set_seed(2)
        return [tf.random.uniform_candidate_sampler([[0]], 1, 6, True, 99, seed=7)[0].numpy().tolist() for _ in "abc"]

    first = drawn()
    assert len({tuple(one) for one in first}) == 3 and drawn() == first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1]], 1, 9, True, 8), "num_sampled=9 different ids, of 8"),
        (([[1]], 2, 4, True, 8), r"shape \(B, num_true\) = \(B, 2\), got int32 \(1, 1\)"),
        (([[1.0]], 1, 4, True, 8), "must hold integers"),
        (([[9]], 1, 4, True, 8), r"must be in \[0, 8\), got 9 to 9"),
        (([[-1]], 1, 4, True, 8), r"must be in \[0, 8\)"),
        (([[1]], 1, 0, True, 8), "num_sampled must be positive"),
    ],
)
def test_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        tf.random.log_uniform_candidate_sampler(*arguments)


@pytest.mark.parametrize("name", ["nce_loss", "sampled_softmax_loss"])
def test_word_vectors_learn_by_sampled_losses(name: str) -> None:
    recurra.utils.set_random_seed(1)
    vectors = tf.Variable(tf.random.normal([30, 8]))
    weights, biases = tf.Variable(tf.random.normal([30, 8])), tf.Variable(tf.zeros([30]))
    words = np.arange(30)
    labels = tf.constant((words[:, None] + 1) % 30, tf.int64)
    optimizer = recurra.optimizers.Adam(0.1)

    def loss() -> Any:
        rows = tf.nn.embedding_lookup(vectors, words)
        one = getattr(tf.nn, name)(
            weights=weights, biases=biases, labels=labels, inputs=rows, num_sampled=9, num_classes=30
        )
        assert one.shape == (30,)
        return tf.reduce_mean(one)

    before = float(loss())
    for _ in range(60):
        with tf.GradientTape() as tape:
            value = loss()
        variables = [vectors, weights, biases]
        optimizer.apply_gradients(zip(tape.gradient(value, variables), variables, strict=True))
    assert float(loss()) < before / 3
    scores = vectors.numpy() @ weights.numpy().T + biases.numpy()
    assert (scores.argmax(1) == (words + 1) % 30).mean() > 0.8
    with pytest.raises(ValueError, match=r"shape \(B, num_true\) = \(B, 1\)"):
        getattr(tf.nn, name)(weights, biases, words, vectors, 3, 30)
