"""Layers that Keras 3 and recurra must agree on: built by the same code from either's `layers` module.

``make_keras_layers.py`` runs the cases in Keras and writes keras_layers.npz; ``tests/layers/test_layers_golden.py``
runs them in recurra. Inputs and weights are drawn here, the same in both, so that the file holds results alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.golden import window_cases

B, T, I, H = 3, 5, 4, 2  # pairwise different; gates, merges and flips cannot hide in equal sizes


@dataclass
class Case:
    """A layer and how to call it.

    build : called with a `layers` module (and, as second argument, the package around it)
    inputs : the shape of the input, or a list of shapes; "ids" for token ids
    mask : None, or the kind of mask(s): "holes", "left", "right"; a list for several inputs
    states : shapes of initial states
    call : further arguments of the call
    gradient : whether gradients are compared too
    """

    build: Callable[..., Any]
    inputs: Any = (B, T, I)
    mask: Any = None
    states: list[tuple[int, ...]] | None = None
    call: dict[str, Any] = field(default_factory=dict)
    gradient: bool = True
    package: bool = False

    def layer(self, package: Any) -> Any:
        return self.build(package.layers, package) if self.package else self.build(package.layers)


def random_of(name: str) -> np.random.RandomState:
    """The same numbers for the same case, in any version of numpy."""
    return np.random.RandomState(zlib.crc32(name.encode()))


def make_mask(kind: str | None, shape: tuple[int, int] = (B, T)) -> Any:
    """A mask (B, T): the first row whole, the others padded on one side, or with holes and one row masked whole."""
    if kind is None:
        return None
    steps = shape[1]
    mask = np.ones(shape, bool)
    if kind == "right":
        mask[1, steps - 2 :] = False
        mask[2, 1:] = False
    elif kind == "left":
        mask[1, :2] = False
        mask[2, : steps - 1] = False
    else:
        mask[0, 2] = False
        mask[1] = [t % 2 == 1 for t in range(steps)]
        mask[2] = kind != "holes"
        mask[2, 0] = False
    return mask


def draw(case: Case, name: str) -> tuple[Any, dict[str, Any]]:
    """The input and the other arguments of the call."""
    random = random_of(name)
    if case.inputs == "ids":
        x: Any = random.randint(0, 7, size=(B, T)).astype("int32")
        x[0, 3:] = 0
    elif isinstance(case.inputs, list):
        x = [random.standard_normal(shape).astype("float32") for shape in case.inputs]
    else:
        x = random.standard_normal(case.inputs).astype("float32")
    call = dict(case.call)
    if isinstance(case.mask, list):
        call["mask"] = [
            None if kind is None else make_mask(kind, tuple(one.shape[:2]))
            for kind, one in zip(case.mask, x, strict=True)
        ]
    elif case.mask is not None:
        call["mask"] = make_mask(case.mask, tuple(x.shape[:2]))
    if case.states is not None:
        call["initial_state"] = [random.standard_normal(shape).astype("float32") for shape in case.states]
    return x, call


def draw_weights(layer: Any, name: str) -> list[Any]:
    """Random values for all of the layer's weights; variances are positive."""
    random = random_of(name + "/weights")
    values = []
    for variable in layer.weights:
        value = 0.6 * random.standard_normal(tuple(variable.shape))
        if "variance" in variable.name or "stddev" in variable.name:
            value = 0.5 + np.abs(value)
        values.append(value.astype("float32"))
    return values


def draw_output_gradient(output: Any, name: str, index: int) -> Any:
    """What an output is multiplied with before it is summed into the loss."""
    return random_of(f"{name}/gradient{index}").standard_normal(tuple(output.shape)).astype("float32")


CASES: dict[str, Case] = {}


def _recurrent() -> None:
    kinds: dict[str, tuple[str, dict[str, Any], int]] = {
        "lstm": ("LSTM", {}, 2),
        "gru": ("GRU", {}, 1),
        "gru_before": ("GRU", {"reset_after": False}, 1),
        "simple_rnn": ("SimpleRNN", {}, 1),
    }
    for short, (kind, base, count) in kinds.items():
        states = [(B, H)] * count

        def make(kind: str = kind, base: dict[str, Any] = base, **options: Any) -> Callable[[Any], Any]:
            return lambda layers: getattr(layers, kind)(H, **base, **options)

        whole = {"return_sequences": True, "return_state": True}
        CASES[f"{short}/last"] = Case(make())
        CASES[f"{short}/whole_states"] = Case(make(**whole), states=states)
        # `unroll` only chooses Keras's loop whose output before the first valid step is zeros on every backend
        CASES[f"{short}/holes"] = Case(make(**whole, unroll=True), mask="holes", states=states)
        CASES[f"{short}/holes_last"] = Case(make(unroll=True), mask="holes")
        CASES[f"{short}/zero_output"] = Case(make(**whole, zero_output_for_mask=True), mask="holes", states=states)
        CASES[f"{short}/zero_output_last"] = Case(make(zero_output_for_mask=True), mask="right")
        CASES[f"{short}/backwards"] = Case(make(**whole, go_backwards=True), states=states)
        CASES[f"{short}/backwards_holes"] = Case(make(**whole, go_backwards=True, unroll=True), mask="holes")
        CASES[f"{short}/backwards_last_right"] = Case(make(go_backwards=True, unroll=True), mask="right")
        CASES[f"{short}/no_bias"] = Case(make(**whole, use_bias=False))
        gates = {} if kind == "SimpleRNN" else {"recurrent_activation": "hard_sigmoid"}
        CASES[f"{short}/relu_hard"] = Case(make(**whole, activation="relu", **gates))
        gates = {} if kind == "SimpleRNN" else {"recurrent_activation": "softsign"}
        CASES[f"{short}/python_step"] = Case(
            make(**whole, activation="elu", unroll=True, **gates), mask="holes", states=states
        )
        if kind != "SimpleRNN":
            CASES[f"{short}/implementation1"] = Case(make(**whole, implementation=1), states=states)


def _wrappers() -> None:
    def both(kind: str, options: dict[str, Any], **outer: Any) -> Callable[[Any], Any]:
        return lambda layers: layers.Bidirectional(getattr(layers, kind)(H, **options), **outer)

    sequences = {"return_sequences": True}
    for mode in ("concat", "sum", "mul", "ave", None):
        CASES[f"bidirectional/{mode}"] = Case(both("LSTM", sequences, merge_mode=mode))
        CASES[f"bidirectional/{mode}_last"] = Case(both("GRU", {}, merge_mode=mode))
    for side in ("left", "right", "holes"):
        CASES[f"bidirectional/mask_{side}"] = Case(both("LSTM", {**sequences, "return_state": True}), mask=side)
        CASES[f"bidirectional/mask_{side}_last"] = Case(both("SimpleRNN", {"unroll": True}), mask=side)
    CASES["bidirectional/states"] = Case(
        both("LSTM", {**sequences, "return_state": True}, merge_mode=None), states=[(B, H)] * 4, mask="right"
    )
    CASES["bidirectional/own_backward"] = Case(
        lambda layers: layers.Bidirectional(
            layers.LSTM(H, return_sequences=True),
            backward_layer=layers.GRU(H + 1, return_sequences=True, go_backwards=True, activation="relu"),
        )
    )
    CASES["bidirectional/of_backwards"] = Case(
        lambda layers: layers.Bidirectional(
            layers.LSTM(H, return_sequences=True, go_backwards=True),
            backward_layer=layers.LSTM(H, return_sequences=True),
        )
    )
    CASES["rnn/cell"] = Case(lambda layers: layers.RNN(layers.GRUCell(H), return_sequences=True, return_state=True))
    CASES["rnn/cell_list"] = Case(
        lambda layers: layers.RNN([layers.LSTMCell(H), layers.GRUCell(H + 1)], return_sequences=True, unroll=True),
        mask="holes",
    )
    CASES["rnn/stacked_states"] = Case(
        lambda layers: layers.RNN(
            layers.StackedRNNCells([layers.SimpleRNNCell(H), layers.LSTMCell(H + 1)]),
            return_sequences=True,
            return_state=True,
        )
    )
    CASES["time_distributed/dense"] = Case(
        lambda layers: layers.TimeDistributed(layers.Dense(H, activation="tanh")), mask="right"
    )
    CASES["time_distributed/lstm"] = Case(lambda layers: layers.TimeDistributed(layers.LSTM(H)), inputs=(B, T, 2, I))
    CASES["time_distributed/lstm_mask"] = Case(
        lambda layers: layers.TimeDistributed(layers.LSTM(H, unroll=True)),
        inputs=(B, T, 2, I),
        call={"mask": np.arange(B * T * 2).reshape(B, T, 2) % 3 > 0},
    )
    CASES["time_distributed/normalization"] = Case(
        lambda layers: layers.TimeDistributed(layers.BatchNormalization()), call={"training": True}, gradient=False
    )


def _plain() -> None:
    for activation in (
        "linear", "tanh", "sigmoid", "relu", "hard_sigmoid", "softmax", "log_softmax", "elu", "selu", "softplus",
        "softsign", "silu", "gelu", "exponential", "leaky_relu", "relu6", "mish", "celu", "hard_silu", "hard_tanh",
        "log_sigmoid", "tanh_shrink", "hard_shrink", "soft_shrink", "squareplus", "sparse_plus", "sparse_sigmoid",
        "glu",
    ):  # fmt: skip
        CASES[f"dense/{activation}"] = Case(
            lambda layers, activation=activation: layers.Dense(2 * H, activation=activation), inputs=(B, I)
        )
    CASES["dense/sequence_no_bias"] = Case(lambda layers: layers.Dense(H, use_bias=False))
    CASES["embedding"] = Case(lambda layers: layers.Embedding(7, I, mask_zero=True), inputs="ids", gradient=False)
    CASES["masking"] = Case(lambda layers: layers.Masking(0.5), gradient=False)
    CASES["relu"] = Case(lambda layers: layers.ReLU(max_value=0.9, negative_slope=0.2, threshold=0.1))
    CASES["leaky_relu"] = Case(lambda layers: layers.LeakyReLU())
    CASES["elu"] = Case(lambda layers: layers.ELU(0.7))
    CASES["prelu"] = Case(lambda layers: layers.PReLU(shared_axes=[1]))
    CASES["softmax/axes"] = Case(lambda layers: layers.Softmax(axis=(1, 2)))
    CASES["softmax/mask"] = Case(lambda layers: layers.Softmax(), inputs=(B, T), call={"mask": make_mask("right")})
    CASES["flatten"] = Case(lambda layers: layers.Flatten())
    CASES["flatten/channels_first"] = Case(lambda layers: layers.Flatten(data_format="channels_first"))
    CASES["reshape"] = Case(lambda layers: layers.Reshape((2, -1)))
    CASES["permute"] = Case(lambda layers: layers.Permute((3, 1, 2)), inputs=(B, T, I, 2))
    CASES["repeat_vector"] = Case(lambda layers: layers.RepeatVector(3), inputs=(B, I))
    CASES["average_pooling"] = Case(lambda layers: layers.GlobalAveragePooling1D())
    CASES["average_pooling/mask"] = Case(lambda layers: layers.GlobalAveragePooling1D(keepdims=True), mask="left")
    CASES["average_pooling/channels_first"] = Case(
        lambda layers: layers.GlobalAveragePooling1D(data_format="channels_first"), call={"mask": np.eye(B, I) == 0}
    )
    CASES["max_pooling"] = Case(lambda layers: layers.GlobalMaxPooling1D())
    CASES["max_pooling/keepdims"] = Case(lambda layers: layers.GlobalMaxPooling1D(keepdims=True))
    CASES["layer_normalization"] = Case(lambda layers: layers.LayerNormalization())
    CASES["layer_normalization/axes"] = Case(
        lambda layers: layers.LayerNormalization(axis=[1, 2], epsilon=0.1, center=False)
    )
    CASES["batch_normalization"] = Case(lambda layers: layers.BatchNormalization())
    CASES["batch_normalization/training"] = Case(lambda layers: layers.BatchNormalization(), call={"training": True})
    CASES["batch_normalization/axis1"] = Case(
        lambda layers: layers.BatchNormalization(axis=1, momentum=0.7, scale=False), call={"training": True}
    )
    CASES["batch_normalization/mask"] = Case(
        lambda layers: layers.BatchNormalization(momentum=0.5), call={"training": True}, mask="holes"
    )
    CASES["batch_normalization/renorm"] = Case(
        lambda layers: layers.BatchNormalization(
            renorm=True, renorm_clipping={"rmax": 1.5, "rmin": 0.7, "dmax": 0.4}, renorm_momentum=0.8
        ),
        call={"training": True},
    )


def _several() -> None:
    pair = [(B, T, I), (B, T, I)]
    for kind in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"):
        CASES[f"merge/{kind}"] = Case(lambda layers, kind=kind: getattr(layers, kind)(), inputs=pair)
    CASES["merge/three_broadcast"] = Case(lambda layers: layers.Add(), inputs=[(B, T, I), (B, I), (B, T, 1)])
    CASES["merge/concatenate_time"] = Case(lambda layers: layers.Concatenate(axis=1), inputs=[(B, T, I), (B, 2, I)])
    for name, shapes, axes in (
        ("matrices", [(B, T, I), (B, 2, I)], 2),
        ("crossed", [(B, I, T), (B, 2, I)], (1, 2)),
        ("vectors", [(B, I), (B, I)], 1),
        ("matrix_vector", [(B, T, I), (B, I)], (2, 1)),
        ("vector_matrix", [(B, T), (B, T, I)], 1),
        ("negative", [(B, T, I), (B, 2, I)], -1),
        ("rank4", [(B, T, 2, I), (B, I, 3)], (3, 1)),
    ):
        CASES[f"dot/{name}"] = Case(lambda layers, axes=axes: layers.Dot(axes), inputs=shapes)
    CASES["dot/normalized"] = Case(lambda layers: layers.Dot(2, normalize=True), inputs=[(B, T, I), (B, 2, I)])
    three = [(B, T, I), (B, 6, H), (B, 6, I)]
    for name, options in (
        ("dot", {}),
        ("scaled", {"use_scale": True}),
        ("concat", {"score_mode": "concat"}),
        ("concat_scaled", {"score_mode": "concat", "use_scale": True}),
    ):
        CASES[f"attention/{name}"] = Case(
            lambda layers, options=options: layers.Attention(**options),
            inputs=three,
            call={"return_attention_scores": True},
        )
    CASES["attention/masks"] = Case(
        lambda layers: layers.Attention(),
        inputs=[(B, T, I), (B, 6, I)],
        mask=["left", "right"],
        call={"return_attention_scores": True},
    )
    CASES["attention/causal"] = Case(
        lambda layers: layers.Attention(), inputs=three[:1] * 2, call={"use_causal_mask": True}, mask=[None, "right"]
    )
    CASES["additive_attention"] = Case(lambda layers: layers.AdditiveAttention(), inputs=three)
    CASES["additive_attention/unscaled"] = Case(
        lambda layers: layers.AdditiveAttention(use_scale=False), inputs=[(B, T, I), (B, 6, I)], mask=["right", "left"]
    )


def _multi_head() -> None:
    def make(**options: Any) -> Callable[[Any], Any]:
        return lambda layers: Heads(layers.MultiHeadAttention(2, 3, **options))

    pair, three = [(B, T, I), (B, 6, H)], [(B, T, I), (B, 6, H), (B, 6, 3)]
    scores = {"return_attention_scores": True}
    CASES["multi_head"] = Case(make(), inputs=three)
    CASES["multi_head/scores"] = Case(make(value_dim=5, output_shape=7, use_bias=False), inputs=pair, call=scores)
    CASES["multi_head/causal"] = Case(make(), inputs=[(B, T, I)] * 2, call={"use_causal_mask": True})
    kept = np.arange(B * T * 6).reshape(B, T, 6) % 4 > 0
    CASES["multi_head/attention_mask"] = Case(make(), inputs=pair, call={"attention_mask": kept, **scores})
    CASES["multi_head/value_mask"] = Case(make(), inputs=pair, call={"value_mask": np.arange(18).reshape(B, 6) % 3 > 0})
    CASES["multi_head/window"] = Case(make(sliding_window=2, use_gate=True), inputs=pair)
    image = [(2, 3, 4, I), (2, 3, 5, I)]
    CASES["multi_head/axes"] = Case(make(attention_axes=2), inputs=image, call=scores)
    CASES["multi_head/all_axes"] = Case(make(), inputs=[(2, 3, 4, I)] * 2, call=scores)
    for name, equation, sizes, bias, shape in (
        ("heads", "abc,cde->abde", (None, 2, 3), "de", (B, T, I)),
        ("last", "...x,xy->...y", 3, "y", (B, T, I)),
        ("first", "ab...,bc->ac...", 3, "c", (B, T, I)),
        ("time", "abc,bd->adc", (6, I), None, (B, T, I)),
        ("sequence", "abc,cd->abd", (None, 3), "bd", (B, T, I)),
    ):
        if name == "sequence":
            sizes = (T, 3)
        CASES[f"einsum_dense/{name}"] = Case(
            lambda layers, equation=equation, sizes=sizes, bias=bias: layers.EinsumDense(
                equation, sizes, bias_axes=bias, activation="tanh"
            ),
            inputs=shape,
        )


class Heads:
    """Calls a layer of several arguments with a list of them; everything else is the layer's."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.layer, name)

    def __call__(self, inputs: Any, **call: Any) -> Any:
        return self.layer(*inputs, **call)

    def stateless_call(self, trainable: Any, fixed: Any, inputs: Any, **call: Any) -> Any:
        return self.layer.stateless_call(trainable, fixed, *inputs, **call)


_recurrent()
_wrappers()
_plain()
_several()
_multi_head()
CASES.update(window_cases.cases(Case))
