"""Keras 2's calls of models (``fit_generator``), fetched from compat/ when a model is asked for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["OlderCalls"]

if TYPE_CHECKING:
    from recurra.compat.calls import Keras2Calls as OlderCalls
else:

    class _LazyMethod:
        """Stands in a class for the method of the same name of ``Keras2Calls``."""

        def __set_name__(self, owner: type, name: str) -> None:
            self._name = name

        def __get__(self, model: Any, owner: type | None = None) -> Any:
            from recurra.compat.calls import Keras2Calls

            return getattr(Keras2Calls, self._name).__get__(model, owner)

    class OlderCalls:
        """Part of :class:`recurra.training.trainer.Trainer`."""

        fit_generator = _LazyMethod()
        evaluate_generator = _LazyMethod()
        predict_generator = _LazyMethod()
        predict_proba = _LazyMethod()
        predict_classes = _LazyMethod()
        compiled_loss = _LazyMethod()

        @property
        def compiled_metrics(self) -> Any:
            """The compiled metrics, for a `train_step` of one's own."""
            from recurra.compat.calls import CompiledMetrics

            return CompiledMetrics(self)
