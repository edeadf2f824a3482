"""Values read from a file and checked, to be assigned together: all of them, or none."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np

from recurra.autograd import Array, Variable
from recurra.saving.file_errors import FileFormatError


class Assignments:
    """What will be assigned.

    label : the file, for messages
    pairs : variables and their values, of the same shapes
    """

    def __init__(self, label: str, pairs: Iterable[tuple[Variable, Array]] = ()) -> None:
        self.label = label
        self.pairs: list[tuple[Variable, Array]] = []
        self._not_finite: dict[str, None] = {}
        for variable, value in pairs:
            self.set(variable, value)

    def set(self, variable: Variable, value: Array, what: str | None = None) -> None:
        """Note one value, after a check.

        what : the layer, named in a warning where the value holds NaN or infinities; None for no warning
        """
        if value.shape != variable.shape:
            raise FileFormatError(f"{self.label}: {variable.name} must have shape {variable.shape}, got {value.shape}")
        if what is not None and value.dtype.kind == "f":
            with np.errstate(over="ignore"):
                finite = bool(np.isfinite(value.astype(variable.dtype, copy=False)).all())
            if not finite:
                self._not_finite[f"{what}: {variable.name}"] = None
        self.pairs.append((variable, value))

    def add(self, other: Assignments) -> None:
        """Note all that `other` holds."""
        self.pairs.extend(other.pairs)
        self._not_finite.update(other._not_finite)

    def carry_out(self) -> None:
        """Assign all values; warn where weights are not finite."""
        for variable, value in self.pairs:
            with np.errstate(over="ignore"):
                variable.assign(value)
        if self._not_finite:
            names = list(self._not_finite)
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            warnings.warn(
                f"{self.label} holds weights that are NaN or infinite: {', '.join(names[:5])}{more}", stacklevel=4
            )
