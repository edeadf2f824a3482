"""tf.config, tf.test, tf.distribute: one CPU. tf.io, tf.debugging, tf.nest, tf.saved_model: small things."""

from __future__ import annotations

import numpy as np
import pytest

import recurra
from recurra.compat import tf


def test_one_cpu_and_no_gpu() -> None:
    assert tf.config.list_physical_devices("GPU") == [] == tf.config.experimental.list_physical_devices("GPU")
    (cpu,) = tf.config.list_physical_devices()
    tf.config.experimental.set_memory_growth(cpu, True)
    tf.config.set_visible_devices([], "GPU")
    with pytest.raises(ValueError, match="there is no GPU here"):
        tf.config.experimental.set_memory_growth(tf.config.PhysicalDevice("gpu:0", "GPU"), True)
    assert not tf.test.is_gpu_available() and tf.test.gpu_device_name() == "" and tf.executing_eagerly()
    with tf.device("/GPU:0"):
        assert tf.ones(2).device.endswith("CPU:0")


def test_threads() -> None:
    before = recurra.get_num_threads()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    assert recurra.get_num_threads() == 1 == tf.config.threading.get_intra_op_parallelism_threads()
    recurra.set_num_threads(before)


def test_one_replica() -> None:
    strategy = tf.distribute.MirroredStrategy()
    with strategy.scope():
        total = strategy.run(lambda a, b: a + b, args=(tf.constant([1.0, 2.0]), 1.0))
    assert strategy.num_replicas_in_sync == 1
    assert strategy.reduce(tf.distribute.ReduceOp.SUM, total, axis=0).numpy() == 5.0
    assert strategy.reduce("MEAN", total, axis=None) is total
    with pytest.raises(ValueError, match="one device"):
        tf.distribute.MirroredStrategy(["/gpu:0", "/gpu:1"])


def test_files(tmp_path) -> None:
    path = tf.constant(str(tmp_path / "deep" / "a.txt"))
    tf.io.write_file(path, "añ")
    assert tf.io.read_file(path).numpy().decode() == "añ"
    with tf.io.gfile.GFile(str(tmp_path / "b.txt"), "w") as file:
        file.write("ñ")
    assert tf.io.gfile.exists(tmp_path / "b.txt") and tf.io.gfile.listdir(tmp_path / "deep") == ["a.txt"]
    with pytest.raises(FileExistsError, match="overwrite=True"):
        tf.io.gfile.copy(tmp_path / "b.txt", tmp_path / "deep" / "a.txt")
    tf.io.gfile.copy(tmp_path / "b.txt", tmp_path / "deep" / "a.txt", overwrite=True)
    assert tf.io.matching_files(str(tmp_path / "*.txt")).numpy().tolist() == [str(tmp_path / "b.txt").encode()]
    tf.io.gfile.rmtree(tmp_path / "deep")
    assert not tf.io.gfile.isdir(tmp_path / "deep")


def test_assertions() -> None:
    tf.debugging.assert_equal([1, 2], [1, 2])
    tf.debugging.assert_shapes([(tf.ones((2, 3)), ("B", 3)), (tf.ones(2), ("B",))])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"small: x < y does not hold"):
        tf.debugging.assert_less(2, 1, message="small")
    with pytest.raises(ValueError, match=r"expected shape \('B',\), got \(4,\)"):
        tf.debugging.assert_shapes([(tf.ones((2, 3)), ("B", None)), (tf.ones(4), ("B",))])
    with pytest.raises(tf.errors.InvalidArgumentError, match="NaN"):
        tf.debugging.check_numerics([np.nan], "loss")
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.Assert(False, [1])


def test_nested_structures() -> None:
    structure = {"b": [1, 2], "a": (3,)}
    assert tf.nest.flatten(structure) == [3, 1, 2]
    assert tf.nest.map_structure(lambda a, b: a + b, structure, structure) == {"b": [2, 4], "a": (6,)}
    assert tf.nest.pack_sequence_as([0, [0]], [5, 6]) == [5, [6]]
    with pytest.raises(ValueError):
        tf.nest.assert_same_structure([1], [1, 2])


def test_random_numbers_repeat() -> None:
    def drawn():
        tf.random.set_seed(5)
        own = tf.random.Generator.from_seed(3)
        return [
            tf.random.normal((2, 3), 1.0, 0.1),
            tf.random.uniform((4,), maxval=9, dtype=tf.int32),
            tf.random.shuffle(tf.range(6)),
            tf.random.categorical(tf.constant([[0.0, 5.0, 0.0]]), 4),
            tf.random.truncated_normal((50,)),
            own.normal((2,)),
        ]

    first, second = drawn(), drawn()
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert first[1].numpy().max() < 9 and sorted(first[2].numpy()) == list(range(6)) and first[3].shape == (1, 4)
    assert np.abs(first[4].numpy()).max() <= 2
    with pytest.raises(ValueError, match="maxval"):
        tf.random.uniform((2,), dtype=tf.int32)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: tf.random.normal((3,), seed=1),
        lambda: tf.random.uniform((3,), seed=1),
        lambda: tf.random.truncated_normal((3,), seed=1),
        lambda: tf.random.categorical(tf.zeros((1, 99)), 4, seed=1),
        lambda: tf.random.shuffle(tf.range(50), seed=1),
        lambda: tf.random.poisson((5,), 50.0, seed=1),
        lambda: tf.random.gamma((5,), 2.0, seed=1),
        lambda: tf.nn.dropout(tf.ones(40), 0.5, seed=1),
    ],
)
def test_a_seed_gives_other_numbers_at_each_call_and_the_same_in_each_run(draw) -> None:
    runs = []
    for start in (lambda: tf.random.set_seed(8), lambda: recurra.utils.set_random_seed(8)):
        start()
        runs.append([draw().numpy().tolist() for _ in range(3)])
    assert runs[0] == runs[1]
    assert runs[0][0] != runs[0][1] != runs[0][2] != runs[0][0]


def test_stateless_numbers_depend_on_the_seed_alone() -> None:
    for draw in (tf.random.stateless_uniform, tf.random.stateless_normal, tf.random.stateless_truncated_normal):
        first, again, other = (draw((40,), seed=seed).numpy() for seed in ([1, 2], [1, 2], [1, 3]))
        assert (first == again).all() and (first != other).all() and np.abs(first).max() < 5


def test_models_are_saved(tmp_path) -> None:
    model = recurra.Sequential([recurra.Input((3,)), recurra.layers.Dense(2)])
    tf.saved_model.save(model, str(tmp_path / "model"))
    x = np.ones((1, 3), "float32")
    np.testing.assert_array_equal(tf.saved_model.load(str(tmp_path / "model")).predict(x), model.predict(x))
    with pytest.raises(TypeError, match="takes models of Keras"):
        tf.saved_model.save(tf.Module(), str(tmp_path / "module"))


def test_logs(tmp_path) -> None:
    pytest.importorskip("tensorboardX")
    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default():
        assert tf.summary.scalar("loss", tf.constant(0.5), step=1)
    writer.flush()
    assert not tf.summary.scalar("loss", 1.0, 1) and list(tmp_path.iterdir())
