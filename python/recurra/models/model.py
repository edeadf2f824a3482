"""Models: layers that can be trained, saved and summarized."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from recurra.layers.add_loss import warn_lost_losses
from recurra.layers.base.call_spec import shapes_of
from recurra.layers.base.layer import Layer
from recurra.layers.base.symbolic_call import is_shape
from recurra.models.graph import Graph
from recurra.models.graph_queries import GraphQueries
from recurra.models.own_metrics import ModelMetrics
from recurra.models.quantizing import Quantizing
from recurra.naming import auto_name, to_snake_case
from recurra.symbolic import KerasTensor
from recurra.training.trainer import Trainer
from recurra.tree import leaves, map_structure
from recurra.typing import PathLike, Symbols

_M = TypeVar("_M", bound="Model")


class Model(Quantizing, ModelMetrics, Trainer, GraphQueries):  # type: ignore[misc]  # Keras's two signatures of quantize
    """A model from symbolic inputs to outputs, or a class of your own with a `call`.

    ``Model(inputs, outputs)`` joins the layers called between `Input` tensors and outputs; lists and dicts stand for
    several. A subclass makes layers in ``__init__`` and uses them in ``call(self, inputs, training=False)``.

    inputs, outputs : KerasTensors, or lists or dicts of them
    name : made from the class where None
    trainable : whether training changes the weights

    >>> from recurra.layers import Dense, Input, LSTM
    >>> from recurra.models import Model
    >>> x = Input((None, 8))
    >>> model = Model(x, Dense(1)(LSTM(16)(x)))
    >>> model.count_params()
    1617
    """

    _keras_module = "keras.models"
    _untracked = Layer._untracked | {"_graph", "_compile_config", "loss", "_extra"}
    _graph: Graph | None = None

    def __new__(cls: type[_M], *args: Any, **kwargs: Any) -> _M:
        if cls is Model and (len(args) >= 2 or "outputs" in kwargs):
            from recurra.models.functional import Functional

            return super().__new__(Functional, *args, **kwargs)  # type: ignore[return-value]
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self,
        inputs: Symbols | str | Model | None = None,
        outputs: Symbols | None = None,
        name: str | None = None,
        *,
        trainable: bool = True,
        **kwargs: Any,
    ) -> None:
        if isinstance(inputs, str) and outputs is None and name is None:
            inputs, name = None, inputs  # super().__init__("name")
        if inputs is self:
            inputs = None  # super().__init__(self), a slip that Keras 2 did not notice and tutorials still have
        super().__init__(name=name or auto_name(to_snake_case(type(self).__name__)), trainable=trainable, **kwargs)
        self.autocast = self.autocast and not self._runs_graph()  # the layers of a graph convert what they read
        self.supports_masking = True
        self._shape_cache: dict[Any, Any] = {}
        self.stop_training = False
        if inputs is not None or outputs is not None:
            if inputs is None or outputs is None:
                raise ValueError("inputs and outputs must be given together")
            self._set_graph(inputs, outputs)

    def _set_graph(self, inputs: Any, outputs: Symbols) -> None:
        self._graph = Graph(inputs, outputs)
        self._layers = self._graph.layers
        self.built = True

    # --- losses of its own --------------------------------------------------------------------------------------

    def add_loss(self, loss: Any, inputs: Any = None) -> None:
        """Add to the loss: a symbolic tensor of this model's graph, or a function without arguments.

        A symbolic tensor is computed at each call, for the batch at hand, by layers that become part of the model.
        What it depends on is trained, on the way to the outputs or not. ``.keras`` and ``.h5`` files of a functional
        model hold it (Keras 3 has no layer to read it with); those of a Sequential model do not, nor do files hold
        functions: a warning says so. In a model with its own `call`, call it in there, as in any layer.

        loss : a KerasTensor, a function, or a list of them; more than one number is summed
        inputs : as for :meth:`recurra.layers.Layer.add_loss`
        raises : ValueError for a number or an array, which would be the same for every batch

        >>> from recurra import ops
        >>> from recurra.layers import Dense, Input, LSTM
        >>> from recurra.models import Model
        >>> x = Input((None, 8))
        >>> h = LSTM(16)(x)
        >>> model = Model(x, Dense(1)(h))
        >>> model.add_loss(0.01 * ops.mean(ops.square(h)))
        """
        for item in loss if isinstance(loss, (list, tuple)) else [loss]:
            if not isinstance(item, KerasTensor):
                super().add_loss(item)
                continue
            if self._graph is None or not self._runs_graph():
                own = "has its own call: use add_loss in it" if self.built else "has no input shape yet: build it"
                raise ValueError(
                    f"{self.name}: add_loss takes symbolic tensors for a model of symbolic inputs and outputs, "
                    f"and this one {own}"
                )
            from recurra.layers.add_loss import AddLoss

            self._add_ends([AddLoss(dtype=item.dtype)(item)])

    def _runs_graph(self) -> bool:
        return type(self).call is Model.call

    def _add_ends(self, ends: list[KerasTensor]) -> None:
        """Compute these tensors, which add to the loss, at each call."""
        graph = self._need_graph()
        self._graph = Graph(graph.inputs, graph.outputs, [*graph.ends, *ends])
        self._layers = self._graph.layers

    # --- calling ------------------------------------------------------------------------------------------------

    if TYPE_CHECKING:

        def call(self, *args: Any, **kwargs: Any) -> Any: ...  # a subclass has the parameters that it likes

    else:

        def call(
            self,
            inputs: Any,
            training: bool | None = None,
            mask: Any = None,
            *,
            logits: frozenset[int] = frozenset(),
        ) -> Any:
            """The outputs for `inputs`. Subclasses that are not made from symbolic tensors define it.

            mask : the inputs' masks over time, in the inputs' structure, for the layers that read them
            logits : the numbers of the outputs that end in a softmax and are wanted without it, for the loss
            """
            if self._graph is None:
                name = type(self).__name__
                raise TypeError(f"{name} must define call(self, inputs), or be made of inputs and outputs")
            return self._graph.run(inputs, mask, logits)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """None: the mask of the outputs is the one that the model's last layers attach to them."""
        return None

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        if self._graph is not None and args:
            return self._graph.describe(self._graph.flatten_inputs(args[0]))
        return super().compute_output_spec(*args, **kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._graph is None:
            return super().compute_output_shape(input_shape)
        several = len(self._graph.input_tensors) > 1 or isinstance(input_shape, Mapping)
        shapes = input_shape if several else [input_shape]
        shapes = list(shapes.values()) if isinstance(shapes, Mapping) else shapes
        inputs = [KerasTensor(s, t.dtype) for s, t in zip(shapes, self._graph.input_tensors, strict=True)]
        return map_structure(operator.attrgetter("shape"), self._graph.describe(inputs))

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of this shape (with the batch axis, None where open).

        For a subclass the model is called on zeros of that shape, with sizes of 1 where it is open.
        """
        if self._graph is not None or self.built:
            self.built = True
            return
        if input_shape is None:
            raise ValueError(f"{self.name}: build needs input_shape, for instance (None, 10)")
        self.built = True
        try:
            outputs = self(_zeros(input_shape), training=False)
        except BaseException:
            self.built = False
            raise
        self._note_outputs(None, outputs)
        self.reset_states()

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if type(self).build is Model.build:  # the layers in it build themselves during the call
            self._build_shape = shapes_of(args[0]) if args else None
            self.built = True
        else:
            super()._build_for(args, kwargs)

    # --- layers -------------------------------------------------------------------------------------------------

    @property
    def layers(self) -> list[Any]:
        """The layers directly in this model, in order."""
        return list(self._layers) if "_layers" in self.__dict__ else self._sublayers()

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """The layer of this name, or at this index.

        raises : ValueError if there is none, with the names that there are
        """
        if (name is None) == (index is None):
            raise ValueError(f"give either name or index, got name={name!r}, index={index!r}")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(f"index must be in [0, {len(layers)}), got {index}")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise ValueError(f"no layer is named {name!r}; there are {[layer.name for layer in layers]}")

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs."""
        return list(self._need_graph().input_tensors)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs."""
        return list(self._need_graph().output_tensors)

    @property
    def input(self) -> Any:
        """The symbolic input, in the structure it was given in."""
        return self._need_graph().inputs

    @property
    def output(self) -> Any:
        """The symbolic output, in the structure it was given in."""
        return self._need_graph().outputs

    @property
    def input_shape(self) -> Any:
        shapes = [tensor.shape for tensor in self._need_graph().input_tensors]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def output_shape(self) -> Any:
        shapes = [tensor.shape for tensor in self._need_graph().output_tensors]
        return shapes[0] if len(shapes) == 1 else shapes

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs' layers."""
        return [tensor.node.layer.name for tensor in self._need_graph().input_tensors]  # type: ignore[union-attr]

    @property
    def output_names(self) -> list[str]:
        """The names under which outputs are trained and logged: the keys of a dict, else the last layers' names."""
        graph = self._need_graph()
        if isinstance(graph.outputs, Mapping):
            return [str(key) for key in graph.outputs]
        names: list[str] = []
        for tensor in graph.output_tensors:
            name = tensor.node.layer.name  # type: ignore[union-attr]
            names.append(name if name not in names else f"{name}_{sum(n.startswith(name) for n in names)}")
        return names

    def _need_graph(self) -> Graph:
        if self._graph is None:
            raise AttributeError(
                f"{self.name} has no symbolic inputs and outputs: it is "
                f"{'not built yet' if not self.built else 'a subclass with its own call'}"
            )
        return self._graph

    # --- states -------------------------------------------------------------------------------------------------

    def reset_states(self) -> None:
        """Set the states of all stateful layers to zero (Keras 2's name; Keras 3 resets each layer)."""
        for layer in self._flatten_layers(include_self=False):
            if getattr(layer, "stateful", False) and hasattr(layer, "reset_state"):
                layer.reset_state()

    reset_state = reset_states

    @contextmanager
    def _states_kept(self) -> Iterator[None]:
        """States of stateful layers are after the block what they were before it; zero where they were not made."""
        held = [
            (variable, variable.numpy())
            for layer in self._flatten_layers(include_self=False)
            for variable in leaves(getattr(layer, "states", None))
        ]
        try:
            yield
        finally:
            self.reset_states()
            for variable, value in held:
                variable.assign(value)

    # --- looking at it ------------------------------------------------------------------------------------------

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print the layers, their output shapes and how many weights they have.

        line_length : characters in a line; positions : where columns end, as shares of it
        print_fn : called with the text, ``print`` unless given
        expand_nested : show the layers of models within the model
        show_trainable : add a column that says which layers are trained
        layer_range : names (or patterns) of the first and last layer to show
        """
        from recurra.models.summary import show, summarize

        self._build_for_ids()
        text = summarize(self, line_length, positions, expand_nested, show_trainable, layer_range)
        (print_fn or show)(text)

    def _build_for_ids(self) -> None:
        """Build a model that can only take ids and is not built yet, as :class:`Sequential` may be."""

    # --- configuration ------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """What ``from_config`` needs. A subclass with arguments of its own should extend it."""
        return super().get_config()

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A new model from a configuration; the weights start anew."""
        from recurra.registry import custom_object_scope

        settings = dict(config)
        if "input_layers" in settings and "output_layers" in settings:
            from recurra.models.functional import functional_from_config

            with custom_object_scope(custom_objects or {}):
                return functional_from_config(cls, settings)
        parameters = inspect.signature(cls.__init__).parameters
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            common = {key: settings.pop(key) for key in ("name", "trainable", "dtype") if key not in parameters}
        else:
            common = {}
        with custom_object_scope(custom_objects or {}):
            model = super().from_config(settings)
        model.name = common.get("name", model.name)
        if common.get("trainable") is False:
            model.trainable = False
        return model

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as JSON: ``recurra.models.model_from_json`` reads it. `kwargs` go to ``json.dumps``."""
        import json

        from recurra.registry import serialize_keras_object

        warn_lost_losses(self, "the JSON text")
        return json.dumps(serialize_keras_object(self), **kwargs)

    # --- files --------------------------------------------------------------------------------------------------

    def save(self, filepath: PathLike, overwrite: bool = True, **kwargs: Any) -> None:
        """Write architecture, weights and optimizer to a file; see :func:`recurra.saving.save_model`."""
        from recurra.saving import save_model

        save_model(self, filepath, overwrite=overwrite, **kwargs)

    def save_weights(self, filepath: PathLike, overwrite: bool = True, **kwargs: Any) -> None:
        """Write the weights to a file; see :func:`recurra.saving.save_weights`."""
        from recurra.saving import save_weights

        save_weights(self, filepath, overwrite=overwrite, **kwargs)

    def load_weights(self, filepath: PathLike, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Read the weights from a file; see :func:`recurra.saving.load_weights`."""
        from recurra.saving import load_weights

        self._build_for_ids()
        load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)


def _zeros(shape: Any) -> Any:
    """Arrays of a shape, or of nested shapes."""

    def array(shape: Any) -> Any:
        return np.zeros([1 if size is None else size for size in shape], "float32")

    return map_structure(array, shape, is_leaf=is_shape, sequence=list)
