"""Attention: weighted sums of values, the weights from queries and keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra import constraints, initializers, ops, regularizers
from recurra.layers.base.arguments import check_choice, check_flag, check_rate, flags_of
from recurra.layers.base.layer import Layer
from recurra.random import SeedGenerator, dropout_multiplier
from recurra.symbolic import KerasTensor
from recurra.typing import ArrayLike, ConstraintLike, InitializerLike, RegularizerLike, Shape, TensorLike

_FAR_BELOW = 1e9


class Attention(Layer):
    """Luong's dot-product attention: ``softmax(query @ key.T) @ value``.

    use_scale : the scores are multiplied with a learned number, 1 at first
    score_mode : "dot", or "concat": ``w * sum(tanh(query + key))`` with a learned number w
    dropout : share of the attention weights set to zero in training
    seed : of the dropout

    Called as ``layer([query, value, key], mask=[query_mask, value_mask], training=False,
    return_attention_scores=False, use_causal_mask=False)`` with query (B, Tq, d), value (B, Tv, dv) and key
    (B, Tv, d), which is the value where it is left out. Steps that value_mask excludes get no weight; rows that
    query_mask excludes are zeros; with use_causal_mask step i sees values 0 to i. Returns (B, Tq, dv), and the weights
    (B, Tq, Tv) where asked for.
    """

    _float_inputs = True
    supports_masking = True

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.use_scale = check_flag(use_scale, "use_scale")
        self.score_mode = check_choice(score_mode, "score_mode", ("dot", "concat"))
        self.dropout = check_rate(dropout, "dropout")
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)
        self.scale: Any = None
        self.concat_score_weight: Any = None

    def build(self, input_shape: Sequence[Shape]) -> None:
        self._check_shapes(input_shape)
        if self.use_scale:
            self.scale = self.add_weight((), "ones", name="scale")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def _check(self, inputs: Any, mask: Sequence[ArrayLike | None] | None) -> None:
        if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
            got = f"{len(inputs)} inputs" if isinstance(inputs, (list, tuple)) else type(inputs).__name__
            raise ValueError(f"{self.name} must be called on [query, value] or [query, value, key], got {got}")
        if mask is not None and (not isinstance(mask, (list, tuple)) or len(mask) not in (2, 3)):
            raise ValueError(f"{self.name}: mask must be [query_mask, value_mask], got {type(mask).__name__}")

    def _check_shapes(self, shapes: Any) -> None:
        if shapes and not isinstance(shapes[0], (list, tuple)):
            raise ValueError(f"{self.name} must be called on [query, value] or [query, value, key], got one array")
        self._check(shapes, None)

    def _scores(self, query: TensorLike, key: TensorLike) -> Any:
        """(B, Tq, Tv)."""
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.swapaxes(key, -2, -1))
            return scores if self.scale is None else scores * self.scale
        sums = ops.expand_dims(query, -2) + ops.expand_dims(key, -3)
        sums = sums if self.scale is None else sums * self.scale
        return self.concat_score_weight * ops.sum(ops.tanh(sums), axis=-1)

    def call(
        self,
        inputs: Sequence[TensorLike],
        mask: Sequence[ArrayLike | None] | None = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check(inputs, mask)
        query, value = inputs[0], inputs[1]
        key = inputs[2] if len(inputs) > 2 else value
        query_mask, value_mask = (mask[0], mask[1]) if mask is not None else (None, None)
        scores = self._scores(query, key)
        keep = None
        if value_mask is not None:
            per_query = len(np.shape(value_mask)) > 2
            shape = tuple(scores.shape) if per_query else tuple(value.shape[:-1])
            keep = flags_of(value_mask, f"{self.name}: the mask of value", shape)
            keep = keep if per_query else keep[..., None, :]
        if use_causal_mask:
            causal = np.tri(scores.shape[-2], scores.shape[-1], dtype=bool)
            keep = causal if keep is None else keep & causal
        if keep is not None:
            scores = scores - np.where(keep, 0.0, _FAR_BELOW).astype(scores.dtype)
        weights = ops.softmax(scores, axis=-1)
        if training and self.dropout > 0.0:
            weights = weights * dropout_multiplier(
                tuple(weights.shape), self.dropout, weights.dtype, self.seed_generator
            )
        result = ops.matmul(weights, value)
        if query_mask is not None:
            kept = flags_of(query_mask, f"{self.name}: the mask of query", tuple(query.shape[:-1]))
            result = ops.where(kept[..., None], result, 0.0)
        return (result, weights) if return_attention_scores else result

    def compute_mask(self, inputs: Any, mask: Sequence[ArrayLike | None] | None = None) -> Any:
        self._check(inputs, mask)
        return None if mask is None else mask[0]

    _mask_passes = True

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        return (*input_shape[0][:-1], input_shape[1][-1])

    def compute_output_spec(self, inputs: Any, return_attention_scores: bool = False, **kwargs: Any) -> Any:
        self._check(inputs, None)
        result = KerasTensor(self.compute_output_shape([tensor.shape for tensor in inputs]), self.dtype)
        if not return_attention_scores:
            return result
        return result, KerasTensor((*inputs[0].shape[:-1], inputs[-1].shape[-2]), self.dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "use_scale": self.use_scale,
            "score_mode": self.score_mode,
            "dropout": self.dropout,
            "seed": self.seed,
        }


class AdditiveAttention(Attention):
    """Bahdanau's attention without projections: scores ``sum(scale * tanh(query + key))``.

    use_scale : `scale` is a learned vector (d,); otherwise 1
    dropout, seed : as in :class:`Attention`, and so is the call
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, *, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, seed=seed, **kwargs)

    def build(self, input_shape: Sequence[Shape]) -> None:
        self._check_shapes(input_shape)
        if self.use_scale:
            self.scale = self.add_weight((input_shape[0][-1],), "glorot_uniform", name="scale")

    def _scores(self, query: TensorLike, key: TensorLike) -> Any:
        sums = ops.tanh(ops.expand_dims(query, -2) + ops.expand_dims(key, -3))
        return ops.sum(sums if self.scale is None else sums * self.scale, axis=-1)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("score_mode")
        return config


class BilinearAttention(Attention):
    """Luong's "general" attention: scores ``query @ kernel @ key.T`` with a learned kernel (dq, dk).

    dropout, seed : as in :class:`Attention`, and so is the call; here query and key may differ in size
    kernel_initializer, kernel_regularizer, kernel_constraint : of the kernel

    Keras has no such layer.

    >>> import numpy as np
    >>> from recurra.layers import BilinearAttention
    >>> BilinearAttention()([np.ones((1, 2, 3), "float32"), np.ones((1, 5, 4), "float32")]).shape
    (1, 2, 4)
    """

    def __init__(
        self,
        dropout: float = 0.0,
        seed: int | None = None,
        kernel_initializer: InitializerLike = "glorot_uniform",
        kernel_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(dropout=dropout, seed=seed, **kwargs)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)

    def build(self, input_shape: Sequence[Shape]) -> None:
        self._check_shapes(input_shape)
        self.kernel = self.add_weight(
            (input_shape[0][-1], input_shape[-1][-1]),
            self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )

    def _scores(self, query: TensorLike, key: TensorLike) -> Any:
        return ops.matmul(ops.dense(query, self.kernel), ops.swapaxes(key, -2, -1))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("use_scale")
        config.pop("score_mode")
        return {
            **config,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
        }
