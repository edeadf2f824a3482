"""TensorFlow 1's graphs are not run: one sentence says so. Its settings are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from recurra.compat import tf


@pytest.mark.parametrize("name", ["placeholder", "get_variable", "variable_scope", "estimator"])
@pytest.mark.parametrize("root", ["tf", "tf.compat.v1"])
def test_one_sentence(name: str, root: str) -> None:
    module = tf if root == "tf" else tf.compat.v1
    with pytest.raises(AttributeError, match=f"tf.{name} is of TensorFlow 1's graphs, which recurra does not run"):
        getattr(module, name)


def test_sessions_hold_settings_and_run_nothing() -> None:
    settings = tf.compat.v1.ConfigProto()
    settings.gpu_options.allow_growth = True
    with tf.compat.v1.Session(config=settings) as session:
        session.run(tf.compat.v1.global_variables_initializer())
        with pytest.raises(RuntimeError, match=r"Session\.run is of TensorFlow 1's graphs"):
            session.run(tf.constant(1))
    with tf.compat.v1.get_default_graph().as_default():
        tf.compat.v1.set_random_seed(3)
    assert tf.compat.v1.reduce_sum is tf.reduce_sum and tf.compat.v2 is tf


def test_files_in_older_names(tmp_path: Path) -> None:
    name = str(tmp_path / "words.txt")
    with tf.gfile.GFile(name, "w") as file:
        file.write("né")
    assert tf.gfile.Exists(name) and tf.gfile.ListDirectory(str(tmp_path)) == ["words.txt"]
    with tf.compat.v1.gfile.Open(name) as file:
        assert file.read() == "né"
    tf.gfile.Remove(name)
    assert not tf.gfile.exists(name)


def test_names_that_are_not_there() -> None:
    for module in (tf, tf.compat.v1):
        with pytest.raises(AttributeError, match=r"module 'recurra\.compat\.tf' has no attribute 'spam'"):
            module.spam  # noqa: B018
