"""``Function``: the computation between symbolic tensors, to be called with arrays."""

from __future__ import annotations

from typing import Any

from recurra.models.model import Model
from recurra.typing import Data, Outputs, Shape


class Function:
    """What lies between inputs and outputs of a graph, as a function; its layers work as for prediction.

    inputs, outputs : symbolic tensors, or lists or dicts of them
    name : for messages

    >>> import numpy as np
    >>> from recurra import Function, Input
    >>> x = Input((3,))
    >>> Function(x, x * 2.0)(np.ones((1, 3), "float32"))
    array([[2., 2., 2.]], dtype=float32)
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        self._model = Model(inputs, outputs, name=name)
        self._one_in_list = isinstance(outputs, (list, tuple)) and len(outputs) == 1  # of which a model gives the array
        self.inputs, self.outputs, self.name = self._model.inputs, self._model.outputs, self._model.name

    def __call__(self, inputs: Data) -> Outputs:
        found: Outputs = self._model(inputs, training=False)
        return [found] if self._one_in_list else found

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """The outputs' shapes for the inputs'."""
        return self._model.compute_output_shape(input_shape)
