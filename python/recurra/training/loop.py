"""The loops over batches and epochs: fit, evaluate, predict."""

from __future__ import annotations

import io
import math
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from recurra.autograd import Array, value_of
from recurra.callbacks.callback_list import CallbackList
from recurra.callbacks.history import History
from recurra.callbacks.progress import ProgbarLogger, Progress, unit_of
from recurra.callbacks.terminate_on_nan import TerminateOnNaN
from recurra.training.bad_loss import source_of_bad_loss
from recurra.training.batches import ArraySource, Source
from recurra.training.checks import check_batch, has_checked_labels
from recurra.training.compiled import as_number
from recurra.training.interrupt import InterruptGuard, signal_name
from recurra.training.nested import loop_on
from recurra.training.run_data import RunData
from recurra.training.run_state import check_fits, run_state, set_run_state
from recurra.training.sources import is_checked_whole, limited
from recurra.training.step import Stepper
from recurra.tree import leaves, pack


class Fit:
    """One call of ``fit``."""

    def __init__(
        self,
        model: Any,
        source: Source,
        callbacks: CallbackList,
        *,
        epochs: int,
        initial_epoch: int,
        steps: int | None,
        verbose: int,
        validation: Any,
        validation_freq: Any,
        others: list[Source],
    ) -> None:
        self.model, self.source, self.callbacks = model, source, callbacks
        self.epochs, self.initial_epoch = epochs, initial_epoch
        self.steps = steps if steps is not None else source.steps
        self.given_steps = steps
        self.verbose, self.validation, self.validation_freq = verbose, validation, validation_freq
        self.stepper = Stepper(model, True)
        self.custom = model._overrides("train_step")
        self.guarded = not any(isinstance(callback, TerminateOnNaN) for callback in callbacks)
        self.stepper.guarded = self.guarded
        self.last: dict[str, Any] = {}
        self.whole, self.labelled = is_checked_whole(source), has_checked_labels(model)
        self.unit: str = "step"
        self.work: Any = None
        self.stream: Any = None
        self.backups = [callback for callback in callbacks if hasattr(callback, "save_run")]
        self.data = RunData(source, steps, others, bool(self.backups))
        self._begun = 0  # batches of the first epoch that were done before it was interrupted
        self._trained = False  # whether these were all of them
        if any(isinstance(c, ProgbarLogger) for c in callbacks):
            self.verbose = 0

    def run(self) -> History:
        model, callbacks = self.model, self.callbacks
        model.stop_training = False
        history: History = callbacks.history
        first = self.source.peek()
        if first is not None:
            self.unit, self.work = unit_of(first.x)
        with InterruptGuard() as guard, loop_on(model):
            callbacks.on_train_begin()
            epoch, state = self._first_epoch()
            logs: dict[str, Any] = {}
            while epoch < self.epochs and not model.stop_training:
                self.stepper.reset()
                callbacks.on_epoch_begin(epoch)
                if self._begun and state is not None:
                    self._restore(state)  # over what the beginning of the epoch has changed
                bar = Progress(
                    self.steps,
                    self.verbose,
                    title=f"Epoch {epoch + 1}/{self.epochs}",
                    unit=self.unit,
                    stream=self.stream,
                )
                seen = self._epoch(epoch, bar, guard)
                logs = self._logs()
                if guard.requested:
                    self._save(epoch, seen)
                    self._interrupted(history, epoch, seen, logs, bar, guard)
                    break
                if seen == 0 and history.epoch:
                    warnings.warn(
                        f"x ended with epoch {epoch} of {self.epochs}, and so does the training: an iterator cannot "
                        "start over; pass a Dataset or a list, or set steps_per_epoch",
                        stacklevel=4,
                    )
                    break
                if seen == 0:
                    raise ValueError(
                        f"x gave no batch for epoch {epoch + 1}: an iterator that has ended cannot start over; "
                        "pass a Dataset or a list, or set steps_per_epoch"
                    )
                self._check_compiled()
                if not self._validated(epoch, seen, logs, bar, guard):
                    self._interrupted(history, epoch, seen, logs, bar, guard)
                    break
                if self.steps is None:
                    self.steps = seen
                    callbacks.set_params({**callbacks.params, "steps": seen})
                self.source.after_epoch()
                bar.finish(logs)
                callbacks.on_epoch_end(epoch, logs)
                epoch += 1
                for backup in self.backups:
                    if guard.requested or backup.is_due_after_epoch():
                        backup.save_run(run_state(self, epoch, 0))
                if guard.requested:
                    history.interrupted, history.signal = (epoch, 0), guard.signal
                    how = signal_name(guard.signal)
                    bar.interrupt(f"Interrupted by {how} after epoch {epoch}: the weights trained so far are kept.")
                    break
            self._take_averages()
            callbacks.on_train_end(logs)
        return history

    def _first_epoch(self) -> tuple[int, dict[str, Any] | None]:
        """The epoch to begin with, and the state of the run that a backup kept, if there is one."""
        model = self.model
        epoch = max(self.initial_epoch, getattr(model, "_initial_epoch", 0) or 0)
        model._initial_epoch = 0
        state = self._saved()
        if state is not None:
            epoch, self._begun, self._trained = state["epoch"], state["batch"], state.get("trained", False)
            model._shuffle_seed = state["shuffle"]
        self.source.reseed(model._shuffle_seed)
        if state is not None and not self._begun:
            self._restore(state)
        return epoch, state

    def _take_averages(self) -> None:
        """Put the moving averages of the weights in their place, where the optimizer keeps some."""
        optimizer = self.model.optimizer
        if optimizer is not None and optimizer.use_ema:
            for callback in self.callbacks:
                if hasattr(callback, "before_finalize"):
                    callback.before_finalize()
            optimizer.finalize_variable_values(self.model.trainable_weights)

    def _interrupted(
        self, history: History, epoch: int, seen: int, logs: dict[str, Any], bar: Progress, guard: InterruptGuard
    ) -> None:
        """Keep what the epoch under way has measured, and say where it ended."""
        history.interrupted, history.signal = (epoch, seen), guard.signal
        if seen:
            history.epoch.append(epoch)
            for key, value in logs.items():
                history.history.setdefault(key, []).append(value)
        place = f"in epoch {epoch + 1} after batch {seen}{f' of {self.steps}' if self.steps else ''}"
        bar.interrupt(f"Interrupted by {signal_name(guard.signal)} {place}: the weights trained so far are kept.")
        if not self.verbose:
            with suppress(OSError, ValueError):  # a closed stream must not cost the weights
                print(f"fit was interrupted {place}; the weights are kept", file=sys.stderr or io.StringIO())

    def _validates(self, epoch: int) -> bool:
        wanted = self.validation_freq
        return (epoch + 1) % wanted == 0 if isinstance(wanted, int) else (epoch + 1) in wanted

    def _validated(self, epoch: int, seen: int, logs: dict[str, Any], bar: Progress, guard: InterruptGuard) -> bool:
        """Validate into `logs` where it is due; False if that was interrupted: what it measured is not the whole."""
        if self.validation is None or not self._validates(epoch):
            return True
        if bar.live:
            bar.draw(logs)
        before = run_state(self, epoch, seen, trained=True) if self.backups else None
        found = self.validation(lambda: guard.requested)
        if guard.requested:
            for backup in self.backups:
                backup.save_run(before)
            return False
        logs.update({f"val_{key}": value for key, value in found.items()})
        return True

    def _logs(self) -> dict[str, Any]:
        return dict(self.last) if self.custom else self.stepper.results()

    def _saved(self) -> dict[str, Any] | None:
        """The state that a backup kept of an earlier call of ``fit``, if there is one."""
        for backup in self.backups:
            found = backup.load_run()
            if found is not None:
                state, name = found
                check_fits(self, state, name)
                return dict(state)
        return None

    def _restore(self, state: dict[str, Any]) -> None:
        self.data.restore(state["data"])
        set_run_state(self, state)
        if self.steps is None and state["steps"] is not None:
            self.steps = state["steps"]
            self.callbacks.set_params({**self.callbacks.params, "steps": self.steps})

    def _bad_loss(self, loss: float, epoch: int, number: int, x: Any) -> None:
        """Say where a loss that is no number comes from, and end the training."""
        if self.custom:
            where = "the weights may hold NaN"
        else:
            where = f"{source_of_bad_loss(self.model, x)}. The weights are those before this batch"
        message = f"the loss is {loss} at batch {number} of epoch {epoch + 1}, and training ends: {where}"
        told = [callback.on_bad_loss for callback in self.callbacks if hasattr(callback, "on_bad_loss")]
        for tell in told:
            tell(message)
        if not told:
            advice = "Lower the learning rate, or clip the gradients (clipnorm=1.0 of the optimizer)"
            warnings.warn(f"{message}. {advice}", RuntimeWarning, stacklevel=6)
        self.model.stop_training = True

    def _check_compiled(self) -> None:
        if self.model._compiled_state is not self.stepper.compiled:
            raise RuntimeError(
                "the model was compiled anew while fit runs, by a callback: fit has begun with the optimizer, loss and "
                "metrics of then. Set stop_training in the callback, compile after fit, and call fit again"
            )

    def _save(self, epoch: int, batch: int) -> None:
        for backup in self.backups:
            backup.save_run(run_state(self, epoch, batch))

    def _epoch(self, epoch: int, bar: Progress, guard: InterruptGuard) -> int:
        model, callbacks, stepper = self.model, self.callbacks, self.stepper
        begin, end = callbacks.train_begin, callbacks.train_end
        every = stepper.compiled.steps_per_execution
        seen, self._begun = self._begun, 0
        bar.seen = seen
        if self._trained or (seen and model.stop_training):
            self._trained = False
            return seen
        for number, batch in limited(self.data.epoch(epoch), self.given_steps, seen):
            x, y, weight, size = batch
            if not self.whole:
                check_batch(batch, number, self.labelled)
            if model._compiled_state is not stepper.compiled:
                self._check_compiled()
            if begin and number % every == 0:
                callbacks.on_train_batch_begin(number)
            if self.custom:
                self.last = {key: as_number(value) for key, value in model.train_step(_data(x, y, weight)).items()}
                loss = self.last.get("loss", 0.0)
            else:
                loss = stepper.train(x, y, weight, size)
            if self.guarded and isinstance(loss, float) and not math.isfinite(loss):
                self._bad_loss(loss, epoch, number, x)
            seen = number + 1
            bar.advance(self.work(x))
            if end and seen % every == 0:
                callbacks.on_train_batch_end(number, self._logs())
            if self.backups and seen % every == 0:
                for backup in self.backups:
                    if backup.is_due_after(every):
                        backup.save_run(run_state(self, epoch, seen))
            if bar.due():
                bar.draw(self._logs())
            if guard.requested or model.stop_training:
                break
        return seen


def _data(x: Any, y: Any, weight: Any) -> Any:
    if weight is not None:
        return x, y, weight
    return (x, y) if y is not None else (x,)


def evaluate(
    model: Any,
    source: Source,
    callbacks: CallbackList,
    *,
    steps: int | None,
    verbose: int,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """The averages of loss and metrics over `source`, or over its part up to where `stop` said so."""
    stepper = Stepper(model, False)
    custom = model._overrides("test_step")
    stepper.reset()
    callbacks.on_test_begin()
    first = source.peek()
    unit, work = ("step", lambda value: 1) if first is None else unit_of(first.x)
    bar = Progress(steps if steps is not None else source.steps, verbose, unit=unit)
    whole, labelled = is_checked_whole(source), has_checked_labels(model)
    logs: dict[str, Any] = {}
    for number, batch in limited(source.epoch(0), steps):
        x, y, weight, size = batch
        if not whole:
            check_batch(batch, number, labelled)
        if callbacks.test_begin:
            callbacks.on_test_batch_begin(number)
        if custom:
            logs = {key: as_number(value) for key, value in model.test_step(_data(x, y, weight)).items()}
        else:
            stepper.test(x, y, weight, size)
        bar.advance(work(x))
        if callbacks.test_end:
            callbacks.on_test_batch_end(number, logs if custom else stepper.results())
        if bar.due():
            bar.draw(logs if custom else stepper.results())
        if stop():
            break
    if bar.seen == 0:
        raise ValueError("x gave no batch to evaluate: an iterator that has ended cannot start over")
    source.after_epoch()
    logs = logs if custom else stepper.results()
    bar.finish(logs)
    callbacks.on_test_end(logs)
    return logs


class Collector:
    """Joins the outputs of batches, into one array made at the start where the number of samples is known."""

    def __init__(self, samples: int | None) -> None:
        self.samples = samples
        self.parts: list[list[Array]] = []
        self.arrays: list[Array] = []
        self.form: Any = None
        self.at = 0

    def add(self, outputs: Any) -> None:
        flat = [np.asarray(value_of(leaf)) for leaf in leaves(outputs)]
        if self.form is None:
            self.form = outputs
            if self.samples is not None and all(a.ndim and len(a) <= self.samples for a in flat):
                self.arrays = [np.empty((self.samples, *a.shape[1:]), a.dtype) for a in flat]
            else:
                self.parts = [[] for _ in flat]
        if self.arrays:
            for array, part in zip(self.arrays, flat, strict=True):
                array[self.at : self.at + len(part)] = part
            self.at += len(flat[0])
        else:
            for parts, part in zip(self.parts, flat, strict=True):
                parts.append(part)

    def result(self) -> Any:
        return pack(self.form, self.arrays or [_join(parts) for parts in self.parts])


def _join(parts: list[Array]) -> Array:
    try:
        return np.concatenate(parts)
    except ValueError:
        shapes = sorted({part.shape[1:] for part in parts})
        raise ValueError(
            f"the batches' outputs cannot be joined, their shapes differ: {shapes}; "
            "pad all batches to one length, or predict them one by one"
        ) from None


def predict(model: Any, source: Source, callbacks: CallbackList, *, steps: int | None, verbose: int) -> Any:
    """The model's outputs for all of `source`, joined."""
    callbacks.on_predict_begin()
    custom = model._overrides("predict_step")
    whole = isinstance(source, ArraySource)
    collector = Collector(source.samples if whole and steps is None else None)
    bar = Progress(steps if steps is not None else source.steps, verbose)
    for number, batch in limited(source.epoch(0), steps):
        if callbacks.predict_begin:
            callbacks.on_predict_batch_begin(number)
        if not whole:
            check_batch(batch, number, False)
        if custom:
            outputs = model.predict_step(_data(batch.x, batch.y, batch.weight))
        else:
            outputs = model(batch.x, training=False)
        collector.add(outputs)
        bar.advance(1)
        if callbacks.predict_end:
            callbacks.on_predict_batch_end(number, {"outputs": outputs})
        if bar.due():
            bar.draw({})
    if bar.seen == 0:
        raise ValueError("x gave no batch to predict: an iterator that has ended cannot start over")
    if verbose:
        bar.finish({})
    callbacks.on_predict_end()
    return collector.result()
