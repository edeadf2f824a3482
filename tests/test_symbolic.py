"""Symbolic tensors and the nodes that make them."""

from __future__ import annotations

import numpy as np
import pytest

from recurra import layers
from recurra.symbolic import KerasTensor, has_symbolic, is_keras_tensor, map_symbolic, symbolic_leaves


def test_input() -> None:
    x = layers.Input((None, 8), name="words")
    assert isinstance(x, KerasTensor) and is_keras_tensor(x) and not is_keras_tensor(np.zeros(2))
    assert x.shape == (None, None, 8) and x.dtype == "float32" and x.name == "words" and x.ndim == x.rank == 3
    assert layers.Input(8).shape == (None, 8)
    assert layers.Input((3,), batch_size=2, dtype="int32").shape == (2, 3)
    assert layers.Input(batch_shape=(2, None)).shape == (2, None)
    assert x.node is not None and x.node.is_input and x.node.layer.name == "words"


def test_nodes_hold_the_calls_arguments() -> None:
    x, h = layers.Input((5, 4)), layers.Input((3,))
    layer = layers.GRU(3, return_state=True)
    y, state = layer(x, initial_state=[h])
    node = y.node
    assert node is state.node and node is not None and node.layer is layer and node.operation is layer
    assert node.input_tensors == [x, h] and node.output_tensors == [y, state]
    assert (y.index, state.index) == (0, 1)
    assert [parent.layer for parent in node.parents] == [x.node.layer, h.node.layer]  # type: ignore[union-attr]
    args, kwargs = node.fill(lambda tensor: tensor.shape)
    assert args == ((None, 5, 4),) and kwargs == {"initial_state": [(None, 3)]}
    assert y._keras_history == (layer, 0, 0)
    assert "gru" in repr(node)


def test_nests() -> None:
    a, b = KerasTensor((1,)), KerasTensor((2,))
    nest = {"x": [a, (b, 3)], "y": None}
    assert list(symbolic_leaves(nest)) == [a, b]
    assert has_symbolic(nest) and not has_symbolic([np.zeros(2), {"z": 1}])
    assert map_symbolic(nest, lambda tensor: tensor.shape) == {"x": [(1,), ((2,), 3)], "y": None}


def test_a_tensor_without_a_value_says_so() -> None:
    x = layers.Input((2,))
    for use in (len, float, bool, iter, np.asarray):
        with pytest.raises(TypeError, match="has no value yet"):
            use(x)
    with pytest.raises(AttributeError, match="was not made by a layer"):
        _ = KerasTensor((1,))._keras_history
