"""Several scaled dot-product attentions side by side, each on projections of its own (Vaswani et al., 2017)."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from recurra import constraints, initializers, ops, regularizers
from recurra.autograd import value_of
from recurra.layers.base.arguments import check_flag, check_positive, check_rate, flags_of
from recurra.layers.base.layer import Layer
from recurra.layers.dropout import Dropout
from recurra.layers.einsum_dense import EinsumDense
from recurra.random import SeedGenerator, dropout_multiplier
from recurra.symbolic import KerasTensor
from recurra.typing import ArrayLike, ConstraintLike, InitializerLike, RegularizerLike, Shape, TensorLike

_FAR_BELOW = -1e9


class MultiHeadAttention(Layer):
    """Attention of `num_heads` heads: ``softmax(Q K^T / sqrt(key_dim)) V`` on projections, joined by another one.

    num_heads : how many attentions
    key_dim, value_dim : sizes of the projected queries and keys, and of the values (key_dim where None)
    dropout : share of the attention weights set to zero in training
    use_bias : whether the projections have biases
    output_shape : size of the output's last axis (or last axes); None: that of the query
    attention_axes : the axes that attention goes over, counted without the batch's as 1, 2, ...; None: all but the
        batch's and the features'
    sliding_window : None, or attention only between steps that are less than so many apart
    use_gate : the attention's result is multiplied with a sigmoid of the query's projection
    kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
        bias_constraint : of the projections
    seed : of the dropout

    Called as ``layer(query, value, key=None, attention_mask=None, return_attention_scores=False, training=False,
    use_causal_mask=False)`` with query (B, T, d), value (B, S, dv), key (B, S, dk), which is the value where it is
    left out. A step attends where its own mask, the value's (and key's) mask and attention_mask (B, T, S) are True,
    and with use_causal_mask only to steps 0 to its own. Returns (B, T, d), and the weights (B, num_heads, T, S) where
    asked for. Weights: query, key, value and output projections, kernel and bias each.

    >>> import numpy as np
    >>> from recurra.layers import MultiHeadAttention
    >>> x = np.ones((2, 5, 6), "float32")
    >>> MultiHeadAttention(num_heads=2, key_dim=3)(x, x, use_causal_mask=True).shape
    (2, 5, 6)
    """

    _float_inputs = True
    supports_masking = True
    _mask_passes = True

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        if flash_attention:
            raise ValueError("flash_attention=True is not supported: it is a kernel of GPUs; leave it out")
        super().__init__(**kwargs)
        self.num_heads = check_positive(num_heads, "num_heads")
        self.key_dim = check_positive(key_dim, "key_dim")
        self.value_dim = self.key_dim if value_dim is None else check_positive(value_dim, "value_dim")
        self.dropout = check_rate(dropout, "dropout")
        self.use_bias = check_flag(use_bias, "use_bias")
        self.use_gate = check_flag(use_gate, "use_gate")
        self._output_sizes = None
        if output_shape is not None:
            self._output_sizes = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        if attention_axes is not None and not isinstance(attention_axes, (int, list, tuple)):
            raise ValueError(f"attention_axes must be an integer or several, got {attention_axes!r}")
        self.attention_axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes
        self.sliding_window = None if sliding_window is None else check_positive(sliding_window, "sliding_window")
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self._projection_regularizer = regularizers.get(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    # --- projections ---------------------------------------------------------------------------------------------

    def _projection(self, equation: str, sizes: Sequence[int | None], bias: str, name: str, **more: Any) -> EinsumDense:
        return _Projection(
            equation, sizes, bias_axes=bias if self.use_bias else None, name=name, dtype=self.dtype,
            kernel_initializer=_anew(self.kernel_initializer), bias_initializer=_anew(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer, bias_regularizer=self.bias_regularizer,
            activity_regularizer=self._projection_regularizer, kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint, **more,
        )  # fmt: skip

    def _into_heads(self, shape: Shape, size: int, name: str, **more: Any) -> EinsumDense:
        """(B, ..., d) to (B, ..., num_heads, size)."""
        free = string.ascii_lowercase[: len(shape) - 1]
        open_sizes = [None] * (len(shape) - 2)
        layer = self._projection(f"{free}z,zxy->{free}xy", [*open_sizes, self.num_heads, size], "xy", name, **more)
        layer.build(shape)
        return layer

    def build(self, query_shape: Shape, value_shape: Shape | None = None, key_shape: Shape | None = None) -> None:
        if value_shape is None:
            raise TypeError(f"{self.name} must be called with a query and a value; for self-attention on (x, x)")
        key_shape = value_shape if key_shape is None else key_shape
        self.compute_output_shape(query_shape, value_shape, key_shape)
        self.query_dense = self._into_heads(query_shape, self.key_dim, "query")
        self.key_dense = self._into_heads(key_shape, self.key_dim, "key")
        if self.use_gate:
            self._gate_dense = self._into_heads(query_shape, self.value_dim, "gate", activation="sigmoid")
        self.value_dense = self._into_heads(value_shape, self.value_dim, "value")
        self._dropout_layer = Dropout(self.dropout, seed=self.seed, dtype=self.dtype)
        free = string.ascii_lowercase[: len(query_shape) - 1]
        sizes = self._output_sizes or (query_shape[-1],)
        out = string.ascii_uppercase[: len(sizes)]
        self.output_dense = self._projection(
            f"{free}xy,xy{out}->{free}{out}", [*[None] * (len(query_shape) - 2), *sizes], out, "attention_output"
        )
        self.output_dense.build((*query_shape[:-1], self.num_heads, self.value_dim))
        self._build_shapes = {"query_shape": query_shape, "value_shape": value_shape, "key_shape": key_shape}

    def get_build_config(self) -> dict[str, Any] | None:
        return {"shapes_dict": self._build_shapes} if self.built else None

    # --- the call ------------------------------------------------------------------------------------------------

    def call(
        self,
        query: TensorLike,
        value: TensorLike,
        key: TensorLike | None = None,
        query_mask: ArrayLike | None = None,
        value_mask: ArrayLike | None = None,
        key_mask: ArrayLike | None = None,
        attention_mask: ArrayLike | None = None,
        return_attention_scores: bool = False,
        training: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        keys = value if key is None else key
        keep = self._kept(query, value, query_mask, value_mask, key_mask, attention_mask, use_causal_mask)
        gate = self._gate_dense(query) if self.use_gate else None
        q = self.query_dense(query) * (1.0 / math.sqrt(self.key_dim))
        k, v = self.key_dense(keys), self.value_dense(value)
        products, combined, spread = self._equations(len(q.shape))
        scores = ops.einsum(products, k, q)
        axes = spread // 2  # of the queries, and as many of the keys
        if keep is not None:
            keep = np.reshape(
                keep, (*keep.shape[:-spread], *(1,) * (len(scores.shape) - keep.ndim), *keep.shape[-spread:])
            )
            scores = ops.where(keep, scores, _FAR_BELOW)
        shape = tuple(scores.shape)
        flat = ops.reshape(scores, (*shape[:-axes], math.prod(shape[-axes:])))
        weights = ops.reshape(ops.softmax(flat, axis=-1), shape)
        used = weights
        if training and self.dropout > 0.0:
            used = weights * dropout_multiplier(shape, self.dropout, weights.dtype, self.seed_generator)
        result = ops.einsum(combined, used, v)
        result = self.output_dense(result if gate is None else result * gate)
        return (result, weights) if return_attention_scores else result

    def _equations(self, rank: int) -> tuple[str, str, int]:
        """For the products of keys and queries, for the sums of values, and how many axes attention goes over.

        rank : of projected arrays (B, ..., num_heads, size)
        """
        axes = range(1, rank - 2) if self.attention_axes is None else [a % (rank - 1) for a in self.attention_axes]
        targets = string.ascii_lowercase[:rank]
        sources = "".join(letter.upper() if k in axes else letter for k, letter in enumerate(targets))
        others = [targets[k] for k in range(rank - 1) if k not in axes]
        scores = "".join([*others, *(targets[k] for k in axes), *(sources[k] for k in axes)])
        return f"{sources},{targets}->{scores}", f"{scores},{sources}->{targets}", 2 * len(list(axes))

    def _kept(
        self, query: Any, value: Any, query_mask: Any, value_mask: Any, key_mask: Any, attention_mask: Any, causal: bool
    ) -> Any:
        """Where attention may go, (B or 1, T, S), or None for everywhere."""
        parts = []
        if query_mask is not None:
            parts.append(flags_of(query_mask, f"{self.name}: query_mask", tuple(query.shape[:-1]))[..., :, None])
        for name, mask in (("value_mask", value_mask), ("key_mask", key_mask)):
            if mask is not None:
                parts.append(flags_of(mask, f"{self.name}: {name}", tuple(value.shape[:-1]))[..., None, :])
        steps, sources = query.shape[1], value.shape[1]
        if causal:
            parts.append(np.tri(steps, sources, dtype=bool)[None])
        if self.sliding_window is not None:
            apart = np.abs(np.arange(steps)[:, None] - np.arange(sources))
            parts.append((apart < self.sliding_window)[None])
        if attention_mask is not None:
            parts.append(_flags(attention_mask))
        keep: Any = None
        for part in parts:
            keep = part if keep is None else keep & part
        return keep

    def compute_output_shape(self, query_shape: Shape, value_shape: Any = None, key_shape: Shape | None = None) -> Any:
        if value_shape is not None and key_shape is not None and tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            raise ValueError(
                f"{self.name}: value and key must agree but for the last axis, got {value_shape} and {key_shape}"
            )
        return (*query_shape[:-1], *(self._output_sizes or (query_shape[-1],)))

    def compute_output_spec(
        self, query: Any, value: Any, key: Any = None, return_attention_scores: bool = False, **more: Any
    ) -> Any:
        result = KerasTensor(self.compute_output_shape(query.shape), self.dtype)
        if not return_attention_scores:
            return result
        rank = len(query.shape) + 1
        axes = range(1, rank - 2) if self.attention_axes is None else [a % (rank - 1) for a in self.attention_axes]
        others = [query.shape[k] for k in range(rank - 2) if k not in axes]
        sizes = (*others, self.num_heads, *(query.shape[k] for k in axes), *(value.shape[k] for k in axes))
        return result, KerasTensor(sizes, self.dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return mask

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "use_gate": self.use_gate,
            "output_shape": self._output_sizes,
            "attention_axes": self.attention_axes,
            "sliding_window": self.sliding_window,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self._projection_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            "seed": self.seed,
        }


class _Projection(EinsumDense):
    """Takes arrays with masks, which are looked at outside of it."""

    def _warn_mask_lost(self) -> None:
        """Nothing: the mask is not lost."""


def _flags(mask: Any) -> Any:
    return np.asarray(value_of(mask)).astype(bool)


def _anew(initializer: Any) -> Any:
    """Another initializer with the same settings: without a seed it draws one of its own."""
    return (
        type(initializer).from_config(initializer.get_config()) if hasattr(initializer, "get_config") else initializer
    )
