"""What a compiled model knows: how it was compiled, for files, and its metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recurra import optimizers
from recurra.metrics.base import Metric
from recurra.registry import is_configuration
from recurra.training.step import Compiled
from recurra.tree import map_structure


class Compilation:
    """The state that ``compile`` leaves. Part of :class:`recurra.training.trainer.Trainer`."""

    optimizer: Any
    _compiled_state: Compiled | None
    _compile_config: dict[str, Any] | None

    @property
    def compiled(self) -> bool:
        """Whether :meth:`compile` was called."""
        return self._compiled_state is not None

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of :meth:`compile` as a configuration for files; None before it."""
        if self._compile_config is None:
            return None
        from recurra.registry import serialize_keras_object

        return {key: serialize_keras_object(value) for key, value in self._compile_config.items()}

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile with what :meth:`get_compile_config` gave."""
        from recurra import losses
        from recurra.metrics import names as metric_names

        settings = {key: config[key] for key in (self._compile_config_keys()) if key in config}
        for key, read in (
            ("loss", losses.deserialize),
            ("metrics", metric_names.deserialize),
            ("weighted_metrics", metric_names.deserialize),
        ):
            if settings.get(key) is not None:
                settings[key] = _revive(settings[key], read)
        if isinstance(settings.get("optimizer"), Mapping):
            settings["optimizer"] = optimizers.deserialize(settings["optimizer"])
        if not isinstance(settings.get("steps_per_execution", 1), int):
            settings.pop("steps_per_execution")
        self.compile(**settings)  # type: ignore[attr-defined]
        if getattr(self, "built", False) and self.optimizer is not None:
            self.optimizer.build(self.trainable_weights)  # type: ignore[attr-defined]

    @staticmethod
    def _compile_config_keys() -> tuple[str, ...]:
        return (
            "optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution",
            "jit_compile",
        )  # fmt: skip

    def _require_compiled(self, method: str) -> Compiled:
        if self._compiled_state is None:
            raise RuntimeError(f"{method} needs a compiled model: call model.compile(optimizer, loss) first")
        quantized = self._quantized_layer() if method in ("fit", "train_on_batch") else None
        if quantized is not None:
            raise ValueError(
                f"{method} needs float weights, and layer {quantized.name!r} is quantized to 8-bit integers, for "
                "inference only: train the model before quantize()"
            )
        return self._compiled_state

    def _restart_optimizer(self) -> None:
        """A new optimizer with the same settings: the old one's state is as large as the weights."""
        if self._compiled_state is not None:
            self._compiled_state.recordings = None  # they hold the weights
        if self._compiled_state is None or self._compile_config is None or not self.optimizer.built:
            return
        self.optimizer = type(self.optimizer).from_config(self.optimizer.get_config())
        self._compiled_state.optimizer = self.optimizer
        self._compile_config = {**self._compile_config, "optimizer": self.optimizer}

    def _quantized_layer(self) -> Any:
        """The first layer whose weights are 8-bit; models look for it."""
        return None

    # --- metrics ------------------------------------------------------------------------------------------------

    def _extra_metrics(self) -> list[Metric]:
        """Metrics that the user keeps as attributes of the model or its layers, and those of ``add_metric``."""
        from recurra.training.own_metrics import metrics_of

        return metrics_of(self)

    @property
    def metrics(self) -> list[Metric]:
        """The running mean of the loss, those of several outputs, what ``compile`` made, those kept as attributes."""
        state = self._compiled_state
        own: list[Metric] = [] if state is None else [state.tracker, *state.loss.trackers, *state.metrics.metrics]
        return [*own, *self._extra_metrics()]

    @property
    def metrics_names(self) -> list[str]:
        """What ``evaluate`` returns, in order."""
        compiled = self._require_compiled("metrics_names")
        names = ["loss", *(tracker.name for tracker in compiled.loss.trackers)]
        if compiled.metrics.built:
            names += compiled.metrics.results()
        return names + [metric.name for metric in self._extra_metrics()]

    def reset_metrics(self) -> None:
        """Start the running averages over."""
        if self._compiled_state is not None:
            self._compiled_state.reset()
        for metric in self.metrics:
            metric.reset_state()


def _revive(value: Any, read: Any) -> Any:
    """Losses or metrics of a saved compile configuration."""
    return map_structure(
        lambda leaf: read(leaf) if isinstance(leaf, Mapping) else leaf,
        value,
        is_leaf=is_configuration,
        sequence=list,
    )
