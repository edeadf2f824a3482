"""The kernels' contract: one signature list for every compiled variant and for ``recurra.reference``.

Axes: B batch, T time, I input features, H units, V vocabulary, G gates (cells.py has their order).
Every float array of one call has the same dtype, float32 or float64, and is C-contiguous; results are new arrays.
A wrong rank, shape or dtype raises ValueError/TypeError naming argument, expectation and what came, e.g.
``recurrent_kernel must have shape (H, 4*H) = (8, 32), got (8, 24)``. Arguments are positional (calls cost less).

activation, recurrent_activation : "tanh", "sigmoid", "relu", "hard_sigmoid" (clip(x/6 + 0.5, 0, 1)) or "linear".
mask : (B, T) bool or None. True = use the step. At a masked step the state is carried and the output repeats the
    previous output in processing order (zeros before the first valid step, even if h0 is not zero); with
    ``zero_output_for_mask`` the output is zeros there. Any pattern, also holes and fully masked rows.
reverse : process time from T-1 down to 0; y[:, t] still belongs to x[:, t].
return_sequences : y is (B, T, H); otherwise y is (B, H), the output at the last step in processing order
    (a right-padded row with ``zero_output_for_mask`` therefore gives zeros, as in Keras).
input_dropout : None, (B, I) one multiplier mask shared by all gates, or (G, B, I) one for each gate; the same at all steps.
recurrent_dropout : None, (B, H) or (G, B, H), multiplies h before the recurrent product.
    (gru_reset_before: multiplies h before the reset product.)
embeddings : None, or (V, I); then x is (B, T) int32 token ids and the input is embeddings[x]. Ids outside [0, V) raise.
training : keep what backward needs; otherwise the cache returned is None.
out : where y goes, of y's shape, or None for a new array. The rows of its last axis may lie apart, evenly, as in y[:, :, :H];
    it must not share memory with an input. Likewise dy may be such an array, and is then not copied.
The cache is opaque and serves one backward call; a second one raises RuntimeError.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Ids = NDArray[np.int32]
Int8Weights = tuple[NDArray[np.int8], Array]  # values (K, N), scales (N,)
RowSparse = tuple[Ids, Array]  # ascending distinct row numbers (U,), their summed rows (U, I)

class Cache: ...
class PackedWeightsCache: ...
class Step: ...  # the rows of one step
class GenerationModel: ...

def packed_weights_cache() -> PackedWeightsCache: ...
# Keeps one layer's packed weights between calls: pass it to forward as packed_weights for as long as kernel, recurrent_kernel
# and bias hold the same numbers, and a new one when they change. One that holds another cell, dtype or size raises ValueError.

# --- recurrent layers ---------------------------------------------------------------------------------------------
# cell : a name of recurrent_cells(), which recurra/_core/cells.py describes: "lstm", "gru" (reset after the product),
#     "gru_reset_before", "simple_rnn", ...
# P is the size of h: H, but for a cell that projects h.
# states, dstates : (h,) or (h, c), (B, P) and (B, H), each or None; in messages h0, c0, dh, dc.
# weights : of kernel (I, G*H), recurrent_kernel (P, G*H), bias (G*H,) or (2, G*H), projection_kernel (H, P) and unit
#     parameters (rows, H) those that the cell has, in this order; bias may be None. A cell without recurrent kernel takes no recurrent_dropout.
#     kernel and recurrent_kernel may, together, be pairs (values, scales) of 8-bit weights: int8 of the matrix's shape, in [-127, 127],
#     and one scale for each column, (G*H,), of x's dtype: weight = value / scale. x and h are then quantized row by row, by 127 /
#     (max + 1e-7), and the sums are exact integers. For inference alone, without dropout; other weights stay float.
# recurrent_activation : not used by cells that have none.
# zoneout : for each state the share of its value before the step that a unit keeps: a number in [0, 1], (B, T, P) for h and
#     (B, T, H) for c, or None; None for no zoneout at all. In messages zoneout_h, zoneout_c.
def recurrent_cells() -> list[str]: ...
def recurrent_forward(
    cell: str, x: Array, states: Sequence[Array | None], weights: Sequence[Array | Int8Weights | None],
    mask: Array | None, input_dropout: Array | None, recurrent_dropout: Array | None, embeddings: Array | None,
    activation: str, recurrent_activation: str,
    reverse: bool, return_sequences: bool, zero_output_for_mask: bool, training: bool, packed_weights: PackedWeightsCache | None,
    out: Array | None, zoneout: Sequence[Array | float | None] | None,
) -> tuple[Array, tuple[Array, ...], Cache | None]: ...  # y, states, cache
def recurrent_backward(
    cache: Cache, dy: Array | None, dstates: Sequence[Array | None] | None, need_dx: bool,
    need_dweights: Sequence[bool] | None = None,
) -> tuple[Array | RowSparse | None, tuple[Array, ...] | None, tuple[Array | None, ...]]: ...
# dx (RowSparse when embeddings were given, None unless need_dx), gradients of the initial states, of the weights (None for a bias
# that was None). dstates None: no gradients of the final states come, and those of the initial ones are not computed, but None.
# need_dweights: for each weight whether its gradient is wanted, None where not; None: all of them. The others keep their bits

# The backward pass of a call of one step (T = 1) without mask, dropout, zoneout and embeddings, of "lstm", "gru", "simple_rnn" and
# "cifg_lstm": dx, the gradients of the initial states, and the step. Then, for the steps of one call or several, the sums of the
# weights' gradients over all of them, of which each element is one chain: in rows, as columns_to_gate_rows gives them.
def recurrent_backward_step(
    cache: Cache, dstates: Sequence[Array | None], need_dx: bool,
) -> tuple[Array | None, tuple[Array, ...], Step]: ...
def recurrent_sum_steps(
    steps: Sequence[Step], swap: bool, need_dweights: Sequence[bool] | None,
) -> tuple[Array | None, Array | None, Array | None, Array | None]: ...

# The same where x is not batch-major, without masks, dropout and embeddings; y, dy and dx have x's leading axes. lengths and rows
# None: x is time-major, (T, B, I). Else x is (N, I), and sequence b of the batch is the next lengths[b] (int64) of the rows of x
# that `rows` (N,) int64 lists, each row once; reverse goes from its last one back.
def recurrent_forward_rows(
    cell: str, x: Array, states: Sequence[Array | None], weights: Sequence[Array | Int8Weights | None],
    lengths: NDArray[np.int64] | None, rows: NDArray[np.int64] | None,
    activation: str, recurrent_activation: str, reverse: bool, training: bool, packed_weights: PackedWeightsCache | None,
    out: Array | None,
) -> tuple[Array, tuple[Array, ...], Cache | None]: ...

# --- weights stored gate by gate in rows, (G*H, I), as PyTorch and ONNX do ------------------------------------------
# gates: G, 1 to 4. swap: the first two gates change places.
def gate_rows_to_columns(
    gates: int, swap: bool, input_rows: Array, recurrent_rows: Array, input_bias: Array | None, recurrent_bias: Array | None,
    two_biases: bool,
) -> tuple[Array, Array, Array | None]: ...  # kernel (I, G*H), recurrent_kernel (H, G*H), bias: both added, or as rows of (2, G*H)
def columns_to_gate_rows(
    gates: int, swap: bool, kernel: Array | None, recurrent_kernel: Array | None, bias: Array | None,
) -> tuple[Array | None, Array | None, Array | None, Array | None]: ...
# the way back for gradients, of which some may be None; one bias (G*H,) goes to both
def checksum(arrays: Sequence[Array | None]) -> int: ...  # of their bytes, below 2**64: to notice that weights changed

# --- products -----------------------------------------------------------------------------------------------------
def matmul(a: Array, b: Array, bias: Array | None, trans_a: bool, trans_b: bool) -> Array: ...
# (M,K)x(K,N), or a stack (S,M,K)x(S,K,N); trans_* say that the operand is stored with its last two axes swapped;
# bias (N,) starts every sum. One chain of fused multiply-adds over ascending k an element: the same bits for any M.
def matmul_add(a: Array, b: Array, trans_a: bool, trans_b: bool, out: Array) -> None: ...
# out (M,N) += a b, in place: each chain goes on from out. Two calls give the bits of one whose K are theirs joined
def int8_matmul(a: Array, weights: Int8Weights, bias: Array | None, packed_weights: PackedWeightsCache | None) -> Array: ...
# a (M,K) times 8-bit weights (K,N), a's rows quantized as those of recurrent_forward; + bias (N,)

# --- elementwise and softmax --------------------------------------------------------------------------------------
def activation_forward(name: str, x: Array) -> Array: ...  # the five activations, any shape
def activation_backward(name: str, y: Array, dy: Array) -> Array: ...  # from the output y
def softmax_forward(x: Array) -> Array: ...  # over the last axis
def softmax_backward(y: Array, dy: Array) -> Array: ...
def softmax_cross_entropy_forward(logits: Array, labels: Ids) -> tuple[Array, Array]: ...
# logits (M,V), labels (M,) in [0,V) -> loss (M,), log-sum-exp (M,); never a second (M,V) array
def softmax_cross_entropy_backward(logits: Array, labels: Ids, lse: Array, dloss: Array) -> Array: ...  # dlogits (M,V)

# --- embedding ----------------------------------------------------------------------------------------------------
def embedding_forward(table: Array, ids: Ids) -> Array: ...  # (V,I), ids of any shape -> ids.shape + (I,)
def embedding_backward(ids: Ids, dy: Array) -> RowSparse: ...  # equal ids summed in order of appearance

# --- random numbers: Philox4x32-10, key = seed, counter = (column block, row, stream low, stream high) ----------------
def random_uniform(seed: int, stream: int, rows: int, cols: int, dtype: str) -> Array: ...  # [0,1): (rows, cols)
def random_normal(seed: int, stream: int, rows: int, cols: int, dtype: str) -> Array: ...  # Box-Muller on the same words
def dropout_mask(seed: int, stream: int, rows: int, cols: int, rate: float, dtype: str) -> Array: ...  # 0 or 1/(1-rate)
def sample(logits: Array, temperature: float, top_k: int, seed: int, step: int) -> Ids: ...
# (B,V) -> (B,): temperature 0 = greedy (lowest id on ties); top_k 0 = all; row b draws with stream=step, row=b

# --- generation: embed, step, project, choose, in one call -----------------------------------------------------------
# layers : "dense" or the name of a cell for each layer. weights : of a cell as above, of a dense layer (kernel (I, H), bias (H,) or
#     None). activations : (activation, recurrent_activation) of each; a dense layer uses the first one.
# zoneout : for each layer None, or of a cell a number in [0, 1] for each state: the share of its value before a step that each unit
#     keeps.
# Kernels may be pairs of 8-bit weights as above; embeddings too, with one scale for each row, (V,).
# The last layer gives V scores; with `probabilities` the scores are log(softmax(.)). The weights are packed: what they hold later
# does not count. The table is read in place, and must hold the same numbers while the model is used.
# prompt : (B, N), N >= 1, read first. states : of each recurrent layer, as for recurrent_forward; those returned are the ones after
#     the prompt and all tokens but the last. ended : (B,) bool or None: rows that repeat the prompt's last token.
# seen : (B, V) bool or None: the tokens before the prompt, for repetition_penalty (> 0; 1 is none): scores of tokens that occurred
#     are divided by it where positive, else multiplied. top_p in (0, 1] applies after top_k.
# The n-th choice of row b draws with stream + n and row b, as `sample` does with step and row. A row that chose one of end_ids repeats it; fewer
# than `steps` columns come back once all rows have ended. steps = 0 only reads.
def generation_model(
    embeddings: Array | Int8Weights, layers: Sequence[str], weights: Sequence[Sequence[Array | Int8Weights | None]],
    activations: Sequence[tuple[str, str]], probabilities: bool, zoneout: Sequence[Sequence[float] | None],
) -> GenerationModel: ...
def generate(
    model: GenerationModel, prompt: Ids, states: Sequence[Sequence[Array | None]], ended: NDArray[np.bool_] | None,
    seen: NDArray[np.bool_] | None, steps: int, temperature: float, top_k: int, top_p: float, repetition_penalty: float,
    banned: Ids, end_ids: Ids, seed: int, stream: int,
) -> tuple[Ids, tuple[tuple[Array, ...], ...]]: ...
def beam_search(
    model: GenerationModel, prompt: Ids, states: Sequence[Sequence[Array | None]], length: int, width: int,
    length_penalty: float, end_ids: Ids, banned: Ids,
) -> list[tuple[Ids, float, float]]: ...  # prompt (N,); best first: tokens, log probability, score = log p / n**length_penalty

# --- optimizers: one call updates every parameter in place; lists of arrays of one dtype ----------------------------
def grad_norm(grads: list[Array]) -> float: ...  # global L2 norm, fixed summation tree
def sgd_update(params: list[Array], grads: list[Array], moments: list[Array] | None,
               lr: float, momentum: float, nesterov: bool, weight_decay: float, scale: list[float], clip: float) -> None: ...
def rmsprop_update(params: list[Array], grads: list[Array], v: list[Array], moments: list[Array] | None, means: list[Array] | None,
                   lr: float, rho: float, momentum: float, epsilon: float, weight_decay: float, scale: list[float], clip: float) -> None: ...
# means: running mean of the gradient, given when centered
def adam_update(params: list[Array], grads: list[Array], m: list[Array], v: list[Array], vmax: list[Array] | None,
                lr: float, beta1: float, beta2: float, epsilon: float, step: int,
                weight_decay: float, scale: list[float], clip: float) -> None: ...
# vmax: amsgrad. scale: one factor for each parameter's gradient (norm clipping), applied first; then clip: clamp the
# gradient to +-clip (0 = off). weight_decay (decoupled) is applied to the weights before the step, as Keras does: w -= lr*wd*w.
def sgd_update_rows(param: Array, ids: Ids, rows: Array, lr: float, scale: float, clip: float) -> None: ...
def rmsprop_update_rows(param: Array, ids: Ids, rows: Array, v: Array, last_step: NDArray[np.int64], step: int,
                        lr: float, rho: float, epsilon: float, scale: float, clip: float) -> None: ...
# last_step (V,): the step at which each row of v was last decayed; v[row] is brought up to date by rho**(step-1-last) first
def adam_update_rows(param: Array, ids: Ids, rows: Array, m: Array, v: Array, vmax: Array | None,
                     lr: float, beta1: float, beta2: float, epsilon: float, step: int,
                     weight_decay: float, scale: float, clip: float) -> None: ...
# all rows of the table change: to those without gradient it is zero
def adagrad_update_rows(param: Array, ids: Ids, rows: Array, acc: Array, lr: float, epsilon: float, scale: float, clip: float) -> None: ...

# --- words of texts: a word is a longest run of characters without a separator ---------------------------------------
def tokenize_count(texts: list[str], separators: str) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]: ...
# the distinct words in order of first appearance, how often each occurs, in how many texts; separators: ASCII characters
def tokenize_encode(
    texts: list[str], separators: str, words: list[str], ids: Ids, unknown: int,
) -> tuple[Ids, NDArray[np.int64]]: ...
# ids[k] (W,) for each occurrence of words[k] (distinct), `unknown` (>= -1) for other words, nothing where that is
# negative: one after the other for all texts; and where each text ends in it

# --- the build and the machine -------------------------------------------------------------------------------------
def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...
def build_config() -> dict[str, Any]: ...  # isa, compiler, flags, eigen, lanes
