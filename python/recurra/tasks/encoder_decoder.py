"""An encoder and a decoder: one graph for training, and single steps for writing a translation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recurra import layers as rooms
from recurra import ops
from recurra.autograd import no_grad
from recurra.initializers import RandomNormal
from recurra.layers.attention_decoder import (
    ATTENTIONS,
    InputFeedingDecoder,
    attend,
    decoder_parts,
    decoder_step,
    keys_of,
)
from recurra.tasks.arguments import check_flags, check_fractions, check_sizes
from recurra.tasks.networks import check_cell, recurrent_layer
from recurra.typing import Array

if TYPE_CHECKING:
    from recurra.models.model import Model

_NEVER = -10.0  # the first score of a token that never comes


class Form(NamedTuple):
    """What an encoder-decoder is made of.

    cell : of all recurrent layers
    units : H of the decoder's layers; the encoder's have half in each direction
    layers : of encoder and decoder each
    embedding : the width of a token's vector, and of what the scores are computed from
    attention : "dot", "bilinear", "additive", or None: the encoder's final state is then all that the decoder has; it
        starts from it, and reads it at each step
    input_feeding : whether the decoder reads, beside each token, what it attended to at the step before
    dropout : the rate on token vectors, between layers and before the scores
    """

    cell: str
    units: int
    layers: int
    embedding: int
    attention: str | None
    input_feeding: bool
    dropout: float

    def check(self) -> None:
        """Refuse, by name, what no network can be made of."""
        check_cell(self.cell)
        check_sizes(units=self.units, layers=self.layers, embedding=self.embedding)
        check_fractions(dropout=self.dropout)
        check_flags(input_feeding=self.input_feeding)
        if self.attention is not None and self.attention not in ATTENTIONS:
            raise ValueError(f"attention must be None or one of {', '.join(ATTENTIONS)}, got {self.attention!r}")
        if self.input_feeding and self.attention is None:
            raise ValueError("input_feeding feeds what was attended to: give an attention, or leave input_feeding out")
        half: Any = recurrent_layer(self.cell, (self.units + 1) // 2)
        whole: Any = recurrent_layer(self.cell, self.units)
        encoder, decoder = 2 * half.cell.output_size, whole.cell.output_size
        if self.attention == "dot" and encoder != decoder:
            raise ValueError(
                f"attention='dot' compares the decoder's {decoder} outputs with the encoder's {encoder}: give units "
                "divisible by 4, or another attention"
            )


class Memory(NamedTuple):
    """What a decoder knows of B sources: the encoder's outputs (B, S, M), keys, mask (B, S), the constant context."""

    outputs: Any
    keys: Any
    mask: Any
    context: Any

    def rows(self, chosen: Array) -> Memory:
        """The memory of some of the sources."""
        return Memory(*(None if part is None else np.ascontiguousarray(part[chosen]) for part in self))


class EncoderDecoder:
    """Layers by name, unbuilt at first, and how they are joined.

    source_size, target_size : how many ids there are on each side; 0 is padding
    """

    def __init__(self, source_size: int, target_size: int, form: Form) -> None:
        form.check()
        self.form = form
        half = (form.units + 1) // 2
        parts: dict[str, Any] = {"source_embedding": _embedding(source_size, form.embedding)}
        sizes: Any = recurrent_layer(form.cell, form.units).cell.state_size  # type: ignore[attr-defined]
        self.state_sizes: list[int] = list(sizes) if isinstance(sizes, (list, tuple)) else [sizes]
        for i in range(form.layers):
            one = recurrent_layer(form.cell, half, return_sequences=True, return_state=True)
            parts[f"encoder_{i}"] = rooms.Bidirectional(one)
            for k, size in enumerate(self.state_sizes):
                parts[f"bridge_{i}_{k}"] = rooms.Dense(size, activation="tanh")
        parts["target_embedding"] = _embedding(target_size, form.embedding)
        if form.attention is None:
            parts["context"] = rooms.Dense(form.embedding, use_bias=False)
        if form.input_feeding:
            parts["decoder"] = InputFeedingDecoder(
                form.cell, form.units, form.layers, str(form.attention), form.embedding
            )
        else:
            parts |= decoder_parts(form.cell, form.units, form.layers, form.attention, form.embedding)
        parts["scores"] = rooms.Dense(target_size)
        for name, part in parts.items():
            part.name = name
        self.parts = parts

    def leave_out(self, tokens: Array) -> None:
        """Let the ids of target tokens that no training pair holds begin with low scores; after :meth:`graph`.

        Else the first steps lower them all at once, by outputs of the decoder that then stay saturated.
        """
        bias = self.parts["scores"].bias
        value = np.array(bias)
        value[tokens] = _NEVER
        bias.assign(value)

    # --- joining ---------------------------------------------------------------------------------------------------
    def graph(self) -> Model:
        """The model for training: ``{"source": (B, S), "target": (B, T)}`` in, scores (B, T, V) out."""
        from recurra.models import Model

        source = rooms.Input((None,), dtype="int32", name="source")
        target = rooms.Input((None,), dtype="int32", name="target")
        source_mask, target_mask = ops.not_equal(source, 0), ops.not_equal(target, 0)
        memory, states = self._encode(source, source_mask, self._drop)
        y = self.parts["target_embedding"](target)
        if memory.context is not None:
            y = rooms.Add()([y, rooms.Reshape((1, self.form.embedding))(memory.context)])
        y = self._drop(y)
        if self.form.input_feeding:
            first = [state for layer in states for state in layer]
            y = self.parts["decoder"](y, memory.outputs, first, mask=[target_mask, source_mask])
        else:
            for i, start in enumerate(states):
                y = self.parts[f"decoder_{i}"](self._drop(y) if i else y, initial_state=start, mask=target_mask)
            if self.form.attention is not None:
                context = attend(self.parts, y, memory.outputs, memory.keys, (target_mask, source_mask), False)
                y = rooms.Concatenate()([context, y])
            y = self.parts["combination"](y)
        scores = self.parts["scores"](self._drop(y))
        return Model([source, target], scores)

    def _drop(self, x: Any) -> Any:
        return rooms.Dropout(self.form.dropout)(x) if self.form.dropout else x

    def _encode(self, source: Any, mask: Any, drop: Callable[[Any], Any]) -> tuple[Memory, list[list[Any]]]:
        x = self.parts["source_embedding"](source)
        start = []
        for i in range(self.form.layers):
            x, *states = self.parts[f"encoder_{i}"](drop(x), mask=mask)
            each = len(states) // 2
            both = [ops.concatenate([states[k], states[each + k]], axis=-1) for k in range(each)]
            start.append([self.parts[f"bridge_{i}_{k}"](state) for k, state in enumerate(both)])
        parts = self.parts["decoder"].parts if self.form.input_feeding else self.parts
        context = self.parts["context"](start[-1][0]) if "context" in self.parts else None
        return Memory(x, keys_of(parts, x), mask, context), start

    # --- single steps ----------------------------------------------------------------------------------------------
    def encode(self, source: Array) -> tuple[Memory, list[Any]]:
        """The memory of sources (B, S), padded with zeros, and the state before the first step, each part (B, ...)."""
        with no_grad():
            memory, start = self._encode(source, source != 0, lambda x: x)
            state: list[Any] = [start]
            if self.form.input_feeding:
                state.append(np.zeros((len(source), self.form.embedding), memory.outputs.dtype))
        return memory, state

    def step(self, ids: Array, state: list[Any], memory: Memory) -> tuple[Array, list[Any]]:
        """Read one token in each of W sequences beside each of B sources.

        ids : (B·W,) int32; the state has as many rows
        returns : scores of the next token (B·W, V), and the state
        """
        with no_grad():
            y = self.parts["target_embedding"](ids)
            if memory.context is not None:
                y = y + np.repeat(memory.context, len(ids) // len(memory.context), axis=0)
            if self.form.input_feeding:
                decoder = self.parts["decoder"]
                y, states, _ = decoder.step(y, state[1], state[0], memory.outputs, memory.keys, memory.mask)
                return np.asarray(self.parts["scores"](y)), [states, y]
            y, states = decoder_step(self.parts, y, state[0])
            if self.form.attention is not None:
                query = y.reshape(len(memory.mask), -1, y.shape[-1])
                context = attend(self.parts, query, memory.outputs, memory.keys, (None, memory.mask), False)
                y = np.concatenate([context.reshape(len(ids), -1), y], axis=-1)
            return np.asarray(self.parts["scores"](self.parts["combination"](y))), [states]

    def weights(self, source: Array, target: Array) -> Array:
        """The attention weights (B, T, S) while the decoder reads `target` (B, T)."""
        memory, state = self.encode(source)
        rows = []
        with no_grad():
            for ids in target.T:
                y = self.parts["target_embedding"](np.ascontiguousarray(ids))
                if self.form.input_feeding:
                    decoder = self.parts["decoder"]
                    y, states, found = decoder.step(
                        y, state[1], state[0], memory.outputs, memory.keys, memory.mask, True
                    )
                    state = [states, y]
                else:
                    y, states = decoder_step(self.parts, y, state[0])
                    state = [states]
                    _, found = attend(self.parts, y[:, None], memory.outputs, memory.keys, (None, memory.mask), True)
                rows.append(np.asarray(found)[:, 0])
        return np.stack(rows, axis=1)


def _embedding(size: int, width: int) -> Any:
    """Wide vectors: Keras's narrow uniform ones keep a decoder from its source for an epoch or more."""
    return rooms.Embedding(size, width, embeddings_initializer=RandomNormal(stddev=0.5))
