"""The base of all layers: weights, sublayers, losses, masks, training flags, configurations."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, Variable, config, layers, ops
from recurra.autograd import Tensor
from recurra.layers.base.context import context
from recurra.naming import reset_names, to_snake_case

X = np.random.RandomState(1).standard_normal((3, 5, 4)).astype("float32")


class Scale(layers.Layer):
    """Two weights, made in the order non-trainable, trainable."""

    def __init__(self, units: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape: Any) -> None:
        self.offset = self.add_weight((input_shape[-1],), "zeros", trainable=False, name="offset")
        self.factor = self.add_weight((input_shape[-1],), "ones", regularizer="l2", name="factor")

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor + self.offset


class Stack(layers.Layer):
    """Sublayers in attributes, lists and dicts."""

    def __init__(self) -> None:
        super().__init__()
        self.first = layers.Dense(4)
        self.more = [layers.Dense(4), [layers.Dense(4)]]
        self.named = {"last": layers.Dense(4)}
        self.own = Variable(np.ones(4, "float32"), name="own")

    def call(self, inputs: Any) -> Any:
        x = self.first(inputs)
        for layer in (self.more[0], self.more[1][0], self.named["last"]):
            x = layer(x)
        return x * self.own


def test_names_count_up_for_each_class() -> None:
    reset_names()
    assert [layers.LSTM(2).name, layers.GRU(2).name, layers.LSTM(2).name] == ["lstm", "gru", "lstm_1"]
    assert layers.Dense(2, name="mine").name == "mine"
    assert layers.Dense(2).name == "dense"
    reset_names()
    assert layers.LSTM(2).name == "lstm"
    with pytest.raises(ValueError, match="name must be a string without '/'"):
        layers.Dense(2, name="a/b")


def test_names_that_are_no_layer() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'LSTMM'"):
        _ = layers.LSTMM


@pytest.mark.parametrize(
    ("name", "snake"),
    [("TimeDistributed", "time_distributed"), ("LSTMCell", "lstm_cell"), ("GlobalMaxPooling1D", "global_max_pooling1d"),
     ("SimpleRNN", "simple_rnn"), ("StackedRNNCells", "stacked_rnn_cells"), ("GRU", "gru")],
)  # fmt: skip
def test_snake_case(name: str, snake: str) -> None:
    assert to_snake_case(name) == snake


def test_weights_are_trainable_first_then_sublayers() -> None:
    layer = Scale()
    layer(X)
    assert [v.name for v in layer.weights] == ["factor", "offset"]
    assert [v.name for v in layer.trainable_weights] == ["factor"]
    assert [v.name for v in layer.non_trainable_weights] == ["offset"]
    assert layer.count_params() == 8
    layer.trainable = False
    assert layer.trainable_weights == [] and len(layer.non_trainable_weights) == 2
    assert not layer.factor.trainable


def test_sublayers_are_found_in_attributes_lists_and_dicts() -> None:
    stack = Stack()
    stack(X)
    assert [v.name for v in stack.weights] == ["own", *["kernel", "bias"] * 4]
    assert [one.name for one in stack._flatten_layers(include_self=False)] == [
        stack.first.name,
        stack.more[0].name,
        stack.more[1][0].name,
        stack.named["last"].name,
    ]
    stack.trainable = False
    assert not stack.named["last"].kernel.trainable
    shared = layers.Layer()
    shared.one, shared.two = stack.first, stack.first
    assert len(shared.weights) == 2


def test_set_weights_checks_before_it_changes() -> None:
    layer = layers.Dense(2)
    with pytest.raises(ValueError, match="not built yet"):
        layer.set_weights([np.zeros((4, 2))])
    with pytest.raises(ValueError, match="is not built"):
        layer.count_params()
    layer(X)
    before = layer.get_weights()
    with pytest.raises(ValueError, match="has 2 weights, got 1 arrays"):
        layer.set_weights(before[:1])
    with pytest.raises(ValueError, match=r"weight bias must have shape \(2,\), got \(3,\)"):
        layer.set_weights([before[0] + 1, np.zeros(3)])
    np.testing.assert_array_equal(layer.get_weights()[0], before[0])
    version = layer.kernel.version
    layer.set_weights([w + 1 for w in before])
    np.testing.assert_array_equal(layer.get_weights()[0], before[0] + 1)
    assert layer.kernel.version > version
    layer.get_weights()[0][:] = 0
    assert layer.kernel.value.any(), "get_weights must copy"


def test_add_weight_understands_both_orders_and_refuses_open_shapes() -> None:
    layer = layers.Layer()
    old = layer.add_weight("old", (2, 3), "float64", "ones")
    assert old.name == "old" and old.dtype == np.float64 and old.value.all()
    assert layer.add_weight("kernel", shape=[2, 3], initializer="zeros").shape == (2, 3)
    with pytest.raises(TypeError, match="by position, got 4 values"):
        layer.add_weight((2,), "ones", "float32", True)
    assert layer.add_weight((2,), "ones", name="new").value.tolist() == [1.0, 1.0]
    assert layer.add_weight((), None, dtype="int32").dtype == np.int32
    with pytest.raises(ValueError, match=r"must be known in full, got \(None, 3\)"):
        layer.add_weight((None, 3))
    with pytest.raises(ValueError, match="must give shape"):
        layer.add_weight((2, 2), lambda shape, dtype=None: np.zeros(3))


def test_losses_of_one_call_and_of_the_weights() -> None:
    class Penalty(layers.Layer):
        def call(self, inputs: Any) -> Any:
            self.add_loss(ops.sum(inputs) * 2.0)
            return inputs

    class Outer(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.scale = Penalty(), Scale()

        def call(self, inputs: Any) -> Any:
            return self.scale(self.inner(inputs))

    layer = Outer()
    for _ in range(2):  # the second call forgets the first one's losses
        layer(X)
        assert [float(loss) for loss in layer.losses] == pytest.approx([2 * float(X.sum()), 0.04], rel=1e-4)
    with GradientTape() as tape:
        layer(X)
        total = sum(layer.losses)
    np.testing.assert_allclose(tape.gradient(total, layer.scale.factor), np.full(4, 0.02), rtol=1e-6)
    layer.scale.trainable = False
    assert len(layer.losses) == 1


def test_activity_regularizer_is_divided_by_the_batch() -> None:
    layer = layers.Dense(2, activity_regularizer="l2")
    y = layer(X)
    assert float(layer.losses[0]) == pytest.approx(0.01 * float(np.square(y).sum()) / 3, rel=1e-5)


def test_training_is_inherited_unless_given() -> None:
    seen: list[Any] = []

    class Inner(layers.Layer):
        def call(self, inputs: Any, training: Any = None) -> Any:
            seen.append(training)
            return inputs

    class Outer(layers.Layer):
        def __init__(self, force: Any = None) -> None:
            super().__init__()
            self.inner, self.force = Inner(), force

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs) if self.force is None else self.inner(inputs, training=self.force)

    Outer()(X)
    Outer()(X, training=True)
    Outer(force=False)(X, training=True)
    Inner()(X, True)
    assert seen == [False, True, False, True]
    assert context.training is None and context.entry is None

    class Eager(layers.Layer):
        def call(self, inputs: Any, training: bool = True) -> Any:
            seen.append(training)
            return inputs

    Eager()(X)
    assert seen[-1] is True


def test_context_is_restored_after_an_error() -> None:
    class Broken(layers.Layer):
        def call(self, inputs: Any) -> Any:
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        Broken()(X, training=True)
    assert context.training is None and context.entry is None


def test_inputs_become_the_dtype_of_the_layer() -> None:
    for given in (X.astype("float64"), X.tolist(), X):
        assert layers.Dense(2)(given).dtype == np.float32
    assert layers.Dense(2, dtype="float64")(X).dtype == np.float64
    assert layers.Dense(2)(np.ones((2, 3), "int64")).dtype == np.float32
    assert layers.LSTM(2, dtype="float64")(np.ones((2, 3, 1), bool)).dtype == np.float64
    with pytest.raises(TypeError, match="array of numbers"):
        layers.Dense(2)(np.array([["a"]]))
    with pytest.raises(ValueError, match="must be even"):
        layers.Dense(2)([[1.0, 2.0], [3.0]])
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'float64', got 'int8'"):
        layers.Dense(2, dtype="int8")


def test_floatx_sets_the_default() -> None:
    config.set_floatx("float64")
    try:
        layer = layers.GRU(3)
        assert layer(X).dtype == np.float64 and layer.get_weights()[0].dtype == np.float64
    finally:
        config.set_floatx("float32")


def test_masks_travel_with_arrays_and_tensors_and_numpy_drops_them() -> None:
    embedding = layers.Embedding(9, 4, mask_zero=True)
    ids = np.array([[1, 2, 0], [3, 0, 0]])
    y = embedding(ids)
    np.testing.assert_array_equal(y._keras_mask, ids != 0)
    for derived in (y * 2, np.tanh(y), y[0], y.copy(), np.concatenate([y, y]), y.sum(axis=1)):
        assert getattr(derived, "_keras_mask", None) is None
    assert type(y + 1) is np.ndarray and type(np.exp(y)) is np.ndarray
    assert getattr(layers.Dense(2)(y), "_keras_mask", None) is not None
    with GradientTape():
        tracked = layers.Dense(2)(embedding(ids))
    assert isinstance(tracked, Tensor)
    np.testing.assert_array_equal(tracked._keras_mask, ids != 0)


def test_a_layer_without_masks_says_that_it_drops_one() -> None:
    y = layers.Embedding(9, 4, mask_zero=True)(np.array([[1, 0]]))
    flatten = layers.Flatten()
    with pytest.warns(UserWarning, match="does not support masks"):
        flatten(y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flatten(y)  # once is enough


def test_a_subclass_that_defines_compute_mask_supports_masks() -> None:
    class Drop(layers.Layer):
        def call(self, inputs: Any, mask: Any = None) -> Any:
            assert mask is not None
            return inputs * 1.0

        def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
            return ~mask

    y = Drop()(layers.Embedding(9, 4, mask_zero=True)(np.array([[1, 0]])))
    np.testing.assert_array_equal(y._keras_mask, [[False, True]])


def test_several_tensors_get_their_masks_by_name_only() -> None:
    class Two(layers.Layer):
        def call(self, a: Any, b: Any, a_mask: Any = None, b_mask: Any = None) -> Any:
            self.got = a_mask, b_mask
            return a + b

    y = layers.Embedding(9, 4, mask_zero=True)(np.array([[1, 0]]))
    layer = Two()
    with pytest.warns(UserWarning, match="does not support masks"):
        layer(y, b=np.asarray(y))
    np.testing.assert_array_equal(layer.got[0], [[True, False]])
    assert layer.got[1] is None


def test_build_is_noted_and_initial_weights_are_set() -> None:
    layer = layers.Dense(2, weights=[np.full((4, 2), 3.0), np.full(2, 4.0)])
    assert layer.get_build_config() is None
    layer.build((None, 4))
    assert layer.built and layer.get_build_config() == {"input_shape": (None, 4)}
    assert layer.get_weights()[1].tolist() == [4.0, 4.0]
    again = layers.Dense(2)
    again.build_from_config({"input_shape": [None, 4]})
    assert again.built and again.kernel.shape == (4, 2)
    several = layers.LSTM(2)
    shapes = {"sequences_shape": [None, 5, 4], "initial_state_shape": [[None, 2], [None, 2]]}
    several.build_from_config({"shapes_dict": shapes})
    assert several.built and several.cell.kernel.shape == (4, 8)


def test_build_for_several_arguments_by_name() -> None:
    class Two(layers.Layer):
        def build(self, a_shape: Any, b_shape: Any) -> None:
            self.shapes = (a_shape, b_shape)

        def call(self, a: Any, b: Any) -> Any:
            return a

    layer = Two()
    layer(X, X[:, :2])
    assert layer.shapes == ((3, 5, 4), (3, 2, 4))


def test_errors_of_subclasses_that_forget_something() -> None:
    class NoInit(layers.Layer):
        def __init__(self) -> None:
            self.size = 3

    class NoCall(layers.Layer):
        pass

    with pytest.raises(RuntimeError, match=r"NoInit.__init__ must call super\(\).__init__\(\)"):
        NoInit()(X)
    with pytest.raises(TypeError, match=r"NoCall must define call\(self, inputs\)"):
        NoCall()(X)
    with pytest.raises(TypeError, match="must be called with `inputs`"):
        layers.Dense(2)()


def test_configuration_of_a_subclass_without_get_config() -> None:
    layer = Scale(7, name="seven")
    written = layer.get_config()
    assert written["units"] == 7 and written["name"] == "seven"
    again = Scale.from_config(written)
    assert again.units == 7 and again.name == "seven"


def test_output_shape_of_a_custom_layer_by_a_dry_run() -> None:
    class Odd(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return ops.concatenate([inputs, inputs], axis=-1)[:, 1:]

    assert Odd().compute_output_shape((None, 6, 3)) == (None, 5, 6)
    symbolic = Odd()(layers.Input((None, 3)))
    assert symbolic.shape == (None, None, 6)
    assert symbolic.dtype == "float32"


@pytest.mark.parametrize("size", [5.5, -1, "5"])
def test_sizes_of_an_input_are_whole(size: Any) -> None:
    with pytest.raises(ValueError, match="sizes of an input's shape must be whole numbers or None, got"):
        layers.Input((size, 3))
    assert layers.Input((5.0, np.int64(3))).shape == (None, 5, 3)  # type: ignore[arg-type]


def test_unknown_arguments_are_named_with_what_looks_like_them() -> None:
    class Wide(layers.LSTM):
        def __init__(self, units: int, widening: int = 2, **kwargs: Any) -> None:
            super().__init__(units * widening, **kwargs)

    with pytest.raises(
        TypeError, match=r"LSTM got unknown argument\(s\): return_sequence; did you mean return_sequences\?"
    ):
        layers.LSTM(4, return_sequence=True)
    with pytest.raises(TypeError, match=r"Wide .*: droput, widenning; did you mean dropout, widening\?"):
        Wide(4, widenning=3, droput=0.5)
    with pytest.raises(TypeError, match=r"argument\(s\): qqq$"):
        layers.Dense(4, qqq=1)


def test_input_spec_is_checked() -> None:
    with pytest.raises(ValueError, match=r"lstm\w*: inputs must have 3 axes, got shape \(5, 4\)"):
        layers.LSTM(2)(X[0])
    with pytest.raises(ValueError, match="a recurrent layer below needs return_sequences=True"):
        layers.GRU(2)(layers.LSTM(4)(layers.Input((5, 3))))
    layer = layers.Dense(2)
    layer(X)
    with pytest.raises(ValueError, match=r"size 4 along axis -1, got shape \(3, 5\)"):
        layer(X[:, :, 0])
    with pytest.raises(ValueError, match="at least 2 axes"):
        layer(X[0, 0])


def test_input_and_output_of_one_call() -> None:
    x = layers.Input((5, 4))
    layer = layers.Dense(2)
    y = layer(x)
    assert layer.input is x and layer.output is y
    assert y._keras_history.operation is layer and y._keras_history.tensor_index == 0
    layer(x)
    with pytest.raises(AttributeError, match="called exactly once"):
        _ = layer.output
