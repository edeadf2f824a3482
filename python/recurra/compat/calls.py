"""Calls that older versions had, each in terms of the one that took its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from recurra.data import Dataset


class Keras2Calls:
    """The calls of Keras 2's models. :class:`recurra.models.Model` fetches each when it is asked for."""

    def fit_generator(
        self,
        generator: Any,
        steps_per_epoch: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_data: Any = None,
        validation_steps: int | None = None,
        validation_freq: Any = 1,
        class_weight: Any = None,
        shuffle: bool = True,
        initial_epoch: int = 0,
        **reading: Any,
    ) -> Any:
        """``fit(generator, ...)``; Keras 1's `samples_per_epoch` and `nb_val_samples` are counted in samples."""
        rename_reading(reading)
        generator, steps_per_epoch = in_steps(
            generator, steps_per_epoch, reading.pop("samples_per_epoch", None), "samples_per_epoch"
        )
        validation_data, validation_steps = in_steps(
            validation_data, validation_steps, reading.pop("nb_val_samples", None), "nb_val_samples"
        )
        return self.fit(  # type: ignore[attr-defined]
            generator,
            steps_per_epoch=steps_per_epoch,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_data=validation_data,
            validation_steps=validation_steps,
            validation_freq=validation_freq,
            class_weight=class_weight,
            shuffle=shuffle,
            initial_epoch=initial_epoch,
            **reading,
        )

    def evaluate_generator(
        self, generator: Any, steps: int | None = None, callbacks: Any = None, verbose: Any = 0, **reading: Any
    ) -> Any:
        """``evaluate(generator, ...)``; Keras 1's `val_samples` is counted in samples."""
        rename_reading(reading)
        generator, steps = in_steps(generator, steps, reading.pop("val_samples", None), "val_samples")
        return self.evaluate(  # type: ignore[attr-defined]
            generator, steps=steps, callbacks=callbacks, verbose=verbose, **reading
        )

    def predict_generator(
        self, generator: Any, steps: int | None = None, callbacks: Any = None, verbose: Any = 0, **reading: Any
    ) -> Any:
        """``predict(generator, ...)``; Keras 1's `val_samples` is counted in samples."""
        rename_reading(reading)
        generator, steps = in_steps(generator, steps, reading.pop("val_samples", None), "val_samples")
        return self.predict(  # type: ignore[attr-defined]
            generator, steps=steps, callbacks=callbacks, verbose=verbose, **reading
        )

    def predict_proba(self, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
        """``predict(x)``."""
        return self.predict(x, batch_size=batch_size, verbose=verbose)  # type: ignore[attr-defined]

    def predict_classes(self, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
        """The most likely class of each prediction; for a single output unit 1 where it is above one half."""
        found = self.predict(x, batch_size=batch_size, verbose=verbose)  # type: ignore[attr-defined]
        if found.shape[-1] > 1:
            return found.argmax(axis=-1)
        return (found > 0.5).astype(np.int32)

    def compiled_loss(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, regularization_losses: Any = None
    ) -> Any:
        """The compiled loss of one batch, in a `train_step` of one's own; the metric "loss" counts it.

        regularization_losses : added to it: ``self.losses``
        """
        from recurra.training.prepare import choose_losses_by
        from recurra.training.step import Stepper
        from recurra.tree import leaves

        if not self._require_compiled("compiled_loss").loss.built:  # type: ignore[attr-defined]
            choose_losses_by(self, y_true, y_pred)
        stepper = Stepper(self, True)
        given = list(regularization_losses or [])
        stepper.penalties = lambda: given  # type: ignore[method-assign]
        total = stepper.compiled_loss(y_true, y_pred, sample_weight)
        for metric in self.metrics:  # type: ignore[attr-defined]
            if metric.name == "loss":
                metric.update_state(total, len(leaves(y_pred)[0]))
        return total


def rename_reading(reading: dict[str, Any]) -> None:
    """Give the arguments of Keras 1 that say how batches are read the names of Keras 2."""
    for old, name in {
        "max_q_size": "max_queue_size", "nb_worker": "workers", "pickle_safe": "use_multiprocessing"
    }.items():  # fmt: skip
        if old in reading:
            reading[name] = reading.pop(old)


def in_steps(batches: Any, steps: int | None, samples: int | None, name: str) -> tuple[Any, int | None]:
    """A generator and how many of its batches hold `samples`: those of Keras 1, which counted samples.

    The first batch is read, to see how many samples it has, and put back.
    """
    if samples is None:
        return batches, steps
    if steps is not None:
        raise TypeError(f"{name} is Keras 1's count of samples: give it, or the number of steps, not both")
    if isinstance(batches, tuple):  # validation data in arrays: all of it
        return batches, None
    from itertools import chain

    from recurra.tree import leaves

    rest = iter(batches)
    first = next(rest)
    size = len(leaves(first)[0])
    return chain([first], rest), max(-(-int(samples) // size), 1)


class CompiledMetrics:
    """The compiled metrics, for a `train_step` of one's own: ``self.compiled_metrics.update_state(y, y_pred)``."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @property
    def metrics(self) -> list[Any]:
        return [metric for metric in self._model.metrics if metric.name != "loss"]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in one batch."""
        self._model.compute_metrics(None, y_true, y_pred, sample_weight)

    def reset_state(self) -> None:
        """Forget everything."""
        for metric in self.metrics:
            metric.reset_state()


def minimize(optimizer: Any, loss: Any, var_list: Any, tape: Any = None, **naming: Any) -> Any:
    """``optimizer.minimize``: one step that makes a loss smaller.

    loss : a function without arguments; with `tape`, what it recorded
    var_list : the variables, or a function that gives them
    """
    from recurra.autograd import GradientTape

    if not callable(loss):
        if tape is None:
            raise ValueError("minimize: loss must be a function without arguments, or its tape be given")
        value = loss
    else:
        tape = GradientTape()
        with tape:
            value = loss()
    variables = list(var_list() if callable(var_list) else var_list)
    return optimizer.apply_gradients(list(zip(tape.gradient(value, variables), variables, strict=True)))


def cardinality(dataset: Dataset) -> int:
    """``dataset.cardinality()``, as ``tf.data.experimental`` had it."""
    return dataset.cardinality()
