"""Open sizes (None) that an operation forces to be equal to another operand's: known before any value is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra.symbolic import KerasTensor, map_symbolic, symbolic_leaves

#: operations whose operands are broadcast against each other
_BROADCAST = frozenset(
    {
        "add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "equal", "not_equal", "greater",
        "greater_equal", "less", "less_equal", "logical_and", "logical_or", "where", "clip", "stack",
        "binary_crossentropy", "categorical_crossentropy", "sigmoid_cross_entropy",
    }
)  # fmt: skip


def align(op: str, arguments: dict[str, Any], args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands of an operation, with the open sizes known that the others' sizes leave only one choice for.

    As in Keras, None against a size n > 1 is n: any other size would be an error, or be repeated to n, when the values
    come. None against 1 stays None.
    """
    if op in _BROADCAST:
        return _aligned(args, None)
    if op == "concatenate" and args and isinstance(args[0], (list, tuple)):
        return _aligned(args, int(arguments.get("axis", -1)))
    if op == "matmul" and len(args) == 2:
        return _aligned_product(args)
    return args


def _aligned(args: tuple[Any, ...], skip: int | None) -> tuple[Any, ...]:
    """Open sizes filled from the same place, counted from the last axis, of other operands; not at the axis `skip`."""
    shapes = list(_shapes(args))
    if len({len(shape) for shape in shapes}) == 1 and skip is not None and skip >= 0:
        skip -= len(shapes[0])

    def fill(tensor: KerasTensor) -> KerasTensor:
        sizes = list(tensor.shape)
        for place in range(-len(sizes), 0):
            if sizes[place] is None and place != skip:
                known = {shape[place] for shape in shapes if len(shape) >= -place} - {None, 1}
                if len(known) == 1:
                    sizes[place] = known.pop()
        return tensor if tuple(sizes) == tensor.shape else KerasTensor(sizes, tensor.dtype)

    filled: tuple[Any, ...] = map_symbolic(args, fill)
    return filled


def _aligned_product(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Operands of matmul with the size that is summed over known if one of them knows it, and stacks aligned."""
    a, b = (list(getattr(x, "shape", ())) for x in args)
    if not a or not b:
        return args
    inner = -2 if len(b) > 1 else -1
    if a[-1] is None:
        a[-1] = b[inner]
    elif b[inner] is None:
        b[inner] = a[-1]
    for place in range(-min(len(a), len(b)), -2):
        for one, other in ((a, b), (b, a)):
            if one[place] is None and other[place] not in (None, 1):
                one[place] = other[place]
    return tuple(
        KerasTensor(shape, x.dtype) if isinstance(x, KerasTensor) else x for x, shape in zip(args, (a, b), strict=True)
    )


def _shapes(args: tuple[Any, ...]) -> list[Sequence[int | None]]:
    """The shapes of all tensors and arrays among the operands."""
    shapes: list[Sequence[int | None]] = []
    for value in args:
        if isinstance(value, (list, tuple)) and symbolic_leaves(value):
            shapes += _shapes(tuple(value))
        elif hasattr(value, "shape"):
            shapes.append(value.shape)
    return shapes


def result_size(op: str, arguments: dict[str, Any], shape: Sequence[int | None]) -> int:
    """How many numbers a setting makes of an operand of `shape`, with open sizes small, for what a file may ask for."""
    sizes = [6 if size is None else size for size in shape]
    if op == "pad":
        widths = np.broadcast_to(np.abs(np.asarray(arguments["pad_width"], np.float64)), (len(sizes), 2)).sum(1)
        return int(np.prod(widths + sizes))
    factor = {"tile": "repeats", "repeat": "repeats", "one_hot": "num_classes"}.get(op)
    return math.prod(sizes) * (1 if factor is None else math.prod(abs(int(n)) for n in np.ravel(arguments[factor])))


def multiple_for(op: str, arguments: dict[str, Any]) -> int:
    """What an open size must be a multiple of, for the operation to be possible at all."""
    if op == "reshape":
        shape = arguments["newshape"]
        return math.prod(abs(size) for size in ([shape] if isinstance(shape, int) else shape) if size)
    if op == "split" and isinstance(arguments["indices_or_sections"], int):
        return int(arguments["indices_or_sections"])
    if op in ("stft", "extract_sequences"):
        return int(arguments.get("fft_length") or arguments["sequence_length"])
    if op.endswith(("conv", "pool", "conv_transpose")):
        return 64  # what a kernel may cover
    return 1
