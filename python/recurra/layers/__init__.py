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
"""

from __future__ import annotations

import importlib
from typing import Any

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
    "recurrent.lstm": ("LSTM", "LSTMCell"),
    "recurrent.gru": ("GRU", "GRUCell"),
    "recurrent.simple_rnn": ("SimpleRNN", "SimpleRNNCell"),
}
_home_of = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_home_of)

#: Keras 2's layers for one kind of GPU, which differ in their name alone
_ALIASES = {"CuDNNLSTM": "LSTM", "CuDNNGRU": "GRU"}

_OUT_OF_SCOPE = {
    f"ConvLSTM{kind}": "convolutional recurrent layers are outside of what recurra does"
    for kind in ("1D", "2D", "3D", "Cell")
}


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
