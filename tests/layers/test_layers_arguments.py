"""No constructor argument of any layer is accepted and ignored.

For every argument of every layer (from the signature, so that a new one fails here until it has a case) the layer is
made twice from the same seed, with and without the argument, and everything that can be seen of it is compared:
outputs in training and in inference, masks, states, weights, penalties, constraints, errors. Something must differ.
"""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest

from recurra import GradientTape, layers, random
from recurra.autograd import value_of
from recurra.naming import reset_names
from recurra.symbolic import KerasTensor
from tests.support import recurrent_layers, window_layers

B, T, I = 3, 5, 4
X = np.random.RandomState(0).standard_normal((B, T, I)).astype("float32")
X[1, 3:] = 0.0
ROWS = X[:, 0]
IDS = np.array([[1, 2, 3, 0, 0], [4, 5, 6, 1, 0], [2, 2, 1, 3, 5]])
MASK = np.array([[True, True, True, True, False], [True, True, True, False, False], [False, True, True, True, True]])


def scaled(x: Any) -> Any:
    return x * 2.0


def scaled_by(x: Any, factor: float = 3.0) -> Any:
    return x * factor


WEIGHTS = {
    "kernel_initializer": "ones", "recurrent_initializer": "ones", "bias_initializer": "ones",
    "kernel_regularizer": "l2", "recurrent_regularizer": "l2", "bias_regularizer": "l1",
    "kernel_constraint": "non_neg", "recurrent_constraint": "unit_norm", "bias_constraint": "max_norm",
}  # fmt: skip
CELL = {
    "units": 7, "activation": "relu", "use_bias": False, **WEIGHTS, "dropout": 0.5, "recurrent_dropout": 0.5,
    "seed": ({"dropout": 0.5}, 3), "zoneout_h": 0.5, "zoneout_c": 0.5, "projection_units": 5,
}  # fmt: skip
GATED = {"recurrent_activation": "hard_sigmoid", "implementation": ({"dropout": 0.5, "seed": 1}, 1)}
LOOP = {
    "return_sequences": True, "return_state": True, "go_backwards": True, "stateful": True, "unroll": True,
    "zero_output_for_mask": ({"return_sequences": True}, True), "time_major": True,
}  # fmt: skip
LAYER = {**CELL, **LOOP, "activity_regularizer": "l2"}
POOL = {"data_format": "channels_first", "keepdims": True}
NORM = {
    "axis": 1, "epsilon": 0.5, "center": False, "scale": False, "beta_initializer": "ones",
    "gamma_initializer": "zeros", "beta_regularizer": ({"beta_initializer": "ones"}, "l2"), "gamma_regularizer": "l2",
    "beta_constraint": "non_neg", "gamma_constraint": "non_neg",
}  # fmt: skip
ATTENTION = {"dropout": 0.5, "seed": ({"dropout": 0.5}, 3)}
PAIR = [X, X[:, ::-1].copy()]
STATES = [ROWS[:, :3], ROWS[:, 1:]]


def of_cell(kind: str) -> dict[str, Any]:
    """Values for the arguments of a cell: one that is not the default for each that some cell has."""
    values = {"initializer": "ones", "regularizer": "l2", "constraint": "unit_norm"}
    of_weights = {name: value for key, value in values.items() for name in recurrent_layers.settings_of(kind, key)}
    other = "tanh" if recurrent_layers.declared(kind).activation == "relu" else "relu"
    return {
        **CELL, **of_weights, "activation": other, "recurrent_activation": "hard_sigmoid", "unit_forget_bias": False,
    }  # fmt: skip


def states_of_cell(kind: str) -> list[Any]:
    """States of a cell of three units."""
    sizes = recurrent_layers.sizes_of(kind, 3)
    return [state[:, :size] for state, size in zip(STATES, sizes, strict=False)]


# layer: (arguments that it cannot do without, input, further call arguments, {argument: value or (with these, value)})
CASES: dict[str, tuple[dict[str, Any], Any, dict[str, Any], dict[str, Any]]] = {
    "LSTM": ({"units": 3}, X, {"mask": MASK}, {**LAYER, **GATED, "unit_forget_bias": False, "use_cudnn": "no"}),
    "GRU": ({"units": 3}, X, {"mask": MASK}, {**LAYER, **GATED, "reset_after": False, "use_cudnn": "no"}),
    "SimpleRNN": ({"units": 3}, X, {"mask": MASK}, LAYER),
    "LSTMCell": ({"units": 3}, ROWS, {"states": STATES}, {**CELL, **GATED, "unit_forget_bias": False}),
    "GRUCell": ({"units": 3}, ROWS, {"states": STATES[:1]}, {**CELL, **GATED, "reset_after": False}),
    "SimpleRNNCell": ({"units": 3}, ROWS, {"states": STATES[:1]}, CELL),
    **{
        name: ({"units": 3}, X, {"mask": MASK}, {**LAYER, **of_cell(name)}) for name in recurrent_layers.NOT_IN_KERAS
    },
    **{
        f"{name}Cell": ({"units": 3}, ROWS, {"states": states_of_cell(name)}, of_cell(name))
        for name in recurrent_layers.NOT_IN_KERAS
    },
    "RNN": (
        {"cell": lambda: layers.GRUCell(3)}, X, {"mask": MASK},
        {**LOOP, "cell": lambda: layers.SimpleRNNCell(3)},
    ),
    "StackedRNNCells": (
        {"cells": lambda: [layers.GRUCell(3)]}, ROWS, {"states": STATES[:1]},
        {"cells": lambda: [layers.SimpleRNNCell(3)]},
    ),
    "Bidirectional": (
        {"layer": lambda: layers.GRU(3)}, X, {"mask": MASK},
        {
            "layer": lambda: layers.SimpleRNN(3), "merge_mode": "sum",
            "backward_layer": lambda: layers.GRU(2, go_backwards=True),
        },
    ),
    "TimeDistributed": ({"layer": lambda: layers.Dense(3)}, X, {}, {"layer": lambda: layers.Dense(2)}),
    "DistinctSteps": (
        {"layer": lambda: layers.Dense(3)}, IDS[..., None], {},
        {"layer": lambda: layers.Dense(2), "mask_zero": True},
    ),
    "Masking": ({}, X, {}, {"mask_value": 5.0}),
    "Embedding": (
        {"input_dim": 7, "output_dim": 3}, IDS, {},
        {
            "input_dim": 9, "output_dim": 2, "embeddings_initializer": "ones", "embeddings_regularizer": "l2",
            "embeddings_constraint": "non_neg", "mask_zero": True, "lora_rank": 4, "lora_alpha": 1,
            "quantization_config": "int8", "input_length": 5, "weights": [np.ones((7, 3), "float32")],
        },
    ),
    "ReversibleEmbedding": (
        {"input_dim": 7, "output_dim": 3}, IDS, {},
        {
            "input_dim": 9, "output_dim": 2, "tie_weights": False, "embeddings_initializer": "ones",
            "embeddings_regularizer": "l2", "embeddings_constraint": "non_neg", "mask_zero": True,
            "reverse_dtype": "float64", "logit_soft_cap": 0.01, "input_length": 5,
            "weights": [np.ones((7, 3), "float32")],
        },
    ),
    "Dense": (
        {"units": 3}, X, {},
        {
            "units": 2, "activation": "tanh", "use_bias": False, "activity_regularizer": "l2", "lora_rank": 4,
            "lora_alpha": 1, "quantization_config": "int8",
            **{k: v for k, v in WEIGHTS.items() if not k.startswith("recurrent")},
        },
    ),
    "CRF": (
        {"units": 3}, X, {"mask": MASK},
        {
            "units": 4, "use_kernel": False, "use_bias": False, "use_boundary": False,
            **{f"{part}_initializer": "ones" for part in ("chain", "boundary", "kernel", "bias")},
            **{f"{part}_regularizer": ({f"{part}_initializer": "ones"}, "l2") for part in ("chain", "boundary")},
            **{f"{part}_constraint": "non_neg" for part in ("chain", "boundary", "kernel", "bias")},
            "kernel_regularizer": "l2", "bias_regularizer": ({"bias_initializer": "ones"}, "l2"),
        },
    ),
    "Activation": ({"activation": "tanh"}, X, {}, {"activation": "relu"}),
    "ReLU": ({}, X, {}, {"max_value": 0.3, "negative_slope": 0.5, "threshold": 0.4}),
    "LeakyReLU": ({}, X, {}, {"negative_slope": 0.5, "alpha": 0.6}),
    "ELU": ({}, X, {}, {"alpha": 0.5}),
    "PReLU": (
        {}, X, {},
        {
            "alpha_initializer": "ones", "alpha_regularizer": ({"alpha_initializer": "ones"}, "l2"),
            "alpha_constraint": "non_neg", "shared_axes": [1],
        },
    ),
    "Softmax": ({}, X, {}, {"axis": 1}),
    "Flatten": ({}, X, {}, {"data_format": "channels_first"}),
    "Reshape": ({"target_shape": (10, 2)}, X, {}, {"target_shape": (2, 10)}),
    "Permute": ({"dims": (1, 2)}, X, {}, {"dims": (2, 1)}),
    "RepeatVector": ({"n": 2}, ROWS, {}, {"n": 3}),
    "Lambda": (
        {"function": scaled}, X, {"mask": MASK},
        {
            "function": scaled_by, "output_shape": (2,), "mask": lambda x, mask: ~mask,
            "arguments": ({"function": scaled_by}, {"factor": 5.0}),
        },
    ),
    "Dropout": ({"rate": 0.5}, X, {}, {"rate": 0.1, "noise_shape": (None, 1, I), "seed": 3}),
    "SpatialDropout1D": ({"rate": 0.5}, X, {}, {"rate": 0.1, "seed": 3}),
    "SpatialDropout2D": (
        {"rate": 0.5}, X[:, :, None], {}, {"rate": 0.1, "seed": 3, "data_format": "channels_first"},
    ),
    "SpatialDropout3D": (
        {"rate": 0.5}, X[:, :, None, None], {}, {"rate": 0.1, "seed": 3, "data_format": "channels_first"},
    ),
    "GaussianNoise": ({"stddev": 0.5}, X, {}, {"stddev": 0.1, "seed": 3}),
    "GaussianDropout": ({"rate": 0.5}, X, {}, {"rate": 0.1, "seed": 3}),
    "AlphaDropout": ({"rate": 0.5}, X, {}, {"rate": 0.1, "noise_shape": (None, 1, I), "seed": 3}),
    "LayerNormalization": ({}, X, {}, {**NORM, "rms_scaling": True}),
    "GroupNormalization": ({"groups": 1}, X, {}, {**NORM, "groups": 2}),
    "RMSNormalization": ({}, X, {}, {"axis": 1, "epsilon": 0.5}),
    "UnitNormalization": ({}, X, {}, {"axis": 1}),
    "BatchNormalization": (
        {}, X, {},
        {
            **NORM, "momentum": 0.5, "moving_mean_initializer": "ones", "moving_variance_initializer": "zeros",
            "synchronized": True, "renorm": True,
            "renorm_clipping": ({"renorm": True}, {"rmax": 0.9}), "renorm_momentum": ({"renorm": True}, 0.1),
        },
    ),
    **window_layers.ARGUMENTS,
    "AddLoss": ({}, X, {}, {"unconditional": True}),
    "AddMetric": ({"metric_name": "one"}, X, {}, {"metric_name": "two", "aggregation": "sum"}),
    "Add": ({}, PAIR, {}, {}), "Subtract": ({}, PAIR, {}, {}), "Multiply": ({}, PAIR, {}, {}),
    "Average": ({}, PAIR, {}, {}), "Maximum": ({}, PAIR, {}, {}), "Minimum": ({}, PAIR, {}, {}),
    "Concatenate": ({}, PAIR, {}, {"axis": 1}),
    "Dot": ({"axes": 1}, PAIR, {}, {"axes": (2, 2), "normalize": True}),
    "GlobalAveragePooling1D": ({}, X, {}, POOL), "GlobalMaxPooling1D": ({}, X, {}, POOL),
    "Attention": ({}, PAIR, {}, {**ATTENTION, "use_scale": True, "score_mode": "concat"}),
    "AdditiveAttention": ({}, PAIR, {}, {**ATTENTION, "use_scale": False}),
    "BilinearAttention": (
        {}, PAIR, {},
        {**ATTENTION, "kernel_initializer": "ones", "kernel_regularizer": "l2", "kernel_constraint": "non_neg"},
    ),
    "InputFeedingDecoder": (
        {"cell": "gru", "units": 3, "layers": 1, "attention": "bilinear", "width": 4}, X,
        {"memory": X[:, ::-1].copy(), "states": STATES[:1]},
        {"cell": "simple_rnn", "units": 2, "layers": 2, "attention": "additive", "width": 5},
    ),
    "InputLayer": (
        {"shape": (T,)}, None, {},
        {
            "shape": (2,), "batch_size": 3, "dtype": "int32", "sparse": True, "ragged": True, "optional": True,
            "name": "other", "input_tensor": lambda: layers.Input((9,)), "trainable": False,
            **{key: ("instead of shape", (2, 3)) for key in ("batch_shape", "input_shape", "batch_input_shape")},
        },
    ),
    "Operation": ({"op": "square"}, X, {}, {"op": "exp", "arguments": ({"op": "sum"}, {"axis": 1})}),
    "GetItem": ({"key": 0}, X, {}, {"key": (slice(None), 1)}),
}  # fmt: skip

BASE = {
    "name": "other", "dtype": "float64", "trainable": False, "activity_regularizer": "l2", "input_shape": (T, I),
    "batch_input_shape": (B, T, I), "batch_size": ({"input_shape": (T, I)}, 2), "input_dim": 4,
    "input_length": ({"input_dim": 4}, 5), "weights": None, "autocast": False,
}  # fmt: skip
#: Embedding never casts its ids, operations cast nothing, and what the others hold casts its inputs itself
NOT_SEEN = {
    (name, "autocast")
    for name in (
        "Embedding",
        "ReversibleEmbedding",
        "Operation",
        "Bidirectional",
        "StackedRNNCells",
        "InputFeedingDecoder",
        "AddLoss",
        "AddMetric",
        *("MultiHeadAttention", "CategoryEncoding", "Discretization", "Hashing"),
    )
} | {("AddMetric", "metric_name")}  # in tests/models/test_own_metrics.py
ABSTRACT = {"Layer", "Merge", "Wrapper", "DropoutRNNCell", "InputSpec"}
#: in test_text_vectorization.py, tests/preprocessing/test_vectorizer.py and test_index_lookup.py
OF_TEXTS = {"TextVectorization", "StringLookup", "IntegerLookup"}


def layer_names() -> list[str]:
    kinds = {name: getattr(layers, name) for name in layers.__all__}
    return [name for name, kind in kinds.items() if inspect.isclass(kind) and name not in ABSTRACT | OF_TEXTS]


def arguments(name: str) -> list[str]:
    parameters = inspect.signature(getattr(layers, name).__init__).parameters.values()
    own = [p.name for p in list(parameters)[1:] if p.kind is not p.VAR_KEYWORD]
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        base = inspect.signature(layers.Layer.__init__).parameters.values()
        own += [p.name for p in list(base)[1:] if p.kind is not p.VAR_KEYWORD and p.name not in own]
        if (kind := name.removesuffix("Cell")) in recurrent_layers.KINDS:
            own += [key for key in recurrent_layers.zoneouts_of(kind) if key not in own]
        if name in recurrent_layers.KINDS:
            parent = inspect.signature(layers.RNN.__init__).parameters
            own += [key for key in parent if key not in ("self", "cell", "kwargs") and key not in own]
    return own


def plain(value: Any) -> Any:
    """Something that can be compared with ==."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, KerasTensor):
        return (value.shape, value.dtype)
    if hasattr(value, "shape"):
        array = np.asarray(value_of(value))
        return (array.shape, array.dtype.name, array.tobytes(), plain(getattr(value, "_keras_mask", None)))
    return value


def seen(name: str, options: dict[str, Any], argument: str) -> Any:
    """All that can be seen of a layer made with these arguments."""
    x, call = CASES[name][1], dict(CASES[name][2])
    random.set_global_seed(5)
    reset_names()
    result: list[Any] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            layer = getattr(layers, name)(**{k: v() if k in MADE and callable(v) else v for k, v in options.items()})
            result += [layer.name, layer.dtype, layer.trainable, layer._batch_input_shape, layer.stateful]
            if name == "InputLayer":
                return [*result, plain(layer.output), layer.get_config()]
            if argument == "autocast":
                x = [one.astype("float64") for one in x] if isinstance(x, list) else x.astype("float64")
            if argument == "unroll":
                result.append(plain(layer(layers.Input((None, I)))))
            if argument == "output_shape" and name == "Lambda":
                result.append(plain(layer(layers.Input((T, I)))))
            for training in (True, True, False):
                spec = layer._call_spec
                more = {"training": training} if spec.has_training else {}
                with GradientTape():
                    y = layer(x, **{k: v for k, v in call.items() if k in spec.names}, **more)
                    result.append(plain(y))
                    result.append(plain(layer.losses))
                if "reverse" in spec.names:
                    result.append(plain(layer(np.ones((B, layer.output_dim), "float32"), reverse=True)))
            for variable in layer.weights:
                result.append((variable.name, variable.trainable, plain(variable.value)))
                if variable.constraint is not None:
                    result.append(plain(variable.constraint(variable.value)))
    except (ValueError, TypeError) as error:
        result.append(f"{type(error).__name__}: {error}")
    return result


MADE = {"cell", "cells", "layer", "backward_layer", "input_tensor"}


@pytest.mark.parametrize("name", layer_names())
def test_every_layer_has_cases(name: str) -> None:
    assert name in CASES, f"{name} needs a row in CASES"


@pytest.mark.parametrize(
    ("name", "argument"), [(name, argument) for name in layer_names() for argument in arguments(name)]
)
def test_argument_is_not_ignored(name: str, argument: str) -> None:
    needed, _, _, values = CASES[name]
    if (name, argument) in NOT_SEEN:
        pytest.skip("has nothing to act on in this layer")
    assert argument in values or argument in BASE, f"{name}: no case for the argument {argument!r}"
    value = values.get(argument, BASE.get(argument))
    without = dict(needed)
    if isinstance(value, tuple) and value and value[0] == "instead of shape":
        value = value[1]
        with_it = {argument: value}
    elif argument == "weights" and value is None:
        layer = getattr(layers, name)(**{k: v() if k in MADE and callable(v) else v for k, v in needed.items()})
        call = {k: v for k, v in CASES[name][2].items() if k in layer._call_spec.names}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            layer(CASES[name][1], **call)
        # a layer without weights says so
        with_it = {**without, "weights": [w + 1.0 for w in layer.get_weights()] or [np.ones(3)]}
    else:
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], dict):
            without.update(value[0])
            value = value[1]
        with_it = {**without, argument: value}
        if argument == "input_tensor":
            with_it.pop("shape")
    assert seen(name, with_it, argument) != seen(name, without, argument)


def test_the_comparison_finds_no_difference_where_there_is_none() -> None:
    for name in layer_names():
        assert seen(name, CASES[name][0], "") == seen(name, CASES[name][0], ""), name


def test_unknown_arguments_are_refused() -> None:
    for name in layer_names():
        needed = {k: v() if k in MADE and callable(v) else v for k, v in CASES[name][0].items()}
        with pytest.raises(TypeError, match="surprise"):
            getattr(layers, name)(**needed, surprise=1)


def flags() -> list[tuple[str, str]]:
    """The arguments of every layer that are True or False."""
    names = [*layer_names(), *sorted(OF_TEXTS)]
    return [
        (name, argument)
        for name in names
        for argument, parameter in inspect.signature(getattr(layers, name)).parameters.items()
        if isinstance(parameter.default, bool) and argument != "trainable"  # which Keras makes a bool of itself
    ]


@pytest.mark.parametrize(("name", "argument"), flags())
def test_flags_may_be_the_numbers_0_and_1_and_nothing_else(name: str, argument: str) -> None:
    kind = getattr(layers, name)
    needed = {"max_tokens": 9} if name in OF_TEXTS else CASES[name][0]
    needed = {key: value() if key in MADE and callable(value) else value for key, value in needed.items()}
    try:
        kind(**{**needed, argument: True})
    except ValueError as error:
        assert argument in str(error)
        return  # Keras has it, recurra does not
    for value in (0, np.int64(1), np.bool_(True), np.bool_(False)):
        kept = vars(kind(**{**needed, argument: value}))
        assert kept.get(argument, bool(value)) is bool(value)
    for value in (2, "yes", 0.5, None):
        with pytest.raises(TypeError, match=rf"^{argument} must be True or False, got {value!r}$"):
            kind(**{**needed, argument: value})
