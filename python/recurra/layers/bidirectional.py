"""A recurrent layer run in both directions of time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import record
from recurra.layers.base.arguments import check_choice
from recurra.layers.base.layer import Layer
from recurra.layers.recurrent.kernel_layer import KernelLayer
from recurra.layers.recurrent.rnn import RNN, SequenceOutput
from recurra.layers.wrapper import clone_layer
from recurra.registry import deserialize_keras_object, serialize_keras_object

_NEEDED = ("go_backwards", "return_sequences", "return_state")


class Bidirectional(Layer):
    """Runs a copy of a recurrent layer forwards and another one backwards, and merges their outputs.

    layer : a recurrent layer; copies of it with new weights are made, named ``forward_<name>`` and
        ``backward_<name>``
    merge_mode : "concat", "sum", "mul", "ave", or None: both outputs, one after the other
    weights : first values, forward layer's first
    backward_layer : the layer to run backwards, used itself; it must have the opposite `go_backwards` and otherwise
        the same `stateful`, `return_sequences` and `return_state`

    Called as ``layer(sequences, initial_state=None, mask=None, training=False)``; the first half of initial_state is
    for the forward layer. The backward outputs are turned round in time before they are merged. With return_state
    the states of both follow the output. Where sequences are returned, steps that the mask excludes give zeros, so
    that padding on either side changes nothing.

    >>> import numpy as np
    >>> from recurra.layers import GRU, Bidirectional
    >>> Bidirectional(GRU(4, return_sequences=True))(np.ones((2, 5, 3), "float32")).shape
    (2, 5, 8)
    """

    _float_inputs = True
    _mask_passes = True
    supports_masking = True
    takes_embedded_ids = True

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ) -> None:
        for name, value in (("layer", layer), ("backward_layer", backward_layer or layer)):
            if not isinstance(value, Layer) or not all(hasattr(value, key) for key in _NEEDED):
                raise ValueError(f"{name} must be a recurrent layer, with {', '.join(_NEEDED)}, got {value!r}")
        if not isinstance(kwargs.get("batch_input_shape"), tuple) and "input_shape" not in kwargs:
            kwargs["batch_input_shape"] = kwargs.get("batch_input_shape") or layer._batch_input_shape
        super().__init__(weights=weights, **kwargs)
        self.merge_mode = check_choice(merge_mode, "merge_mode", ("sum", "mul", "ave", "concat", None))
        base = layer.name
        self.forward_layer = clone_layer(layer, name=f"forward_{base.removeprefix('forward_')}")
        if backward_layer is None:
            self.backward_layer = clone_layer(
                layer, name=f"backward_{base.removeprefix('backward_')}", go_backwards=True
            )
        else:
            self.backward_layer = backward_layer
        if self.forward_layer.go_backwards == self.backward_layer.go_backwards:
            raise ValueError(
                f"layer and backward_layer must have opposite go_backwards, both have {self.forward_layer.go_backwards}"
            )
        for key in ("stateful", "return_sequences", "return_state"):
            ours, theirs = getattr(self.forward_layer, key), getattr(self.backward_layer, key)
            if ours != theirs:
                raise ValueError(f"layer and backward_layer must have the same {key}, got {ours} and {theirs}")
        for one in (self.forward_layer, self.backward_layer):
            if hasattr(one, "use_cudnn"):
                one.use_cudnn = layer.use_cudnn if hasattr(layer, "use_cudnn") else one.use_cudnn
            if hasattr(one, "zero_output_for_mask"):
                one.zero_output_for_mask = one.return_sequences
        self.stateful = layer.stateful
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        self.input_spec = layer.input_spec

    @property
    def layer(self) -> Any:
        """The forward layer."""
        return self.forward_layer

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        for one in (self.forward_layer, self.backward_layer):
            if not one.built:
                one.build(sequences_shape)
                one.built = True

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        forward_state = backward_state = None
        if initial_state is not None:
            if not isinstance(initial_state, (list, tuple)) or len(initial_state) % 2:
                raise ValueError(
                    f"{self.name}: initial_state must be a list, its first half for the forward layer, its second for "
                    f"the backward layer, got {type(initial_state).__name__}"
                )
            half = len(initial_state) // 2
            forward_state, backward_state = list(initial_state[:half]), list(initial_state[half:])
        both = self._place_for_both(sequences)
        place, place_back = (None, None) if both is None else self._halves(both)
        y, forward_states = self._run(self.forward_layer, sequences, forward_state, mask, training, place)
        y_back, backward_states = self._run(self.backward_layer, sequences, backward_state, mask, training, place_back)
        if both is not None:
            output = record(both, (y, y_back), self._halves)
        elif self.merge_mode == "concat":
            output = ops.concatenate([y, y_back], axis=-1)
        elif self.merge_mode == "sum":
            output = y + y_back
        elif self.merge_mode == "ave":
            output = (y + y_back) * 0.5
        elif self.merge_mode == "mul":
            output = y * y_back
        else:
            output = (y, y_back)
        if not self.return_state:
            return output
        states = (*forward_states, *backward_states)
        return (*output, *states) if self.merge_mode is None else (output, *states)

    def _place_for_both(self, x: Any) -> Any:
        """An array into which both layers put their outputs side by side; None where they make arrays of their own."""
        layers = (self.forward_layer, self.backward_layer)
        if self.merge_mode != "concat" or not all(isinstance(one, KernelLayer) and one.puts_outputs for one in layers):
            return None
        if self.forward_layer.go_backwards or layers[0].dtype != layers[1].dtype:  # turned round in time, or converted
            return None
        return np.empty((*x.shape[:2], sum(one.output_size for one in layers)), layers[0].dtype)

    def _halves(self, both: Any) -> tuple[Any, Any]:
        size = self.forward_layer.output_size
        return both[..., :size], both[..., size:]

    def _run(
        self, layer: Any, x: Any, state: Any, mask: Any, training: bool, place: Any
    ) -> tuple[Any, tuple[Any, ...]]:
        """One direction: the output in the inputs' order of time for the layer that runs backwards, and the states.

        place : where the output goes, or None
        """
        options: dict[str, Any] = {} if state is None else {"initial_state": state}
        if layer._call_spec.has_mask:
            options["mask"] = mask
        if layer._call_spec.has_training:
            options["training"] = training
        backwards = layer is self.backward_layer
        ordered = backwards and layer.go_backwards and type(layer).call is RNN.call  # it need not be turned round twice
        if ordered or place is not None:
            options["output"] = SequenceOutput(ordered, place)
        result = layer(x, **options)
        y, states = (result[0], tuple(result[1:])) if self.return_state else (result, ())
        if backwards and self.return_sequences and not ordered:
            y = ops.flip(y, axis=1)
        return y, states

    def reset_state(self) -> None:
        """Back to zeros, in stateful layers."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """As :meth:`reset_state` (Keras 2's name)."""
        self.reset_state()

    @property
    def states(self) -> Any:
        """The states of both layers; None where they are not stateful or not built."""
        forward, backward = getattr(self.forward_layer, "states", None), getattr(self.backward_layer, "states", None)
        return None if forward is None or backward is None else (*forward, *backward)

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        shape = self.forward_layer.compute_output_shape(sequences_shape)
        other = self.backward_layer.compute_output_shape(sequences_shape)
        states: tuple[Any, ...] = ()
        if self.return_state:
            states = (*shape[1:], *other[1:])
            shape, other = shape[0], other[0]
        if self.merge_mode is None:
            return (shape, other, *states)
        if self.merge_mode == "concat":
            shape = (*shape[:-1], shape[-1] + other[-1])
        return (shape, *states) if self.return_state else shape

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        one = mask if self.return_sequences else None
        outputs = [one, one] if self.merge_mode is None else [one]
        if not self.return_state:
            return outputs if self.merge_mode is None else one
        return outputs + [None] * 2 * len(self.forward_layer.state_size)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "merge_mode": self.merge_mode,
            "layer": serialize_keras_object(self.forward_layer),
            "backward_layer": serialize_keras_object(self.backward_layer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        config = dict(config)
        for key in ("layer", "backward_layer"):
            if config.get(key) is not None:
                config[key] = deserialize_keras_object(config[key], custom_objects)
        return cls(**config)
