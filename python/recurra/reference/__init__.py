"""The kernels in plain numpy, written from the equations: the executable specification.

The same functions as the compiled modules, with the signatures of ``_core/kernels.pyi``. Slow, and meant to be read:

    cells.py       one step of every cell, forward and backward
    sequence.py    the time loop around them: masks, direction, dropout, states
    nn.py          activations, products, softmax, cross-entropy, embedding
    random.py      counter-based random numbers
    sampling.py    one token for each row of logits
    generation.py  tokens from a network, beam search
    rows.py        time-major arrays, sequences listed without padding
    gate_rows.py   weights stored gate by gate in rows
    optimizers.py  one step of SGD, RMSprop, Adam, Adagrad
    tokenize.py    words of texts, counted and numbered
    checks.py      the arguments, and the errors' words

``RECURRA_ISA=reference`` runs the whole library on it.
"""

from recurra.reference.gate_rows import checksum, columns_to_gate_rows, gate_rows_to_columns
from recurra.reference.generation import beam_search, generate, generation_model
from recurra.reference.int8 import int8_matmul
from recurra.reference.machine import build_config, get_num_threads, set_num_threads
from recurra.reference.nn import (
    activation_backward,
    activation_forward,
    embedding_backward,
    embedding_forward,
    matmul,
    matmul_add,
    softmax_backward,
    softmax_cross_entropy_backward,
    softmax_cross_entropy_forward,
    softmax_forward,
)
from recurra.reference.optimizers import (
    adagrad_update_rows,
    adam_update,
    adam_update_rows,
    grad_norm,
    rmsprop_update,
    rmsprop_update_rows,
    sgd_update,
    sgd_update_rows,
)
from recurra.reference.random import dropout_mask, random_normal, random_uniform
from recurra.reference.recurrent import (
    packed_weights_cache,
    recurrent_backward,
    recurrent_backward_step,
    recurrent_cells,
    recurrent_forward,
    recurrent_forward_rows,
    recurrent_sum_steps,
)
from recurra.reference.sampling import sample
from recurra.reference.sequence import Cache
from recurra.reference.tokenize import tokenize_count, tokenize_encode

__all__ = [
    "Cache",
    "activation_backward",
    "activation_forward",
    "adagrad_update_rows",
    "adam_update",
    "adam_update_rows",
    "beam_search",
    "build_config",
    "checksum",
    "columns_to_gate_rows",
    "dropout_mask",
    "embedding_backward",
    "embedding_forward",
    "gate_rows_to_columns",
    "generate",
    "generation_model",
    "get_num_threads",
    "grad_norm",
    "int8_matmul",
    "matmul",
    "matmul_add",
    "packed_weights_cache",
    "random_normal",
    "random_uniform",
    "recurrent_backward",
    "recurrent_backward_step",
    "recurrent_cells",
    "recurrent_forward",
    "recurrent_forward_rows",
    "recurrent_sum_steps",
    "rmsprop_update",
    "rmsprop_update_rows",
    "sample",
    "set_num_threads",
    "sgd_update",
    "sgd_update_rows",
    "softmax_backward",
    "softmax_cross_entropy_backward",
    "softmax_cross_entropy_forward",
    "softmax_forward",
    "tokenize_count",
    "tokenize_encode",
]
