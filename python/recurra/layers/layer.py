"""The base of all layers."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from recurra import initializers, regularizers
from recurra.autograd import Tensor, Variable
from recurra.config import standardize_dtype
from recurra.constraints import get as get_constraint
from recurra.layers.call_spec import CallSpec, convert, holds_tensors, shapes_of, spec_of
from recurra.layers.context import context, get_mask, set_mask
from recurra.layers.input_spec import check_input_spec
from recurra.layers.naming import auto_name, to_snake_case
from recurra.layers.symbolic_call import call_symbolic, dry_output_shape, dry_run, output_shape_of, spec_from_shapes
from recurra.layers.tracking import Tracking
from recurra.models.symbolic import KerasTensor, Node, has_symbolic
from recurra.registration import deserialize_keras_object, serialize_keras_object

_PLAIN = (np.ndarray, Tensor)


def _tracked_build(build: Callable[..., None]) -> Callable[..., None]:
    """`build` that notes the shape, marks the layer as built and sets the weights given to the constructor."""

    @functools.wraps(build)
    def wrapper(self: Layer, *args: Any, **kwargs: Any) -> None:
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


class Layer(Tracking):
    """A function with weights. Subclass it: make weights in `build`, compute with ``recurra.ops`` in `call`.

    name : for summaries and files; made from the class's name where None
    dtype : "float32" or "float64" (None: ``recurra.config.floatx()``), of the weights and of the computation
    trainable : whether training changes the weights
    activity_regularizer : a penalty on the output, divided by the batch size and added to the loss
    input_shape, batch_size, batch_input_shape, input_dim, input_length : Keras 2's ways to say the shape of the input
        where the layer is a Sequential model's first: without the batch axis, the batch size, with the batch axis
    weights : Keras 2's way to give the first values of the weights, in the order of :attr:`weights`

    Called on arrays a layer returns arrays; under a ``GradientTape`` it returns Tensors; on symbolic tensors it
    returns symbolic tensors. A mask travels as the attribute `_keras_mask` of what layers return: a layer whose
    `call` has a parameter `mask` gets it, and one with ``supports_masking = True`` hands it on.

    >>> import numpy as np
    >>> from recurra import layers, ops
    >>> class Scale(layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> Scale()(np.array([[2.0, 3.0]], "float32"))
    array([[2., 3.]], dtype=float32)
    """

    _keras_module = "keras.layers"
    _init_args: tuple[tuple[Any, ...], dict[str, Any]]
    _call_spec: CallSpec = None  # type: ignore[assignment]
    #: integer and bool inputs become the layer's float dtype
    _float_inputs = False
    #: compute_mask gives None for None, so it need not be asked
    _mask_passes = False
    built = False
    stateful = False
    supports_masking = False
    input_spec: Any = None
    _build_depth = 0
    _build_shape: Any = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = super().__new__(cls)
        self._init_args = (args, kwargs)
        return self

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "compute_mask" in cls.__dict__:  # whoever says what becomes of masks supports them
            if "supports_masking" not in cls.__dict__:
                cls.supports_masking = True
            if "_mask_passes" not in cls.__dict__:
                cls._mask_passes = False
        if "build" in cls.__dict__:
            cls.build = _tracked_build(cls.__dict__["build"])  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        activity_regularizer: Any = None,
        input_shape: Any = None,
        batch_input_shape: Any = None,
        batch_size: int | None = None,
        input_dim: int | None = None,
        input_length: int | None = None,
        weights: Any = None,
        autocast: bool = True,
        **unknown: Any,
    ) -> None:
        if unknown:
            raise TypeError(f"{type(self).__name__} got unknown argument(s): {', '.join(sorted(unknown))}")
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(f"name must be a string without '/', got {name!r}")
        self._call_spec = spec_of(type(self))
        self.name = name if name is not None else auto_name(to_snake_case(type(self).__name__))
        self.dtype = standardize_dtype(dtype)
        self._numpy_dtype = np.dtype(self.dtype)
        self._trainable = bool(trainable)
        self.autocast = autocast
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.built = False
        self._own_trainable = []
        self._own_non_trainable = []
        self._losses = []
        self._loss_owners: list[Layer] = []
        self._inbound_nodes: list[Node] = []
        self._initial_weights = weights
        self._batch_input_shape: tuple[int | None, ...] | None = None
        if batch_input_shape is not None:
            self._batch_input_shape = tuple(batch_input_shape)
        elif input_shape is not None:
            inner = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
            self._batch_input_shape = (batch_size, *inner)
        elif input_dim is not None:
            inner = (input_dim,) if input_length is None else (input_length, input_dim)
            self._batch_input_shape = (batch_size, *inner)
        elif input_length is not None or batch_size is not None:
            given = "input_length" if input_length is not None else "batch_size"
            raise ValueError(f"{type(self).__name__}: {given} needs input_dim or input_shape beside it")

    # --- dtype ---------------------------------------------------------------------------------------------------

    @property
    def compute_dtype(self) -> str:
        return self.dtype

    @property
    def variable_dtype(self) -> str:
        return self.dtype

    @property
    def dtype_policy(self) -> str:
        return self.dtype

    # --- weights -------------------------------------------------------------------------------------------------

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: Any = None,
    ) -> Variable:
        """A new variable of this layer.

        shape : a tuple of int, () where None
        initializer : a name, an initializer or a function ``(shape, dtype)``; "glorot_uniform" where None
            ("zeros" for dtypes that are not float)
        dtype : the layer's where None
        trainable, regularizer, constraint : whether training changes it, its penalty, its limit
        name : for messages and files. Keras 2's order, name first, is understood
        """
        if isinstance(shape, str):
            shape, name = name if initializer is None else initializer, shape
            initializer = None
        shape = () if shape is None else tuple(shape)
        if any(not isinstance(size, (int, np.integer)) or size < 0 for size in shape):
            raise ValueError(f"{self.name}: the shape of weight {name!r} must be known in full, got {shape}")
        kind = np.dtype(self.dtype if dtype is None else dtype)
        if initializer is None:
            initializer = "glorot_uniform" if kind.kind == "f" else "zeros"
        if context.loading is not None:
            context.loading(self.name, name, shape)
            value = np.zeros(shape, kind)
        elif kind.kind == "f":
            value = initializers.get(initializer)(shape, dtype=kind.name)
        else:
            value = initializers.get(initializer)(shape).astype(kind)
        value = np.asarray(value)
        if value.shape != shape:
            raise ValueError(f"{self.name}: the initializer of {name!r} must give shape {shape}, got {value.shape}")
        trainable = bool(trainable)
        variable = Variable(value, dtype=kind, name=name or "variable", trainable=trainable and self._trainable)
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = get_constraint(constraint)
        (self._own_trainable if trainable else self._own_non_trainable).append(variable)
        return variable

    def add_loss(self, loss: Any) -> None:
        """Add a number (or a list of them), computed in this call, to the loss."""
        self._losses.extend(loss if isinstance(loss, (list, tuple)) else [loss])
        (context.entry or self)._loss_owners.append(self)

    # --- building ------------------------------------------------------------------------------------------------

    @_tracked_build
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
            self.set_weights(initial)

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build for the shape that :meth:`get_build_config` noted."""
        shape = config.get("input_shape")
        if shape is not None and not self.built:
            self.build(_as_shapes(shape))

    def get_build_config(self) -> dict[str, Any] | None:
        """The shape that the layer was built for."""
        return None if self._build_shape is None else {"input_shape": self._build_shape}

    # --- calling -------------------------------------------------------------------------------------------------

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The computation: ``call(self, inputs)``, with ``mask=None`` and ``training=False`` where they are needed."""
        raise TypeError(f"{type(self).__name__} must define call(self, inputs)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        spec = self._call_spec
        if spec is None:
            raise RuntimeError(f"{type(self).__name__}.__init__ must call super().__init__() before anything else")
        dtype = self._numpy_dtype
        if not args:
            if spec.first not in kwargs:
                raise TypeError(f"{self.name} must be called with `{spec.first}`")
            args = (kwargs.pop(spec.first),)
        inputs = args[0]
        several = False
        if len(args) > 1 or kwargs:
            if len(args) > 1 and len(args) <= len(spec.names):
                kwargs.update(zip(spec.names[1:], args[1:], strict=False))
                args = args[:1]
            for value in args[1:]:  # what goes to *args
                if has_symbolic(value):
                    return call_symbolic(self, args, kwargs)
                several = several or holds_tensors(value)
            for key, value in kwargs.items():
                if value is None or value is True or value is False:
                    continue
                if has_symbolic(value):
                    return call_symbolic(self, args, kwargs)
                if holds_tensors(value):
                    several = True
                    if self.autocast:
                        kwargs[key] = convert(value, dtype)
        if not (isinstance(inputs, _PLAIN) and inputs.dtype is dtype):
            if has_symbolic(inputs):
                return call_symbolic(self, args, kwargs)
            if self.autocast:
                inputs = convert(inputs, dtype, self._float_inputs, True)
        if self.input_spec is not None:
            check_input_spec(self.input_spec, inputs, self.name)
        if not self.built:
            self._build_for((inputs, *args[1:]), kwargs)

        mask = kwargs.get("mask")
        if mask is None:
            mask = get_mask(inputs)
            if mask is not None and spec.has_mask:
                if several:
                    self._warn_mask_unused()
                else:
                    kwargs["mask"] = mask
        if several and spec.mask_names:
            self._fill_masks(inputs, kwargs)

        training = kwargs.pop("training", None)
        state = context
        outer_entry, outer_training = state.entry, state.training
        if training is None:
            training = outer_training if outer_training is not None else spec.training_default
        if outer_entry is None:
            state.entry = self
            if self._loss_owners:
                self._clear_losses()
        if spec.has_training:
            kwargs["training"] = bool(training)
        state.training = training
        try:
            outputs = self.call(inputs, *args[1:], **kwargs)
            if self.activity_regularizer is not None:
                self._regularize_activity(outputs)
        finally:
            state.entry, state.training = outer_entry, outer_training

        if self.supports_masking:
            if mask is not None or not self._mask_passes:
                outputs = self._attach_masks(inputs, outputs, mask)
        elif mask is not None:
            self._warn_mask_lost()
        return outputs

    def _fill_masks(self, inputs: Any, kwargs: dict[str, Any]) -> None:
        """Where several tensors come, the mask of argument `x` goes to the parameter ``x_mask``."""
        named = {self._call_spec.first: inputs, **kwargs}
        for key, value in named.items():
            name = f"{key}_mask"
            if name in self._call_spec.mask_names and named.get(name) is None:
                kwargs[name] = get_mask(value)

    def _attach_masks(self, inputs: Any, outputs: Any, mask: Any) -> Any:
        if isinstance(outputs, _PLAIN):
            if getattr(outputs, "_keras_mask", None) is not None and outputs is not inputs:
                return outputs
            new = self.compute_mask(inputs, mask)
            if isinstance(new, (list, tuple)):
                new = new[0] if len(new) else None
            if outputs is inputs and new is None:
                return outputs
            return set_mask(outputs, new)
        new = self.compute_mask(inputs, mask)
        if new is None:
            return outputs
        if isinstance(outputs, (list, tuple)):
            masks = list(new) if isinstance(new, (list, tuple)) else [new] * len(outputs)
            masks += [None] * (len(outputs) - len(masks))
            return type(outputs)(
                set_mask(value, one) if isinstance(value, _PLAIN) else value
                for value, one in zip(outputs, masks, strict=False)
            )
        return outputs

    def _warn_mask_lost(self) -> None:
        if not self.__dict__.get("_warned_lost"):
            self._warned_lost = True
            warnings.warn(
                f"{self.name} ({type(self).__name__}) was given a mask but does not support masks: layers after it "
                "will not see it",
                stacklevel=3,
            )

    def _warn_mask_unused(self) -> None:
        if not self.__dict__.get("_warned_unused"):
            self._warned_unused = True
            warnings.warn(
                f"{self.name}: beside other tensors (initial_state) the mask attached to the input is handed on but "
                "not used here, as in Keras 3; pass mask=... to use it",
                stacklevel=3,
            )

    def _regularize_activity(self, outputs: Any) -> None:
        if isinstance(outputs, (list, tuple)):
            for output in outputs:
                self._regularize_activity(output)
            return
        loss = self.activity_regularizer(outputs)
        self.add_loss(loss / float(outputs.shape[0]) if outputs.ndim else loss)

    def _clear_losses(self) -> None:
        for owner in self._loss_owners:
            owner._losses.clear()
        self._loss_owners.clear()

    def _check_input(self, inputs: Any) -> None:
        if self.input_spec is not None:
            check_input_spec(self.input_spec, inputs, self.name)

    # --- shapes and masks ----------------------------------------------------------------------------------------

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output's shape for an input's; here by running the layer on zeros."""
        return dry_output_shape(self, input_shape)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic outputs for symbolic arguments."""
        if type(self).compute_output_shape is Layer.compute_output_shape:
            return dry_run(self, args, kwargs)
        return spec_from_shapes(self, output_shape_of(self, args, kwargs), self._output_dtype(*args, **kwargs))

    def _output_dtype(self, *args: Any, **kwargs: Any) -> str:
        return self.dtype

    def _dry_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call on zeros, leaving no losses behind."""
        if self._call_spec.has_training and kwargs.get("training") is None:
            kwargs["training"] = False
        owners, self._loss_owners = self._loss_owners, []
        try:
            return self(*args, **kwargs)
        finally:
            self._clear_losses()
            self._loss_owners = owners

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the output for that of the input: the same, unless a subclass says otherwise."""
        return mask

    # --- the graph -----------------------------------------------------------------------------------------------

    @property
    def input(self) -> Any:
        """The symbolic input of the layer's only call in a graph (a list where there are several)."""
        tensors = self._only_node().input_tensors
        return tensors[0] if len(tensors) == 1 else tensors

    @property
    def output(self) -> Any:
        """The symbolic output of the layer's only call in a graph."""
        tensors = self._only_node().output_tensors
        return tensors[0] if len(tensors) == 1 else tensors

    def _only_node(self) -> Node:
        if len(self._inbound_nodes) != 1:
            raise AttributeError(
                f"{self.name} must have been called exactly once on symbolic tensors to have one input and output, "
                f"it was called {len(self._inbound_nodes)} times"
            )
        return self._inbound_nodes[0]

    # --- configuration -------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """What ``from_config`` needs to make this layer anew, without its weights' values."""
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": {
                "module": "keras",
                "class_name": "DTypePolicy",
                "config": {"name": self.dtype},
                "registered_name": None,
            },
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        kind = type(self)
        if not kind.__module__.startswith("recurra.") and _defines_later(kind, "__init__", "get_config"):
            config.update(self._constructor_config())
        return config

    def _constructor_config(self) -> dict[str, Any]:
        """The arguments that the constructor was called with, by name."""
        args, kwargs = self._init_args
        bound = inspect.signature(type(self).__init__).bind(self, *args, **kwargs)
        given = dict(list(bound.arguments.items())[1:])
        for parameter in bound.signature.parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                given.update(given.pop(parameter.name, {}))
        return {key: serialize_keras_object(value) for key, value in given.items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A new layer from what :meth:`get_config` returned."""
        if cls.__module__.startswith("recurra."):
            return cls(**config)
        given = {key: deserialize_keras_object(value) for key, value in config.items()}
        parameters = inspect.signature(cls.__init__).parameters
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            return cls(**given)
        # a constructor that does not hand `name` and the like on to this class: set them afterwards
        later = {
            key: given.pop(key) for key in ("name", "trainable", "dtype") if key not in parameters and key in given
        }
        layer = cls(**given)
        layer.name = later.get("name", layer.name)
        layer.trainable = later.get("trainable", layer.trainable)
        return layer

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


@functools.cache
def _build_parameters(build: Callable[..., None]) -> tuple[str, ...]:
    parameters = inspect.signature(build).parameters.values()
    return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)[1:]


def _defines_later(kind: type, first: str, second: str) -> bool:
    """Whether `first` is defined in a subclass below the class that defines `second`."""
    for base in kind.__mro__:
        if second in base.__dict__:
            return False
        if first in base.__dict__:
            return True
    return False


def _as_shapes(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return tuple(value) if not any(isinstance(item, (list, tuple)) for item in value) else [*map(_as_shapes, value)]
    return value


__all__ = ["KerasTensor", "Layer"]
