"""Recorded steps of layers: forward and backward on arrays.

A step has ``forward(x, mask) -> (y, mask)``, to be called in training, and ``backward(dy, sums, before) -> dx`` for the
last forward. That adds the gradients of its `variables` to the `sums` that later steps and the loss left. `before` is
what later steps that read x gave for its gradient, or None; dx is that and the step's own, and None unless `need_dx`.
Both are added in the order in which a tape adds them. ``is_current()`` says whether the layer still has the settings
with which the step was made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Protocol

import numpy as np

from recurra import activations
from recurra._core.select import core
from recurra.autograd import Array, GradientTape, RowSparse, Tensor, Variable, _key_of, filled
from recurra.layers.base.context import set_mask
from recurra.layers.dense import Dense
from recurra.layers.dropout import Dropout
from recurra.layers.embedding import Embedding
from recurra.layers.recurrent.kernel_layer import KernelLayer
from recurra.layers.recurrent.rnn import reset_dropout
from recurra.ops.common import SUM_BLOCK, contiguous
from recurra.ops.products import dense_backward, dense_forward
from recurra.random import dropout_multiplier


class Sums(dict[int, Any]):
    """The gradients of variables so far, by the variables' ids."""

    def add(self, keys: Sequence[int], gradients: Sequence[Any]) -> None:
        """Add one to the sum of each variable, different ones; None adds nothing."""
        if self.keys().isdisjoint(keys):
            self.update(zip(keys, gradients, strict=True))
            return
        for key, gradient in zip(keys, gradients, strict=True):
            self[key] = plus(self.get(key), gradient)


def plus(before: Any, gradient: Any) -> Any:
    """The sum of two gradients, either of which may be None."""
    if before is None or gradient is None:
        return gradient if before is None else before
    return before + gradient


class Step(Protocol):
    """What all steps have."""

    variables: Sequence[Variable]
    need_dx: bool

    def forward(self, x: Any, mask: Any) -> tuple[Any, Any]: ...
    def backward(self, dy: Any, sums: Sums, before: Any = None) -> Any: ...
    def is_current(self) -> bool: ...


class Settings:
    """Attributes as they were, looked at again before each replay."""

    __slots__ = ("_kept", "_owner", "_read")

    def __init__(self, owner: Any, *names: str) -> None:
        self._owner, self._read = owner, attrgetter(*names)
        self._kept = self._read(owner)

    def hold(self) -> bool:
        """Whether they are still the same."""
        return bool(self._read(self._owner) == self._kept)


class DenseStep:
    """A Dense layer; `activated` is False where its activation is left to the step after it."""

    def __init__(self, layer: Dense, need_dx: bool, activated: bool) -> None:
        self.layer, self.need_dx = layer, need_dx
        self.activation = activations.kernel_name(layer.activation) if activated else "linear"
        self.variables: Sequence[Variable] = [v for v in (layer.kernel, layer.bias) if v is not None]
        self._keys = id(layer.kernel), id(layer.bias)
        self._needs = [v is not None and v.trainable for v in (layer.kernel, layer.bias)]
        self._plain = all(self._needs)
        self._settings = Settings(layer, "call", "activation", "kernel", "bias", "activity_regularizer")
        self._kept: Any = None
        self._ones: Array | None = None  # (1, rows)

    @staticmethod
    def knows(activation: Any) -> bool:
        """Whether the kernels have this activation, with its gradient."""
        return activations.kernel_name(activation) is not None

    def is_current(self) -> bool:
        return self._settings.hold()

    def forward(self, x: Array, mask: Any) -> tuple[Array, Any]:
        layer = self.layer
        w = layer.kernel.value
        y, rows = dense_forward(x, w, None if layer.bias is None else layer.bias.value)
        if self.activation != "linear":
            y = core.activation_forward(self.activation, y)
        self._kept = rows, w, x.shape, y
        return y, mask

    def backward(self, dy: Array, sums: Sums, before: Array | None = None) -> Array | None:
        dx, dw, db = self._pull(dy)
        sums.add(self._keys, (dw, db))
        total: Array | None = dx if before is None else plus(before, dx)
        return total

    def _pull(self, dy: Array) -> tuple[Array | None, Array | None, Array | None]:
        (rows, w, shape, y), self._kept = self._kept, None
        if self.activation != "linear":
            dy = core.activation_backward(self.activation, y, contiguous(dy))
        if not self._plain or len(rows) > SUM_BLOCK or not dy.flags.c_contiguous:
            return dense_backward(dy, rows, w, shape, self.need_dx, *self._needs)
        d = dy if dy.ndim == 2 else dy.reshape(len(rows), dy.shape[-1])
        ones = self._ones
        if ones is None or ones.shape[1] != len(rows) or ones.dtype is not d.dtype:
            ones = self._ones = filled((1, len(rows)), d.dtype, 1)
        dx = core.matmul(d, w, None, False, True) if self.need_dx else None
        if dx is not None and len(shape) > 2:
            dx = dx.reshape(shape)
        return dx, core.matmul(rows, d, None, True, False), core.matmul(ones, d, None, False, False)[0]


class RecurrentStep:
    """A recurrent layer whose cell runs in the kernels, and the Embedding in front of it, if its ids go there too."""

    def __init__(self, layer: KernelLayer, embedding: Embedding | None, need_dx: bool) -> None:
        cell = layer.cell
        self.layer, self.cell, self.embedding = layer, cell, embedding
        self._reverse = layer.go_backwards
        self.weights = [getattr(cell, name) for name in cell.kernel_cell.weights]
        self._table = None if embedding is None else embedding.embeddings
        self.variables: Sequence[Variable] = [v for v in (self._table, *self.weights) if v is not None]
        self._keys = [id(v) for v in self.weights]
        self._needs = [v is not None and v.trainable for v in self.weights]
        self.need_dx = need_dx
        self._need_input = need_dx if self._table is None else self._table.trainable
        self._zeros: tuple[Any, ...] = (None,) * len(cell.kernel_cell.states)
        self._draws = bool(cell.dropout or cell.recurrent_dropout or cell._has_zoneout)
        names = "dropout", "recurrent_dropout", "weight_drop", "zoneouts", "_kernel_names", *cell.kernel_cell.weights
        self._settings = Settings(
            layer, "call", "go_backwards", "return_sequences", "zero_output_for_mask", "stateful", "time_major",
            "return_state", "activity_regularizer", *(f"cell.{name}" for name in names),
        )  # fmt: skip
        self._own = (
            None if embedding is None else Settings(embedding, "embeddings", "mask_zero", "activity_regularizer")
        )
        self._cache: Any = None

    @staticmethod
    def takes(layer: Any, go_backwards: bool = False) -> bool:
        """Whether the layer's call, in this direction, is one call of a kernel, whose outputs are in order of time."""
        return (
            isinstance(layer, KernelLayer)
            and layer.cell.runs_in_kernel
            and layer.cell._stretch is None
            and not (layer.time_major or layer.cell.weight_drop)
            and (layer.go_backwards == go_backwards or not (go_backwards or layer.return_sequences))
        )

    def is_current(self) -> bool:
        return self._settings.hold() and (self._own is None or self._own.hold())

    def forward(self, x: Array, mask: Any) -> tuple[Array, Any]:
        x, table, mask = self.looked_up(x, mask)
        return self.run(x, table, mask)[0], mask if self.layer.return_sequences else None

    def looked_up(self, x: Array, mask: Any) -> tuple[Array, Array | None, Any]:
        """What the kernel takes: numbers, or ids and their table; and the mask over time."""
        if self.embedding is None or self._table is None:
            return x, None, mask
        x = self.embedding.ids_of(x)
        return x, self._table.value, x != 0 if self.embedding.mask_zero else None

    def run(
        self, x: Array, table: Array | None, mask: Any, out: Array | None = None, states: Sequence[Array] | None = None
    ) -> tuple[Array, Sequence[Array]]:
        """The outputs, in the inputs' order of time, and the last states.

        out : where the outputs are put, or None
        states : the first ones; None for those that the layer starts from
        """
        layer, cell = self.layer, self.cell
        options = cell._kernel_names
        if self._draws:
            shape = x if table is None else np.broadcast_to(table[:1, :], (*x.shape, table.shape[1]))
            options = cell._kernel_options(shape, True)[1]
        zoneout = options.get("zoneout")
        if states is None:
            states = [variable.value.copy() for variable in layer.states] if layer.stateful else self._zeros
        y, final, self._cache = core.recurrent_forward(
            cell.kernel_cell.name, x, tuple(states), tuple([None if v is None else v.value for v in self.weights]),
            mask, options.get("input_dropout"), options.get("recurrent_dropout"), table, options["activation"],
            options.get("recurrent_activation") or "sigmoid", self._reverse, layer.return_sequences,
            layer.zero_output_for_mask, True, None, out, None if zoneout is None else tuple(zoneout),
        )  # fmt: skip
        if self._draws:
            reset_dropout(cell)
        if layer.stateful:
            for variable, value in zip(layer.states, final, strict=True):
                variable.assign(value)
        return y, final

    def backward(self, dy: Array, sums: Sums, before: Array | None = None) -> Array | None:
        return self.pull(dy, None, sums, before)[0]

    def pull(self, dy: Any, dstates: Any, sums: Sums, before: Array | None) -> tuple[Array | None, Any]:
        """As `backward`, with the gradients of the last states, or None; gives those of the first states too."""
        cache, self._cache = self._cache, None
        dx, of_first, gradients = core.recurrent_backward(cache, dy, dstates, self._need_input, self._needs)
        if self._table is not None:
            sums.add([id(self._table)], [None if dx is None else RowSparse(dx[0], dx[1], self._table.shape)])
            dx = None
        sums.add(self._keys, gradients)
        return dx if before is None else plus(before, dx), of_first


class DropoutStep:
    """Dropout, of elements or of whole features."""

    variables: Sequence[Variable] = ()

    def __init__(self, layer: Dropout, need_dx: bool) -> None:
        self.layer, self.need_dx = layer, need_dx
        self._settings = Settings(layer, "call", "activity_regularizer")
        self._multiplier: Any = None

    def is_current(self) -> bool:
        return self._settings.hold()

    def forward(self, x: Array, mask: Any) -> tuple[Array, Any]:
        layer = self.layer
        if layer.rate == 0.0:
            self._multiplier = None
            return x, mask
        self._multiplier = dropout_multiplier(layer._mask_shape(x), layer.rate, x.dtype, layer.seed_generator)
        return np.multiply(x, self._multiplier), mask

    def backward(self, dy: Array, sums: Sums, before: Array | None = None) -> Array | None:
        multiplier, self._multiplier = self._multiplier, None
        if not self.need_dx:
            return None
        total: Array = plus(before, dy if multiplier is None else dy * multiplier)
        return total


class TapedStep:
    """Layers called one after the other, under a tape of their own."""

    def __init__(self, calls: Sequence[Callable[[Any], Any]], variables: Sequence[Variable], need_dx: bool) -> None:
        self.calls, self.variables, self.need_dx = calls, variables, need_dx
        self._kept: Any = None

    def is_current(self) -> bool:
        return True  # the layers themselves are called; see Chain.settings

    def forward(self, x: Any, mask: Any) -> tuple[Any, Any]:
        with GradientTape() as tape:
            first = value = set_mask(tape.watch(x) if self.need_dx else x, mask)
            for call in self.calls:
                value = call(value)
        self._kept = tape, first, value
        plain = value.value if isinstance(value, Tensor) else np.asarray(value)
        return plain, getattr(value, "_keras_mask", None)

    def backward(self, dy: Any, sums: Sums, before: Any = None) -> Any:
        (tape, first, value), self._kept = self._kept, None
        if not isinstance(value, Tensor):
            return before
        (dx,) = pulled(tape, [(value, dy)], [first] if self.need_dx else [], [before], self.variables, sums) or (None,)
        return dx


def pulled(
    tape: GradientTape, targets: Any, firsts: Sequence[Tensor], befores: Sequence[Any], variables: Any, sums: Sums
) -> list[Any]:
    """The gradients of watched values, and those of variables into `sums`: what was there before, and the tape's."""
    grads: dict[int, Any] = {}
    known = [sums.get(id(variable)) for variable in variables]
    for value, d in (*zip(firsts, befores, strict=False), *zip(variables, known, strict=True), *targets):
        key = _key_of(value)
        grads[key] = plus(grads.get(key), d)
    found = tape.walk({key: d for key, d in grads.items() if d is not None}, [*firsts, *variables])
    for variable, gradient in zip(variables, found[len(firsts) :], strict=True):
        if gradient is not None:
            sums[id(variable)] = gradient
    return found[: len(firsts)]
