"""Vectors for token ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from recurra import constraints, initializers, ops, regularizers
from recurra.autograd import Tensor, value_of
from recurra.layers.base.arguments import check_flag, check_positive, check_rate, refuse
from recurra.layers.base.context import context
from recurra.layers.base.layer import Layer
from recurra.layers.base.operation import Operation
from recurra.layers.lazy_embedding import embed_lazily
from recurra.ops.common import any_outside, refuse_masked
from recurra.ops.quantization import int8_embedding, int8_rows
from recurra.random import SeedGenerator, dropout_multiplier
from recurra.symbolic import KerasTensor
from recurra.typing import Array, ArrayLike, ConstraintLike, InitializerLike, RegularizerLike, Shape, TensorLike


class Embedding(Layer):
    """Row ``ids[b, t]`` of a table of vectors, for each token.

    input_dim : V, how many ids there are; ids are in [0, V)
    output_dim : size of a vector
    embeddings_initializer, embeddings_regularizer, embeddings_constraint : of the table (V, output_dim)
    mask_zero : id 0 is padding: the output carries the mask ``ids != 0`` (V is then one more than the vocabulary)
    weights : the table's first values, an array (V, output_dim) or a list with that one array
    input_length : Keras 2: the sequences' length, used for the input's shape in a Sequential model

    >>> import numpy as np
    >>> from recurra.layers import Embedding
    >>> Embedding(10, 4)(np.array([[1, 2, 0]])).shape
    (1, 3, 4)
    """

    int8_matrices: ClassVar[dict[str, int]] = {"embeddings": 1}

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: InitializerLike = "uniform",
        embeddings_regularizer: RegularizerLike = None,
        embeddings_constraint: ConstraintLike = None,
        mask_zero: bool = False,
        weights: Array | Sequence[ArrayLike] | None = None,
        lora_rank: None = None,
        lora_alpha: None = None,
        quantization_config: None = None,
        *,
        input_length: int | Sequence[int | None] | None = None,
        **kwargs: Any,
    ) -> None:
        refuse("Embedding", lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config)
        if input_length is not None and "batch_input_shape" not in kwargs and "input_shape" not in kwargs:
            kwargs["input_shape"] = input_length if isinstance(input_length, (tuple, list)) else (input_length,)
        if weights is not None:
            kwargs["weights"] = [weights] if np.ndim(weights[0]) == 1 else list(weights)
        super().__init__(**kwargs)
        self.input_dim = check_positive(input_dim, "input_dim")
        self.output_dim = check_positive(output_dim, "output_dim")
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = check_flag(mask_zero, "mask_zero")
        self.supports_masking = self.mask_zero
        self.autocast = False
        self.token_dropout = 0.0

    def drop_tokens(self, rate: float, seed: int | None = None) -> None:
        """Let each call in training drop whole rows of the table: a token is then dropped wherever it stands.

        From Y. Gal and Z. Ghahramani, A Theoretically Grounded Application of Dropout in Recurrent Neural Networks,
        2016. It is not part of the configuration.

        rate : the share of the V rows, in [0, 1); the others are scaled by ``1 / (1 - rate)``
        """
        self.token_dropout = check_rate(rate)
        self.seed_generator = SeedGenerator(seed)

    def build(self, input_shape: Shape | None = None) -> None:
        if self.built:
            return
        if self._quantization:
            self._build_int8("embeddings", (self.input_dim, self.output_dim))
            return
        self.embeddings = self.add_weight(
            (self.input_dim, self.output_dim),
            self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            name="embeddings",
        )

    def ids_of(self, inputs: ArrayLike) -> Any:
        """`inputs` as an int32 array of ids in [0, input_dim), or an error that says which is not."""
        refuse_masked(inputs, "inputs")
        ids = np.asarray(value_of(inputs))
        if ids.dtype.kind not in "iufb":
            raise TypeError(f"{self.name}: ids must be integers, got dtype {ids.dtype}")
        if ids.dtype == np.int32:
            return np.ascontiguousarray(ids)
        if ids.dtype.kind == "f" and not np.isfinite(ids).all():
            raise ValueError(f"{self.name}: ids must be integers, got NaN or infinity")
        if ids.dtype.kind == "f" and not np.array_equal(ids, np.trunc(ids)):
            bad = ids[ids != np.trunc(ids)].flat[0]
            raise ValueError(f"{self.name}: ids must be whole numbers, got {bad}")
        if ids.dtype.itemsize > 4 and any_outside(ids, self.input_dim):
            bad = ids[(ids < 0) | (ids >= self.input_dim)].flat[0]
            raise ValueError(f"{self.name}: ids must be in [0, {self.input_dim}) (input_dim), got {bad}")
        whole = np.ascontiguousarray(ids, dtype=np.int32)
        if ids.dtype.kind == "f" and not np.array_equal(whole, ids):
            raise ValueError(f"{self.name}: ids must be whole numbers, got {ids[whole != ids].flat[0]}")
        return whole

    def call(self, inputs: TensorLike) -> Any:
        ids = self.ids_of(inputs)
        if self._quantization:
            return int8_embedding(self._int8("embeddings"), ids)
        vectors = ops.embedding(self.embeddings, ids)
        if not self.token_dropout or not context.training:
            return vectors
        kept = dropout_multiplier((self.input_dim, 1), self.token_dropout, self.dtype, self.seed_generator)
        return vectors * kept[ids]

    def lookup(self, inputs: ArrayLike) -> Any:
        """As calling the layer, for a consumer that may take the ids and the table instead of the vectors.

        returns : an :class:`recurra.layers.lazy_embedding.EmbeddedIds`, with its mask
        """
        if not self.built or self.activity_regularizer is not None or (self.token_dropout and context.training):
            return self(inputs)
        ids = self.ids_of(inputs)
        if self._quantization:
            result = embed_lazily(*int8_rows(self._int8("embeddings"), ids))
        else:
            result = embed_lazily(self.embeddings, ids)
        if self.mask_zero:
            result._keras_mask = ids != 0
        return result

    def compute_mask(self, inputs: ArrayLike, mask: ArrayLike | None = None) -> Any:
        if not self.mask_zero:
            return None
        if isinstance(inputs, KerasTensor):
            return Operation("not_equal")(inputs, 0)
        return np.not_equal(inputs.value if isinstance(inputs, Tensor) else inputs, 0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.output_dim)

    @property
    def _input_dtype(self) -> str:
        return "int32"

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": initializers.serialize(self.embeddings_initializer),
            "embeddings_regularizer": regularizers.serialize(self.embeddings_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "embeddings_constraint": constraints.serialize(self.embeddings_constraint),
            "mask_zero": self.mask_zero,
        }
