"""What shape of input a layer takes."""

from __future__ import annotations

from typing import Any


class InputSpec:
    """The rank, the sizes and the dtype that an input must have.

    dtype : name of a dtype; shape : tuple with None for any size; ndim, min_ndim, max_ndim : number of axes
    axes : dict from an axis to its size; allow_last_axis_squeeze : a last axis of size 1 may be missing
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
    ) -> None:
        self.dtype, self.shape = dtype, None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        self.allow_last_axis_squeeze, self.name = allow_last_axis_squeeze, name

    def __repr__(self) -> str:
        return f"InputSpec({', '.join(f'{key}={value!r}' for key, value in self.get_config().items() if value)})"

    def get_config(self) -> dict[str, Any]:
        return {
            "dtype": self.dtype, "shape": self.shape, "ndim": self.ndim, "max_ndim": self.max_ndim,
            "min_ndim": self.min_ndim, "axes": self.axes,
        }  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        return cls(**config)

    def check(self, value: Any, layer: str) -> None:
        """Raise ValueError where `value` (anything with a shape) does not fit."""
        if not hasattr(value, "shape"):
            raise ValueError(f"{layer}: inputs must be one array, got {type(value).__name__}")
        shape = tuple(value.shape)
        wanted = None
        if self.ndim is not None and len(shape) != self.ndim and not self._squeezed(shape):
            wanted = f"{self.ndim} axes"
        elif self.min_ndim is not None and len(shape) < self.min_ndim:
            wanted = f"at least {self.min_ndim} axes"
        elif self.max_ndim is not None and len(shape) > self.max_ndim:
            wanted = f"at most {self.max_ndim} axes"
        if wanted is not None:
            raise ValueError(f"{layer}: inputs must have {wanted}, got shape {shape}{self._advice(shape)}")
        if self.dtype is not None and str(value.dtype) != self.dtype:
            raise ValueError(f"{layer}: inputs must have dtype {self.dtype}, got {value.dtype}")
        for axis, size in self.axes.items():
            if size is not None and shape[axis] not in (size, None):
                raise ValueError(f"{layer}: inputs must have size {size} along axis {axis}, got shape {shape}")
        if self.shape is not None and not self._squeezed(shape):
            for size, got in zip(self.shape, shape, strict=True):
                if size is not None and got is not None and size != got:
                    raise ValueError(f"{layer}: inputs must have shape {self.shape}, got {shape}")

    def _advice(self, shape: tuple[Any, ...]) -> str:
        """What to do where sequences were wanted and a plain table came; else nothing."""
        if self.ndim != 3 or len(shape) != 2:
            return ""
        return (
            ": the axes are (batch, steps, features); a recurrent layer below needs return_sequences=True, "
            "and a series of single numbers a last axis of size 1, x[..., None]"
        )

    def _squeezed(self, shape: tuple[Any, ...]) -> bool:
        return bool(
            self.allow_last_axis_squeeze and self.shape and self.shape[-1] == 1 and len(shape) == len(self.shape) - 1
        )


def check_input_spec(spec: Any, inputs: Any, layer: str) -> None:
    """Check `inputs` against one InputSpec, or a list of them one by one."""
    if isinstance(spec, (list, tuple)):
        values = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        if len(values) != len(spec):
            raise ValueError(f"{layer} takes {len(spec)} inputs, got {len(values)}")
        for one, value in zip(spec, values, strict=True):
            if one is not None:
                one.check(value, layer)
    else:
        spec.check(inputs, layer)
