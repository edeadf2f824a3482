"""Complex numbers, as transforms of sound give them: their parts, lengths and angles."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import ops
from recurra.compat.tf.operands import constant_of, operand
from recurra.compat.tf.tensors import array_of, is_symbolic, present

__all__ = ["abs", "angle", "complex", "conj", "imag", "real"]


def abs(x: Any, name: str | None = None) -> Any:
    """Without sign; of complex numbers, which have no gradient here, the length."""
    if not is_symbolic(x) and array_of(x).dtype.kind == "c":
        return present(np.abs(constant_of(x, "abs")))
    return present(ops.abs(operand(x)))


def angle(input: Any, name: str | None = None) -> Any:
    """The angle of complex numbers, between -pi and pi."""
    return present(np.angle(constant_of(input, "math.angle")))


def real(input: Any, name: str | None = None) -> Any:
    """The real part."""
    return present(constant_of(input, "math.real").real.copy())


def imag(input: Any, name: str | None = None) -> Any:
    """The imaginary part."""
    return present(constant_of(input, "math.imag").imag.copy())


def conj(x: Any, name: str | None = None) -> Any:
    """With the sign of the imaginary part turned round."""
    return present(np.conj(constant_of(x, "math.conj")))


def complex(real: Any, imag: Any, name: str | None = None) -> Any:
    """Complex numbers of two parts, of 64 or 128 bits as the parts have 32 or 64."""
    parts = constant_of(real, "complex"), constant_of(imag, "complex")
    kind = np.complex128 if any(part.dtype == np.float64 for part in parts) else np.complex64
    return present((parts[0] + 1j * parts[1]).astype(kind))
