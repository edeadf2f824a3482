"""A linear-chain conditional random field as the last layer of a tagger."""

from __future__ import annotations

from typing import Any

import numpy as np

from recurra import constraints, initializers, ops, regularizers
from recurra.autograd import value_of
from recurra.layers.base.arguments import check_flag, check_positive
from recurra.layers.base.context import get_mask
from recurra.layers.base.input_spec import InputSpec
from recurra.layers.base.layer import Layer
from recurra.layers.base.symbolic_call import spec_from_shapes
from recurra.typing import ArrayLike, ConstraintLike, InitializerLike, RegularizerLike, Shape, TensorLike


class CRF(Layer):
    """Scores of labels, trained and decoded as whole sequences; ``recurra.ops.crf_log_norm`` has the equations.

    units : C, how many labels there are
    use_kernel : whether a Dense layer in front makes the scores; without it the input must have C features
    use_bias : whether that layer has a bias
    use_boundary : whether the first and the last label have scores of their own
    chain_initializer, boundary_initializer, kernel_initializer, bias_initializer : first values of `chain_kernel`
        (C, C), the transitions from the label of a row to that of a column; of `left_boundary` and `right_boundary`
        (C,); of kernel (I, C) and bias (C,)
    chain_regularizer, boundary_regularizer, kernel_regularizer, bias_regularizer : penalties on them
    chain_constraint, boundary_constraint, kernel_constraint, bias_constraint : limits on them after each update

    Called on (B, T, I), the layer returns the scores of the labels at each step, (B, T, C), without the transitions;
    :attr:`loss` and :attr:`accuracy` add these. With ``decode=True`` it returns the best path, (B, T) int32. A mask
    says which steps are part of the sequence, wherever they stand; at the others the path is 0.

    One model to train, and one that shares its layers and gives the labels:

    >>> import numpy as np
    >>> from recurra import Input, Model
    >>> from recurra.layers import CRF, LSTM, Bidirectional, Embedding
    >>> words = Input((None,), dtype="int32")
    >>> hidden = Bidirectional(LSTM(8, return_sequences=True))(Embedding(50, 16, mask_zero=True)(words))
    >>> crf = CRF(4)
    >>> model = Model(words, crf(hidden))
    >>> model.compile("adam", loss=crf.loss, metrics=[crf.accuracy])
    >>> x, y = np.array([[5, 9, 2], [7, 1, 0]]), np.array([[1, 3, 0], [2, 2, 0]])
    >>> history = model.fit(x, y, verbose=0)
    >>> tagger = Model(words, crf(hidden, decode=True))
    >>> tagger.predict(x, verbose=0).shape
    (2, 3)

    Both models can be saved. A loss is saved by its name, which says nothing of the layer: load such a model with
    ``compile=False``, and compile it anew with ``model.get_layer("crf").loss``.
    """

    _float_inputs = True
    supports_masking = True
    _mask_passes = True

    def __init__(
        self,
        units: int,
        use_kernel: bool = True,
        use_bias: bool = True,
        use_boundary: bool = True,
        chain_initializer: InitializerLike = "glorot_uniform",
        boundary_initializer: InitializerLike = "zeros",
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        chain_regularizer: RegularizerLike = None,
        boundary_regularizer: RegularizerLike = None,
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        chain_constraint: ConstraintLike = None,
        boundary_constraint: ConstraintLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = check_positive(units, "units")
        self.use_kernel = check_flag(use_kernel, "use_kernel")
        self.use_bias = check_flag(use_bias, "use_bias")
        self.use_boundary = check_flag(use_boundary, "use_boundary")
        self.chain_initializer = initializers.get(chain_initializer)
        self.boundary_initializer = initializers.get(boundary_initializer)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.chain_regularizer = regularizers.get(chain_regularizer)
        self.boundary_regularizer = regularizers.get(boundary_regularizer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.chain_constraint = constraints.get(chain_constraint)
        self.boundary_constraint = constraints.get(boundary_constraint)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Shape) -> None:
        size = input_shape[-1]
        if size is None or (not self.use_kernel and size != self.units):
            what = "a known size" if self.use_kernel else f"size C = {self.units}, where use_kernel is False"
            raise ValueError(f"{self.name}: the last axis of the input must have {what}, got {input_shape}")
        self.kernel = self.bias = None
        if self.use_kernel:
            self.kernel = self._weight("kernel", (size, self.units), "kernel")
            self.bias = self._weight("bias", (self.units,), "bias") if self.use_bias else None
        self.chain_kernel = self._weight("chain_kernel", (self.units, self.units), "chain")
        self.left_boundary = self.right_boundary = None
        if self.use_boundary:
            self.left_boundary = self._weight("left_boundary", (self.units,), "boundary")
            self.right_boundary = self._weight("right_boundary", (self.units,), "boundary")
        self.input_spec = InputSpec(ndim=3, axes={-1: size})

    def _weight(self, name: str, shape: tuple[int, ...], kind: str) -> Any:
        options = {what: getattr(self, f"{kind}_{what}") for what in ("initializer", "regularizer", "constraint")}
        return self.add_weight(shape, name=name, **options)

    def call(self, inputs: TensorLike, mask: ArrayLike | None = None, decode: bool = False) -> Any:
        scores = ops.dense(inputs, self.kernel, self.bias) if self.kernel is not None else inputs
        return self.decode(scores, mask) if decode else scores

    # --- of scores that the layer gave ---------------------------------------------------------------------------
    def decode(self, scores: ArrayLike, mask: ArrayLike | None = None) -> Any:
        """The best path for scores that the layer gave, (B, T) int32; `mask` by default the one that they carry."""
        return ops.viterbi_decode(scores, *self._chain(), self._mask(scores, mask))[0]

    def marginals(self, scores: ArrayLike, mask: ArrayLike | None = None) -> Any:
        """The probability of each label at each step, over all paths, (B, T, C)."""
        return ops.crf_marginals(scores, *self._chain(), self._mask(scores, mask))

    def log_likelihood(self, scores: ArrayLike, labels: ArrayLike, mask: ArrayLike | None = None) -> Any:
        """The log p(labels) of each row, (B,)."""
        return ops.crf_log_likelihood(scores, labels, *self._chain(), self._mask(scores, mask))

    def loss(self, y_true: ArrayLike, y_pred: ArrayLike) -> Any:
        """For ``compile``: -log p(labels) of each row, shared evenly among its steps, so that means are nats a step.

        y_true : (B, T) label ids;  y_pred : the scores. Returns (B, T), 0 at masked steps
        """
        mask = self._mask(y_pred, None)
        shape = tuple(y_pred.shape[:2])  # type: ignore[union-attr]
        kept = np.ones(shape, bool) if mask is None else np.asarray(value_of(mask)).astype(bool)
        share = kept / np.maximum(kept.sum(1, keepdims=True), 1)
        each = self.log_likelihood(y_pred, y_true, kept)
        return ops.reshape(each, (-1, 1)) * (-share).astype(each.dtype)

    def accuracy(self, y_true: ArrayLike, y_pred: ArrayLike) -> Any:
        """For ``compile``: whether the best path has the true label, (B, T).

        y_true : (B, T) label ids;  y_pred : the scores
        """
        path = self.decode(y_pred)
        return (path == np.asarray(value_of(y_true)).reshape(path.shape)).astype(self._numpy_dtype)

    def _chain(self) -> tuple[Any, Any, Any]:
        if not self.built:
            raise ValueError(f"{self.name} has no transitions yet: call it, or build it, first")
        return self.chain_kernel, self.left_boundary, self.right_boundary

    def _mask(self, scores: Any, mask: Any) -> Any:
        return get_mask(scores) if mask is None else mask

    # --- shapes --------------------------------------------------------------------------------------------------
    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)

    def compute_output_spec(self, inputs: Any, mask: Any = None, decode: bool = False) -> Any:
        shape = tuple(inputs.shape[:-1])
        if decode:
            return spec_from_shapes(self, shape, "int32")
        return spec_from_shapes(self, (*shape, self.units), self.dtype)

    def get_config(self) -> dict[str, Any]:
        config = {
            "units": self.units,
            "use_kernel": self.use_kernel,
            "use_bias": self.use_bias,
            "use_boundary": self.use_boundary,
        }
        for kind in ("chain", "boundary", "kernel", "bias"):
            config[f"{kind}_initializer"] = initializers.serialize(getattr(self, f"{kind}_initializer"))
            config[f"{kind}_regularizer"] = regularizers.serialize(getattr(self, f"{kind}_regularizer"))
            config[f"{kind}_constraint"] = constraints.serialize(getattr(self, f"{kind}_constraint"))
        return {**super().get_config(), **config}
