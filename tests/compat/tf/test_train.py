"""tf.train: checkpoints of models, optimizers and variables."""

from __future__ import annotations

import numpy as np
import pytest

import recurra
from recurra import layers, optimizers
from recurra.compat import tf


def trained(seed: int):
    recurra.utils.set_random_seed(seed)
    model = recurra.Sequential([recurra.Input((4, 3)), layers.LSTM(5), layers.Dense(2)])
    model.compile(optimizers.Adam(0.01), "mse")
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(8, 4, 3)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")
    model.fit(x, y, epochs=2, verbose=0)
    return model, x, y


def test_training_goes_on_exactly(tmp_path) -> None:
    model, x, y = trained(1)
    step = tf.Variable(7)
    path = tf.train.Checkpoint(step=step, model=model, optimizer=model.optimizer).save(tmp_path / "sub" / "ckpt")
    assert path == str(tmp_path / "sub" / "ckpt-1") == tf.train.latest_checkpoint(tmp_path / "sub")
    wanted = model.fit(x, y, epochs=3, shuffle=False, verbose=0).history["loss"]
    other, _, _ = trained(2)
    another = tf.Variable(0)
    tf.train.Checkpoint(step=another, model=other, optimizer=other.optimizer).restore(path).expect_partial()
    assert int(another) == 7
    assert other.fit(x, y, epochs=3, shuffle=False, verbose=0).history["loss"] == wanted


def test_manager(tmp_path) -> None:
    value = tf.Variable([0.0, 1.0])
    checkpoint = tf.train.Checkpoint(value=value)
    manager = tf.train.CheckpointManager(checkpoint, tmp_path / "kept", max_to_keep=2)
    assert manager.latest_checkpoint is None and manager.restore_or_initialize() is None
    for number in range(1, 13):
        value.assign([number, -number])
        assert manager.save() == str(tmp_path / "kept" / f"ckpt-{number}")
    assert [path.rpartition("-")[2] for path in manager.checkpoints] == ["11", "12"]
    value.assign([0.0, 0.0])
    checkpoint.restore(manager.checkpoints[0])
    assert value.numpy().tolist() == [11.0, -11.0]
    again = tf.train.CheckpointManager(tf.train.Checkpoint(value=value), tmp_path / "kept", 2)
    assert again.restore_or_initialize() == manager.latest_checkpoint and value.numpy()[0] == 12.0
    assert again.save().endswith("ckpt-13")


def test_what_does_not_fit_changes_nothing(tmp_path) -> None:
    a, b = tf.Variable([1.0]), tf.Variable([2.0, 3.0])
    path = tf.train.Checkpoint(a=a, b=b).save(tmp_path / "ckpt")
    a.assign([9.0])
    with pytest.raises(ValueError, match=r"b/.* must have shape \(3,\), got \(2,\)"):
        tf.train.Checkpoint(a=a, b=tf.Variable([0.0, 0.0, 0.0])).restore(path)
    with pytest.raises(ValueError, match="holds nothing for 'c'"):
        tf.train.Checkpoint(a=a, c=b).restore(path)
    assert a.numpy() == [9.0]
    with pytest.raises(FileNotFoundError, match="no such checkpoint"):
        tf.train.Checkpoint(a=a).restore(tmp_path / "other")
    with pytest.raises(ValueError, match="call the model"):
        tf.train.Checkpoint(a=layers.LSTM(3)).restore(path)
    tf.train.Checkpoint(a=a).restore(None)
    with pytest.raises(TypeError, match="keeps models"):
        tf.train.Checkpoint(a="text")


def test_older_optimizers() -> None:
    assert tf.train.AdamOptimizer is optimizers.Adam
    with pytest.raises(AttributeError, match="SpamOptimizer"):
        tf.train.SpamOptimizer  # noqa: B018


def test_a_damaged_checkpoint_is_refused_by_name_and_changes_nothing(tmp_path) -> None:
    value = tf.Variable(np.arange(6.0, dtype="float32"))
    path = tf.train.Checkpoint(value=value).save(tmp_path / "ckpt")
    file = tmp_path / "ckpt-1.weights.h5"
    data = bytearray(file.read_bytes())
    data[data.index(np.float32(5).tobytes()) + 2] ^= 64
    for damaged in (data, data[:300], b"not a checkpoint"):
        file.write_bytes(damaged)
        value.assign(np.zeros(6))
        with pytest.raises(ValueError, match=r"ckpt-1\.weights\.h5"):
            tf.train.Checkpoint(value=value).restore(path)
        assert not value.numpy().any()
