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
    nn.py            activations, softmax, embedding, dropout, normalisation
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
"""

from recurra.autograd import value_of
from recurra.ops import linalg
from recurra.ops import operators as _operators
from recurra.ops.arrays import (
    append,
    array,
    bincount,
    cond,
    copy,
    diag,
    diagonal,
    digitize,
    empty,
    eye,
    fori_loop,
    full_like,
    hstack,
    identity,
    in_top_k,
    isin,
    linspace,
    logspace,
    map,
    meshgrid,
    ndim,
    nonzero,
    roll,
    scan,
    scatter,
    scatter_update,
    searchsorted,
    segment_sum,
    slice,
    slice_update,
    sort,
    top_k,
    trace,
    tril,
    triu,
    unique,
    vectorized_map,
    vstack,
    while_loop,
)
from recurra.ops.cells import RecurrentGradients, run_cell, run_cell_backward
from recurra.ops.convolution import conv, conv_transpose, depthwise_conv, separable_conv
from recurra.ops.crf import crf_log_likelihood, crf_log_norm, crf_marginals, crf_path_score, viterbi_decode
from recurra.ops.crossentropy import (
    binary_crossentropy,
    categorical_crossentropy,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    sparse_categorical_crossentropy,
)
from recurra.ops.ctc import ctc_decode, ctc_loss
from recurra.ops.dispatch import accepting_symbolic as _accepting_symbolic
from recurra.ops.elementary import (
    arccos,
    arccosh,
    arcsin,
    arcsinh,
    arctan,
    arctan2,
    arctanh,
    average,
    cbrt,
    ceil,
    cosh,
    count_nonzero,
    cumprod,
    deg2rad,
    divide_no_nan,
    exp2,
    expm1,
    floor_divide,
    hypot,
    isclose,
    isinf,
    log2,
    log10,
    logaddexp,
    logical_xor,
    mod,
    nan_to_num,
    norm,
    outer,
    prod,
    rad2deg,
    reciprocal,
    rms_normalization,
    rsqrt,
    signbit,
    sinh,
    tan,
    trunc,
)
from recurra.ops.math import (
    abs,
    add,
    all,
    any,
    argmax,
    argmin,
    argsort,
    clip,
    cos,
    cumsum,
    divide,
    equal,
    exp,
    floor,
    greater,
    greater_equal,
    isfinite,
    isnan,
    less,
    less_equal,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    logsumexp,
    max,
    maximum,
    mean,
    min,
    minimum,
    moments,
    multiply,
    negative,
    not_equal,
    power,
    round,
    sign,
    sin,
    sqrt,
    square,
    std,
    stop_gradient,
    subtract,
    sum,
    var,
    where,
)
from recurra.ops.nn import (
    batch_normalization,
    dropout,
    elu,
    embedding,
    erf,
    gelu,
    hard_sigmoid,
    hard_silu,
    layer_normalization,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    normalize,
    relu,
    relu6,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    tanh,
)
from recurra.ops.pooling import average_pool, max_pool
from recurra.ops.products import dense, dot, einsum, matmul, tensordot
from recurra.ops.projection import projected_cross_entropy
from recurra.ops.recurrent import (
    GRUGradients,
    LSTMGradients,
    SimpleRNNGradients,
    gru,
    gru_backward,
    lstm,
    lstm_backward,
    simple_rnn,
    simple_rnn_backward,
)
from recurra.ops.shaping import (
    arange,
    broadcast_to,
    cast,
    concatenate,
    convert_to_numpy,
    convert_to_tensor,
    expand_dims,
    flip,
    full,
    getitem,
    moveaxis,
    one_hot,
    ones,
    ones_like,
    pad,
    ravel,
    repeat,
    reshape,
    shape,
    size,
    split,
    squeeze,
    stack,
    swapaxes,
    take,
    take_along_axis,
    tile,
    transpose,
    unstack,
    zeros,
    zeros_like,
)
from recurra.ops.time_loop import rnn

#: what reads shapes alone, begins with numbers, or runs over time: these make no node of a graph
_ON_ARRAYS_ALONE = {
    "arange", "array", "bincount", "cond", "convert_to_numpy", "empty", "eye", "fori_loop", "full", "gru",
    "gru_backward", "identity", "isin", "linspace", "logspace", "lstm", "lstm_backward", "map", "meshgrid", "ndim",
    "nonzero", "ones", "projected_cross_entropy", "rnn",
    "run_cell", "run_cell_backward", "scan", "scatter", "searchsorted", "segment_sum",
    "shape", "simple_rnn", "simple_rnn_backward", "size", "unique", "value_of", "vectorized_map", "while_loop",
    "zeros",
}  # fmt: skip

__all__ = [
    "GRUGradients", "LSTMGradients", "RecurrentGradients", "SimpleRNNGradients", "abs", "absolute", "add", "all",
    "amax", "amin", "any", "append", "arange", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2",
    "arctanh", "argmax", "argmin", "argsort", "array", "average", "average_pool", "batch_normalization",
    "binary_crossentropy", "bincount", "broadcast_to", "cast", "categorical_crossentropy", "cbrt", "ceil", "clip",
    "concatenate", "cond", "conv", "conv_transpose", "convert_to_numpy", "convert_to_tensor", "copy", "cos", "cosh",
    "count_nonzero", "crf_log_likelihood", "crf_log_norm", "crf_marginals", "crf_path_score", "ctc_decode", "ctc_loss",
    "cumprod", "cumsum", "deg2rad", "dense", "depthwise_conv", "diag", "diagonal",
    "digitize", "divide", "divide_no_nan", "dot", "dropout", "einsum", "elu", "embedding", "empty",
    "equal", "erf", "exp", "exp2", "expand_dims", "expm1", "eye", "flip", "floor", "floor_divide", "fori_loop",
    "full", "full_like", "gelu", "getitem", "greater", "greater_equal", "gru", "gru_backward", "hard_sigmoid",
    "hard_silu", "hard_swish", "hstack", "hypot", "identity", "in_top_k", "isclose", "isfinite", "isin", "isinf",
    "isnan", "layer_normalization", "leaky_relu", "less", "less_equal", "linalg", "linspace", "log", "log1p",
    "log2", "log10", "log_sigmoid", "log_softmax", "logaddexp", "logical_and", "logical_not", "logical_or",
    "logical_xor", "logspace", "logsumexp", "lstm", "lstm_backward", "map", "matmul", "max", "max_pool", "maximum",
    "mean", "meshgrid", "min", "minimum", "mish", "mod", "moments", "moveaxis", "multiply", "nan_to_num", "ndim",
    "negative", "nonzero", "norm", "normalize", "not_equal", "one_hot", "ones", "ones_like", "outer", "pad",
    "power", "prod", "projected_cross_entropy",
    "rad2deg", "ravel", "reciprocal", "relu", "relu6", "repeat", "reshape", "rms_normalization",
    "rnn", "roll", "round", "rsqrt", "run_cell", "run_cell_backward", "scan", "scatter", "scatter_update",
    "searchsorted", "segment_sum", "selu", "separable_conv", "shape", "sigmoid", "sigmoid_cross_entropy", "sign",
    "signbit", "silu", "simple_rnn", "simple_rnn_backward", "sin", "sinh", "size", "slice", "slice_update",
    "softmax", "softmax_cross_entropy", "softplus", "softsign", "sort", "sparse_categorical_crossentropy", "split",
    "sqrt", "square", "squeeze", "stack", "std", "stop_gradient", "subtract", "sum", "swapaxes", "swish", "take",
    "take_along_axis", "tan", "tanh", "tensordot", "tile", "top_k", "trace", "transpose", "tril", "triu",
    "true_divide", "trunc", "unique", "unstack", "value_of", "var", "vectorized_map", "viterbi_decode", "vstack",
    "where", "while_loop", "zeros", "zeros_like",
]  # fmt: skip

_others = _ON_ARRAYS_ALONE | {"hard_swish", "swish", "absolute", "amax", "amin", "linalg", "true_divide"}
_others |= {"GRUGradients", "LSTMGradients", "RecurrentGradients", "SimpleRNNGradients"}
globals().update(_accepting_symbolic(globals()[name] for name in __all__ if name not in _others))

swish = silu
absolute, amax, amin, true_divide = abs, max, min, divide
hard_swish = hard_silu
del _operators, _others
