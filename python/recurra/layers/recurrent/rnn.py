"""The recurrent layer around any cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import Array, Variable, value_of
from recurra.layers.base.arguments import check_flag
from recurra.layers.base.call_spec import convert
from recurra.layers.base.context import context
from recurra.layers.base.layer import Layer
from recurra.layers.base.symbolic_call import is_shape
from recurra.layers.recurrent.cell import KernelCell
from recurra.layers.recurrent.dropout_cell import DropoutRNNCell
from recurra.layers.recurrent.stacked_cells import (
    StackedRNNCells,
    axes_of_state,
    call_cell,
    initial_state_of,
    is_size,
    output_shapes,
    output_size_of,
)
from recurra.registry import deserialize_keras_object, is_builtin, serialize_keras_object
from recurra.tree import leaves, map_structure
from recurra.typing import ArrayLike, Shape, TensorLike


class SequenceOutput:
    """How a recurrent layer is to give the sequences that it returns, for a layer around it.

    in_time_order : in the order of the inputs, though the layer runs backwards
    array : (B, T, units), where a layer that `puts_outputs` is to put them; None for an array of its own
    """

    __slots__ = ("array", "in_time_order")

    def __init__(self, in_time_order: bool, array: Array | None) -> None:
        self.in_time_order, self.array = in_time_order, array


class RNN(Layer):
    """Runs a cell over the steps of sequences.

    cell : an object with ``call(x, states) -> (output, new_states)`` and `state_size` (an int or a list), perhaps
        `output_size` and ``get_initial_state(batch_size=None)``, whose arrays may have more axes than (B, size); or a
        list of cells, which are stacked
    return_sequences : the outputs of all steps (B, T, units) rather than the last (B, units)
    return_state : the final states follow the output, one by one (a list for each of several stacked cells)
    go_backwards : from the last step to the first; the outputs stay in the order of processing, the mask handed on
        is not reversed
    stateful : each call starts from the states at which the last one ended; needs a fixed batch size
    unroll : as in Keras changes no number; it needs a known number of steps in a symbolic call
    zero_output_for_mask : zeros at masked steps, rather than the output of the step before
    time_major : Keras 2: sequences and outputs are (T, B, ...)

    Called as ``layer(sequences, initial_state=None, mask=None, training=False)``, sequences (B, T, I), or several
    arrays (B, T, ...) in a tuple or dict for a cell of one's own that reads such at each step. At a step
    that the mask (B, T) excludes the states stay as they are and the output repeats the one before.

    >>> import numpy as np
    >>> from recurra import ops
    >>> from recurra.layers import RNN, Layer
    >>> class Sum(Layer):
    ...     state_size = 3
    ...     def call(self, inputs, states):
    ...         total = states[0] + inputs
    ...         return total, [total]
    >>> RNN(Sum())(np.ones((1, 4, 3), "float32"))
    array([[4., 4., 4.]], dtype=float32)
    """

    _float_inputs = True
    supports_masking = True
    _mask_passes = True
    #: takes a lazily looked-up embedding and gives its ids and table to the kernel
    takes_embedded_ids = True

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        *,
        time_major: bool = False,
        **kwargs: Any,
    ) -> None:
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell, dtype=kwargs.get("dtype"))
        if isinstance(cell, RNN):
            raise ValueError(f"cell must compute one step, as LSTMCell does, got a layer over sequences: {cell!r}")
        if not callable(getattr(cell, "call", None)):
            raise ValueError(f"cell must have a method call(inputs, states), got {cell!r}")
        if not isinstance(getattr(cell, "state_size", None), (int, np.integer, list, tuple)):
            raise ValueError(
                "cell must have state_size, an integer or a list of them (one for each state), "
                f"got {getattr(cell, 'state_size', None)!r}"
            )
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences = check_flag(return_sequences, "return_sequences")
        self.return_state = check_flag(return_state, "return_state")
        self.go_backwards = check_flag(go_backwards, "go_backwards")
        self.stateful = check_flag(stateful, "stateful")
        self.unroll = check_flag(unroll, "unroll")
        self.zero_output_for_mask = check_flag(zero_output_for_mask, "zero_output_for_mask")
        self.time_major = check_flag(time_major, "time_major")
        self.states: Any = None
        size = cell.state_size
        self.single_state = is_size(size)
        self.state_size = [size] if self.single_state else list(size)
        self.output_size = output_size_of(cell)

    # --- building and states ---------------------------------------------------------------------------------------

    def build(self, sequences_shape: Shape, initial_state_shape: Any = None) -> None:
        batch = leaves(sequences_shape, is_leaf=is_shape)[0][1 if self.time_major else 0]
        first = self.cell.cells[0] if isinstance(self.cell, StackedRNNCells) else self.cell
        if isinstance(first, KernelCell) and not is_shape(sequences_shape):
            raise ValueError(f"{self.name}: inputs must be one array, got several of the shapes {sequences_shape}")
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build(map_structure(lambda shape: (batch, *shape[2:]), sequences_shape, is_leaf=is_shape))
            self.cell.built = True
        if self.stateful:
            if batch is None:
                raise ValueError(
                    f"{self.name} is stateful, so its batch size must be known when it is built, got shape "
                    f"{tuple(sequences_shape)}: give batch_shape=(B, T, I) to Input, or batch_input_shape"
                )
            if context.loading is not None:
                for size in leaves(self.state_size, is_leaf=is_size):
                    context.loading(self.name, "rnn_state", (batch, *axes_of_state(size)))
            self.states = map_structure(
                lambda value: Variable(value, dtype=self.dtype, name="rnn_state", trainable=False),
                self.get_initial_state(batch),
                sequence=list,
            )

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """What the layer starts from where it is given no state.

        batch_size : an int; or, as in Keras 2, the input itself, whose first axis it is
        """
        if getattr(batch_size, "shape", ()):
            batch_size = batch_size.shape[0]
        state = initial_state_of(self.cell, batch_size, self.dtype)
        return list(state) if isinstance(state, (list, tuple)) else [state]

    def reset_state(self) -> None:
        """Back to zeros, in a stateful layer."""
        for variable in leaves(self.states):
            variable.assign(np.zeros(variable.shape, self.dtype))

    def reset_states(self, states: Any = None) -> None:
        """As :meth:`reset_state`; with `states` (Keras 2) the states are set to these arrays."""
        if states is None:
            self.reset_state()
            return
        if self.states is None:
            raise ValueError(f"{self.name} has no states to set: it must be stateful and built")
        values, variables = leaves(states), leaves(self.states)
        if len(values) != len(variables):
            raise ValueError(f"{self.name} has {len(variables)} states, got {len(values)}")
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def _start(self, initial_state: Any, batch: int) -> Any:
        """The states to start from as nested lists; None stands for zeros."""
        if self.stateful:
            expected = leaves(self.states)[0].shape[0]
            if batch != expected:
                raise ValueError(
                    f"{self.name} is stateful and was built for batches of {expected} rows, got a batch of {batch}"
                )
        if initial_state is None:
            if self.stateful:
                return map_structure(lambda variable: variable.value.copy(), self.states)
            if isinstance(self.cell, KernelCell) and self.cell.runs_in_kernel and not _own_start(self.cell):
                return None
            return self.get_initial_state(batch)
        if not isinstance(initial_state, (list, tuple)):
            initial_state = [initial_state]
        given, wanted = leaves(initial_state), leaves(self.state_size, is_leaf=is_size)
        if len(given) != len(wanted):
            raise ValueError(f"{self.name}: initial_state must hold {len(wanted)} states, got {len(given)}")
        for value, size in zip(given, wanted, strict=True):
            if tuple(value.shape) != (batch, size) and np.ndim(size) == 0 and len(value.shape) == 2:
                raise ValueError(
                    f"{self.name}: initial_state must have shape (B, units) = {(batch, size)}, got {tuple(value.shape)}"
                )
        dtype = np.dtype(self.dtype)
        return map_structure(lambda value: convert(value, dtype, True, True), initial_state, sequence=list)

    # --- calling -----------------------------------------------------------------------------------------------------

    def call(
        self,
        sequences: TensorLike,
        initial_state: Any = None,
        mask: ArrayLike | None = None,
        training: bool = False,
        *,
        output: SequenceOutput | None = None,
    ) -> Any:
        if self.time_major:
            sequences = map_structure(_axes_swapped, sequences)
            mask = None if mask is None else ops.swapaxes(mask, 0, 1)
        y, states = self.run(sequences, initial_state, mask, training, None if output is None else output.array)
        if self.return_sequences:
            if self.go_backwards and not (output is not None and output.in_time_order):
                y = map_structure(lambda one: ops.flip(one, axis=1), y)
            if self.time_major:
                y = map_structure(_axes_swapped, y)
        return (y, *states) if self.return_state else y

    def run(
        self, x: Any, initial_state: Any, mask: Any, training: bool, out: Array | None = None
    ) -> tuple[Any, list[Any]]:
        """The outputs, in the order of the inputs whatever the direction, and the final states.

        out : where the kernel is to put the outputs, in a layer that `puts_outputs`
        """
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        state = self._start(initial_state, (x if hasattr(x, "shape") else leaves(x)[0]).shape[0])
        try:
            y, final = self._run(x, state, mask, training, out)
        finally:
            reset_dropout(self.cell)
        if self.stateful:
            for variable, value in zip(leaves(self.states), leaves(final), strict=True):
                variable.assign(value_of(value))
        return y, final

    def _run(self, x: Any, state: Any, mask: Any, training: bool, out: Array | None) -> tuple[Any, list[Any]]:
        cell = self.cell
        options: dict[str, Any] = {"reverse": self.go_backwards, "zero_output_for_mask": self.zero_output_for_mask}
        if isinstance(cell, KernelCell) and cell.runs_in_kernel:
            if out is not None:
                options["out"] = out
            return cell.sequence(x, state, mask, training, return_sequences=self.return_sequences, **options)
        if out is not None:
            raise ValueError(f"{self.name}: out is for a layer whose cell runs in a kernel, got {cell!r}")
        if type(cell) is StackedRNNCells and all(isinstance(c, KernelCell) and c.runs_in_kernel for c in cell.cells):
            final = []
            for index, (one, start) in enumerate(zip(cell.cells, state, strict=True)):
                last = index == len(cell.cells) - 1
                listed = isinstance(start, (list, tuple))
                x, new = one.sequence(
                    x,
                    list(start) if listed else [start],
                    mask,
                    training,
                    reverse=self.go_backwards,
                    return_sequences=self.return_sequences or not last,
                    zero_output_for_mask=self.zero_output_for_mask and last,
                )
                final.append(new if listed else new[0])
            return x, final
        y, final = ops.rnn(
            lambda x_t, states: call_cell(cell, x_t, states, training),
            x,
            state,
            mask,
            return_sequences=self.return_sequences,
            **options,
        )
        self._check_states(state, final)
        return y, final

    def _check_states(self, before: Any, after: Any) -> None:
        """ValueError where the states that a cell returned have other shapes than those it was given."""
        for old, new in zip(leaves(before), leaves(after), strict=True):
            given, found = tuple(old.shape), tuple(new.shape)
            fits = len(given) == len(found) and all(
                size in (1, other) for size, other in zip(given, found, strict=True)
            )
            if not fits:
                raise ValueError(
                    f"{self.name}: the cell's new states must have the shapes of the old ones, as state_size says: "
                    f"{given} became {found}"
                )

    # --- shapes, masks, configuration --------------------------------------------------------------------------------

    def compute_output_shape(self, sequences_shape: Shape, initial_state_shape: Any = None) -> Any:
        first, second = leaves(sequences_shape, is_leaf=is_shape)[0][:2]
        batch = second if self.time_major else first
        shape = output_shapes(self.output_size, (first, second) if self.return_sequences else (batch,))
        if not self.return_state:
            return shape
        if hasattr(self.cell, "get_initial_state") and not is_builtin(type(self.cell)):  # which may know better
            return (shape, *map_structure(lambda start: (batch, *start.shape[1:]), self.get_initial_state(1)))
        return (
            shape,
            *map_structure(lambda size: (batch, *axes_of_state(size)), self.state_size, is_leaf=is_size, sequence=list),
        )

    def compute_output_spec(self, sequences: TensorLike, **kwargs: Any) -> Any:
        steps = leaves(sequences)[0].shape[0 if self.time_major else 1]
        if self.unroll and steps is None:
            raise ValueError(f"{self.name}: unroll=True needs a known number of steps, got shape {sequences.shape}")
        return super().compute_output_spec(sequences, **kwargs)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        output = mask if self.return_sequences else None
        return [output] + [None] * len(self.state_size) if self.return_state else output

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.loop_config(), "cell": serialize_keras_object(self.cell)}

    def loop_config(self) -> dict[str, Any]:
        """The settings of the loop, without the cell's."""
        config = {
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": self.unroll,
            "zero_output_for_mask": self.zero_output_for_mask,
        }
        return {**config, "time_major": True} if self.time_major else config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        config = dict(config)
        if "cell" in config:
            config["cell"] = deserialize_keras_object(config["cell"], custom_objects)
        return cls(**config)


def _own_start(cell: Any) -> bool:
    """Whether a subclass of a built-in cell says itself where it starts."""
    return type(cell).get_initial_state is not KernelCell.get_initial_state


def _axes_swapped(x: Any) -> Any:
    return ops.swapaxes(x, 0, 1)


def reset_dropout(cell: Any) -> None:
    if isinstance(cell, DropoutRNNCell):
        cell.reset_dropout_mask()
        cell.reset_recurrent_dropout_mask()
    elif isinstance(cell, StackedRNNCells):
        for one in cell.cells:
            reset_dropout(one)
