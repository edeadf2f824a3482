"""compile, fit, evaluate, predict and the calls on single batches: what every model can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, overload

import numpy as np

from recurra import optimizers
from recurra import random as own_random
from recurra.callbacks.callback_list import CallbackList
from recurra.callbacks.history import History
from recurra.callbacks.progress import resolve_verbose
from recurra.training import loop
from recurra.training.arguments import check_fit, check_steps, hold_out, in_order, is_batch_list, plain_arrays
from recurra.training.batch_steps import BatchSteps
from recurra.training.batches import ArraySource, Source, as_arrays, count_samples
from recurra.training.checks import check_finite, check_reading
from recurra.training.compiled import CompiledLoss, CompiledMetrics
from recurra.training.nested import averages_kept, loop_on
from recurra.training.older_calls import OlderCalls
from recurra.training.prepare import choose_losses_by, is_steps_alone, prepare
from recurra.training.sources import is_batches, make_source
from recurra.training.step import Compiled, Stepper
from recurra.typing import CallbacksLike, Data, LossLike, MetricLike, OptimizerLike, Outputs


class Trainer(BatchSteps, OlderCalls):
    """Training for models. Part of :class:`recurra.models.Model`."""

    stop_training: bool = False
    optimizer: Any = None  # the Optimizer, None before compile
    loss: Any = None
    history: History | Any = None  # None before fit
    _compiled_state: Compiled | None = None
    _compile_config: dict[str, Any] | None = None
    _initial_epoch = 0
    _shuffle_seed: int | None = None

    # --- compile ------------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: OptimizerLike = "rmsprop",
        loss: LossLike | Sequence[LossLike | None] | Mapping[str, LossLike | None] | None = None,
        loss_weights: Sequence[float] | Mapping[str, float] | float | None = None,
        metrics: Sequence[Any] | Mapping[str, Any] | MetricLike | None = None,
        weighted_metrics: Sequence[Any] | Mapping[str, Any] | MetricLike | None = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        sample_weight_mode: str | Mapping[str, str] | Sequence[str] | None = None,
    ) -> None:
        """Choose how to train: the optimizer, the loss and what to measure.

        optimizer : a name ("adam"), an Optimizer, or its configuration
        loss : a name ("mse", "crossentropy" by the labels' shape), a Loss, a function ``(y_true, y_pred)`` written
            with recurra.ops, or for several outputs a list or a dict by output name
        loss_weights : a factor for each output's loss
        metrics : names ("accuracy" fits labels and outputs by their shapes), Metrics or functions; for several
            outputs a list of lists or a dict
        weighted_metrics : the same, measured with sample weights
        steps_per_execution : batch hooks of callbacks are called once in so many steps
        run_eagerly : True calls the layers at every step. Otherwise the step of a model of built-in layers and one
            output is recorded at the first batch of each shape and replayed, with the same bits in less time
        jit_compile, auto_scale_loss : Keras's switches for a compiler and for half precision; there is nothing to
            switch here
        sample_weight_mode : Keras 2's; "temporal" announced weights for each step, which are always understood here

        raises : ValueError for names that nothing has, with those that come close
        """
        if not isinstance(steps_per_execution, int) or steps_per_execution < 1:
            raise ValueError(f"steps_per_execution must be an int >= 1, got {steps_per_execution!r}")
        modes = list(sample_weight_mode.values()) if isinstance(sample_weight_mode, Mapping) else sample_weight_mode
        for mode in modes if isinstance(modes, (list, tuple)) else [modes]:
            if mode not in (None, "samplewise", "temporal"):
                raise ValueError(f'sample_weight_mode must be None or "temporal", got {mode!r}')
        self.optimizer = optimizers.get(optimizer)
        compiled_loss = CompiledLoss(loss, loss_weights)
        compiled_metrics = CompiledMetrics(metrics, weighted_metrics)
        self.loss = loss
        self.run_eagerly, self.jit_compile, self.auto_scale_loss = run_eagerly, jit_compile, auto_scale_loss
        self._compiled_state = Compiled(self.optimizer, compiled_loss, compiled_metrics, steps_per_execution)
        self._compile_config = {
            "optimizer": self.optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }

    # --- what a subclass may override ---------------------------------------------------------------------------

    def _overrides(self, *names: str) -> bool:
        return any(getattr(type(self), name) is not getattr(Trainer, name) for name in names)

    def compute_loss(
        self,
        x: Data | None = None,
        y: Data | None = None,
        y_pred: Data | None = None,
        sample_weight: Data | None = None,
        training: bool = True,
    ) -> Any:
        """The loss of one batch. Override it for losses that see more than labels and predictions."""
        if not self._require_compiled("compute_loss").loss.built:
            choose_losses_by(self, y, y_pred)
        return Stepper(self, training).compiled_loss(y, y_pred, sample_weight)

    def compute_metrics(self, x: Data, y: Data, y_pred: Data, sample_weight: Data | None = None) -> dict[str, Any]:
        """Update the metrics with one batch and return all results. Override it to measure differently."""
        if not self._require_compiled("compute_metrics").loss.built:
            choose_losses_by(self, y, y_pred)
        stepper = Stepper(self, False)
        stepper.update_metrics(y, y_pred, sample_weight)
        return stepper.results()

    # --- fit ----------------------------------------------------------------------------------------------------

    def fit(
        self,
        x: Data | None = None,
        y: Data | None = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: CallbacksLike = None,
        validation_split: float = 0.0,
        validation_data: Data | None = None,
        shuffle: bool | str = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Data | None = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        **reading: Any,
    ) -> History:
        """Train for `epochs` passes over the data.

        x : an array (samples, ...), a list or dict of arrays for several inputs, or batches ``(x, y)`` or
            ``(x, y, sample_weight)`` from a Dataset, a list, a generator, or an object with ``__getitem__`` and
            ``__len__``
        y : labels: an array, a lazy one-hot, or a list or dict for several outputs
        batch_size : 32 unless given; the last batch of an epoch may be smaller
        epochs, initial_epoch : train epochs `initial_epoch` to ``epochs - 1``; Keras 1's `nb_epoch` is `epochs`
        verbose : 0 silent; 1 a live line; 2 or more one line for each epoch; "auto": 1 in a terminal or notebook,
            else 2
        callbacks : a list of Callbacks
        validation_split : this last part of the samples (before shuffling) is held out: ``floor(n * (1 - split))``
            are trained on
        validation_data : ``(x, y)``, ``(x, y, sample_weight)`` or batches; never shuffled
        shuffle : a new order for each epoch ("batch": of whole batches); the same for the same random seed
        class_weight : factor of each class id in the loss
        sample_weight : one factor for each sample (or for each step)
        steps_per_epoch, validation_steps : how many batches; needed where the data has no end
        validation_batch_size : `batch_size` unless given
        validation_freq : validate once in so many epochs, or in the epochs of this list (from 1)
        reading : Keras 2's `workers`, `use_multiprocessing` and `max_queue_size`, which said how batches are read
            beside the training. Here they are read between the steps, in this thread, whatever these say

        returns : the :class:`recurra.callbacks.History`

        Ctrl-C ends training after the batch: the weights are kept, the History says where (``history.interrupted``).
        Data is checked before the first batch: shapes, NaN and infinities, ids outside an Embedding's range, labels
        outside the loss's; ValueError or TypeError says which argument, what was expected and what came.

        A loss that is NaN or infinite ends the training before the weights are changed by it, with a RuntimeWarning
        that names the batch and the layer whose output went bad first. With the callback ``TerminateOnNaN``, that
        decides instead.
        """
        epochs = reading.pop("nb_epoch", epochs)
        check_reading("fit", reading)
        compiled = self._require_compiled("fit")
        validation_freq = check_fit(epochs, initial_epoch, shuffle, validation_freq)
        level = resolve_verbose(verbose)
        if validation_split and validation_data is None:
            x, y, sample_weight, validation_data = hold_out(x, y, sample_weight, validation_split)
        seed = self._shuffle_seed = own_random.derive_seed() if shuffle else None
        source = make_source(
            x,
            y,
            sample_weight,
            batch_size=self._batch_size(x, batch_size),
            shuffle=shuffle,
            seed=seed,
            class_weight=class_weight,
        )
        steps = check_steps(steps_per_epoch, "steps_per_epoch", source.steps)
        prepare(self, source, "fit")
        if validation_data is not None:
            validation_source = self._validation_source(validation_data, validation_batch_size, batch_size)
            prepare(self, validation_source, "validation_data", rebuild=False)
        if not is_steps_alone(self):
            compiled.optimizer.build(self.trainable_weights)  # type: ignore[attr-defined,union-attr]
        total = steps if steps is not None else source.steps
        calls = CallbackList(callbacks, add_history=True)
        calls.set_model(self)
        calls.set_params({"epochs": epochs, "steps": total, "verbose": level})

        known = None if validation_data is None else validation_source.steps
        held_steps = check_steps(validation_steps, "validation_steps", known)

        def validate(stop: Callable[[], bool]) -> dict[str, Any]:
            return loop.evaluate(self, validation_source, calls, steps=held_steps, verbose=0, stop=stop)

        run = loop.Fit(
            self, source, calls, epochs=epochs, initial_epoch=initial_epoch, steps=steps, verbose=level,
            validation=None if validation_data is None else validate, validation_freq=validation_freq,
            others=[] if validation_data is None else [validation_source],
        )  # fmt: skip
        with averages_kept(self):
            return run.run()

    def _batch_size(self, x: Any, batch_size: int | None) -> int | None:
        """The batch size asked for; for arrays without one, that of a model made for batches of one size."""
        return self._static_batch_size() if batch_size is None and not is_batches(x) else batch_size  # type: ignore[attr-defined]

    def _validation_source(self, data: Any, own_size: int | None, batch_size: int | None) -> Source:
        batch_size = batch_size if own_size is None else own_size
        if isinstance(data, (tuple, list)) and 2 <= len(data) <= 3 and not is_batch_list(data):
            size = self._batch_size(data[0], batch_size)
            return make_source(*data, batch_size=size, argument="validation_data")
        if own_size is not None:
            raise ValueError(
                f"validation_batch_size must not be given when validation_data gives batches itself, got {own_size}"
            )
        return make_source(data, argument="validation_data")

    # --- evaluate and predict -----------------------------------------------------------------------------------

    @overload
    def evaluate(
        self,
        x: Data | None = ...,
        y: Data | None = ...,
        batch_size: int | None = ...,
        verbose: int | str = ...,
        sample_weight: Data | None = ...,
        steps: int | None = ...,
        callbacks: CallbacksLike = ...,
        *,
        return_dict: Literal[True],
        **reading: Any,
    ) -> dict[str, Any]: ...

    @overload
    def evaluate(
        self,
        x: Data | None = ...,
        y: Data | None = ...,
        batch_size: int | None = ...,
        verbose: int | str = ...,
        sample_weight: Data | None = ...,
        steps: int | None = ...,
        callbacks: CallbacksLike = ...,
        return_dict: bool = ...,
        **reading: Any,
    ) -> Any: ...

    def evaluate(
        self,
        x: Data | None = None,
        y: Data | None = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Data | None = None,
        steps: int | None = None,
        callbacks: CallbacksLike = None,
        return_dict: bool = False,
        **reading: Any,
    ) -> Any:
        """The loss and metrics on data, given as for :meth:`fit`.

        reading : as for :meth:`fit`
        returns : the loss; with metrics a list in the order of :attr:`metrics_names`; with `return_dict` a dict
        """
        check_reading("evaluate", reading)
        compiled = self._require_compiled("evaluate")
        source = make_source(x, y, sample_weight, batch_size=self._batch_size(x, batch_size))
        prepare(self, source, "evaluate", rebuild=not compiled.loss.built)
        calls = CallbackList(callbacks)
        calls.set_model(self)
        calls.set_params({"steps": steps if steps is not None else source.steps, "verbose": verbose})
        level, steps = resolve_verbose(verbose), check_steps(steps, "steps", source.steps)
        with averages_kept(self), loop_on(self):
            logs = loop.evaluate(self, source, calls, steps=steps, verbose=level)
        return logs if return_dict else in_order(logs)

    def predict(
        self,
        x: Data,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: CallbacksLike = None,
        **reading: Any,
    ) -> Outputs:
        """The outputs for `x`, computed batch by batch: an array, or a list or dict for several outputs.

        verbose : "auto" shows a line only in a terminal or notebook, and only for more than one batch
        reading : as for :meth:`fit`
        """
        check_reading("predict", reading)
        quiet = callbacks is None and steps is None and verbose in ("auto", 0, None)
        quiet = quiet and (batch_size is None or (isinstance(batch_size, int) and batch_size >= 1))
        array = x if quiet and type(x) is np.ndarray and x.dtype.kind in "biuf" and x.size else None
        if array is not None and len(array) <= (self._batch_size(array, batch_size) or 32):
            if self._overrides("predict_step"):
                return plain_arrays(self.predict_step((array,)))
            return self._predict_at_once(array)
        source = make_source(x, batch_size=self._batch_size(x, batch_size))
        prepare(self, source, "predict")
        level = resolve_verbose(verbose)
        if verbose in ("auto", None) and (source.steps == 1 or level == 2):
            level = 0
        calls = CallbackList(callbacks)
        calls.set_model(self)
        calls.set_params({"steps": steps if steps is not None else source.steps, "verbose": level})
        return loop.predict(self, source, calls, steps=check_steps(steps, "steps", source.steps), verbose=level)

    def _predict_at_once(self, x: Any) -> Any:
        check_finite(x, "x")
        if not getattr(self, "built", False):
            prepare(self, ArraySource(x), "predict")
        outputs = self(x, training=False)  # type: ignore[operator]
        return np.asarray(outputs) if isinstance(outputs, np.ndarray) else plain_arrays(outputs)

    # --- single batches -----------------------------------------------------------------------------------------

    def train_on_batch(
        self,
        x: Data,
        y: Data | None = None,
        sample_weight: Data | None = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
        reset_metrics: bool = True,
    ) -> Any:
        """One update. Returns the batch's loss and metrics in the order of :meth:`evaluate`.

        reset_metrics : False for running averages over the calls since :meth:`reset_metrics`
        """
        with averages_kept(self, reset_metrics):
            stepper, batch = self._on_batch(x, y, sample_weight, class_weight, True, reset_metrics)
            if self._overrides("train_step"):
                logs = dict(self.train_step(loop._data(batch.x, batch.y, batch.weight)))
            else:
                stepper.train(*batch)
                logs = stepper.results()
        return logs if return_dict else in_order(logs)

    def test_on_batch(
        self,
        x: Data,
        y: Data | None = None,
        sample_weight: Data | None = None,
        return_dict: bool = False,
        reset_metrics: bool = True,
    ) -> Any:
        """Loss and metrics of one batch; see :meth:`train_on_batch`."""
        with averages_kept(self, reset_metrics):
            stepper, batch = self._on_batch(x, y, sample_weight, None, False, reset_metrics)
            if self._overrides("test_step"):
                logs = dict(self.test_step(loop._data(batch.x, batch.y, batch.weight)))
            else:
                stepper.test(*batch)
                logs = stepper.results()
        return logs if return_dict else in_order(logs)

    def predict_on_batch(self, x: Data) -> Outputs:
        """The outputs for one batch."""
        x = as_arrays(x, "x")
        if not getattr(self, "built", False):
            prepare(self, ArraySource(x, batch_size=count_samples(("x", x))), "predict_on_batch")
        return plain_arrays(self(x, training=False))  # type: ignore[operator]

    def _on_batch(
        self, x: Any, y: Any, weight: Any, class_weight: Any, training: bool, reset: bool
    ) -> tuple[Stepper, Any]:
        method = "train_on_batch" if training else "test_on_batch"
        compiled = self._require_compiled(method)
        source = make_source(as_arrays(x, "x"), y, weight, class_weight=class_weight, batch_size=1 << 62)
        prepare(self, source, method, rebuild=not compiled.loss.built)
        stepper = Stepper(self, training)
        if training:
            compiled.optimizer.build(stepper.trainable)  # type: ignore[union-attr]
        if reset:
            stepper.reset()
        return stepper, source.peek()
