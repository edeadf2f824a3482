"""Before the first batch: build the model, look at the data, resolve losses and metrics."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra.layers.base.call_spec import is_text
from recurra.training.batches import ArraySource, Batch, Source
from recurra.training.checks import (
    check_finite,
    check_ids,
    check_labels,
    check_shape,
    check_weights,
    has_checked_labels,
)
from recurra.training.sources import WeightedSource
from recurra.training.structure import align, default_names, flatten_outputs
from recurra.tree import leaves
from recurra.typing import Data


class Shaped:
    """Something that only has a shape."""

    def __init__(self, shape: tuple[int | None, ...]) -> None:
        self.shape = shape


def whole_arrays(source: Source) -> Batch | None:
    """All the data of an array source as one batch, or None."""
    if isinstance(source, WeightedSource):
        return whole_arrays(source.inner)
    if isinstance(source, ArraySource):
        return Batch(source.x, source.y, source.weight, source.samples or 0)
    return None


def prepare(model: Any, source: Source, purpose: str, rebuild: bool = True) -> None:
    """Build `model` for the data of `source` and check that the two fit together.

    purpose : "fit", "validation_data", "evaluate", "predict" or a method's name; predictions need no labels
    rebuild : choose losses and metrics anew by the shapes of labels and predictions
    """
    labelled = not purpose.startswith("predict")
    first = source.peek()
    if first is None:
        raise ValueError(f"{'validation_data' if purpose == 'validation_data' else 'x'} gave no batch")
    if is_steps_alone(model):
        return
    data = whole_arrays(source) or first
    prefix = "validation " if purpose == "validation_data" else ""
    try:
        ensure_built(model, first.x)
    except (TypeError, ValueError):
        _refuse_misread(model, first.x, f"{prefix}x")
        raise
    _check_batch_size(model, source, prefix)
    _check_inputs(model, data.x, prefix)
    if not labelled:
        return
    names, shapes = model._output_names_and_shapes()
    targets = align(data.y, names, f"{prefix}y")
    if isinstance(source, WeightedSource) and len(shapes) == 1 and targets[0] is not None:
        source.ids = len(targets[0].shape) == len(shapes[0]) - 1
    compiled = model._compiled_state
    if rebuild or not compiled.loss.built:
        _choose_losses(compiled, names, targets, [Shaped(shape) for shape in shapes])
    if not has_checked_labels(model):
        return
    masked = model._masked_outputs(len(names))
    for name, target, shape, loss, hidden in zip(names, targets, shapes, compiled.loss.losses, masked, strict=True):
        argument = f"{prefix}y" if len(names) == 1 else f"{prefix}y[{name!r}]"
        if loss is None:
            continue
        if target is None:
            raise ValueError(f"{argument} must be given: the loss {loss.name} compares it with the predictions")
        check_labels(target, shape, loss, argument, hidden)
    for leaf in leaves(data.weight):
        check_weights(leaf, targets[0] if len(names) == 1 else None, f"{prefix}sample_weight")


def is_steps_alone(model: Any) -> bool:
    """Whether a model has no call, only steps of its own; its parts are built as these call them."""
    return model._graph is None and model._runs_graph() and model._overrides("train_step", "test_step")


def choose_losses_by(model: Any, y: Data | None, outputs: Any) -> None:
    """Choose losses and metrics by labels and the outputs of a call, in a training loop of the user's own."""
    predictions, names = flatten_outputs(outputs)
    if names is None:
        names = model.output_names if model._graph is not None else default_names(len(predictions))
    _choose_losses(model._compiled_state, names, align(y, names, "y"), predictions)


def _choose_losses(compiled: Any, names: Any, targets: Any, predictions: Any) -> None:
    likes = [predictions[i] if target is None else target for i, target in enumerate(targets)]
    compiled.loss.build(names, likes, predictions)
    compiled.metrics.build(names, likes, predictions)


def ensure_built(model: Any, x: Data | None) -> None:
    """Build `model` for a batch `x`, calling it on the batch if nothing else tells the shapes of its outputs."""
    if model.built and model._knows_outputs(x):
        return
    if not model.built and model._build_for_batch(x):
        return
    with model._states_kept():
        outputs = model(x, training=False)
    model._note_outputs(x, outputs)
    model.built = True


def _check_batch_size(model: Any, source: Source, prefix: str) -> None:
    """ValueError where a model made for batches of one size would get one of another."""
    wanted = model._static_batch_size()
    if wanted is None or source.samples is None or source.batch_size is None:
        return
    if source.samples % wanted or (source.batch_size != wanted and source.samples != wanted):
        raise ValueError(
            f"{model.name} is made for batches of {wanted} (stateful layers or batch_shape need one size): pass "
            f"batch_size={wanted} and a multiple of {wanted} samples, got batch_size={source.batch_size} and "
            f"{source.samples} {prefix}samples"
        )


def _refuse_misread(model: Any, x: Data | None, argument: str) -> None:
    """TypeError where `x`, for which a model could not be built, is of another kind than the model reads."""
    reads_texts = any(getattr(layer, "_input_dtype", "") == "string" for layer in model._flatten_layers())
    texts = [leaf for leaf in leaves(x) if isinstance(leaf, np.ndarray) and is_text(leaf)]
    if texts and not reads_texts:
        raise _texts_refused(argument, texts[0]) from None
    if model._takes_one_input and isinstance(x, (list, tuple)) and len(x) > 1:
        shapes = ", ".join(str(np.shape(part)) for part in x[:3]) + (", ..." if len(x) > 3 else "")
        raise TypeError(
            f"{argument} must be one array, got a list of {len(x)}, which stands for {len(x)} inputs, of shapes "
            f"{shapes}: labels are given as y, and numpy.stack makes samples one array"
        ) from None


def _texts_refused(argument: str, array: Any) -> TypeError:
    return TypeError(
        f"{argument} must be an array of numbers, got dtype {array.dtype}: turn texts into ids with a Tokenizer first, "
        "or begin the model with a TextVectorization"
    )


def _check_texts(model: Any, x: Data | None, prefix: str) -> None:
    """TypeError where texts would go to a model of numbers, or numbers to one of texts."""
    if model._graph is None:
        return
    tensors = model._graph.input_tensors
    for tensor, array in zip(tensors, model._graph.flatten_inputs(x), strict=True):
        if not hasattr(array, "dtype"):
            continue
        argument = f"{prefix}x" if len(tensors) == 1 else f"{prefix}x[{tensor.name!r}]"
        if isinstance(array, np.ndarray) and is_text(array) and tensor.dtype != "string":
            raise _texts_refused(argument, array)
        if tensor.dtype == "string" and not (isinstance(array, np.ndarray) and is_text(array)):
            raise TypeError(f"{argument} must hold texts, as the model begins with them, got dtype {array.dtype}")


def _check_inputs(model: Any, x: Data | None, prefix: str) -> None:
    for leaf in leaves(x):
        check_finite(leaf, f"{prefix}x")
    _check_texts(model, x, prefix)
    for argument, array, shape, embeddings in model._named_inputs(x):
        check_shape(array, shape, f"{prefix}{argument}")
        for layer in embeddings:
            check_ids(array, layer.input_dim, f"{prefix}{argument}", layer.name)
