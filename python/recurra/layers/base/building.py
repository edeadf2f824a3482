"""How a layer makes its weights: for the shapes of its first input, once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from recurra.layers.base.call_spec import CallSpec, holds_tensors, shapes_of


def tracked_build(build: Callable[..., None]) -> Callable[..., None]:
    """`build` that notes the shape, marks the layer as built and sets the weights given to the constructor."""

    @functools.wraps(build)
    def wrapper(self: Building, *args: Any, **kwargs: Any) -> None:
        if self._call_spec is None:
            raise RuntimeError(f"{type(self).__name__}.__init__ must call super().__init__() before anything else")
        self._build_depth += 1
        try:
            build(self, *args, **kwargs)
        finally:
            self._build_depth -= 1
        if self._build_depth == 0:
            self._build_shape = args[0] if args else next(iter(kwargs.values()), None)
            self.built = True
            self._after_build()

    return wrapper


class Building:
    """``build`` and what leads to it. Part of :class:`recurra.layers.Layer`."""

    built = False
    _call_spec: CallSpec
    _build_depth = 0
    _build_shape: Any = None
    _initial_weights: Any

    @tracked_build
    def build(self, input_shape: Any) -> None:
        """Make the weights. Called with the shape of the first input (None where open) before the first call."""

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Build for the shapes of a call's arguments."""
        wanted = _build_parameters(type(self).build)
        named = {**dict(zip(self._call_spec.names, args, strict=False)), **kwargs}
        first = shapes_of(named.get(self._call_spec.first))
        if len(wanted) <= 1:
            self.build(first)
        else:
            shapes = {f"{key}_shape": shapes_of(value) for key, value in named.items() if holds_tensors(value)}
            given = {key: shapes[key] for key in wanted if key in shapes}
            if wanted[0] in given:
                self.build(**given)
            else:
                self.build(first, **given)
        self.built = True

    def _after_build(self) -> None:
        if self._initial_weights is not None:
            initial, self._initial_weights = self._initial_weights, None
            self.set_weights(initial)  # type: ignore[attr-defined]

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build for the shape that :meth:`get_build_config` noted."""
        if self.built:
            return
        shapes = config.get("shapes_dict")  # Keras 3's way to note several arguments
        if shapes is not None:
            names = _build_parameters(type(self).build)
            self.build(**{key: _as_shapes(shape) for key, shape in shapes.items() if key in names})
        elif config.get("input_shape") is not None:
            self.build(_as_shapes(config["input_shape"]))

    def get_build_config(self) -> dict[str, Any] | None:
        """The shape that the layer was built for."""
        return None if self._build_shape is None else {"input_shape": self._build_shape}


@functools.cache
def _build_parameters(build: Callable[..., None]) -> tuple[str, ...]:
    parameters = inspect.signature(build).parameters.values()
    return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)[1:]


def _as_shapes(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(value) if not any(isinstance(item, (list, tuple)) for item in value) else [*map(_as_shapes, value)]
    return value
