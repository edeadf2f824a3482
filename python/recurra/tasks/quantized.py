"""Trained tasks with weights of 8-bit integers."""

from __future__ import annotations

import warnings
from typing import Any, TypeVar

_T = TypeVar("_T", bound="Quantizable")


class Quantizable:
    """A task whose network can be quantized. Part of language models and classifiers."""

    model: Any

    def quantize(self: _T, mode: str = "int8") -> _T:
        """Turn the network's weights into 8-bit integers: a quarter of the memory and file, faster, no more training.

        mode : "int8"; see :meth:`recurra.models.Model.quantize`
        returns : this task
        raises : ValueError where it is not trained, or quantized already
        """
        if self.model is None:
            raise ValueError(
                f"the {type(self).__name__} must be trained before quantize(): call fit, or load a saved one"
            )
        if self.model._quantized_layer() is not None:
            raise ValueError(f"the {type(self).__name__} is quantized already: its weights are 8-bit integers")
        self.model.quantize(mode)
        return self


def copy_weights(source: Any, target: Any) -> None:
    """Give the network `target` the weights of `source`, which is made of the same layers; 8-bit ones too."""
    if source._quantized_layer() is not None:
        with warnings.catch_warnings():  # of layers that stay float: `source` has said it
            warnings.simplefilter("ignore")
            target.quantize("int8")
    target.set_weights(source.get_weights())
