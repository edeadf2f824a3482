"""The parts of a decoder with attention, and a decoder that is fed what it attended to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recurra import ops
from recurra.layers.attention import AdditiveAttention, Attention, BilinearAttention
from recurra.layers.base.arguments import check_choice, check_positive
from recurra.layers.base.layer import Layer
from recurra.layers.dense import Dense
from recurra.typing import ArrayLike, DType, Shape, TensorLike

ATTENTIONS = ("dot", "bilinear", "additive")


def recurrent_layer(cell: str, units: int, **options: Any) -> Any:
    """A recurrent layer by the name of its cell."""
    from recurra import layers as room

    return getattr(room, room.LAYER_OF_CELL[check_choice(cell, "cell", tuple(room.LAYER_OF_CELL))])(units, **options)


def decoder_parts(
    cell: str, units: int, layers: int, attention: str | None, width: int, dtype: DType | None = None
) -> dict[str, Layer]:
    """The layers of a decoder by name, unbuilt: recurrent ones, those of the attention, and what combines the two.

    attention : "dot" (q·k / √M), "bilinear" (q·W·k / √M; both Luong and others, 2015), "additive" (v·tanh(W·q + U·k),
        Bahdanau and others, 2015) or None for none. The query is the top layer's output at the same step, M the size
        of the memory
    width : of the combination, tanh(W·[context, output])
    """
    parts: dict[str, Layer] = {
        f"decoder_{i}": recurrent_layer(cell, units, return_sequences=True, dtype=dtype) for i in range(layers)
    }
    if attention == "dot":
        parts["attention"] = Attention(dtype=dtype)
    elif attention == "bilinear":
        parts["attention"] = BilinearAttention(dtype=dtype)
    elif attention == "additive":
        parts["query"] = Dense(units, use_bias=False, dtype=dtype)
        parts["key"] = Dense(units, use_bias=False, dtype=dtype)
        parts["attention"] = AdditiveAttention(dtype=dtype)
    parts["combination"] = Dense(width, activation="tanh", dtype=dtype)
    return parts


def keys_of(parts: Mapping[str, Any], memory: TensorLike) -> Any:
    """What queries are compared with: the memory (B, S, M) itself, or its projection."""
    return parts["key"](memory) if "key" in parts else memory


def attend(parts: Mapping[str, Any], output: Any, memory: Any, keys: Any, mask: Sequence[Any], weights: bool) -> Any:
    """The context (B, T, M) of the decoder's outputs (B, T, H), and the weights (B, T, S) where asked for.

    mask : of the outputs, or None, and of the memory

    Products are scaled as in Vaswani and others (2017). Without it one step of Adam moves a score by several units, the
    softmax soon gives all weight to one place, and has no gradient to leave it.
    """
    query = parts["query"](output) if "query" in parts else output * memory.shape[-1] ** -0.5
    inputs = [query, memory, keys] if "key" in parts else [query, memory]
    return parts["attention"](inputs, mask=list(mask), return_attention_scores=weights)


def decoder_step(parts: Mapping[str, Any], x: TensorLike, states: Sequence[Any]) -> tuple[Any, list[Any]]:
    """One step of all recurrent layers: inputs (N, I) and the states of each layer in; output (N, H) and states out."""
    new = []
    for i, before in enumerate(states):
        x, after = parts[f"decoder_{i}"].cell(x, list(before))
        new.append(list(after) if isinstance(after, (list, tuple)) else [after])
    return x, new


class InputFeedingDecoder(Layer):
    """A decoder that reads, beside each token, what it made of the step before: tanh(W·[context, output]).

    This is Luong's input feeding (Luong and others, 2015): attention is a part of the recurrence, so that the steps
    run one after another, each a few calls of the kernels.

    cell, units, layers : of the recurrent layers
    attention : "dot", "bilinear" or "additive"
    width : of what is fed, and of the output

    Called as ``layer(inputs, memory, states, mask=[mask, memory_mask])`` with embedded tokens (B, T, E), the encoder's
    outputs (B, S, M) and the first states of each recurrent layer, one after another; returns (B, T, width). Steps that
    memory_mask (B, S) excludes get no weight. mask (B, T) goes to the output as it is: the layer reads all steps.

    Keras has no such layer.
    """

    _float_inputs = True

    def __init__(self, cell: str, units: int, layers: int, attention: str, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cell, self.units = cell, check_positive(units, "units")
        self.layers, self.width = check_positive(layers, "layers"), check_positive(width, "width")
        self.attention = check_choice(attention, "attention", ATTENTIONS)
        self.parts = decoder_parts(cell, units, layers, attention, width, self.dtype)

    def build(self, input_shape: Shape, memory_shape: Shape, states_shape: Any = None) -> None:
        embedding, memory = input_shape[-1] or 0, memory_shape[-1] or 0
        size = embedding + self.width
        for i in range(self.layers):
            layer: Any = self.parts[f"decoder_{i}"]
            if not layer.built:
                layer.build((None, None, size))
                layer.built = True
            size = layer.cell.output_size
        query, key = size, memory
        for name, width in (("query", size), ("key", memory)):
            if name in self.parts:
                self._build_part(name, (None, None, width))
                query = key = self.units
        self._build_part("attention", [(None, None, query), (None, None, memory), (None, None, key)])
        self._build_part("combination", (None, memory + size))

    def _build_part(self, name: str, shape: Any) -> None:
        part = self.parts[name]
        if not part.built:
            part.build(shape)
            part.built = True

    def call(
        self,
        inputs: TensorLike,
        memory: TensorLike,
        states: Sequence[Any],
        mask: Sequence[ArrayLike | None] | None = None,
    ) -> Any:
        each = len(states) // self.layers
        memory_mask = None if mask is None else mask[1]
        layered = [list(states[i * each : (i + 1) * each]) for i in range(self.layers)]
        keys = keys_of(self.parts, memory)
        fed = self.first_feed(inputs)
        outputs = []
        for x in ops.unstack(inputs, axis=1):
            fed, layered, _ = self.step(x, fed, layered, memory, keys, memory_mask)
            outputs.append(fed)
        return ops.stack(outputs, axis=1)

    def first_feed(self, inputs: TensorLike) -> Any:
        """What is fed at the first step: zeros."""
        return ops.zeros((inputs.shape[0], self.width), inputs.dtype)

    def step(
        self, x: Any, fed: Any, states: list[Any], memory: Any, keys: Any, mask: Any, weights: bool = False
    ) -> tuple[Any, list[Any], Any]:
        """One step, for one token (B·W, E) of each of W sequences beside each memory (B, S, M).

        returns : what is fed to the next step (B·W, width), the states, and the weights (B, W, S) where asked for
        """
        output, states = decoder_step(self.parts, ops.concatenate([x, fed], axis=-1), states)
        query = ops.reshape(output, (memory.shape[0], -1, output.shape[-1]))
        context = attend(self.parts, query, memory, keys, (None, mask), weights)
        context, found = context if weights else (context, None)
        context = ops.reshape(context, (output.shape[0], context.shape[-1]))
        fed = self.parts["combination"](ops.concatenate([context, output], axis=-1))
        return fed, states, found

    def compute_output_shape(self, input_shape: Shape, memory_shape: Shape = (), states_shape: Any = None) -> Shape:
        return (*input_shape[:-1], self.width)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None if mask is None else mask[0]

    def get_config(self) -> dict[str, Any]:
        names = ("cell", "units", "layers", "attention", "width")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
