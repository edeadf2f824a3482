"""Layers: weights, and a call made of operations. Loaded when first asked for.

Names, arguments, equations and numbers are Keras 3's. Its surprises are kept too, so that a model gives the same here:

* ``LSTM``, ``GRU`` : a dropout rate of exactly 1 drops nothing; `unit_forget_bias` sets the forget gate's block alone,
  the others obey `bias_initializer`; `zero_output_for_mask` also acts on the last output, so that a right-padded row
  gives zeros without `return_sequences`; ``use_cudnn`` chooses nothing on a CPU and is not saved.
* ``GRU`` : the update gate keeps the *old* state (``h' = z * h + (1 - z) * n``), as in PyTorch, unlike some papers.
* ``go_backwards=True`` : outputs stay in the order of processing, and the mask handed on is not reversed.
* A recurrent layer called with `initial_state` hands on the mask that its input carries but does not use it (a
  warning says so once); ``mask=...`` is used always.
* ``stateful=True`` : training, evaluation and prediction all go on from the same states, over epochs too, until
  ``reset_state()``.
* ``hard_sigmoid`` is ``clip(x / 6 + 0.5, 0, 1)``; Keras 2 had ``clip(0.2 * x + 0.5, 0, 1)`` (`hard_sigmoid_keras2`,
  with which its files are loaded).
* ``GlobalMaxPooling1D`` does not look at the mask that its input carries (``valid=mask`` in the call does), and
  ``Flatten``, ``Reshape``, ``Permute``, ``Lambda`` drop it, with a warning.
* ``TimeDistributed`` adds no activity regularizer of the layer inside.
* An initializer without a seed draws one when it is made and then gives the same numbers at each call.

Before the first step that a mask keeps, the output is zeros, whatever the initial state is.

``PeepholeLSTM``, ``CIFGLSTM``, ``IndRNN``, ``MinGRU``, ``MinLSTM``, ``LayerNormLSTM``, ``LayerNormGRU`` and
``ProjectionLSTM`` are not Keras's; their arguments have its names.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurra.layers.activation_layers import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
    from recurra.layers.add_loss import AddLoss
    from recurra.layers.attention import AdditiveAttention, Attention, BilinearAttention
    from recurra.layers.base.input_spec import InputSpec
    from recurra.layers.base.layer import Layer
    from recurra.layers.base.operation import GetItem, Operation
    from recurra.layers.bidirectional import Bidirectional
    from recurra.layers.concatenation import Concatenate, concatenate
    from recurra.layers.dense import Dense
    from recurra.layers.dot_product import Dot, dot
    from recurra.layers.dropout import Dropout, GaussianDropout, GaussianNoise, SpatialDropout1D
    from recurra.layers.elementwise import (
        Add,
        Average,
        Maximum,
        Merge,
        Minimum,
        Multiply,
        Subtract,
        add,
        average,
        maximum,
        minimum,
        multiply,
        subtract,
    )
    from recurra.layers.embedding import Embedding
    from recurra.layers.input_layer import Input, InputLayer
    from recurra.layers.lambda_layer import Lambda
    from recurra.layers.masking import Masking
    from recurra.layers.normalization import BatchNormalization, LayerNormalization
    from recurra.layers.pooling import GlobalAveragePooling1D, GlobalMaxPooling1D
    from recurra.layers.recurrent.cell import DropoutRNNCell
    from recurra.layers.recurrent.cifg_lstm import CIFGLSTM, CIFGLSTMCell
    from recurra.layers.recurrent.gru import GRU, GRUCell
    from recurra.layers.recurrent.indrnn import IndRNN, IndRNNCell
    from recurra.layers.recurrent.layer_norm_gru import LayerNormGRU, LayerNormGRUCell
    from recurra.layers.recurrent.layer_norm_lstm import LayerNormLSTM, LayerNormLSTMCell
    from recurra.layers.recurrent.lstm import LSTM, LSTMCell
    from recurra.layers.recurrent.min_gru import MinGRU, MinGRUCell
    from recurra.layers.recurrent.min_lstm import MinLSTM, MinLSTMCell
    from recurra.layers.recurrent.peephole_lstm import PeepholeLSTM, PeepholeLSTMCell
    from recurra.layers.recurrent.projection_lstm import ProjectionLSTM, ProjectionLSTMCell
    from recurra.layers.recurrent.rnn import RNN
    from recurra.layers.recurrent.simple_rnn import SimpleRNN, SimpleRNNCell
    from recurra.layers.recurrent.stacked_cells import StackedRNNCells
    from recurra.layers.reshaping import Flatten, Permute, RepeatVector, Reshape
    from recurra.layers.reversible_embedding import ReversibleEmbedding
    from recurra.layers.text_vectorization import TextVectorization
    from recurra.layers.time_distributed import TimeDistributed
    from recurra.layers.wrapper import Wrapper

#: the layer of each of the kernels' cells, in a module of the cell's name
LAYER_OF_CELL = {
    "lstm": "LSTM",
    "gru": "GRU",
    "simple_rnn": "SimpleRNN",
    "peephole_lstm": "PeepholeLSTM",
    "cifg_lstm": "CIFGLSTM",
    "indrnn": "IndRNN",
    "min_gru": "MinGRU",
    "min_lstm": "MinLSTM",
    "layer_norm_lstm": "LayerNormLSTM",
    "layer_norm_gru": "LayerNormGRU",
    "projection_lstm": "ProjectionLSTM",
}

_HOMES = {
    "add_loss": ("AddLoss",),
    "base.layer": ("Layer",),
    "base.input_spec": ("InputSpec",),
    "input_layer": ("Input", "InputLayer"),
    "dense": ("Dense",),
    "embedding": ("Embedding",),
    "reversible_embedding": ("ReversibleEmbedding",),
    "activation_layers": ("ELU", "Activation", "LeakyReLU", "PReLU", "ReLU", "Softmax"),
    "attention": ("AdditiveAttention", "Attention", "BilinearAttention"),
    "bidirectional": ("Bidirectional",),
    "concatenation": ("Concatenate", "concatenate"),
    "dot_product": ("Dot", "dot"),
    "lambda_layer": ("Lambda",),
    "masking": ("Masking",),
    "elementwise": (
        "Add",
        "Average",
        "Maximum",
        "Merge",
        "Minimum",
        "Multiply",
        "Subtract",
        "add",
        "average",
        "maximum",
        "minimum",
        "multiply",
        "subtract",
    ),
    "normalization": ("BatchNormalization", "LayerNormalization"),
    "base.operation": ("GetItem", "Operation"),
    "pooling": ("GlobalAveragePooling1D", "GlobalMaxPooling1D"),
    "reshaping": ("Flatten", "Permute", "RepeatVector", "Reshape"),
    "text_vectorization": ("TextVectorization",),
    "time_distributed": ("TimeDistributed",),
    "wrapper": ("Wrapper",),
    "dropout": ("Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D"),
    "recurrent.cell": ("DropoutRNNCell",),
    "recurrent.rnn": ("RNN",),
    "recurrent.stacked_cells": ("StackedRNNCells",),
    **{f"recurrent.{cell}": (layer, f"{layer}Cell") for cell, layer in LAYER_OF_CELL.items()},
}
_home_of = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "CIFGLSTM",
    "ELU",
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "Add",
    "AddLoss",
    "AdditiveAttention",
    "Attention",
    "Average",
    "BatchNormalization",
    "Bidirectional",
    "BilinearAttention",
    "CIFGLSTMCell",
    "Concatenate",
    "Dense",
    "Dot",
    "Dropout",
    "DropoutRNNCell",
    "Embedding",
    "Flatten",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GetItem",
    "GlobalAveragePooling1D",
    "GlobalMaxPooling1D",
    "IndRNN",
    "IndRNNCell",
    "Input",
    "InputLayer",
    "InputSpec",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormGRU",
    "LayerNormGRUCell",
    "LayerNormLSTM",
    "LayerNormLSTMCell",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "Maximum",
    "Merge",
    "MinGRU",
    "MinGRUCell",
    "MinLSTM",
    "MinLSTMCell",
    "Minimum",
    "Multiply",
    "Operation",
    "PReLU",
    "PeepholeLSTM",
    "PeepholeLSTMCell",
    "Permute",
    "ProjectionLSTM",
    "ProjectionLSTMCell",
    "ReLU",
    "RepeatVector",
    "Reshape",
    "ReversibleEmbedding",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "SpatialDropout1D",
    "StackedRNNCells",
    "Subtract",
    "TextVectorization",
    "TimeDistributed",
    "Wrapper",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]

#: Keras 2's layers for one kind of GPU, which differ in their name alone
_ALIASES = {"CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU"}

_OUT_OF_SCOPE = {
    f"ConvLSTM{kind}": "convolutional recurrent layers are outside of what recurra does"
    for kind in ("1D", "2D", "3D", "Cell")
}


if not TYPE_CHECKING:  # a name that is not there is an error to a type checker

    def __getattr__(name: str) -> Any:
        name = _ALIASES.get(name, name)
        home = _home_of.get(name)
        if name in _OUT_OF_SCOPE:
            return _refusing(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def _refusing(name: str) -> Any:
    """What stands for a layer of Keras that is out of scope: importing it works, making one says why not."""

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise ValueError(f"{name} is not supported: {_OUT_OF_SCOPE[name]}")

    refuse.__name__ = name
    return refuse


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
