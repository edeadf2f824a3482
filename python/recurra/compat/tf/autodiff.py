"""``tf.GradientTape`` over recurra's: asked as often as it is wanted, nested, for watched tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from recurra import ops
from recurra.autograd import GradientTape as Tape
from recurra.autograd import Node, RowSparse, Tensor, Variable, _key_of, thread_state, tracked
from recurra.compat.tf.tensors import EagerTensor, present
from recurra.tree import leaves, map_structure

__all__ = ["GradientTape", "UnconnectedGradients", "custom_gradient", "gradients", "no_gradient"]


class UnconnectedGradients:
    """What the gradient is where the target does not depend on the source."""

    NONE = "none"
    ZERO = "zero"


class GradientTape:
    """Record what the block computes, and differentiate through it.

    persistent : the tape may be asked more than once
    watch_accessed_variables : follow every trainable variable; otherwise only what :meth:`watch` is given

    Tapes that are open at once share one record, and each answers for what was recorded while it was open. Gradients
    of gradients are not available.
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent = persistent
        self._all = watch_accessed_variables
        self._tape = _Shared()
        self._start = 0
        self._end: int | None = None
        self._entered = False
        self._asked = False
        self._watched: set[int] = set()
        self._outer: Any = None

    def __enter__(self) -> GradientTape:
        open_tape = thread_state.tape
        if not self._entered and isinstance(open_tape, _Shared):
            self._tape, self._start = open_tape, len(open_tape.nodes)
            open_tape.repeats = True
        elif not self._entered:
            self._tape.repeats = self._persistent
        self._entered = True
        self._tape.hold()
        self._outer, thread_state.tape = open_tape, self._tape
        return self

    def __exit__(self, *exc: object) -> None:
        thread_state.tape = self._outer
        self._end = len(self._tape.nodes)
        if not self._tape.nodes:
            self._tape._release()

    def watch(self, tensor: Any) -> None:
        """Follow a tensor, or several. Variables that can be trained are followed already."""
        for one in leaves(tensor):
            if not isinstance(one, Tensor):
                raise TypeError(f"tape.watch takes tensors, got {type(one).__name__}: make one with tf.constant")
            self._watched.add(_key_of(one))
            if not isinstance(one, Variable) and one.tape is not self._tape:
                one.tape = self._tape

    def watched_variables(self) -> tuple[Any, ...]:
        """The variables that :meth:`watch` was given are not listed here.

        raises : NotImplementedError: name the variables, ``model.trainable_variables``
        """
        raise NotImplementedError("tape.watched_variables() is not here: use model.trainable_variables")

    @contextmanager
    def stop_recording(self) -> Iterator[None]:
        """Nothing inside the block is recorded."""
        before, thread_state.tape = thread_state.tape, None
        try:
            yield
        finally:
            thread_state.tape = before

    def reset(self) -> None:
        """Forget what was recorded."""
        del self._tape.nodes[self._start :]
        self._asked = False

    def gradient(
        self,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: Any = UnconnectedGradients.NONE,
    ) -> Any:
        """The gradients of the sum of `target` for each of `sources`, in their structure.

        output_gradients : factors of the values of `target`, in its structure
        unconnected_gradients : "none" or "zero" where the target does not depend on a source
        raises : RuntimeError where a tape that is not persistent is asked twice
        """
        if self._asked and not self._persistent:
            raise RuntimeError(
                "A non-persistent GradientTape can only be used to compute one set of gradients: persistent=True"
            )
        self._asked = True
        wanted = leaves(sources, _NODES)
        if not all(isinstance(one, Tensor) for one in wanted):
            raise TypeError("sources must be variables or tensors that the tape watches")
        targets = [one for one in leaves(target, _NODES) if isinstance(one, Tensor)]
        factors = leaves(output_gradients, _NODES) if output_gradients is not None else [None] * len(targets)
        self._tape.check_versions(wanted)
        totals = self._walk(list(zip(targets, factors, strict=True)), wanted)
        answers = [self._answer(one, grad, unconnected_gradients) for one, grad in zip(wanted, totals, strict=True)]
        found = iter([_refusing(one, wanted) for one in answers] if thread_state.tape is not None else answers)
        return map_structure(lambda _: next(found), sources, _NODES)

    def _walk(self, targets: list[tuple[Tensor, Any]], wanted: list[Any]) -> list[Any]:
        """The gradients of the sum of all targets, each times its factor."""
        targets = [(one, factor) for one, factor in targets if tracked(one, self._tape)]
        if not targets:
            return [None] * len(wanted)
        nodes, repeats = self._tape.nodes, self._tape.repeats
        if repeats:
            self._tape.nodes = nodes[self._start : self._end]
        target, factor = targets[0]
        if len(targets) > 1:
            before, thread_state.tape = thread_state.tape, self._tape
            weighted = [ops.sum(one if factor is None else ops.multiply(one, factor)) for one, factor in targets]
            target, factor = functools.reduce(ops.add, weighted), None
            thread_state.tape = before
        if factor is not None:
            factor = np.ascontiguousarray(np.broadcast_to(np.asarray(factor, target.dtype), target.value.shape))
        found = Tape.gradient(self._tape, target, wanted, factor)
        self._tape.nodes = nodes if repeats else []
        self._tape._used = False
        return list(found)

    def _answer(self, source: Any, grad: Any, unconnected: Any) -> Any:
        if not self._all and _key_of(source) not in self._watched and isinstance(source, Variable):
            grad = None
        if grad is None:
            return EagerTensor(np.zeros(source.value.shape, source.dtype)) if unconnected == "zero" else None
        return grad if isinstance(grad, RowSparse) else present(np.asarray(grad))

    def jacobian(
        self,
        target: Any,
        sources: Any,
        unconnected_gradients: Any = "none",
        parallel_iterations: Any = None,
        experimental_use_pfor: bool = True,
    ) -> Any:
        """The gradient of each value of `target`: the target's axes come first."""
        keep, self._persistent = self._persistent, True
        try:
            rows = []
            for place in np.ndindex(target.value.shape):
                factor = np.zeros(target.value.shape, target.dtype)
                factor[place] = 1
                rows.append(leaves(self.gradient(target, sources, factor, "zero"), _NODES))
        finally:
            self._persistent = keep
        shape = target.value.shape
        found = iter([present(np.stack([np.asarray(row[k]) for row in rows]).reshape(*shape, *rows[0][k].shape))
                      for k in range(len(rows[0]))])  # fmt: skip
        return map_structure(lambda _: next(found), sources, _NODES)


def _refusing(grad: Any, sources: list[Any]) -> Any:
    """A gradient that was computed while an outer tape records: that tape's walk through it is an error, not None."""
    if not isinstance(grad, Tensor):
        return grad

    def backward(*_: Any) -> Any:
        raise NotImplementedError(
            "gradients of gradients are not here: the outer GradientTape was asked for the gradient of what an inner "
            "tape's gradient() gave. tf.stop_gradient leaves that part out; the gradient's formula, written out, or "
            "finite differences take its place"
        )

    tape = thread_state.tape
    if tape is None or not any(tracked(one, tape) for one in sources):
        return present(grad.value)
    tape.nodes.append(Node((), (result := Tensor(grad.value, tape),), backward))  # whatever it is asked for
    return present(result)


class _Shared(Tape):
    """A record that several tapes may use; it is then not consumed as it is walked."""

    def __init__(self) -> None:
        super().__init__()
        self._values: dict[int, tuple[Any, int]] = {}

    def hold(self) -> None:
        """Variables that are assigned or updated from now on take another array, while this record lives."""
        self._holding = thread_state.holding
        self._holding.add(id(self))

    def check_versions(self, sources: list[Any]) -> None:
        """RuntimeError where the array of a variable was changed in place between two walks."""
        for one in sources:
            if isinstance(one, Variable):
                value, version = self._values.setdefault(_key_of(one), (one.value, one.version))
                if one.value is value and one.version != version:
                    raise RuntimeError(
                        f"{one.name} was changed in place since this tape was asked first: assign the new value, or "
                        "ask for all gradients before"
                    )


#: None is a source's gradient, not a structure
_NODES = (list, tuple, dict)


def gradients(ys: Any, xs: Any, *args: Any, **kwargs: Any) -> Any:
    """Refused with RuntimeError: ``tf.gradients`` is of graph mode."""
    raise RuntimeError("tf.gradients is of TensorFlow's graphs: use tf.GradientTape")


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function that returns ``(value, grad)``, where ``grad(upstream)`` gives the gradients of its arguments."""
    from recurra.autograd import no_grad, record

    def compute(*args: Any) -> Any:
        with no_grad():
            value, grad = f(*args)
        array = value.value if isinstance(value, Tensor) else np.asarray(value)

        def backward(d: Any) -> tuple[Any, ...]:
            found = grad(EagerTensor(np.asarray(d)))
            several = found if isinstance(found, (list, tuple)) else (found,)
            return tuple(None if one is None else np.asarray(one) for one in several)

        return present(record(array, args, backward))

    return compute


def no_gradient(op_type: str) -> None:
    """Nothing: operations without gradients are constants to a tape."""
