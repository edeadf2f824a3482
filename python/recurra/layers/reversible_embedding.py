"""An Embedding whose table is the output's matrix too: tied weights."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recurra import ops
from recurra.autograd import Variable
from recurra.layers.base.arguments import check_flag
from recurra.layers.base.context import scores_may_wait
from recurra.layers.embedding import Embedding
from recurra.ops.projection import ProjectedScores
from recurra.ops.quantization import Int8Weights, int8_dense
from recurra.symbolic import KerasTensor
from recurra.typing import ConstraintLike, DType, InitializerLike, RegularizerLike, Shape, TensorLike


class _TurnedTable:
    """An 8-bit table (V, I) as the matrix (I, V) of the way back, made anew when the table changes."""

    def __init__(self) -> None:
        self._version: Any = None
        self._weights: Any = None

    def of(self, values: Variable, scales: Variable) -> Int8Weights:
        version = (id(values), values.version, id(scales))
        if self._version != version:
            turned = np.ascontiguousarray(np.asarray(values).T)
            # a variable, so that it is packed once
            self._version, self._weights = version, Int8Weights(Variable(turned, trainable=False), scales)
        found: Int8Weights = self._weights
        return found


class ReversibleEmbedding(Embedding):
    """An :class:`Embedding` that also runs backwards: ``layer(vectors, reverse=True)`` gives one logit for each id.

    A language model that uses one layer for its first and its last step has one table instead of two, and learns it
    from both sides. The logits are ``vectors @ table.T``, without a bias.

    input_dim, output_dim : V ids, vectors of this size
    tie_weights : False gives the way back a matrix of its own, (output_dim, V)
    embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero : as for Embedding
    reverse_dtype : "float32" or "float64" to compute the logits in; the layer's dtype where None
    logit_soft_cap : c squeezes the logits z into (-c, c): ``c * tanh(z / c)``

    >>> import numpy as np
    >>> from recurra.layers import ReversibleEmbedding
    >>> layer = ReversibleEmbedding(10, 4)
    >>> vectors = layer(np.array([[1, 2, 3]]))
    >>> layer(vectors, reverse=True).shape
    (1, 3, 10)
    """

    #: one scale for each id on both ways
    int8_matrices: ClassVar[dict[str, int]] = {"embeddings": 1, "reverse_embeddings": 0}

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: InitializerLike = "uniform",
        embeddings_regularizer: RegularizerLike = None,
        embeddings_constraint: ConstraintLike = None,
        mask_zero: bool = False,
        reverse_dtype: DType | None = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
            mask_zero,
            **kwargs,
        )
        if logit_soft_cap is not None and not logit_soft_cap > 0:
            raise ValueError(f"logit_soft_cap must be a number > 0 or None, got {logit_soft_cap!r}")
        self.tie_weights = check_flag(tie_weights, "tie_weights")
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap
        self._turned = _TurnedTable()

    def build(self, input_shape: Shape | None = None) -> None:
        if self.built:
            return
        super().build(input_shape)
        if not self.tie_weights and self._quantization:
            self._build_int8("reverse_embeddings", (self.output_dim, self.input_dim))
        elif not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                (self.output_dim, self.input_dim), self.embeddings_initializer, name="reverse_embeddings"
            )

    @property
    def plain_scores(self) -> bool:
        """Whether the way back is a product with the table and nothing more."""
        return self.tie_weights and self.reverse_dtype is None and self.logit_soft_cap is None

    def call(self, inputs: TensorLike, reverse: bool = False, *, activated: bool = True) -> Any:
        """Vectors, or with `reverse` logits; these may be left to the loss where `activated` is False."""
        if not reverse:
            return super().call(inputs)
        if self._quantization:
            return self._capped(self._int8_scores(inputs))
        waits = not activated and self.plain_scores and scores_may_wait(self.input_dim)
        if waits and inputs.dtype == self.embeddings.dtype:
            return ProjectedScores(inputs, self.embeddings, transposed=True)
        matrix = ops.transpose(self.embeddings) if self.tie_weights else self.reverse_embeddings
        if self.reverse_dtype is not None:
            inputs, matrix = ops.cast(inputs, self.reverse_dtype), ops.cast(matrix, self.reverse_dtype)
        return self._capped(ops.matmul(inputs, matrix))

    def _capped(self, logits: Any) -> Any:
        cap = self.logit_soft_cap
        return logits if cap is None else ops.tanh(logits / cap) * cap

    def _int8_scores(self, inputs: TensorLike) -> Any:
        logits = int8_dense(inputs, self.int8_reverse(), None)
        return logits if self.reverse_dtype is None else ops.cast(logits, self.reverse_dtype)

    def int8_reverse(self) -> Int8Weights:
        """The 8-bit matrix of the way back, (output_dim, V), one scale for each id; if tied the table's integers."""
        if not self.tie_weights:
            return self._int8("reverse_embeddings")
        return self._turned.of(*self._int8("embeddings"))

    def _matrices(self) -> dict[str, int]:
        return {name: axis for name, axis in self.int8_matrices.items() if name == "embeddings" or not self.tie_weights}

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of ids; for vectors, on the way back, their own."""
        return mask if str(inputs.dtype).startswith("float") else super().compute_mask(inputs, mask)

    def compute_output_shape(self, input_shape: Shape, reverse: bool = False) -> Shape:
        return (*input_shape[:-1], self.input_dim) if reverse else (*input_shape, self.output_dim)

    def compute_output_spec(self, inputs: Any, reverse: bool = False) -> Any:
        dtype = self.reverse_dtype if reverse and self.reverse_dtype else self.dtype
        return KerasTensor(self.compute_output_shape(inputs.shape, reverse), dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tie_weights": self.tie_weights,
            "reverse_dtype": self.reverse_dtype,
            "logit_soft_cap": self.logit_soft_cap,
        }
