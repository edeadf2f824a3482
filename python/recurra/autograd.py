"""Reverse-mode differentiation: a tape of what was computed, walked backwards.

Operations (``recurra.ops``) take arrays and return arrays. While a :class:`GradientTape` is open, an operation that
touches a tracked value (a trainable :class:`Variable`, or a :class:`Tensor` made on the same tape) returns a
``Tensor`` instead and leaves one :class:`Node` on the tape. :meth:`GradientTape.gradient` then visits the nodes from
last to first and asks each for the gradients of its inputs.

    >>> import numpy as np
    >>> from recurra import GradientTape, Variable, ops
    >>> w = Variable(np.array([2.0, 3.0]))
    >>> with GradientTape() as tape:
    ...     loss = ops.sum(w * w)
    >>> tape.gradient(loss, [w])[0]
    array([4., 6.])
"""
# Arithmetic on arrays of any dtype is Any to a type checker:
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from operator import iadd, isub
from typing import TYPE_CHECKING, Any

import numpy as np

from recurra.row_sparse import RowSparse as RowSparse
from recurra.tape_state import no_grad as no_grad
from recurra.tape_state import thread_state as thread_state
from recurra.typing import Array as Array
from recurra.typing import ArrayLike, Axis, DType

Backward = Callable[..., "tuple[Array | RowSparse | None, ...]"]


class Tensor:
    """An array that a tape follows. Behaves as one: ``+ - * / @ **``, comparisons, indexing, ``shape``, ``numpy()``.

    Operators are the functions of ``recurra.ops``. Comparisons give plain bool arrays; only a :class:`Variable`
    compares ``==`` by identity, so that it can be looked up in lists.
    """

    __slots__ = ("__weakref__", "_keras_mask", "_key", "tape", "value")
    _key: int
    _keras_mask: Any  # set where a layer attaches a mask over time, else missing
    __array_ufunc__ = None  # so that ``ndarray + Tensor`` asks Tensor.__radd__
    __hash__ = object.__hash__

    def __init__(self, value: Array, tape: GradientTape | None = None) -> None:
        self.value = value
        self.tape = tape

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.value.dtype

    @property
    def T(self) -> Any:
        """Its axes in reverse order."""
        return self.transpose()

    def numpy(self) -> Array:
        """The value, without history."""
        return self.value

    def item(self) -> Any:
        """The one element, as a Python number."""
        return self.value.item()

    def __bool__(self) -> bool:
        return bool(self.value)

    def __int__(self) -> int:
        return int(self.value.item() if self.value.size == 1 else self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    def __format__(self, spec: str) -> str:
        return format(self.value.item() if spec and self.size == 1 else self.value, spec)

    if TYPE_CHECKING:  # filled in below

        def transpose(self, axes: Sequence[int] | None = None) -> Any: ...
        def reshape(self, *shape: Any) -> Any: ...
        def astype(self, dtype: DType | None) -> Any: ...
        def sum(self, axis: Axis = None, keepdims: bool = False) -> Any: ...
        def mean(self, axis: Axis = None, keepdims: bool = False) -> Any: ...
        def max(self, axis: Axis = None, keepdims: bool = False) -> Any: ...
        def min(self, axis: Axis = None, keepdims: bool = False) -> Any: ...
        def __getitem__(self, key: Any) -> Any: ...
        def __add__(self, other: ArrayLike) -> Any: ...
        def __radd__(self, other: ArrayLike) -> Any: ...
        def __sub__(self, other: ArrayLike) -> Any: ...
        def __rsub__(self, other: ArrayLike) -> Any: ...
        def __mul__(self, other: ArrayLike) -> Any: ...
        def __rmul__(self, other: ArrayLike) -> Any: ...
        def __truediv__(self, other: ArrayLike) -> Any: ...
        def __rtruediv__(self, other: ArrayLike) -> Any: ...
        def __pow__(self, other: ArrayLike) -> Any: ...
        def __rpow__(self, other: ArrayLike) -> Any: ...
        def __matmul__(self, other: ArrayLike) -> Any: ...
        def __rmatmul__(self, other: ArrayLike) -> Any: ...
        def __neg__(self) -> Any: ...
        def __abs__(self) -> Any: ...
        def __eq__(self, other: object) -> Any: ...
        def __ne__(self, other: object) -> Any: ...
        def __lt__(self, other: ArrayLike) -> Any: ...
        def __le__(self, other: ArrayLike) -> Any: ...
        def __gt__(self, other: ArrayLike) -> Any: ...
        def __ge__(self, other: ArrayLike) -> Any: ...

    def __array__(self, dtype: DType | None = None, copy: bool | None = None) -> Array:
        return np.array(self.value, dtype) if copy else np.asarray(self.value, dtype)

    def __len__(self) -> int:
        return len(self.value)

    def __float__(self) -> float:
        return float(self.value.item() if self.value.size == 1 else self.value)

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """For copies and pickles: everything but the tape and what the tape knows it by."""
        slots = [name for cls in type(self).__mro__ for name in getattr(cls, "__slots__", ())]
        state = {name: getattr(self, name) for name in slots if name not in _UNCOPIED and hasattr(self, name)}
        return None, {**state, "tape": None}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype}, value={self.value!r})"


_UNCOPIED = ("__weakref__", "_key", "tape")


def _operator(name: str) -> Any:
    """The first use of an operator loads ``recurra.ops``, which puts the real ones in place of these."""

    def first_use(self: Tensor, *args: Any, **kwargs: Any) -> Any:
        import recurra.ops.operators  # noqa: F401

        return getattr(self, name)(*args, **kwargs)

    return first_use


_OPERATORS = (
    *("__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__truediv__", "__rtruediv__"),
    *("__pow__", "__rpow__", "__matmul__", "__rmatmul__", "__neg__", "__abs__", "__getitem__"),
    *("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"),
    *("transpose", "reshape", "astype", "sum", "mean", "max", "min"),
)
for _name in _OPERATORS:
    setattr(Tensor, _name, _operator(_name))


class Variable(Tensor):
    """An array that training may change: a weight.

    ``version`` counts the assignments, so that whatever is derived from the value (packed weights, say) can tell
    when to be made anew. Change the value through :meth:`assign`, or as ``variable.value -= step``, or call
    :meth:`touch` after changing parts of it in place (``variable.value[0] = 1``). While a tape is open, or before it
    is asked, only :meth:`assign`, ``assign_add`` and ``assign_sub`` leave what it has kept as it was.
    """

    __slots__ = ("constraint", "name", "packed_weights", "regularizer", "trainable", "version")
    __eq__ = object.__eq__
    __ne__ = object.__ne__
    __hash__ = object.__hash__

    def __init__(
        self, value: ArrayLike, *, dtype: DType | None = None, name: str = "variable", trainable: bool = True
    ) -> None:
        super().__init__(np.array(value, dtype=dtype, order="C"))
        self.name = name
        self.trainable = trainable
        self.regularizer: Any = None
        self.constraint: Any = None
        self.packed_weights: Any = None  # of a recurrent layer's kernel: see ops/cells.py
        self.version = 0

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "value" and hasattr(self, "version"):
            self.version += 1

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        slots, state = super().__getstate__()
        return slots, {**state, "packed_weights": None}

    @property
    def path(self) -> str:
        return self.name

    def assign(self, value: ArrayLike) -> Variable:
        """Copy `value`, of the same shape, into the variable."""
        new = np.asarray(value)
        if new.shape != self.value.shape:
            raise ValueError(f"{self.name}: value must have shape {self.value.shape}, got {new.shape}")
        self.writable()[...] = new
        return self.touch()

    def assign_add(self, value: ArrayLike) -> Variable:
        """Add `value` to the variable."""
        self.value = iadd(self.writable(), np.asarray(value))  # type: ignore[no-untyped-call]
        return self

    def assign_sub(self, value: ArrayLike) -> Variable:
        """Subtract `value` from the variable."""
        self.value = isub(self.writable(), np.asarray(value))  # type: ignore[no-untyped-call]
        return self

    def writable(self) -> Array:
        """The array of the value, to be changed in place: a copy of its own while a tape may have kept the old one."""
        if thread_state.holding:
            object.__setattr__(self, "value", self.value.copy())  # the same numbers: not a new version
        return self.value

    def touch(self) -> Variable:
        """Say that the value was changed in place."""
        self.version += 1
        return self

    def numpy(self) -> Array:
        """A copy of the value."""
        return self.value.copy()

    def __repr__(self) -> str:
        return f"Variable(name={self.name!r}, shape={self.shape}, dtype={self.dtype}, trainable={self.trainable})"


_keys = itertools.count()


def _key_of(value: Tensor) -> int:
    """A number that is this Tensor's alone. (Its id() would be another's after it is gone.)"""
    try:
        return value._key
    except AttributeError:
        key = value._key = next(_keys)
        return key


class Node:
    """One recorded operation: ``backward(*d_outputs)`` gives one gradient (or None) for each input.

    It knows Tensors by their keys alone, so that arrays which no backward function needs are freed at once.

    selective : ``backward(needed, *d_outputs)``, where `needed` says of each input whether its gradient is wanted
    """

    __slots__ = ("backward", "inputs", "outputs", "selective")

    def __init__(
        self, inputs: Sequence[Any], outputs: Sequence[Tensor], backward: Backward, selective: bool = False
    ) -> None:
        tape = outputs[0].tape
        self.selective = selective
        self.inputs = tuple(_key_of(value) if tracked(value, tape) else None for value in inputs)
        self.outputs = tuple(_key_of(out) for out in outputs)
        self.backward = backward


class GradientTape:
    """Record the operations in a ``with`` block, then differentiate through them, once.

    Tapes may be nested; the innermost open one records. Gradients of gradients are not available. Arrays of numpy
    are kept as they are, not copied: change none in place before the gradients are asked for.
    """

    repeats = False  #: whether the nodes will be walked more than once
    _holding: set[int] | None = None  #: of the thread that opened the tape

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._outer: GradientTape | None = None
        self._used = False

    def __enter__(self) -> GradientTape:
        self._outer, thread_state.tape = thread_state.tape, self
        self._holding = thread_state.holding
        self._holding.add(id(self))
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        thread_state.tape, self._outer = self._outer, None
        if kind is not None:
            self.nodes.clear()  # nobody will differentiate half a computation: free its arrays
        if not self.nodes:
            self._release()

    def _release(self) -> None:
        """Variables may be changed in place, as far as this tape is concerned."""
        if self._holding is not None:
            self._holding.discard(id(self))

    __del__ = _release

    def watch(self, value: ArrayLike) -> Tensor:
        """A tracked view of an array, for the gradient of an input: compute with it, ``x = tape.watch(x)``."""
        return Tensor(np.asarray(value), self)

    def gradient(self, target: Tensor, sources: Any, output_gradient: Array | None = None) -> Any:
        """The gradients of ``sum(target * output_gradient)`` (of ``sum(target)`` without one).

        sources : a Tensor or Variable, or a list or tuple of them
        returns : an array or RowSparse of each source's shape, or None where `target` does not depend on it;
            a list for a list

        The tape is used up as it is walked: ask for all the sources at once. Gradients may share memory with each
        other; copy one before changing it in place.
        While an outer tape records, arrays come as its Tensors: that tape's walk through them is NotImplementedError.
        """
        single = isinstance(sources, Tensor)
        wanted: list[Tensor] = [sources] if single or not hasattr(sources, "__iter__") else list(sources)
        if other := [type(one).__name__ for one in wanted if not isinstance(one, Tensor)]:
            raise TypeError(f"sources must be Variables, or what tape.watch(array) returned, got {other[0]}")
        if not isinstance(target, Tensor) or (target.tape is not self and not isinstance(target, Variable)):
            raise ValueError(
                "target was not computed on this tape: use recurra.ops on a Variable or on what tape.watch returned"
            )
        if output_gradient is None:
            output_gradient = filled(target.shape, target.dtype, 1)
        elif np.shape(output_gradient) != target.shape:
            raise ValueError(f"output_gradient must have shape {target.shape}, got {np.shape(output_gradient)}")
        if self._used and not self.nodes:
            raise RuntimeError("this tape was used already: ask for all the gradients in one call")
        self._used = True
        result = self.walk({_key_of(target): output_gradient}, wanted)
        if (outer := thread_state.tape) is not None and outer is not self:
            result = [_refusing(grad, outer) if isinstance(grad, np.ndarray) else grad for grad in result]
        return result[0] if single else result

    def walk(self, grads: dict[int, Any], sources: Sequence[Tensor]) -> list[Any]:
        """The gradients of `sources`, after adding all that the tape finds to `grads`, by the Tensors' keys."""
        keep = {_key_of(source) for source in sources}
        own: set[int] = set()  # keys of sums made here, which may therefore be added to in place
        wanted: set[int] | None = None  # keys of what depends on the sources, from the first selective node on
        with no_grad():
            nodes, self.nodes = self.nodes, []
            while nodes:
                node = nodes.pop()  # dropped as soon as used: its arrays are freed during the walk
                d_outputs = [_dense(grads.get(key)) for key in node.outputs]
                for key in node.outputs:
                    if key not in keep:
                        grads.pop(key, None)
                        own.discard(key)
                if all(d is None for d in d_outputs):
                    continue
                if node.selective and wanted is None:
                    wanted = _dependents(nodes, keep)
                if wanted is not None and wanted.isdisjoint(node.inputs) and node.inputs:
                    continue
                if node.selective and wanted is not None:
                    found = node.backward([key in wanted for key in node.inputs], *d_outputs)
                else:
                    found = node.backward(*d_outputs)
                for source, grad in zip(node.inputs, found, strict=True):
                    if grad is None or source is None:
                        continue
                    if source not in grads:
                        grads[source] = grad
                    elif source in own and not isinstance(grad, RowSparse):
                        grads[source] += grad
                    else:
                        grads[source] = grads[source] + grad
                        if isinstance(grads[source], np.ndarray):
                            own.add(source)
        if not self.repeats:
            self._release()
        return [g if isinstance(g, RowSparse) else _dense(g) for g in map(grads.get, map(_key_of, sources))]


def _dependents(nodes: Sequence[Node], sources: set[int]) -> set[int]:
    """The keys of `sources` and of all that `nodes` compute from them, or from nothing: a node that refuses."""
    found = set(sources)
    for node in nodes:
        if not (found.isdisjoint(node.inputs) and node.inputs):
            found.update(node.outputs)
    return found


def _refusing(grad: Array, outer: GradientTape) -> Tensor:
    """A gradient that was computed while `outer` records: differentiating through it is an error, not a zero."""

    def backward(*_: Any) -> Any:
        raise NotImplementedError(
            "gradients of gradients are not here, and the outer GradientTape was asked for that of an inner tape's "
            "gradient(): ops.stop_gradient leaves it out; the gradient's formula in recurra.ops takes its place"
        )

    outer.nodes.append(Node((), (result := Tensor(grad, outer),), backward))
    return result


def _dense(grad: Any) -> Any:
    """Operations know arrays alone: neither row-sparse gradients nor the numbers that numpy makes of some sums."""
    return grad if grad is None or type(grad) is np.ndarray else np.asarray(grad)


def filled(shape: tuple[int, ...], dtype: DType | None, value: Any) -> Array:
    """As np.full. That and its like are written in Python, which after a large kernel is in no cache, and slow."""
    array = np.empty(shape, dtype)
    array[...] = value
    return array


def current_tape() -> GradientTape | None:
    tape: GradientTape | None = thread_state.tape
    return tape


def tracked(value: Any, tape: GradientTape | None) -> bool:
    """Whether `tape` follows `value`."""
    if tape is None or not isinstance(value, Tensor):
        return False
    return value.trainable if isinstance(value, Variable) else value.tape is tape


def value_of(value: Any) -> Any:
    """The array inside a Tensor or Variable; anything else unchanged."""
    return value.value if isinstance(value, Tensor) else value


def maker_of(value: Any) -> Backward | None:
    """The backward function of the operation that made `value`, if that was one of the last few on the open tape."""
    tape = thread_state.tape
    if tape is not None and isinstance(value, Tensor):
        for node in tape.nodes[:-4:-1]:
            if _key_of(value) in node.outputs:
                return node.backward
    return None


def record(outputs: Any, inputs: Sequence[Any], backward: Backward, selective: bool = False) -> Any:
    """Make `outputs` (an array or a tuple of arrays) tracked if a tape is open and follows one of `inputs`.

    backward : called with the gradient of each output (None for one that nothing used); returns one gradient, or
        None, for each input. It may keep whatever the forward computation left for it.
    selective : `backward` takes, before these, a list that says of each input whether its gradient is wanted
    """
    tape = thread_state.tape
    if tape is None or not any(tracked(value, tape) for value in inputs):
        return outputs
    single = not isinstance(outputs, tuple)
    tensors = tuple(Tensor(out, tape) for out in ((outputs,) if single else outputs))
    tape.nodes.append(Node(tuple(inputs), tensors, backward, selective))
    return tensors[0] if single else tensors
