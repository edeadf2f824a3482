"""The layer ``CRF`` of keras_contrib: a :class:`recurra.layers.CRF` whose outputs are labels, one-hot, and not scores.

Its losses and metrics need the scores, which they take from the call of the layer that made the predictions: the last
one of the thread.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from recurra import activations, layers, ops
from recurra.autograd import value_of
from recurra.layers.base.arguments import check_choice, check_flag
from recurra.layers.base.symbolic_call import spec_from_shapes
from recurra.typing import ActivationLike, ArrayLike, InitializerLike, TensorLike

_thread = threading.local()


class CRF(layers.CRF):
    """Labels of whole sequences, (B, T, units): the best path, one-hot; in training the scores behind it.

    units : how many labels there are
    learn_mode : "join"; "marginal" is not supported
    test_mode : "viterbi" (None) for the best path, "marginal" for the probability of each label at each step
    sparse_target : whether labels are ids, (B, T) or (B, T, 1), and not one-hot
    activation : of the scores
    chain_initializer, and all other arguments : as for :class:`recurra.layers.CRF`

    ``loss_function`` and ``accuracy`` are for ``compile``.
    """

    _untracked = layers.CRF._untracked | {"_last"}

    def __init__(
        self,
        units: int,
        learn_mode: str = "join",
        test_mode: str | None = None,
        sparse_target: bool = False,
        use_boundary: bool = True,
        use_bias: bool = True,
        activation: ActivationLike = "linear",
        chain_initializer: InitializerLike = "orthogonal",
        unroll: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units, use_bias=use_bias, use_boundary=use_boundary, chain_initializer=chain_initializer, **kwargs
        )
        if learn_mode != "join":
            raise ValueError(f"learn_mode must be 'join', which is the default, got {learn_mode!r}")
        self.learn_mode = learn_mode
        self.test_mode = check_choice(test_mode or "viterbi", "test_mode", ("viterbi", "marginal"))
        self.sparse_target = check_flag(sparse_target, "sparse_target")
        self.activation = activations.get(activation)
        self.unroll = check_flag(unroll, "unroll")  # how keras_contrib loops; nothing here depends on it
        self._last: Any = None

    def call(self, inputs: TensorLike, mask: ArrayLike | None = None, training: bool = False) -> Any:
        scores = self.activation(super().call(inputs, mask))
        self._last = scores, mask
        _thread.layer = self
        if training:
            return scores
        if self.test_mode == "marginal":
            return self.marginals(scores, mask)
        return ops.cast(ops.one_hot(self.decode(scores, mask), self.units), self.dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None  # the loss is one number for each row

    def compute_output_spec(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        return spec_from_shapes(self, (*inputs.shape[:-1], self.units), self.dtype)

    def _labels(self, y_true: ArrayLike) -> Any:
        given = np.asarray(value_of(y_true))
        return given.reshape(given.shape[:2]) if self.sparse_target else given.argmax(-1)

    @property
    def loss_function(self) -> Any:
        """For ``compile``: -log p(labels) of each row, (B,)."""

        def crf_loss(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
            scores, mask = self._last
            return ops.negative(self.log_likelihood(scores, self._labels(y_true), mask))

        return crf_loss

    @property
    def accuracy(self) -> Any:
        """For ``compile``: the share of the steps at which the best path has the true label."""

        def crf_viterbi_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
            scores, mask = self._last
            right = self.decode(scores, mask) == self._labels(y_true)
            kept = np.ones(right.shape, bool) if mask is None else np.asarray(value_of(mask)).astype(bool)
            return np.asarray((right & kept).sum() / max(kept.sum(), 1), self._numpy_dtype)

        return crf_viterbi_accuracy

    def get_config(self) -> dict[str, Any]:
        config = {
            **super().get_config(),
            "learn_mode": self.learn_mode,
            "test_mode": self.test_mode,
            "sparse_target": self.sparse_target,
            "activation": activations.serialize(self.activation),
            "unroll": self.unroll,
        }
        config.pop("use_kernel")
        return config


def _latest() -> CRF:
    layer: CRF | None = getattr(_thread, "layer", None)
    if layer is None:
        raise ValueError("this loss or metric is of a CRF layer's outputs, and none was called yet")
    return layer


def crf_loss(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """-log p(labels) of each row for the outputs of the CRF that was called last."""
    return _latest().loss_function(y_true, y_pred)


crf_nll = crf_loss


def crf_viterbi_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> Any:
    """The share of the steps at which the best path of the CRF that was called last has the true label."""
    return _latest().accuracy(y_true, y_pred)


crf_accuracy = crf_viterbi_accuracy
