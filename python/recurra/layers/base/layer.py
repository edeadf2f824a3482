"""The base of all layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from recurra import initializers, regularizers
from recurra._core.memory import taking
from recurra.autograd import Tensor, Variable
from recurra.constraints import get as get_constraint
from recurra.layers.base.arguments import check_flag, smaller, unknown_arguments
from recurra.layers.base.building import Building, tracked_build
from recurra.layers.base.call_spec import CallSpec, convert, holds_tensors, is_ready, spec_of
from recurra.layers.base.configuration import Configuration
from recurra.layers.base.context import context, get_mask
from recurra.layers.base.graph_access import GraphAccess
from recurra.layers.base.input_spec import check_input_spec
from recurra.layers.base.masks import Masks
from recurra.layers.base.own_metrics import OwnMetrics
from recurra.layers.base.quantization import Quantization
from recurra.layers.base.symbolic_call import ShapeNotKnown, dry_output_shape, output_shape_of, spec_from_shapes
from recurra.layers.base.symbolic_masks import call_with_masks, dry_run_with_masks
from recurra.layers.base.tracking import Tracking
from recurra.naming import auto_name, missing_attribute, to_snake_case
from recurra.symbolic import KerasTensor, Node, has_symbolic
from recurra.typing import Array, ArrayLike, ConstraintLike, DType, InitializerLike, RegularizerLike

_L = TypeVar("_L", bound="Layer")
_PLAIN = (np.ndarray, Tensor)


class Layer(Building, Tracking, Masks, Configuration, GraphAccess, OwnMetrics, Quantization):
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
    #: arithmetic in a graph: no layer in Keras's files
    is_operation = False
    #: integer and bool inputs become the layer's float dtype
    _float_inputs = False
    #: a list of numbers, a number and what numpy takes for an array become arrays
    _takes_numbers = True
    #: compute_mask gives None for None, so it need not be asked
    _mask_passes = False
    built = False
    stateful = False
    supports_masking = False
    input_spec: Any = None
    _build_depth = 0
    _checked: tuple[Any, Any] = (None, None)  # the specification and shape that the last input was checked for
    _build_shape: Any = None

    def __new__(cls: type[_L], *args: Any, **kwargs: Any) -> _L:
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
            cls.build = tracked_build(cls.__dict__["build"])  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        name: str | None = None,
        dtype: DType | None = None,
        trainable: bool = True,
        activity_regularizer: RegularizerLike = None,
        input_shape: int | Sequence[int | None] | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        input_dim: int | None = None,
        input_length: int | None = None,
        weights: Array | Sequence[ArrayLike] | None = None,
        autocast: bool = True,
        **unknown: Any,
    ) -> None:
        if unknown:
            raise TypeError(unknown_arguments(type(self), unknown))
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(f"name must be a string without '/', got {name!r}")
        self._call_spec = spec_of(type(self))
        self.name = name if name is not None else auto_name(to_snake_case(type(self).__name__))
        self._set_dtype(dtype)
        self._trainable = bool(trainable)
        self.autocast = check_flag(autocast, "autocast")
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

    # --- weights -------------------------------------------------------------------------------------------------

    def add_weight(
        self,
        *args: Any,
        shape: Sequence[int] | None = None,
        initializer: InitializerLike | None = None,
        dtype: DType | None = None,
        trainable: bool = True,
        regularizer: RegularizerLike = None,
        constraint: ConstraintLike = None,
        name: str | None = None,
    ) -> Variable:
        """A new variable of this layer.

        args : by position: shape, initializer, dtype; or in Keras 2's order: name, shape, dtype, initializer
        shape : a tuple of int, () where None
        initializer : a name, an initializer or a function ``(shape, dtype)``; "glorot_uniform" where None
            ("zeros" for dtypes that are not float)
        dtype : the layer's where None
        trainable, regularizer, constraint : whether training changes it, its penalty, its limit
        name : for messages and files
        """
        if args:
            old = isinstance(args[0], str)
            order = ("name", "shape", "dtype", "initializer") if old else ("shape", "initializer", "dtype")
            if len(args) > len(order):
                raise TypeError(f"{self.name}: add_weight takes {', '.join(order)} by position, got {len(args)} values")
            given = dict(zip(order, args, strict=False))
            name, shape = given.get("name", name), given.get("shape", shape)
            dtype, initializer = given.get("dtype", dtype), given.get("initializer", initializer)
        shape = () if shape is None else tuple(shape)
        if any(not isinstance(size, (int, np.integer)) or size < 0 for size in shape):
            raise ValueError(f"{self.name}: the shape of weight {name!r} must be known in full, got {shape}")
        kind = np.dtype(self.dtype if dtype is None else dtype)
        if initializer is None:
            initializer = "glorot_uniform" if kind.kind == "f" else "zeros"
        if context.loading is not None:
            context.loading(self.name, name, shape)
        with taking(f"{name or 'variable'} of {self.name!r}", shape, kind, smaller(self)):
            if context.loading is not None:
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

    def add_loss(self, loss: Any, inputs: Any = None) -> None:
        """Add to the loss: a number computed in this call, or at any time a function that computes one.

        loss : a number (more than one are summed), a function without arguments, which is called for every batch, or
            a list of these
        inputs : Keras 2's word for what the loss depends on. Every loss belongs to the call that adds it, so there is
            nothing to choose
        raises : ValueError for a number or an array outside of a call: it would be the same for every batch
        """
        for item in loss if isinstance(loss, (list, tuple)) else [loss]:
            if item is None or isinstance(item, (str, KerasTensor)):
                raise TypeError(
                    f"{self.name}: add_loss takes numbers computed in `call` or functions without arguments "
                    f"(a functional model's takes symbolic tensors), got {item!r}"
                )
            if context.entry is not None:
                owners = context.entry._loss_owners
                if not any(owner is self for owner in owners):
                    self._losses.clear()  # of a call of its own, or in another model
                    owners.append(self)
                self._losses.append(item() if callable(item) else item)
            elif callable(item):
                self._callable_losses = [*self._callable_losses, item]
            else:
                raise ValueError(
                    f"{self.name}: outside of a call, add_loss takes a function without arguments, got {item!r}, which "
                    "would be the same for every batch: write add_loss(lambda: ...)"
                )

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
        several = False  # whether other arguments hold tensors too
        if len(args) > 1:
            if len(args) <= len(spec.names):
                kwargs.update(zip(spec.names[1:], args[1:], strict=False))
                args = args[:1]
            elif has_symbolic(args):  # what goes to *args
                return call_with_masks(self, args, kwargs)
            else:
                several = holds_tensors(args[1:])
        for key, value in kwargs.items():
            if value is None or value is True or value is False:
                continue
            if is_ready(value, dtype):
                several = True
            elif has_symbolic(value):
                return call_with_masks(self, args, kwargs)
            elif holds_tensors(value):
                several = True
                if self.autocast:
                    kwargs[key] = convert(value, dtype)
            elif key == "mask" and isinstance(value, (list, tuple)) and all(isinstance(row, list) for row in value):
                kwargs[key] = np.asarray(value)  # written out, as nested lists
                several = True
        if not is_ready(inputs, dtype):
            if has_symbolic(inputs):
                return call_with_masks(self, args, kwargs)
            if self.autocast:
                inputs = convert(inputs, dtype, self._float_inputs, self._takes_numbers, True)
        if self.input_spec is not None:
            self._check_input(inputs)
        if not self.built:
            self._build_for((inputs, *args[1:]), kwargs)

        mask = kwargs.get("mask")
        if mask is None and type(inputs) is not np.ndarray:
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
        spec = self.input_spec
        shape = getattr(inputs, "shape", None)
        if shape is None or self._checked[0] is not spec or self._checked[1] != shape:
            if spec is not None:
                check_input_spec(spec, inputs, self.name)
            self._checked = (spec, shape)

    # --- shapes and masks ----------------------------------------------------------------------------------------

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output's shape for an input's; here by running the layer on zeros."""
        return dry_output_shape(self, input_shape)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic outputs for symbolic arguments."""
        if type(self).compute_output_shape is Layer.compute_output_shape:
            return dry_run_with_masks(self, args, kwargs)
        try:
            shapes = output_shape_of(self, args, kwargs)
        except ShapeNotKnown:
            return dry_run_with_masks(self, args, kwargs)
        return spec_from_shapes(self, shapes, self._output_dtype(*args, **kwargs))

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

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            return missing_attribute(self, name, "_call_spec" in self.__dict__)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


__all__ = ["KerasTensor", "Layer"]
