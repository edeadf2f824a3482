"""The functions of TensorFlow that programs with recurrent networks use, over numpy and ``recurra.ops``.

``import tensorflow as tf`` gives this module after ``recurra.compat.install()`` and in ``recurra run``; it can be
imported by its own name too. Results are tensors with ``numpy()`` and ``shape.as_list()``; a function is differentiable
where TensorFlow's is, or refuses a tensor that a tape follows. Names of TensorFlow 1's graphs say in one sentence that
they are not here.
"""
# ruff: noqa: F401, F403

from __future__ import annotations

import logging as _logging
from contextlib import contextmanager as _contextmanager
from typing import TYPE_CHECKING, Any

from recurra.autograd import RowSparse as IndexedSlices
from recurra.compat.tf import (
    autograph,
    config,
    debugging,
    distribute,
    dtypes,
    errors,
    late,
    linalg,
    lookup,
    math,
    nest,
    nn,
    ragged,
    random,
    sparse,
    strings,
    test,
    version,
)
from recurra.compat.tf.arrays import *
from recurra.compat.tf.autodiff import *
from recurra.compat.tf.debugging import Assert, assert_equal, assert_greater, assert_less, assert_rank
from recurra.compat.tf.dtypes import *
from recurra.compat.tf.edits import edit_distance
from recurra.compat.tf.functions import *
from recurra.compat.tf.linalg import einsum, matmul, norm, tensordot
from recurra.compat.tf.math import (
    abs,
    acos,
    add,
    add_n,
    argmax,
    argmin,
    argsort,
    asin,
    atan,
    atan2,
    complex,
    conj,
    cos,
    cosh,
    cumsum,
    divide,
    equal,
    exp,
    floor,
    greater,
    greater_equal,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    pow,
    reduce_all,
    reduce_any,
    reduce_logsumexp,
    reduce_max,
    reduce_mean,
    reduce_min,
    reduce_prod,
    reduce_sum,
    round,
    scalar_mul,
    sigmoid,
    sign,
    sin,
    sinh,
    sqrt,
    square,
    subtract,
    tan,
    tanh,
    truediv,
)
from recurra.compat.tf.ordering import histogram_fixed_width, sort
from recurra.compat.tf.ragged import RaggedTensor
from recurra.compat.tf.shapes import TensorShape
from recurra.compat.tf.specs import RaggedTensorSpec, SparseTensor, TensorSpec, TypeSpec
from recurra.compat.tf.tensors import Tensor
from recurra.compat.tf.variables import Module, Variable

if TYPE_CHECKING:
    from recurra.compat.tf import audio, compat, data, image, io, saved_model, signal, summary, tpu, train

__version__ = version.VERSION
__getattr__ = late.find


def executing_eagerly() -> Any:
    """Yes, always."""
    return True


def get_logger() -> _logging.Logger:
    """The logger named "tensorflow"."""
    return _logging.getLogger("tensorflow")


@_contextmanager
def device(device_name: Any) -> Any:
    """A block that runs on the CPU, whatever device it names."""
    yield


@_contextmanager
def init_scope() -> Any:
    """A block outside of any graph: there is none."""
    yield


def recompute_grad(f: Any) -> Any:
    """The function itself: what its gradient needs is kept, and not computed again."""
    return f


def timestamp(name: str | None = None) -> Any:
    """Seconds since 1970."""
    import time

    return dtypes.cast(time.time(), dtypes.float64)


def __dir__() -> list[str]:
    return sorted({*globals(), *late.MODULES, *late.OWN})
