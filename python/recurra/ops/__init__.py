"""Operations: arrays in, arrays out; under a :class:`recurra.GradientTape`, differentiable.

Names are Keras's and numpy's. Everything here takes arrays, Tensors and Variables alike, and is what layers, losses and
cells of your own are written with. On symbolic tensors (``recurra.Input``) all but the recurrent ones make a node of
the graph, as in Keras 3.

    math.py          arithmetic, elementwise functions, reductions, comparisons
    shaping.py       reshape, transpose, join, cut, pick, make
    elementary.py    rarer elementwise functions, norm, prod
    arrays.py        arrays made, sorted, searched, written into; loops of functions
    products.py      matmul, dense, dot, tensordot, einsum
    quantization.py  8-bit weights: how they are made, dense and embedding with them
    neural.py        activations, softmax, embedding, dropout, normalisation
    crossentropy.py  cross-entropies, fused with their softmax or sigmoid
    projection.py    the cross-entropy of a product with many columns, block by block
    windows.py       windows that slide over spatial axes, and their products with a kernel
    convolution.py   conv and its relatives, over any number of axes
    pooling.py       max_pool, average_pool
    ctc.py           connectionist temporal classification: loss and decoding
    crf.py           linear-chain conditional random fields: likelihood, marginals, the best path
    cells.py         any recurrent cell of the kernels over whole sequences, and its gradients
    recurrent.py     lstm, gru, simple_rnn: the same by name, and what they compute
    time_loop.py     rnn: the time loop for a cell written in Python
    dispatch.py      how an operation on arrays accepts symbolic tensors

Loaded when one of their names is first used:

    statistics.py    quantiles, histograms, differences, correlations, reductions that leave NaN out
    arranging.py     turned, stacked, split and multiplied out; windows, choices
    special.py       erfc, sinc and other seldom elementwise functions
    integers.py      bits, common divisors
    activations.py   activations that are made of others
    image.py         pictures of another height and width (``ops.image.resize``)
    linalg.py        decompositions, determinants, inverses, linear systems
    fourier.py       Fourier transforms, also of the frames of signals
    higher_order.py  associative scans, gradients of your own, dot-product attention
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

# isort: off
# fmt: off
from recurra.autograd import value_of
from recurra.ops import operators as _operators
from recurra.ops.arrays import (
    append, array, bincount, cond, copy, diag, diagonal, digitize, empty, eye, fori_loop, full_like, hstack, identity,
    in_top_k, isin, linspace, logspace, map, meshgrid, ndim, nonzero, roll, scan, scatter, scatter_update, searchsorted,
    segment_sum, slice, slice_update, sort, top_k, trace, tril, triu, unique, vectorized_map, vstack, while_loop,
)
from recurra.ops.cells import RecurrentGradients, run_cell, run_cell_backward
from recurra.ops.convolution import conv, conv_transpose, depthwise_conv, separable_conv
from recurra.ops.crf import crf_log_likelihood, crf_log_norm, crf_marginals, crf_path_score, viterbi_decode
from recurra.ops.crossentropy import (
    binary_crossentropy, categorical_crossentropy, sigmoid_cross_entropy, softmax_cross_entropy,
    sparse_categorical_crossentropy,
)
from recurra.ops.ctc import ctc_decode, ctc_loss
from recurra.ops.dispatch import accepting_symbolic as _accepting_symbolic
from recurra.ops.elementary import (
    arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, average, cbrt, ceil, cosh, count_nonzero, cumprod,
    deg2rad, divide_no_nan, exp2, expm1, floor_divide, hypot, isclose, isinf, log2, log10, logaddexp, logical_xor, mod,
    nan_to_num, norm, outer, prod, rad2deg, reciprocal, rms_normalization, rsqrt, signbit, sinh, tan, trunc,
)
from recurra.ops.math import (
    abs, add, all, any, argmax, argmin, argsort, clip, cos, cumsum, divide, equal, exp, floor, greater, greater_equal,
    isfinite, isnan, less, less_equal, log, log1p, logical_and, logical_not, logical_or, logsumexp, max, maximum, mean,
    min, minimum, moments, multiply, negative, not_equal, power, round, sign, sin, sqrt, square, std, stop_gradient,
    subtract, sum, var, where,
)
from recurra.ops.neural import (
    batch_normalization, dropout, elu, embedding, erf, gelu, hard_sigmoid, hard_silu, layer_normalization, leaky_relu,
    log_sigmoid, log_softmax, mish, normalize, relu, relu6, selu, sigmoid, silu, softmax, softplus, softsign, tanh,
)
from recurra.ops.pooling import average_pool, max_pool
from recurra.ops.products import dense, dot, einsum, matmul, tensordot
from recurra.ops.projection import projected_cross_entropy
from recurra.ops.recurrent import (
    GRUGradients, LSTMGradients, SimpleRNNGradients, gru, gru_backward, lstm, lstm_backward, simple_rnn,
    simple_rnn_backward,
)
from recurra.ops.shaping import (
    arange, broadcast_to, cast, concatenate, convert_to_numpy, convert_to_tensor, expand_dims, flip, full, getitem,
    moveaxis, one_hot, ones, ones_like, pad, ravel, repeat, reshape, shape, size, split, squeeze, stack, swapaxes, take,
    take_along_axis, tile, transpose, unstack, zeros, zeros_like,
)
from recurra.ops.time_loop import rnn

if TYPE_CHECKING:
    from recurra.ops import image, linalg
    from recurra.ops.activations import (
        celu, glu, hard_shrink, hard_tanh, soft_shrink, sparse_plus, sparse_sigmoid, sparsemax, squareplus, tanh_shrink,
        threshold,
    )
    from recurra.ops.arranging import (
        argpartition, array_split, bartlett, blackman, cdist, cross, diagflat, dsplit, dstack, dtype, empty_like,
        fliplr, flipud, geomspace, get_item, hamming, hanning, hsplit, inner, is_tensor, kaiser, kron, multi_hot, rot90,
        saturate_cast, select, switch, tri, unravel_index, vander, vdot, vectorize, vsplit,
    )
    from recurra.ops.fourier import (
        angle, conj, conjugate, extract_sequences, fft, fft2, ifft2, imag, irfft, istft, real, rfft, stft,
    )
    from recurra.ops.higher_order import (
        associative_scan, custom_gradient, dot_product_attention,
    )
    from recurra.ops.integers import (
        bitwise_and, bitwise_invert, bitwise_left_shift, bitwise_not, bitwise_or, bitwise_right_shift, bitwise_xor, gcd,
        lcm, left_shift, right_shift,
    )
    from recurra.ops.linalg import (
        cholesky, cholesky_inverse, det, eig, eigh, inv, logdet, lstsq, lu_factor, matrix_rank, pinv, qr, slogdet,
        solve, solve_triangular, svd,
    )
    from recurra.ops.special import (
        allclose, erfc, erfinv, fabs, fmax, fmin, fmod, heaviside, i0, isneginf, isposinf, isreal, ldexp, logaddexp2,
        nextafter, sinc,
    )
    from recurra.ops.statistics import (
        corrcoef, correlate, diff, histogram, median, nanargmax, nanargmin, nancumprod, nancumsum, nanmax, nanmean,
        nanmedian, nanmin, nanpercentile, nanprod, nanquantile, nanstd, nansum, nanvar, percentile, ptp, quantile,
        segment_max, segment_min, segment_prod, trapezoid,
    )
# fmt: on
# isort: on

#: what reads shapes alone, begins with numbers, or runs over time: these make no node of a graph
_ON_ARRAYS_ALONE = {
    "arange", "array", "bincount", "cond", "convert_to_numpy", "empty", "eye", "fori_loop", "full", "gru",
    "gru_backward", "identity", "isin", "linspace", "logspace", "lstm", "lstm_backward", "map", "meshgrid", "ndim",
    "nonzero", "ones", "projected_cross_entropy", "rnn",
    "run_cell", "run_cell_backward", "scan", "scatter", "searchsorted", "segment_sum",
    "shape", "simple_rnn", "simple_rnn_backward", "size", "unique", "value_of", "vectorized_map", "while_loop",
    "zeros",
}  # fmt: skip

_HOMES = {
    "activations": (
        "celu", "glu", "hard_shrink", "hard_tanh", "soft_shrink", "sparse_plus", "sparse_sigmoid", "sparsemax",
        "squareplus", "tanh_shrink", "threshold",
    ),
    "arranging": (
        "argpartition", "array_split", "bartlett", "blackman", "cdist", "cross", "diagflat", "dsplit", "dstack",
        "dtype", "empty_like", "fliplr", "flipud", "geomspace", "get_item", "hamming", "hanning", "hsplit", "inner",
        "is_tensor", "kaiser", "kron", "multi_hot", "rot90", "saturate_cast", "select", "switch", "tri",
        "unravel_index", "vander", "vdot", "vectorize", "vsplit",
    ),
    "fourier": (
        "angle", "conj", "conjugate", "extract_sequences", "fft", "fft2", "ifft2", "imag", "irfft", "istft", "real",
        "rfft", "stft",
    ),
    "higher_order": (
        "associative_scan", "custom_gradient", "dot_product_attention",
    ),
    "integers": (
        "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift",
        "bitwise_xor", "gcd", "lcm", "left_shift", "right_shift",
    ),
    "linalg": (
        "cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "logdet", "lstsq", "lu_factor", "matrix_rank",
        "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd",
    ),
    "special": (
        "allclose", "erfc", "erfinv", "fabs", "fmax", "fmin", "fmod", "heaviside", "i0", "isneginf", "isposinf",
        "isreal", "ldexp", "logaddexp2", "nextafter", "sinc",
    ),
    "statistics": (
        "corrcoef", "correlate", "diff", "histogram", "median", "nanargmax", "nanargmin", "nancumprod", "nancumsum",
        "nanmax", "nanmean", "nanmedian", "nanmin", "nanpercentile", "nanprod", "nanquantile", "nanstd", "nansum",
        "nanvar", "percentile", "ptp", "quantile", "segment_max", "segment_min", "segment_prod", "trapezoid",
    ),
}  # fmt: skip
_home_of = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "GRUGradients", "LSTMGradients", "RecurrentGradients", "SimpleRNNGradients", "abs", "absolute", "add", "all",
    "allclose", "amax", "amin", "angle", "any", "append", "arange", "arccos", "arccosh", "arcsin", "arcsinh", "arctan",
    "arctan2", "arctanh", "argmax", "argmin", "argpartition", "argsort", "array", "array_split", "associative_scan",
    "average", "average_pool", "bartlett", "batch_normalization", "binary_crossentropy", "bincount", "bitwise_and",
    "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor",
    "blackman", "broadcast_to", "cast", "categorical_crossentropy", "cbrt", "cdist", "ceil", "celu", "cholesky",
    "cholesky_inverse", "clip", "concatenate", "cond", "conj", "conjugate", "conv", "conv_transpose",
    "convert_to_numpy", "convert_to_tensor", "copy", "corrcoef", "correlate", "cos", "cosh", "count_nonzero",
    "crf_log_likelihood", "crf_log_norm", "crf_marginals", "crf_path_score", "cross", "ctc_decode", "ctc_loss",
    "cumprod", "cumsum", "custom_gradient", "deg2rad", "dense", "depthwise_conv", "det", "diag", "diagflat", "diagonal",
    "diff", "digitize", "divide", "divide_no_nan", "dot", "dot_product_attention", "dropout", "dsplit", "dstack",
    "dtype", "eig", "eigh", "einsum", "elu", "embedding", "empty", "empty_like", "equal", "erf", "erfc", "erfinv",
    "exp", "exp2", "expand_dims", "expm1", "extract_sequences", "eye", "fabs", "fft", "fft2", "flip", "fliplr",
    "flipud", "floor", "floor_divide", "fmax", "fmin", "fmod", "fori_loop", "full", "full_like", "gcd", "gelu",
    "geomspace", "get_item", "getitem", "glu", "greater", "greater_equal", "gru", "gru_backward", "hamming", "hanning",
    "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "heaviside", "histogram", "hsplit", "hstack",
    "hypot", "i0", "identity", "ifft2", "imag", "image", "in_top_k", "inner", "inv", "irfft", "is_tensor", "isclose",
    "isfinite", "isin", "isinf", "isnan", "isneginf", "isposinf", "isreal", "istft", "kaiser", "kron",
    "layer_normalization", "lcm",
    "ldexp", "leaky_relu", "left_shift", "less", "less_equal", "linalg", "linspace", "log", "log1p", "log2", "log10",
    "log_sigmoid", "log_softmax", "logaddexp", "logaddexp2", "logdet", "logical_and", "logical_not", "logical_or",
    "logical_xor", "logspace", "logsumexp", "lstm", "lstm_backward", "lstsq", "lu_factor", "map", "matmul",
    "matrix_rank", "max", "max_pool", "maximum", "mean", "median", "meshgrid", "min", "minimum", "mish", "mod",
    "moments", "moveaxis", "multi_hot", "multiply", "nan_to_num", "nanargmax", "nanargmin", "nancumprod", "nancumsum",
    "nanmax", "nanmean", "nanmedian", "nanmin", "nanpercentile", "nanprod", "nanquantile", "nanstd", "nansum", "nanvar",
    "ndim", "negative", "nextafter", "nonzero", "norm", "normalize", "not_equal", "one_hot", "ones", "ones_like",
    "outer", "pad", "percentile", "pinv", "power", "prod", "projected_cross_entropy", "ptp", "qr", "quantile",
    "rad2deg", "ravel", "real", "reciprocal", "relu", "relu6", "repeat", "reshape", "rfft", "right_shift",
    "rms_normalization", "rnn", "roll", "rot90", "round", "rsqrt", "run_cell", "run_cell_backward", "saturate_cast",
    "scan", "scatter", "scatter_update", "searchsorted", "segment_max", "segment_min", "segment_prod", "segment_sum",
    "select", "selu", "separable_conv", "shape", "sigmoid", "sigmoid_cross_entropy", "sign", "signbit", "silu",
    "simple_rnn", "simple_rnn_backward", "sin", "sinc", "sinh", "size", "slice", "slice_update", "slogdet",
    "soft_shrink", "softmax", "softmax_cross_entropy", "softplus", "softsign", "solve", "solve_triangular", "sort",
    "sparse_categorical_crossentropy", "sparse_plus", "sparse_sigmoid", "sparsemax", "split", "sqrt", "square",
    "squareplus", "squeeze", "stack", "std", "stft", "stop_gradient", "subtract", "sum", "svd", "swapaxes", "swish",
    "switch", "take", "take_along_axis", "tan", "tanh", "tanh_shrink", "tensordot", "threshold", "tile", "top_k",
    "trace", "transpose", "trapezoid", "tri", "tril", "triu", "true_divide", "trunc", "unique", "unravel_index",
    "unstack", "value_of", "vander", "var", "vdot", "vectorize", "vectorized_map", "viterbi_decode", "vsplit", "vstack",
    "where", "while_loop", "zeros", "zeros_like",
]  # fmt: skip

_others = _ON_ARRAYS_ALONE | _home_of.keys() | {"hard_swish", "swish", "absolute", "amax", "amin", "image", "linalg"}
_others |= {"true_divide"}
_others |= {"GRUGradients", "LSTMGradients", "RecurrentGradients", "SimpleRNNGradients"}
globals().update(_accepting_symbolic(globals()[name] for name in __all__ if name not in _others))

swish = silu
absolute = abs
amax = max
amin = min
true_divide = divide
hard_swish = hard_silu
del _operators, _others

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in ("nn", "numpy"):  # what Keras also calls parts of this module
            return sys.modules[__name__]
        if name in _HOMES or name == "image":
            return importlib.import_module(f"{__name__}.{name}")
        home = _home_of.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{home}"), name)
        return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
