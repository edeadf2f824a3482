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

* A mask ends at convolutions, poolings, padding, cropping and repeating layers, with a warning.

Before the first step that a mask keeps, the output is zeros, whatever the initial state is.

``PeepholeLSTM``, ``CIFGLSTM``, ``IndRNN``, ``MinGRU``, ``MinLSTM``, ``LayerNormLSTM``, ``LayerNormGRU``,
``ProjectionLSTM``, ``DistinctSteps`` and ``CRF`` are not Keras's; their arguments have its names (``CRF``: those of
TensorFlow Addons).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recurra.layers.activation_layers import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
    from recurra.layers.add_loss import AddLoss
    from recurra.layers.add_metric import AddMetric
    from recurra.layers.attention import AdditiveAttention, Attention, BilinearAttention
    from recurra.layers.attention_decoder import InputFeedingDecoder
    from recurra.layers.base.input_spec import InputSpec
    from recurra.layers.base.layer import Layer
    from recurra.layers.base.operation import GetItem, Operation
    from recurra.layers.bidirectional import Bidirectional
    from recurra.layers.category_encoding import CategoryEncoding
    from recurra.layers.concatenation import Concatenate, concatenate
    from recurra.layers.convolution import Conv1D, Conv1DTranspose, Conv2D, Conv2DTranspose, Conv3D, Conv3DTranspose
    from recurra.layers.crf import CRF
    from recurra.layers.dense import Dense
    from recurra.layers.depthwise_convolution import DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D
    from recurra.layers.discretization import Discretization
    from recurra.layers.distinct_steps import DistinctSteps
    from recurra.layers.dot_product import Dot, dot
    from recurra.layers.dropout import (
        AlphaDropout,
        Dropout,
        GaussianDropout,
        GaussianNoise,
        SpatialDropout1D,
        SpatialDropout2D,
        SpatialDropout3D,
    )
    from recurra.layers.einsum_dense import EinsumDense
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
    from recurra.layers.feature_normalization import Normalization
    from recurra.layers.global_pooling import (
        GlobalAveragePooling1D,
        GlobalAveragePooling2D,
        GlobalMaxPooling1D,
        GlobalMaxPooling2D,
    )
    from recurra.layers.hashing import Hashing
    from recurra.layers.identity import ActivityRegularization, Identity, Rescaling
    from recurra.layers.index_lookup import IntegerLookup, StringLookup
    from recurra.layers.input_layer import Input, InputLayer
    from recurra.layers.lambda_layer import Lambda
    from recurra.layers.masking import Masking
    from recurra.layers.multi_head_attention import MultiHeadAttention
    from recurra.layers.normalization import BatchNormalization, LayerNormalization
    from recurra.layers.padding import (
        Cropping1D,
        Cropping2D,
        Cropping3D,
        UpSampling1D,
        UpSampling2D,
        ZeroPadding1D,
        ZeroPadding2D,
        ZeroPadding3D,
    )
    from recurra.layers.recurrent.cifg_lstm import CIFGLSTM, CIFGLSTMCell
    from recurra.layers.recurrent.conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
    from recurra.layers.recurrent.dropout_cell import DropoutRNNCell
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
    from recurra.layers.resizing import CenterCrop, Resizing
    from recurra.layers.reversible_embedding import ReversibleEmbedding
    from recurra.layers.sample_normalization import GroupNormalization, RMSNormalization, UnitNormalization
    from recurra.layers.serialization import deserialize, serialize
    from recurra.layers.spectrograms import MelSpectrogram, STFTSpectrogram
    from recurra.layers.text_vectorization import TextVectorization
    from recurra.layers.time_distributed import TimeDistributed
    from recurra.layers.unshared_convolution import LocallyConnected1D
    from recurra.layers.window_pooling import (
        AveragePooling1D,
        AveragePooling2D,
        AveragePooling3D,
        MaxPooling1D,
        MaxPooling2D,
        MaxPooling3D,
    )
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

#: where each name lives: the modules of this package, and their names
_TABLE = {
    "add_loss": "AddLoss",
    "add_metric": "AddMetric",
    "base.layer": "Layer",
    "base.input_spec": "InputSpec",
    "input_layer": "Input InputLayer",
    "crf": "CRF",
    "dense": "Dense",
    "embedding": "Embedding",
    "reversible_embedding": "ReversibleEmbedding",
    "activation_layers": "ELU Activation LeakyReLU PReLU ReLU Softmax",
    "attention": "AdditiveAttention Attention BilinearAttention",
    "attention_decoder": "InputFeedingDecoder",
    "bidirectional": "Bidirectional",
    "concatenation": "Concatenate concatenate",
    "distinct_steps": "DistinctSteps",
    "dot_product": "Dot dot",
    "lambda_layer": "Lambda",
    "masking": "Masking",
    "elementwise": (
        "Add Average Maximum Merge Minimum Multiply Subtract add average maximum minimum multiply subtract"
    ),
    "einsum_dense": "EinsumDense",
    "multi_head_attention": "MultiHeadAttention",
    "normalization": "BatchNormalization LayerNormalization",
    "category_encoding": "CategoryEncoding",
    "feature_normalization": "Normalization",
    "identity": "ActivityRegularization Identity Rescaling",
    "index_lookup": "IntegerLookup StringLookup",
    "base.operation": "GetItem Operation",
    "convolution": "Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose",
    "depthwise_convolution": "DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D",
    "padding": "Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling2D ZeroPadding1D ZeroPadding2D ZeroPadding3D",
    "global_pooling": "GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D",
    "window_pooling": "AveragePooling1D AveragePooling2D AveragePooling3D MaxPooling1D MaxPooling2D MaxPooling3D",
    "resizing": "CenterCrop Resizing",
    "reshaping": "Flatten Permute RepeatVector Reshape",
    "sample_normalization": "GroupNormalization RMSNormalization UnitNormalization",
    "serialization": "deserialize serialize",
    "text_vectorization": "TextVectorization",
    "time_distributed": "TimeDistributed",
    "wrapper": "Wrapper",
    "dropout": (
        "AlphaDropout Dropout GaussianDropout GaussianNoise SpatialDropout1D SpatialDropout2D SpatialDropout3D"
    ),
    "recurrent.conv_lstm": "ConvLSTM1D ConvLSTM2D ConvLSTM3D",
    "recurrent.dropout_cell": "DropoutRNNCell",
    "recurrent.rnn": "RNN",
    "recurrent.stacked_cells": "StackedRNNCells",
    "discretization": "Discretization",
    "hashing": "Hashing",
    "spectrograms": "MelSpectrogram STFTSpectrogram",
    "unshared_convolution": "LocallyConnected1D",
    **{f"recurrent.{cell}": f"{layer} {layer}Cell" for cell, layer in LAYER_OF_CELL.items()},
}
_home_of = {name: home for home, names in _TABLE.items() for name in names.split()}

__all__ = [
    "CIFGLSTM",
    "CRF",
    "ELU",
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "ActivityRegularization",
    "Add",
    "AddLoss",
    "AddMetric",
    "AdditiveAttention",
    "AlphaDropout",
    "Attention",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "BatchNormalization",
    "Bidirectional",
    "BilinearAttention",
    "CIFGLSTMCell",
    "CategoryEncoding",
    "CenterCrop",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Discretization",
    "DistinctSteps",
    "Dot",
    "Dropout",
    "DropoutRNNCell",
    "EinsumDense",
    "Embedding",
    "Flatten",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GetItem",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "Hashing",
    "Identity",
    "IndRNN",
    "IndRNNCell",
    "Input",
    "InputFeedingDecoder",
    "InputLayer",
    "InputSpec",
    "IntegerLookup",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormGRU",
    "LayerNormGRUCell",
    "LayerNormLSTM",
    "LayerNormLSTMCell",
    "LayerNormalization",
    "LeakyReLU",
    "LocallyConnected1D",
    "Masking",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "MelSpectrogram",
    "Merge",
    "MinGRU",
    "MinGRUCell",
    "MinLSTM",
    "MinLSTMCell",
    "Minimum",
    "MultiHeadAttention",
    "Multiply",
    "Normalization",
    "Operation",
    "PReLU",
    "PeepholeLSTM",
    "PeepholeLSTMCell",
    "Permute",
    "ProjectionLSTM",
    "ProjectionLSTMCell",
    "RMSNormalization",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "ReversibleEmbedding",
    "STFTSpectrogram",
    "SeparableConv1D",
    "SeparableConv2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "StackedRNNCells",
    "StringLookup",
    "Subtract",
    "TextVectorization",
    "TimeDistributed",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]

#: Keras's other names, and Keras 2's layers for one kind of GPU, which differ in their name alone
_ALIASES = {
    "CuDNNLSTM": "LSTM",
    "CuDNNGRU": "GRU",
    "TimeDistributedDense": "Dense",
    **{f"{kind}Pool{rank}D": f"{kind}Pooling{rank}D" for kind in ("Max", "GlobalMax") for rank in (1, 2, 3)},
    **{
        f"{kind}Pool{rank}D": f"{kind.replace('Avg', 'Average')}Pooling{rank}D"
        for kind in ("Avg", "GlobalAvg")
        for rank in (1, 2, 3)
    },
    **{f"{kind}olution{rank}D": f"{kind}{rank}D" for kind in ("Conv", "SeparableConv") for rank in (1, 2, 3)},
    **{f"Convolution{rank}DTranspose": f"Conv{rank}DTranspose" for rank in (1, 2, 3)},
}

if not TYPE_CHECKING:  # a name that is not there is an error to a type checker

    def __getattr__(name: str) -> Any:
        name = _ALIASES.get(name, name)
        home = _home_of.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
