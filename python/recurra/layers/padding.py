"""Steps added, cut off or repeated along the axes between the batch and the channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra import ops
from recurra.layers.base.arguments import check_choice, check_positive
from recurra.layers.base.input_spec import InputSpec
from recurra.layers.convolution import FORMATS, Sizes
from recurra.layers.reshaping import Shaping
from recurra.ops.windows import per_axis
from recurra.typing import Shape, TensorLike

Margins = int | Sequence[int] | Sequence[Sequence[int]]


def _margins(value: Any, rank: int, name: str) -> tuple[tuple[int, int], ...]:
    """`value` as (before, after) for each of `rank` axes."""
    given = [value] * rank if isinstance(value, (int, np.integer)) else [value] if rank == 1 else value
    pairs = []
    if isinstance(given, (list, tuple)) and len(given) == rank:
        for one in given:
            pair = (one, one) if isinstance(one, (int, np.integer)) else one
            if isinstance(pair, (list, tuple)) and len(pair) == 2 and all(_is_count(n) for n in pair):
                pairs.append((int(pair[0]), int(pair[1])))
    if len(pairs) != rank:
        raise ValueError(f"{name} must be an integer of at least 0, or (before, after) for each axis, got {value!r}")
    return tuple(pairs)


def _is_count(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= 0)


class _Axes(Shaping):
    """Base: something happens along each of `rank` axes."""

    rank = 1

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = check_choice(data_format or FORMATS[0], "data_format", FORMATS)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _first(self) -> int:
        """The first of the axes."""
        return 1 if self.data_format == "channels_last" else 2

    def _sized(self, index: int, size: int) -> int:
        """The new size of axis `index`."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        shape = list(input_shape)
        for index in range(self.rank):
            size = shape[self._first + index]
            if size is not None:
                shape[self._first + index] = self._sized(index, size)
        return tuple(shape)

    def _around(self, pairs: Sequence[Any], others: Any) -> list[Any]:
        """`pairs` for the spatial axes and `others` for the rest."""
        rest = [others] if self._first == 1 else []
        return [*[others] * self._first, *pairs, *rest]


class _ZeroPadding(_Axes):
    def __init__(self, padding: Margins = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self._pairs = _margins(padding, self.rank, "padding")
        self.padding = self._pairs[0] if self.rank == 1 else self._pairs

    def _sized(self, index: int, size: int) -> int:
        return size + sum(self._pairs[index])

    def call(self, inputs: TensorLike) -> Any:
        return ops.pad(inputs, self._around(self._pairs, (0, 0)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "padding": self.padding, "data_format": self.data_format}


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after a sequence.

    padding : how many steps on both sides, or (before, after)
    data_format : "channels_last" (None): inputs (B, T, C); "channels_first": (B, C, T)
    """


class ZeroPadding2D(_ZeroPadding):
    """Zeros around two axes: inputs (B, H, W, C), or (B, C, H, W) with data_format "channels_first".

    padding : how many on all sides, (for H, for W), or ((before, after), (before, after))
    """

    rank = 2


class ZeroPadding3D(_ZeroPadding):
    """Zeros around three axes; arguments as for :class:`ZeroPadding2D`."""

    rank = 3


class _Cropping(_Axes):
    def _set(self, cropping: Margins) -> None:
        self._pairs = _margins(cropping, self.rank, "cropping")
        self.cropping = self._pairs[0] if self.rank == 1 else self._pairs

    def _sized(self, index: int, size: int) -> int:
        left = size - sum(self._pairs[index])
        if left <= 0:
            raise ValueError(f"{self.name}: cropping {self._pairs[index]} leaves nothing of an axis of {size}")
        return left

    def call(self, inputs: TensorLike) -> Any:
        shape = self.compute_output_shape(tuple(inputs.shape))
        cuts = [
            slice(before, before + (size or 0))
            for (before, _), size in zip(self._pairs, shape[self._first :], strict=False)
        ]
        return ops.getitem(inputs, tuple(self._around(cuts, slice(None))))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cropping": self.cropping}


class Cropping1D(_Cropping):
    """A sequence (B, T, C) without its first and last steps.

    cropping : how many on both sides, or (before, after)
    """

    def __init__(self, cropping: Margins = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._set(cropping)


class Cropping2D(_Cropping):
    """The middle of two axes: inputs (B, H, W, C), or (B, C, H, W) with data_format "channels_first".

    cropping : how many on all sides, (for H, for W), or ((before, after), (before, after))
    """

    rank = 2

    def __init__(self, cropping: Margins = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self._set(cropping)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class Cropping3D(Cropping2D):
    """The middle of three axes; arguments as for :class:`Cropping2D`."""

    rank = 3

    def __init__(
        self, cropping: Margins = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)


class UpSampling1D(_Axes):
    """Each step of (B, T, C) `size` times in a row."""

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = check_positive(size, "size")

    def _sized(self, index: int, size: int) -> int:
        return size * self.size

    def call(self, inputs: TensorLike) -> Any:
        return ops.repeat(inputs, self.size, 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


class UpSampling2D(_Axes):
    """Each row and column repeated: inputs (B, H, W, C), or (B, C, H, W) with data_format "channels_first".

    size : how many times, or (for rows, for columns)
    interpolation : "nearest", which repeats
    """

    rank = 2

    def __init__(
        self, size: Sizes = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.size = per_axis(size, 2, "size")
        self.interpolation = check_choice(interpolation, "interpolation", ("nearest",))

    def _sized(self, index: int, size: int) -> int:
        return size * self.size[index]

    def call(self, inputs: TensorLike) -> Any:
        for axis, times in enumerate(self.size, self._first):
            inputs = ops.repeat(inputs, times, axis)
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = {"size": self.size, "data_format": self.data_format, "interpolation": self.interpolation}
        return {**super().get_config(), **config}
