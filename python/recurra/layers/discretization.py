"""Numbers to the bins that they fall into: :class:`Discretization`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np

from recurra.autograd import Array, value_of
from recurra.layers.base.arguments import check_choice, check_positive
from recurra.layers.base.layer import Layer
from recurra.layers.category_encoding import encode, encoded_shape
from recurra.symbolic import KerasTensor
from recurra.typing import Shape

_MODES = ("int", "one_hot", "multi_hot", "count")


class Discretization(Layer):
    """Numbers to the index of their bin: how many boundaries are not above them.

    bin_boundaries : ascending numbers; with k of them there are k + 1 bins, without end at both ends
    num_bins : in place of them: how many bins of about the same number of values to make from data (`adapt`)
    epsilon : how exactly `adapt` finds the quantiles, as a share of the data; the smaller, the more it remembers
    output_mode : "int", or "one_hot", "multi_hot", "count" over the bins, as in :class:`CategoryEncoding`

    >>> import numpy as np
    >>> from recurra.layers import Discretization
    >>> Discretization(bin_boundaries=[0.0, 1.0, 2.0])(np.array([[-1.5, 1.0, 3.4, 0.5]]))
    array([[0, 2, 3, 1]], dtype=int32)
    >>> layer = Discretization(num_bins=4)
    >>> layer.adapt(np.arange(100.0))
    >>> [round(boundary) for boundary in layer.bin_boundaries]
    [24, 49, 74]
    """

    supports_masking = True
    _mask_passes = True

    def __init__(
        self,
        bin_boundaries: Sequence[float] | Array | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("autocast", False)
        super().__init__(**kwargs)
        if sparse:
            raise ValueError("sparse must be False: there is no sparse array type here")
        if (bin_boundaries is None) == (num_bins is None):
            raise ValueError(
                f"one of bin_boundaries and num_bins must be given, got {bin_boundaries!r} and {num_bins!r}"
            )
        if not isinstance(epsilon, (int, float)) or not 0.0 < epsilon < 1.0:
            raise ValueError(f"epsilon must be a number between 0 and 1, got {epsilon!r}")
        self.num_bins = None if num_bins is None else check_positive(num_bins, "num_bins")
        self.bin_boundaries = None if bin_boundaries is None else _boundaries(bin_boundaries)
        self.epsilon = float(epsilon)
        self.output_mode = check_choice(output_mode, "output_mode", _MODES)
        self._points: Array = np.zeros(0, np.float32)
        self._weights: Array = np.zeros(0, np.float32)

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Take the boundaries from the quantiles of `data`, forgetting those from before.

        data : an array, or an iterable of batches (a Dataset, a generator, a list of arrays)
        steps : how many batches to take from an iterable; None takes all
        """
        if self.num_bins is None:
            raise ValueError(f"{self.name}: bin_boundaries were given: adapt is for a layer made with num_bins=")
        self.reset_state()
        if hasattr(data, "__array__"):
            self.update_state(data)
        else:
            for batch in islice(data, steps):
                self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Add the numbers of one batch."""
        values = np.sort(np.asarray(value_of(data), np.float32), axis=None)
        if not values.size:
            return
        step = max(values.size * self.epsilon, 1.0)
        chosen = values[int(step - 1) :: int(step)]
        self._points = np.concatenate([chosen, self._points])
        self._weights = np.concatenate([np.full(len(chosen), step, np.float32), self._weights])
        order = np.argsort(self._points)
        self._points, self._weights = _condensed(self._points[order], self._weights[order], self.epsilon)

    def finalize_state(self) -> None:
        """Make the boundaries of what was added."""
        if self.num_bins is None:
            return
        if not self._points.size:
            raise ValueError(f"{self.name}: data must hold something to adapt to")
        points, _ = _condensed(self._points, self._weights, 1.0 / self.num_bins)
        self.bin_boundaries = points[:-1].tolist()

    def reset_state(self) -> None:
        """Forget the data (not the boundaries)."""
        self._points = self._weights = np.zeros(0, np.float32)

    @property
    def _depth(self) -> int:
        if self.bin_boundaries is None:
            assert self.num_bins is not None
            return self.num_bins
        return len(self.bin_boundaries) + 1

    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            raise ValueError(f"{self.name} has no boundaries: call adapt, or make it with bin_boundaries=")
        bins = np.digitize(np.asarray(value_of(inputs)), self.bin_boundaries)
        if self.output_mode == "int":
            return np.asarray(bins, np.int32)
        return encode(np.asarray(bins), self.output_mode, self._depth).astype(self.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.output_mode == "int":
            return input_shape
        return encoded_shape(input_shape, self.output_mode, self._depth) if input_shape else (self._depth,)

    def compute_output_spec(self, inputs: Any) -> Any:
        dtype = "int32" if self.output_mode == "int" else self.dtype
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments, with the boundaries, given or found: the configuration is the whole layer."""
        return {
            **super().get_config(),
            "bin_boundaries": self.bin_boundaries,
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": False,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer of :meth:`get_config`; one that was adapted has its boundaries, and may be adapted anew."""
        boundaries = config.get("bin_boundaries")
        if boundaries is None or config.get("num_bins") is None:
            return cls(**config)
        layer = cls(**{**config, "bin_boundaries": None})
        layer.bin_boundaries = _boundaries(boundaries)
        return layer


def _boundaries(given: Any) -> list[float]:
    found = np.asarray(value_of(given), np.float64)
    if found.ndim != 1 or not np.isfinite(found).all() or (np.diff(found) < 0).any():
        raise ValueError(f"bin_boundaries must be a list of ascending numbers, got {given!r}")
    return [float(boundary) for boundary in found]


def _condensed(points: Array, weights: Array, share: float) -> tuple[Array, Array]:
    """Ascending values that stand for `weights` of the data each, as fewer values that stand for a `share` each.

    A value in between two is interpolated, by how much of the data lies below. As they are where they are few.
    """
    if len(points) * share < 1:
        return points, weights
    below = weights.cumsum()
    wanted = share + np.arange(0.0, 1.0, share)
    fractions = below / below[-1]
    chosen, below = np.interp(wanted, fractions, points), np.interp(wanted, fractions, below)
    return chosen.astype(np.float32), np.diff(below, prepend=0.0).astype(np.float32)
