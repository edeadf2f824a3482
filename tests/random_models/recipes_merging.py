"""Layers that make one tensor of several, and the functions of the same names."""

from __future__ import annotations

from collections.abc import Callable

from tests.random_models.generator import Builder
from tests.random_models.recipes import recipe, some
from tests.random_models.spec import Call, Value


def merging(name: str, function: str, counts: tuple[int, ...] = (2, 2, 3)) -> None:
    def merge(b: Builder, make: Callable[[list[Value]], None]) -> bool:
        first = b.pick((1, 2, 3))
        if first is None:
            return False

        def broadcasts(v: Value) -> bool:
            return len(v.shape) == len(first.shape) and all(
                x == y or 1 in (x, y) for x, y in zip(v.shape, first.shape, strict=True)
            )

        values = [first]
        for _ in range(b.random.choice(counts) - 1):
            other = b.pick((len(first.shape),), fits=broadcasts)
            assert other is not None
            values.append(other)
        sizes = [
            {size for size in column if size != 1} or {1} for column in zip(*[v.shape for v in values], strict=True)
        ]
        if any(len(column) > 1 for column in sizes):
            values = [first, values[1]]
        make(values)
        return True

    def shape_of(values: list[Value]) -> tuple[int, ...]:
        return tuple(max(column) if min(column) else 0 for column in zip(*[v.shape for v in values], strict=True))

    def masked(values: list[Value]) -> bool:
        return all(v.masked for v in values)

    @recipe(name, 0.5)
    def _layer(b: Builder) -> bool:
        def make(values: list[Value]) -> None:
            b.add(values, [shape_of(values)], Call(f"layers.{name}"), masked(values))

        return merge(b, make)

    @recipe(function, 0.2)
    def _function(b: Builder) -> bool:
        def make(values: list[Value]) -> None:
            names = ", ".join(value.name for value in values)
            b.add(values, [shape_of(values)], masked=masked(values), expression=f"layers.{function}([{names}])")

        return merge(b, make)


for _name in ("Add", "Average", "Maximum", "Minimum", "Multiply"):
    merging(_name, _name.lower())
merging("Subtract", "subtract", (2,))


def _joined(b: Builder) -> tuple[list[Value], tuple[int, ...], str, bool] | None:
    first = b.pick((1, 2, 3))
    if first is None:
        return None
    rank = len(first.shape)
    axis = b.random.randint(1, rank)
    other = b.pick(
        (rank,), fits=lambda v: v.shape[: axis - 1] == first.shape[: axis - 1] and v.shape[axis:] == first.shape[axis:]
    )
    assert other is not None
    values = [first, other]
    shape = (*first.shape[: axis - 1], first.shape[axis - 1] + other.shape[axis - 1], *first.shape[axis:])
    masked = first.masked or other.masked
    return values, shape, str(axis if b.chance(0.5) else axis - rank - 1), masked


@recipe("Concatenate", 1.0)
def _concatenate(b: Builder) -> bool:
    found = _joined(b)
    if found is None:
        return False
    values, shape, axis, masked = found
    b.add(values, [shape], Call("layers.Concatenate", {"axis": axis}), masked)
    return True


@recipe("concatenate", 0.3)
def _concatenate_function(b: Builder) -> bool:
    found = _joined(b)
    if found is None:
        return False
    values, shape, axis, masked = found
    names = ", ".join(value.name for value in values)
    b.add(values, [shape], masked=masked, expression=f"layers.concatenate([{names}], axis={axis})")
    return True


def _product(b: Builder) -> tuple[list[Value], tuple[int, ...], dict[str, str]] | None:
    first = b.pick((1, 2))
    if first is None:
        return None
    a = b.random.randint(1, len(first.shape))
    other = b.pick((1, 2), fits=lambda v: first.shape[a - 1] in v.shape)
    if other is None:
        return None
    places = [k + 1 for k, size in enumerate(other.shape) if size == first.shape[a - 1]]
    c = b.random.choice(places)
    shape = (*first.shape[: a - 1], *first.shape[a:], *other.shape[: c - 1], *other.shape[c:])
    return [first, other], shape or (1,), {"axes": f"({a}, {c})", **some(b, 0.3, normalize="True")}


@recipe("Dot", 0.6)
def _dot(b: Builder) -> bool:
    found = _product(b)
    if found is None:
        return False
    values, shape, options = found
    b.add(values, [shape], Call("layers.Dot", options))
    return True


@recipe("dot", 0.2)
def _dot_function(b: Builder) -> bool:
    found = _product(b)
    if found is None:
        return False
    values, shape, options = found
    names = ", ".join(value.name for value in values)
    text = ", ".join(f"{key}={value}" for key, value in options.items())
    b.add(values, [shape], expression=f"layers.dot([{names}], {text})")
    return True
