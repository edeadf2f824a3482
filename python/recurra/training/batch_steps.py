"""Training, evaluation and prediction of one batch, as methods that a model of one's own may override."""

from __future__ import annotations

from typing import Any

from recurra.training.batches import ArraySource, Batch, make_batch
from recurra.training.compilation import Compilation
from recurra.training.prepare import prepare
from recurra.training.step import Stepper


class BatchSteps(Compilation):
    """Part of :class:`recurra.training.trainer.Trainer`."""

    def train_step(self, data: Any) -> dict[str, Any]:
        """Train on one batch ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)`` and return the logs.

        Override it for a training rule of your own: compute with recurra.ops inside ``GradientTape``, change weights
        through ``self.optimizer.apply_gradients`` or ``variable.assign``.
        """
        batch = self._batch_of(data, "train_step")
        stepper = Stepper(self, True)
        stepper.train(batch.x, batch.y, batch.weight, batch.size)
        return stepper.results()

    def test_step(self, data: Any) -> dict[str, Any]:
        """Evaluate one batch and return the logs."""
        batch = self._batch_of(data, "test_step")
        stepper = Stepper(self, False)
        stepper.test(batch.x, batch.y, batch.weight, batch.size)
        return stepper.results()

    def _batch_of(self, data: Any, method: str) -> Batch:
        """The batch that a step was given, for which the model is prepared if it has not been trained."""
        batch = make_batch(data)
        if not self._require_compiled(method).loss.built:
            prepare(self, ArraySource(batch.x, batch.y, batch.weight, max(batch.size, 1)), method)
        return batch

    def predict_step(self, data: Any) -> Any:
        """The outputs for one batch."""
        return self(data[0] if isinstance(data, tuple) else data, training=False)  # type: ignore[operator]
