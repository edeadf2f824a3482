"""``tf.function`` and the loops and branches of ``tf``: Python runs as it stands."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from recurra.autograd import Tensor as Tracked
from recurra.compat.tf.arrays import concat as _concat
from recurra.compat.tf.arrays import stack as _stack
from recurra.compat.tf.arrays import unstack
from recurra.compat.tf.dtypes import as_dtype
from recurra.compat.tf.shapes import TensorShape
from recurra.compat.tf.tensors import array_of, present
from recurra.tree import leaves, map_structure

__all__ = [
    "TensorArray", "case", "cond", "control_dependencies", "foldl", "function", "group", "map_fn", "name_scope",
    "no_op", "numpy_function", "print", "py_function", "scan", "switch_case", "vectorized_map", "while_loop",
]  # fmt: skip

_NODES = (list, tuple, dict)
_print = print


class Function:
    """A function that ``tf.function`` decorated: called as it stands, its arguments as tensors."""

    def __init__(self, python_function: Callable[..., Any], input_signature: Any) -> None:
        self.python_function = python_function
        self.input_signature = input_signature
        functools.update_wrapper(self, python_function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.input_signature is not None:
            args = self._checked(args)
        return present_arrays(self.python_function(*map(present_arrays, args), **kwargs))

    def _checked(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, or TypeError where one does not fit the `input_signature`."""
        specs = leaves(self.input_signature, (list, tuple, dict))
        values = [value for value in leaves(args, (list, tuple, dict)) if hasattr(value, "shape") or np.isscalar(value)]
        if len(specs) == len(values):
            for spec, value in zip(specs, values, strict=True):
                shape = TensorShape(np.shape(array_of(value)))
                if getattr(spec, "shape", None) is not None and not shape.is_compatible_with(spec.shape):
                    raise TypeError(
                        f"{self.python_function.__name__}: expected a tensor of shape {spec.shape}, got {shape}"
                    )
        return args

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        return Function(self.python_function.__get__(instance, owner), None)

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> Function:
        """The function itself: there is one for all types."""
        return self


def present_arrays(value: Any) -> Any:
    """Arrays as tensors, in nested lists, tuples and dicts; all else as it is."""
    return map_structure(
        lambda leaf: present(leaf) if isinstance(leaf, (np.ndarray, np.generic, Tracked)) else leaf, value, _NODES
    )


def function(
    func: Callable[..., Any] | None = None,
    input_signature: Any = None,
    autograph: bool = True,
    jit_compile: bool | None = None,
    reduce_retracing: bool = False,
    experimental_relax_shapes: bool | None = None,
    experimental_implements: Any = None,
    experimental_compile: bool | None = None,
) -> Any:
    """The function itself: it runs as Python each time. Nothing is traced, so the other settings choose nothing.

    input_signature : shapes that the arguments must fit
    """
    if func is None:
        return lambda later: Function(later, input_signature)
    return Function(func, input_signature)


def cond(
    pred: Any,
    true_fn: Callable[[], Any] | None = None,
    false_fn: Callable[[], Any] | None = None,
    name: str | None = None,
) -> Any:
    """``true_fn()`` if the condition holds, else ``false_fn()``."""
    if true_fn is None or false_fn is None:
        raise TypeError("tf.cond: true_fn and false_fn must be given")
    return true_fn() if bool(array_of(pred)) else false_fn()


def case(
    pred_fn_pairs: Any,
    default: Callable[[], Any] | None = None,
    exclusive: bool = False,
    strict: bool = False,
    name: str = "case",
) -> Any:
    """The function of the first condition that holds, else `default`."""
    for pred, fn in pred_fn_pairs:
        if bool(array_of(pred)):
            return fn()
    if default is None:
        raise ValueError("tf.case: no condition holds and there is no default")
    return default()


def switch_case(
    branch_index: Any, branch_fns: Any, default: Callable[[], Any] | None = None, name: str = "switch_case"
) -> Any:
    """The function of this number; `default`, or the last one, for others."""
    fns = dict(branch_fns) if isinstance(branch_fns, dict) else dict(enumerate(branch_fns))
    return fns.get(int(array_of(branch_index)), default or list(fns.values())[-1])()


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    maximum_iterations: Any = None,
    name: str | None = None,
) -> Any:
    """``loop_vars = body(*loop_vars)`` while ``cond(*loop_vars)``."""
    state = present_arrays(list(loop_vars) if isinstance(loop_vars, tuple) else loop_vars)
    limit = None if maximum_iterations is None else int(maximum_iterations)
    turns = 0
    while (limit is None or turns < limit) and bool(array_of(cond(*state))):
        found = body(*state)
        state = list(found) if isinstance(found, (list, tuple)) else [found]
        turns += 1
    return tuple(state) if isinstance(loop_vars, tuple) else state


def map_fn(
    fn: Callable[[Any], Any],
    elems: Any,
    dtype: Any = None,
    parallel_iterations: Any = None,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    name: str | None = None,
    fn_output_signature: Any = None,
) -> Any:
    """``fn`` of each row, stacked."""
    flat = [unstack(one) for one in leaves(elems, _NODES)]
    rows = [_packed(elems, row) for row in zip(*flat, strict=True)]
    return _stacked([fn(row) for row in rows])


vectorized_map = map_fn


def _packed(form: Any, values: Any) -> Any:
    found = iter(values)
    return map_structure(lambda _: next(found), form, _NODES)


def _stacked(results: list[Any]) -> Any:
    from recurra.compat.tf.ragged import RaggedTensor

    columns = list(zip(*(leaves(one, _NODES) for one in results), strict=True))
    joined = []
    for column in columns:
        if isinstance(column[0], RaggedTensor) or len({np.shape(array_of(one)) for one in column}) > 1:
            joined.append(RaggedTensor.from_rows(list(column)))
        else:
            joined.append(_stack(list(column)))
    return _packed(results[0], joined)


def scan(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    reverse: bool = False,
    name: str | None = None,
) -> Any:
    """``state = fn(state, row)`` for each row: all the states, stacked."""
    flat = [unstack(one) for one in leaves(elems, _NODES)]
    rows = [_packed(elems, row) for row in zip(*flat, strict=True)]
    rows = rows[::-1] if reverse else rows
    if initializer is None:
        state, states = rows[0], [rows[0]]
        rows = rows[1:]
    else:
        state, states = initializer, []
    for row in rows:
        state = fn(state, row)
        states.append(state)
    return _stacked(states[::-1] if reverse else states)


def foldl(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """``state = fn(state, row)`` for each row: the last state."""
    rows = unstack(elems)
    state = rows.pop(0) if initializer is None else initializer
    for row in rows:
        state = fn(state, row)
    return state


class TensorArray:
    """A list of tensors that loops write to.

    size : how many there are at first
    dynamic_size : whether it may grow
    """

    def __init__(
        self,
        dtype: Any,
        size: Any = None,
        dynamic_size: bool | None = None,
        clear_after_read: bool | None = None,
        tensor_array_name: Any = None,
        handle: Any = None,
        flow: Any = None,
        infer_shape: bool = True,
        element_shape: Any = None,
        colocate_with_first_write_call: bool = True,
        name: str | None = None,
    ) -> None:
        self.dtype = dtype
        self._items: list[Any] = [None] * (0 if size is None else int(size))
        self._grows = bool(dynamic_size)

    def write(self, index: Any, value: Any, name: str | None = None) -> TensorArray:
        """Put `value` at a place."""
        place = int(index)
        if place >= len(self._items):
            if not self._grows:
                raise ValueError(f"TensorArray: index must be below {len(self._items)}, got {place}: dynamic_size=True")
            self._items += [None] * (place + 1 - len(self._items))
        self._items[place] = value if isinstance(value, Tracked) else array_of(value)
        return self

    def read(self, index: Any, name: str | None = None) -> Any:
        """The tensor at a place."""
        found = self._items[int(index)]
        if found is None:
            raise ValueError(f"TensorArray: nothing was written at {int(index)}")
        return present(found)

    def stack(self, name: str | None = None) -> Any:
        """All, along a new first axis."""
        return _stack([self.read(k) for k in range(len(self._items))])

    def concat(self, name: str | None = None) -> Any:
        """All, one after the other."""
        return _concat([self.read(k) for k in range(len(self._items))], 0)

    def unstack(self, value: Any, name: str | None = None) -> TensorArray:
        """Take the rows of a tensor."""
        self._items = unstack(value)
        return self

    def gather(self, indices: Any, name: str | None = None) -> Any:
        """Those at these places, along a new first axis."""
        return _stack([self.read(k) for k in array_of(indices)])

    def size(self, name: str | None = None) -> Any:
        """How many there are."""
        return present(np.array(len(self._items), np.int32))


def py_function(func: Callable[..., Any], inp: Any = (), Tout: Any = None, name: str | None = None) -> Any:
    """``func(*inp)`` with tensors; the results have the types `Tout`, in a list where that is one."""
    return _typed(func(*(present(array_of(one)) for one in inp)), Tout)


def _typed(found: Any, types: Any) -> Any:
    listed = isinstance(found, (list, tuple))
    if types is None:
        return [present(array_of(one)) for one in found] if listed else present(array_of(found))
    if not isinstance(types, (list, tuple)):
        return _tensor_of(found, types)
    values = found if listed else [found]
    if len(values) != len(types) and types:
        raise ValueError(f"Tout must hold one type for each result, {len(values)}, got {len(types)}")
    return [_tensor_of(one, kind) for one, kind in zip(values, types, strict=False)]


def _tensor_of(value: Any, kind: Any) -> Any:
    """A tensor of that type."""
    array = array_of(value)
    return present(array if array.dtype == object else array.astype(np.dtype(as_dtype(kind))))


def numpy_function(
    func: Callable[..., Any], inp: Any = (), Tout: Any = None, stateful: bool = True, name: str | None = None
) -> Any:
    """``func(*inp)`` with arrays, and bytes for single texts; the results as for :func:`py_function`."""
    return _typed(func(*(array_of(one)[()] for one in inp)), Tout)


def print(
    *inputs: Any,
    output_stream: Any = None,
    sep: str = " ",
    end: str = "\n",
    summarize: Any = None,
    name: str | None = None,
) -> None:
    """Print values, to standard error as TensorFlow does."""
    import sys

    values = [str(array_of(one)) if isinstance(one, Tracked) else str(one) for one in inputs]
    _print(*values, sep=sep, end=end, file=sys.stdout if output_stream is sys.stdout else sys.stderr)


class name_scope:  # noqa: N801  (the name is TensorFlow's)
    """A block whose name nothing here shows."""

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        self.name = name

    def __enter__(self) -> str:
        return f"{self.name}/"

    def __exit__(self, *exc: object) -> None:
        return None


@contextmanager
def control_dependencies(control_inputs: Any) -> Iterator[None]:
    """A block that runs in its place, as all do."""
    yield


def group(*inputs: Any, **kwargs: Any) -> None:
    """Nothing: what is named was computed already."""


def no_op(name: str | None = None) -> None:
    """Nothing."""
