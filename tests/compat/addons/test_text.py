"""The conditional random fields of tensorflow_addons."""

from __future__ import annotations

import numpy as np
import pytest

import recurra.compat
from recurra import ops
from recurra.compat import tf
from recurra.compat.installing import real_packages

pytestmark = pytest.mark.skipif(bool(real_packages()), reason="the real ones are installed")

RANDOM = np.random.RandomState(4)
SCORES, CHAIN = RANDOM.standard_normal((3, 5, 4)), RANDOM.standard_normal((4, 4))
TAGS, LENGTHS = RANDOM.randint(0, 4, (3, 5)), [5, 2, 3]


@pytest.fixture(autouse=True)
def installed():
    recurra.compat.install()
    yield
    recurra.compat.uninstall()


def test_each_row_ends_where_its_length_says() -> None:
    import tensorflow_addons as tfa

    found, chain = tfa.text.crf_log_likelihood(SCORES, TAGS, LENGTHS, CHAIN)
    path, best = tfa.text.crf_decode(tf.constant(SCORES), CHAIN, tf.constant(LENGTHS))
    assert chain is CHAIN and found.shape == (3,) and path.shape == (3, 5)
    for row, length in enumerate(LENGTHS):
        part = SCORES[row : row + 1, :length]
        expected = ops.crf_log_likelihood(part, TAGS[row : row + 1, :length], CHAIN)
        np.testing.assert_allclose(found.numpy()[row], expected[0], rtol=1e-6)
        alone, score = tfa.text.viterbi_decode(part[0], CHAIN)
        assert path.numpy()[row].tolist() == alone + [0] * (5 - length)
        assert best.numpy()[row] == pytest.approx(score)
    score = tfa.text.crf_sequence_score(SCORES, TAGS, LENGTHS, CHAIN)
    norm = tfa.text.crf_log_norm(SCORES, LENGTHS, CHAIN)
    np.testing.assert_allclose((score - norm).numpy(), found.numpy(), rtol=1e-6)


def test_transitions_are_made_and_trained() -> None:
    from tensorflow_addons.text.crf import crf_log_likelihood

    _, chain = crf_log_likelihood(tf.constant(SCORES, tf.float32), TAGS, LENGTHS)
    assert chain.shape == (4, 4)
    with tf.GradientTape() as tape:
        found, _ = crf_log_likelihood(tf.constant(SCORES, tf.float32), TAGS, LENGTHS, chain)
        loss = -tf.reduce_mean(found)
    assert np.abs(tape.gradient(loss, chain).numpy()).min() > 0


def test_other_parts_are_named() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"'tensorflow_addons\.rnn': .* the functions of text\.crf alone"):
        import tensorflow_addons.rnn  # noqa: F401
