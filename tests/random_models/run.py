"""Train what a description says, with recurra or with Keras, and return every number to compare."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

import numpy as np

from tests.random_models import data as drawing
from tests.random_models.compare import NUDGES, OVERFLOW
from tests.random_models.own_layers import own_layers
from tests.random_models.spec import Spec

Array = np.ndarray[Any, Any]

_MODULES = ("activations", "constraints", "initializers", "layers", "losses", "models", "ops", "optimizers",
            "regularizers")  # fmt: skip
_own: dict[str, Any] = {}


def names_of(package: str, dtype: str, seed: int) -> dict[str, Any]:
    """What the code of a description may name. Sets the package's float type and seed."""
    config = import_module(f"{package}.config")
    config.set_floatx(dtype)
    if package == "keras":
        config.set_dtype_policy(dtype)  # which otherwise stays what it was when the first layer was made
    import_module(f"{package}.utils").set_random_seed(seed % 2**31)
    names: dict[str, Any] = {module: import_module(f"{package}.{module}") for module in _MODULES}
    names["drawing"] = drawing
    if package not in _own:
        _own[package] = own_layers(names["layers"], names["ops"], import_module(f"{package}.saving"))
    names["own"] = _own[package]
    return names


def weights_of(model: Any) -> list[Any]:
    """The weights in both packages' order, without the states of stateful layers."""
    return [weight for weight in model.weights if "rnn_state" not in weight.name]


def fill_weights(model: Any, seed: int, nudge: int = 0) -> None:
    """Give each weight numbers that depend on the seed, its place and its shape alone.

    nudge : 0, or the seed of small random changes in the last digits, to see how much the results move
    """
    rough = np.random.RandomState([seed, nudge])
    for place, weight in enumerate(weights_of(model)):
        shape = tuple(weight.shape)
        random = np.random.RandomState([seed, place, *shape])
        bound = 1.0 / np.sqrt(max(shape[0], 1)) if len(shape) > 1 else 0.7
        value = random.uniform(-bound, bound, shape)
        if "variance" in weight.name or "gamma" in weight.name:
            value = np.abs(value) + 0.5
        if nudge:
            value = value * (1.0 + _nudge_of(model, weight.dtype) * rough.uniform(-1.0, 1.0, shape))
        weight.assign(value.astype(str(weight.dtype)))


def train(
    model: Any, x: Any, y: Any, sample_weight: Any, mode: str, batch: int, seed: int, nudge: int = 0,
    found: dict[str, Array] | None = None,
) -> dict[str, Array]:  # fmt: skip
    """Two steps; outputs before and after, the loss, the gradients and all weights after each of them."""
    if not model.built:
        model.predict_on_batch(_rows(x, batch))
    fill_weights(model, seed, nudge)
    if nudge:
        x = [nudged_input(model, one, nudge) for one in x] if isinstance(x, list) else nudged_input(model, x, nudge)
    found = {} if found is None else found
    record_outputs(found, "before", model, _rows(x, batch))
    gradients = record_gradients(model, nudge)
    if mode == "fit":
        epochs = 1 if len(_first(x)) > batch else 2
        history = model.fit(x, y, batch, epochs, sample_weight=sample_weight, shuffle=False, verbose=0).history["loss"]
        found["fit/loss"] = np.asarray(history)
        _record_step(found, "fit", model, x, batch, gradients)
        return found
    for step in ("step 1", "step 2"):
        if mode == "tape":
            found[f"{step}/loss"] = _own_step(model, x, y, sample_weight)
        else:
            loss = model.train_on_batch(x, y, sample_weight=sample_weight)
            found[f"{step}/loss"] = np.asarray(loss)
        _record_step(found, step, model, x, batch, gradients)
    if mode == "batches":
        found["test/loss"] = np.asarray(model.test_on_batch(x, y, sample_weight=sample_weight))
    return found


def nudged_input(model: Any, x: Array, nudge: int) -> Array:
    """The numbers changed in their last digits, but for ids and what may say that a step is masked."""
    if x.dtype.kind != "f":
        return x
    rough = np.random.RandomState([nudge, 1]).uniform(-1.0, 1.0, x.shape)
    changed = x * (1.0 + _nudge_of(model, x.dtype) * rough)
    return np.where(np.isin(x, (0.0, -1.0)), x, changed).astype(x.dtype)


def _own_step(model: Any, x: Any, y: Any, sample_weight: Any) -> Array:
    """A training step as a user writes it."""
    import recurra

    with recurra.GradientTape() as tape:
        loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=True), sample_weight=sample_weight)
    weights = model.trainable_variables
    model.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
    return np.asarray(recurra.autograd.value_of(loss))


def _record_step(found: dict[str, Array], step: str, model: Any, x: Any, batch: int, gradients: list[Any]) -> None:
    for call, values in enumerate(gradients):
        for place, value in values:
            found[f"{step}/gradient {call}.{place}"] = value
    gradients.clear()
    for place, weight in enumerate(model.weights):
        found[f"{step}/weight {place} {weight.path}"] = np.array(weight)
    record_outputs(found, step, model, _rows(x, batch))


def record_outputs(found: dict[str, Array], step: str, model: Any, x: Any) -> None:
    outputs = model.predict_on_batch(x)
    for place, output in enumerate(outputs if isinstance(outputs, (list, tuple)) else [outputs]):
        found[f"{step}/output {place}"] = np.asarray(output)


def record_gradients(model: Any, nudge: int) -> list[Any]:
    """A list to which each update will add its gradients: (place, array) of each variable that has one.

    nudge : 0, or the seed of small changes of each gradient, by some units in the last place of the step's largest.
        What is smaller than that may be anything in another order of computing: at random it is changed element by
        element, set to zero, turned round, or left, in all arrays of a step alike
    """
    optimizer = model.optimizer
    recorded: list[Any] = []
    apply = optimizer.apply
    rough = np.random.RandomState(nudge)

    def values(gradient: Any) -> Array:
        return np.asarray(getattr(gradient, "rows", gradient))  # some gradients hold some rows alone

    def nudged(gradient: Any, largest: float, change: str) -> Any:
        rows = values(gradient)
        size = _nudge_of(model, rows.dtype) * (largest + 3.0 * float(np.abs(rows).max(initial=0.0)))
        if change == "noise":
            rows = rows + (size * rough.uniform(-1.0, 1.0, rows.shape)).astype(rows.dtype)
        elif change != "none":
            rows = np.where(np.abs(rows) < size, rows * (0 if change == "zero" else -1), rows).astype(rows.dtype)
        if hasattr(gradient, "rows"):
            return type(gradient)(gradient.ids, rows, gradient.shape)
        return rows if _is_own(model) else import_module("keras.ops").convert_to_tensor(rows)

    def recording(grads: Any, trainable_variables: Any = None) -> Any:
        if nudge:
            largest = max(float(np.abs(values(one)).max(initial=0.0)) for one in grads if one is not None)
            change = ("noise", "noise", "zero", "turn", "none")[rough.randint(5)]
            grads = [None if gradient is None else nudged(gradient, largest, change) for gradient in grads]
        if _is_own(model):
            recorded.append([(k, np.array(gradient)) for k, gradient in enumerate(grads) if gradient is not None])
        return apply(grads, trainable_variables)

    optimizer.apply = recording
    return recorded


def _is_own(model: Any) -> bool:
    return type(model).__module__.startswith("recurra.")


def _nudge_of(model: Any, dtype: Any) -> float:
    """What counts as the last digits, as a share of a number. Keras rounds some constants to float32 in any model."""
    return NUDGES[str(dtype)] if _is_own(model) else max(NUDGES[str(dtype)], 2e-8)


def _first(x: Any) -> Any:
    return x[0] if isinstance(x, list) else x


def _rows(x: Any, count: int) -> Any:
    return [one[:count] for one in x] if isinstance(x, list) else x[:count]


def run(spec: Spec, package: str = "recurra", nudge: int = 0) -> dict[str, Array]:
    """Build the model of a description, train it, and return the numbers."""
    found: dict[str, Array] = {}
    overflows: list[int] = []
    note = np.errstate(all="ignore", over="call", call=lambda *_: overflows or overflows.append(len(found)))
    with warnings.catch_warnings(), note:
        warnings.simplefilter("ignore")
        names = names_of(package, spec.dtype, spec.seed)
        exec(compile(spec.source(), f"<model {spec.seed}>", "exec"), names)
        train(
            *(names[key] for key in ("model", "x", "y", "sample_weight")),
            mode=spec.mode,
            batch=spec.batch,
            seed=spec.seed,
            nudge=nudge,
            found=found,
        )
    return {**found, OVERFLOW: np.array(overflows[0])} if overflows else found
