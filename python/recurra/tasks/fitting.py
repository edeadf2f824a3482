"""The training that all tasks share: Adam with a falling rate, clipping, the best epoch kept, progress, Ctrl-C."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from recurra import random
from recurra.callbacks import Callback, EarlyStopping, LambdaCallback, SwapEMAWeights
from recurra.losses import SparseCategoricalCrossentropy
from recurra.optimizers import Adam
from recurra.optimizers.schedules import CosineDecay
from recurra.tasks.arguments import check_positive, check_verbose, listed
from recurra.tasks.evaluation import reset_states
from recurra.tasks.training_bar import Progress

if TYPE_CHECKING:
    from recurra.callbacks.history import History
    from recurra.models.model import Model
    from recurra.tasks.checkpoint import TrainingCheckpoint


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Inside the block everything that is made without a seed follows `seed`; outside nothing has changed."""
    if seed is None:
        yield
        return
    before = random.get_global_state()
    random.set_global_seed(seed)
    try:
        yield
    finally:
        random.set_global_state(before)


def callbacks_of(given: Any) -> list[Callback]:
    """`given` as a list: a list of callbacks, one callback or None, as ``Model.fit`` takes them."""
    if isinstance(given, Callback):
        return [given]
    return [] if given is None else listed(given, "callbacks", "Callback objects")


class FreshStates(Callback):
    """Every pass over the streams, of training or validation, begins from zero states."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        reset_states(self.model)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        reset_states(self.model)


class BestEpoch(EarlyStopping):
    """Stops after `patience` epochs without a better one; gives back the best epoch's weights only when asked.

    monitor : the name of the loss that should fall
    highest : the name of a metric that counts before the loss, which then decides between equal ones; or None
    epochs, logs : how many epochs there were, and what the best one logged
    bad_loss : what ended the training, where a loss was no number
    """

    state_attributes: tuple[str, ...] = (*EarlyStopping.state_attributes, "logs", "epochs", "bad_loss")

    def __init__(self, monitor: str, patience: int, highest: str | None = None) -> None:
        super().__init__(monitor, patience=patience, mode="min", restore_best_weights=True)
        self._highest = highest
        self.logs: dict[str, Any] = {}
        self.epochs = 0
        self.bad_loss: str | None = None

    def on_bad_loss(self, message: str) -> None:
        """Called where the loss of a batch is no number, which ends the training."""
        self.bad_loss = message

    @property
    def epoch(self) -> int:
        """The number of the best epoch, from 1; 0 where none had a loss that is a number."""
        return 0 if self.best is None else self.best_epoch + 1

    def _is_improvement(self, value: Any, reference: Any) -> bool:
        if self._highest is None:
            return bool(value < (math.inf if reference is None else reference))
        return bool(value < (math.inf, math.inf) if reference is None else value < tuple(reference))

    def _value(self, logs: dict[str, Any] | None) -> Any:
        loss = super()._value(logs)
        if self._highest is None or loss is None:
            return loss
        return (-(logs or {})[self._highest], loss) if math.isfinite(loss) else (math.nan, math.nan)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        self.epochs = epoch + 1
        if self.epoch == self.epochs:
            self.logs = dict(logs or {})

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Nothing: whether the weights go back depends on how the training ended."""

    def restore(self) -> None:
        """Give the model the weights of the best epoch, where there is one."""
        if self.epoch:
            super().restore()


class Training:
    """One run of ``network.fit`` as the tasks want it.

    network : scores out; trained on integer labels by cross-entropy
    steps, tokens : batches and tokens in an epoch; epochs : the most epochs
    validated : whether there are validation batches: then the epoch with the lowest ``val_loss`` counts, else ``loss``
    learning_rate : Adam's; falls along a cosine to a tenth over all epochs
    clipnorm : the global norm that gradients are clipped to
    patience : epochs without a lower loss before the run ends
    verbose : 0 for silence, else progress on standard error
    averaging : in [0, 1); other than 0, the moving average of the weights with this momentum is validated and kept
    loss : in place of the cross-entropy
    highest : the name of a metric whose highest value makes the best epoch; the loss decides between equal ones
    """

    def __init__(
        self,
        network: Model,
        *,
        steps: int,
        tokens: int,
        epochs: int,
        validated: bool,
        learning_rate: float,
        clipnorm: float,
        patience: int,
        verbose: int | str,
        metrics: Sequence[Any] = (),
        averaging: float = 0.0,
        loss: Any = None,
        highest: str | None = None,
    ) -> None:
        check_positive(learning_rate=learning_rate, clipnorm=clipnorm)
        check_verbose(verbose)
        self.network, self.epochs = network, epochs
        prefix = "val_" if validated else ""
        self.best = BestEpoch(f"{prefix}loss", patience, highest and f"{prefix}{highest}")
        averaged = [SwapEMAWeights(swap_on_epoch=True)] if averaging else []
        self._callbacks: list[Any] = [*averaged, self.best]
        self._progress = Progress(steps, epochs, tokens) if verbose else None
        if self._progress is not None:
            self._callbacks.append(self._progress)
        self.interrupted = False
        network.compile(
            Adam(
                CosineDecay(learning_rate, steps * epochs, alpha=0.1),
                global_clipnorm=clipnorm,
                use_ema=averaging > 0,
                ema_momentum=averaging,
            ),
            SparseCategoricalCrossentropy(from_logits=True) if loss is None else loss,
            metrics=list(metrics),
        )

    def after_epoch(self, tell: Callable[[int, dict[str, float]], None]) -> None:
        """Call ``tell(epoch from 1, logs)`` after each epoch; what it prints does not disturb the bar."""

        def on_epoch_end(epoch: int, logs: dict[str, Any] | None = None) -> None:
            with self._progress.paused() if self._progress is not None else nullcontext():
                tell(epoch + 1, logs or {})

        self._callbacks.append(LambdaCallback(on_epoch_end=on_epoch_end))

    def run(
        self,
        batches: Any,
        validation: Any,
        callbacks: Any = (),
        checkpoint: TrainingCheckpoint | None = None,
    ) -> History:
        """Train; returns the History.

        The weights are those of the best epoch at the end. Ctrl-C ends the training after the batch, with the weights
        that it has, or those of the best epoch where the loss has not fallen since.
        raises : ValueError where the loss is no number from the first epoch on
        """
        try:
            history = self.network.fit(
                batches,
                epochs=self.epochs,
                validation_data=validation,
                shuffle=False,
                callbacks=[
                    *callbacks_of(callbacks),
                    *self._callbacks,
                    *([] if checkpoint is None else [checkpoint.callback]),
                ],
                verbose=0,
            )
        finally:
            if self._progress is not None:
                self._progress.close()
        self.interrupted = history.interrupted is not None
        bad = self.best.bad_loss
        if bad is not None and (self.best.epochs < 2 or not self.best.epoch):
            raise ValueError(f"{bad}; lower learning_rate")
        if bad is not None and self._progress is not None:
            self._progress.say(f"{bad}; the best epoch's weights are kept")
        if not self.interrupted or self.best.wait or bad is not None:
            self.best.restore()
            self._say_which()
        return history

    def _say_which(self) -> None:
        """Say which epoch's weights are kept, where that is not the last, and why the training stopped early."""
        best, done = self.best.epoch, self.best.epochs
        if self._progress is None or self.interrupted or self.best.bad_loss is not None or not 0 < best < done:
            return
        early = f"stopped, no better epoch in {done - best}: " if done < self.epochs else ""
        self._progress.say(f"{early}the weights of epoch {best} are kept")

    def summary(self) -> dict[str, Any]:
        """What to remember of the run: the best epoch and its values, the epochs done, whether Ctrl-C ended it."""
        values = {name: float(value) for name, value in self.best.logs.items() if name != "learning_rate"}
        return {
            "epochs": self.best.epochs,
            "best_epoch": self.best.epoch,
            **values,
            "interrupted": self.interrupted,
        }
