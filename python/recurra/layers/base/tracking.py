"""What a layer owns: its variables and sublayers, found through its attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import NoneType
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.autograd import Array, Variable, value_of
from recurra.tree import PLAIN, leaves
from recurra.typing import ArrayLike

if TYPE_CHECKING:
    from recurra.layers.base.layer import Layer


class Tracking:
    """Variables, sublayers and losses of a layer. Part of :class:`recurra.layers.Layer`.

    Sublayers and variables are found in the layer's attributes, looking into lists, tuples and dicts, in the order in
    which the attributes were first set. A class names attributes not to look into in `_untracked`.
    """

    _untracked: frozenset[str] = frozenset(
        {
            "_init_args", "_inbound_nodes", "_losses", "_loss_owners", "_callable_losses", "_own_trainable",
            "_own_non_trainable", "states",
        }
    )  # fmt: skip
    _own_trainable: list[Variable]
    _own_non_trainable: list[Variable]
    _losses: list[Any]
    _callable_losses: Sequence[Callable[[], Any]] = ()
    _trainable: bool
    name: str
    built: bool

    # --- sublayers ---------------------------------------------------------------------------------------------

    def _sublayers(self) -> list[Layer]:
        """The layers directly below this one, each once, in order."""
        from recurra.layers.base.layer import Layer

        found: dict[int, Layer] = {}
        for value in _walk(self.__dict__, self._untracked):
            if isinstance(value, Layer) and value is not self:
                found.setdefault(id(value), value)
        return list(found.values())

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Layer]:
        """The layer itself and those below it, each once, from the top down."""
        found: dict[int, Layer] = {}
        waiting: list[Any] = [self]
        while waiting:
            layer = waiting.pop()
            if id(layer) not in found:
                found[id(layer)] = layer
                if recursive or layer is self:
                    waiting += reversed(layer._sublayers())
        if not include_self:
            found.pop(id(self), None)
        return list(found.values())

    # --- variables ---------------------------------------------------------------------------------------------

    def _own_variables(self) -> list[Variable]:
        """The variables of this layer alone: trainable ones first, each in the order in which they were made."""
        trainable, rest = list(self._own_trainable), list(self._own_non_trainable)
        known = {id(variable) for variable in (*trainable, *rest)}
        for value in _walk(self.__dict__, self._untracked):
            if isinstance(value, Variable) and id(value) not in known:
                known.add(id(value))
                (trainable if value.trainable else rest).append(value)
        return trainable + rest

    @property
    def weights(self) -> list[Variable]:
        """All variables, this layer's own first, then its sublayers'; each once."""
        return variables_of(self._flatten_layers())

    @property
    def variables(self) -> list[Variable]:
        return self.weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """The variables that training changes; none if the layer is not trainable."""
        return [variable for variable in self.weights if variable.trainable] if self._trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The variables that training leaves alone."""
        return [variable for variable in self.weights if not (self._trainable and variable.trainable)]

    @property
    def trainable_variables(self) -> list[Variable]:
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        return self.non_trainable_weights

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights. Setting it sets it for all sublayers and variables too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for variable in self._own_trainable:
            variable.trainable = self._trainable
        for layer in self._sublayers():
            layer.trainable = self._trainable

    def get_weights(self) -> list[Array]:
        """Copies of the values of :attr:`weights`."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[ArrayLike]) -> None:
        """Copy `weights`, arrays in the order and of the shapes of :attr:`weights`, into the variables.

        raises : ValueError where their number or a shape differs; nothing is changed then
        """
        variables = self.weights
        values = [np.asarray(value_of(value)) for value in weights]
        if len(values) != len(variables):
            hint = "" if variables or self.built else ": it is not built yet, call it or build() first"
            raise ValueError(f"{self.name} has {len(variables)} weights, got {len(values)} arrays{hint}")
        for variable, value in zip(variables, values, strict=True):
            if variable.shape != value.shape:
                raise ValueError(
                    f"{self.name}: weight {variable.name} must have shape {variable.shape}, got {value.shape}"
                )
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def count_params(self) -> int:
        """How many numbers the weights hold.

        raises : ValueError if the layer is not built
        """
        if not self.built:
            raise ValueError(
                f"{self.name} is not built, so its weights have no shapes yet: call it on data, or build(input_shape)"
            )
        return int(sum(variable.size for variable in self.weights))

    # --- losses ------------------------------------------------------------------------------------------------

    @property
    def losses(self) -> list[Any]:
        """What to add to the loss (Tensors while a tape is open).

        From ``add_loss`` and activity regularizers during the last call, from functions given to ``add_loss``, and
        from the trainable weights' regularizers.
        """
        layers = self._flatten_layers()
        result = [loss for layer in layers for loss in layer._losses]
        result.extend(loss() for layer in layers for loss in layer._callable_losses)
        result.extend(
            variable.regularizer(variable) for variable in self.trainable_weights if variable.regularizer is not None
        )
        return result


def variables_of(layers: Iterable[Tracking]) -> list[Variable]:
    """The variables of each of `layers` alone, each once."""
    found: dict[int, Variable] = {}
    for layer in layers:
        for variable in layer._own_variables():
            found.setdefault(id(variable), variable)
    return list(found.values())


_SETTINGS = frozenset({str, int, float, bool, NoneType})  # most attributes: no layers, no variables


def _walk(attributes: dict[str, Any], untracked: frozenset[str]) -> Iterator[Any]:
    for name, value in list(attributes.items()):
        if type(value) in _SETTINGS or name in untracked:
            continue
        if isinstance(value, (list, tuple, dict)):
            yield from leaves(value, PLAIN)
        else:
            yield value
