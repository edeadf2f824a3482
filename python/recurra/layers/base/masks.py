"""What becomes of masks when a layer is called."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from recurra.autograd import Tensor
from recurra.layers.base.call_spec import CallSpec
from recurra.layers.base.context import get_mask, set_mask
from recurra.tree import sequence_of

_PLAIN = (np.ndarray, Tensor)


class Masks:
    """Hands masks from inputs to outputs. Part of :class:`recurra.layers.Layer`."""

    name: str
    _call_spec: CallSpec

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the output for that of the input: the same, unless a subclass says otherwise."""
        return mask

    def _fill_masks(self, inputs: Any, kwargs: dict[str, Any]) -> None:
        """Where several tensors come, the mask of argument `x` goes to the parameter ``x_mask``."""
        named = {self._call_spec.first: inputs, **kwargs}
        for key, value in named.items():
            name = f"{key}_mask"
            if name in self._call_spec.mask_names and named.get(name) is None:
                kwargs[name] = get_mask(value)

    def _attach_masks(self, inputs: Any, outputs: Any, mask: Any) -> Any:
        if isinstance(outputs, _PLAIN):
            if getattr(outputs, "_keras_mask", None) is not None and outputs is not inputs:
                return outputs
            new = self.compute_mask(inputs, mask)
            if isinstance(new, (list, tuple)):
                new = new[0] if len(new) else None
            if outputs is inputs and new is None:
                return outputs
            return set_mask(outputs, new)
        new = self.compute_mask(inputs, mask)
        if new is None:
            return outputs
        if isinstance(outputs, (list, tuple)):
            masks = list(new) if isinstance(new, (list, tuple)) else [new]  # one: the first output's, as in Keras
            masks += [None] * (len(outputs) - len(masks))
            pairs = zip(outputs, masks, strict=False)
            return sequence_of(
                type(outputs), [set_mask(value, one) if isinstance(value, _PLAIN) else value for value, one in pairs]
            )
        return outputs

    def _warn_mask_lost(self) -> None:
        if not self.__dict__.get("_warned_lost"):
            self._warned_lost = True
            warnings.warn(
                f"{self.name} ({type(self).__name__}) was given a mask but does not support masks: layers after it "
                "will not see it",
                stacklevel=3,
            )

    def _warn_mask_unused(self) -> None:
        if not self.__dict__.get("_warned_unused"):
            self._warned_unused = True
            warnings.warn(
                f"{self.name}: beside other tensors (initial_state) the mask attached to the input is handed on but "
                "not used here, as in Keras 3; pass mask=... to use it",
                stacklevel=3,
            )
