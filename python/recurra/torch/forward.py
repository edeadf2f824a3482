"""A module's call: what the kernels take is given to them, everything else to PyTorch's implementation.

PyTorch's forward also raises its own errors: arguments that do not fit go there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence

from recurra.torch import library
from recurra.torch.autograd import Layer
from recurra.torch.layer import Call, Rows, forward, packed_rows, pytorch_layer
from recurra.torch.modes import followed, outside_default_device
from recurra.torch.resets import check_resets, rows_of_resets, states_of_segments
from recurra.torch.tracing import pytorch_call, scriptable
from recurra.torch.weights import WeightsThatMayBeSwapped

FLOATS = (torch.float32, torch.float64)
TENSORS = (Tensor, Parameter)
STRIDED = torch.strided
PYTORCH, OPERATOR, DIRECT = range(3)


def pytorch_only() -> bool:
    """Whether the call is under a function transform, forward-mode derivatives or a trace, which PyTorch follows."""
    return (
        torch._C._functorch.peek_interpreter_stack() is not None
        or torch.autograd.forward_ad._current_level >= 0
        or torch._C._get_tracing_state() is not None
    )


def way(tensors: Iterable[Any], dtype: torch.dtype) -> int:
    """How a call with these can run: DIRECT on the kernels' memory, as an OPERATOR, or by PYTORCH's implementation.

    Direct are plain tensors where nothing follows the call but autograd.
    """
    compiling = torch.compiler.is_compiling()
    autocast = torch._C._is_any_autocast_enabled()
    if dtype not in FLOATS and not autocast:
        return PYTORCH
    direct = not compiling and not autocast
    for tensor in tensors:
        if tensor is None or not tensor.is_cpu or tensor.layout is not STRIDED:
            return PYTORCH
        if tensor.dtype is not dtype and not (autocast and tensor.is_floating_point()):
            return PYTORCH
        direct = direct and type(tensor) in TENSORS
    return DIRECT if direct and not followed() else OPERATOR


class KernelForward(WeightsThatMayBeSwapped):
    """The call of a subclass of ``nn.RNNBase``."""

    _pytorch_forward: ClassVar[Callable[..., Any]]
    mode: str
    input_size: int
    hidden_size: int
    num_layers: int
    bias: bool
    batch_first: bool
    dropout: float
    training: bool
    bidirectional: bool
    proj_size: int
    _flat_weights: list[Any]
    _flat_weights_names: list[str]
    _parameters: dict[str, Any]
    permute_hidden: Callable[..., Any]
    _update_flat_weights: Callable[[], None]

    def forward(self, input: Any, hx: Any = None, resets: Any = None) -> Any:
        """As PyTorch's; `resets` is described with the class."""
        compiling = torch.compiler.is_compiling()
        if compiling:
            weights = [getattr(self, name) for name in self._flat_weights_names]
        else:
            weights = self._flat_weights
            own = self._parameters
            for name, weight in zip(self._flat_weights_names, weights, strict=False):
                if own.get(name) is not weight:
                    self._update_flat_weights()
                    weights = self._flat_weights
                    break
        if compiling or not torch._C._is_torch_function_mode_enabled():
            return self._run(input, hx, resets, weights, compiling)
        return outside_default_device(self._run, input, hx, resets, weights, compiling)

    def _run(self, input: Any, hx: Any, resets: Any, weights: list[Any], compiling: bool) -> Any:
        if resets is not None:
            check_resets(self, input, resets)
        packed = isinstance(input, PackedSequence)
        x = input.data if packed else input
        follows = not compiling and pytorch_only()
        states = None if follows else self._states_fit(x, hx, packed)
        how = PYTORCH
        if states is not None and (x.numel() or (compiling and self._empty_batch(x))):
            how = way((x, *states, *weights), x.dtype)
        if resets is not None and (follows or states is not None):
            return self._reset_forward(input, hx, resets, weights, how)
        if states is None or how == PYTORCH:
            return pytorch_call(self, input, hx)
        if packed:
            return self._packed_forward(input, hx, weights, how)
        batched = x.dim() == 3
        axis = 0 if self.batch_first else 1
        if not batched:
            x, states = x.unsqueeze(axis), [state.unsqueeze(1) for state in states]
        y, finals = self._layers(x, states, weights, None, how)
        if not batched:
            y, finals = y.squeeze(axis), [final.squeeze(1) for final in finals]
        return y, tuple(finals) if self.mode == "LSTM" else finals[0]

    def __prepare_scriptable__(self) -> Any:
        return scriptable(self)  # type: ignore[arg-type,unused-ignore]

    def _states_fit(self, x: Any, hx: Any, packed: bool) -> list[Any] | None:
        """The initial states, empty for zeros; None where their number or shapes are wrong."""
        if not isinstance(x, Tensor) or x.is_nested:
            return None
        shape = x.shape
        if len(shape) not in ((2,) if packed else (2, 3)) or shape[-1] != self.input_size:
            return None
        if hx is None:
            return []
        states = hx if self.mode == "LSTM" else (hx,)
        if not isinstance(states, (tuple, list)) or len(states) != (2 if self.mode == "LSTM" else 1):
            return None
        rank = 3 if packed or len(shape) == 3 else 2
        for state in states:
            if not isinstance(state, Tensor) or state.dim() != rank:
                return None
        if not packed:
            batch = () if rank == 2 else (shape[0 if self.batch_first else 1],)
            if not self._shapes_fit(states, batch):
                return None
        return list(states)

    def _empty_batch(self, x: Tensor) -> bool:
        """Whether x has steps, and no rows. Compiled, PyTorch's own operator ends the process on them."""
        return x.dim() == 3 and x.shape[1 if self.batch_first else 0] > 0  # type: ignore[no-any-return,unused-ignore]

    def _state_shapes(self, batch: tuple[int, ...]) -> list[tuple[int, ...]]:
        count = self.num_layers * (2 if self.bidirectional else 1)
        sizes = [self.proj_size or self.hidden_size, self.hidden_size]
        return [(count, *batch, size) for size in sizes[: 2 if self.mode == "LSTM" else 1]]

    def _shapes_fit(self, states: Any, batch: tuple[int, ...]) -> bool:
        return all(state.shape == shape for state, shape in zip(states, self._state_shapes(batch), strict=False))

    def _packed_forward(self, packed: PackedSequence, hx: Any, weights: list[Any], how: int) -> Any:
        data, batch_sizes, sorted_indices, unsorted_indices = packed
        lstm = self.mode == "LSTM"
        # torch.compile knows shapes, and breaks its graph where a number is read from a tensor.
        known = sorted_indices is not None and torch.compiler.is_compiling()
        batch = (sorted_indices.shape[0] if known else int(batch_sizes[0]),)  # type: ignore[union-attr,unused-ignore]
        states: list[Any] = []
        if hx is not None:
            if not self._shapes_fit(hx if lstm else (hx,), batch):
                return type(self)._pytorch_forward(self, packed, hx)
            states = (
                list(self.permute_hidden(hx, sorted_indices)) if lstm else [self.permute_hidden(hx, sorted_indices)]
            )
        elif how == OPERATOR:  # the operator's shapes come from them
            states = [data.new_zeros(shape) for shape in self._state_shapes(batch)]
        y, finals = self._layers(data, states, weights, batch_sizes, how)
        result = self.permute_hidden(tuple(finals) if lstm else finals[0], unsorted_indices)
        return PackedSequence(y, batch_sizes, sorted_indices, unsorted_indices), result

    def _reset_forward(self, x: Any, hx: Any, resets: Tensor, weights: list[Any], how: int) -> Any:
        segments = rows_of_resets(resets, self.batch_first)
        given = [None] if hx is None else list(hx) if self.mode == "LSTM" else [hx]
        states = [] if hx is None else [states_of_segments(state, segments) for state in given]
        flat = x.reshape(-1, x.shape[-1])
        y, finals = self._layers(flat, states, weights, segments.rows, how)
        last = torch.from_numpy(segments.last).to(x.device)
        finals = [final[:, last] for final in finals]
        y = y.view(*x.shape[:-1], -1)
        return y, tuple(finals) if self.mode == "LSTM" else finals[0]

    def _layers(
        self, x: Tensor, states: list[Any], weights: list[Any], batches: Tensor | Rows | None, how: int
    ) -> tuple[Tensor, list[Tensor]]:
        """All layers. x: (T, B, I), (B, T, I), or (N, I) with the batch sizes of a PackedSequence or rows."""
        directions = 2 if self.bidirectional else 1
        per_direction = (4 if self.bias else 2) + (self.proj_size > 0)
        mode = "LSTM_PROJECTED" if self.proj_size else self.mode
        direct = how == DIRECT
        rows = packed_rows(batches) if direct and isinstance(batches, Tensor) else batches
        batch_first = self.batch_first and rows is None
        transposed = False
        # With batch_first PyTorch's outputs are transposed too; without it programs take views of contiguous ones.
        if direct and batch_first and not x.is_contiguous() and x.transpose(0, 1).is_contiguous():
            x, batch_first, transposed = x.transpose(0, 1), False, True
        finals: list[list[Tensor]] = []
        for layer in range(self.num_layers):
            first = layer * directions
            parts = states if self.num_layers == 1 else [state[first : first + directions] for state in states]
            h0, c0 = (*parts, None, None)[:2]
            own = weights[first * per_direction : (first + directions) * per_direction]
            if direct or isinstance(rows, Rows):
                call = Call(mode, directions, batch_first, rows)  # type: ignore[arg-type,unused-ignore]
                y, *final = run_layer(call, x, h0, c0, own) if direct else pytorch_layer(call, x, h0, c0, own)
            else:
                y, *final = library.layer(mode, directions, batch_first, x, h0, c0, own, rows)
            finals.append(final)
            x = y
            if self.dropout and self.training and layer + 1 < self.num_layers:
                x = self._dropped(x, batch_first)
        if transposed:
            x = x.transpose(0, 1)
        if self.num_layers == 1:
            return x, finals[0]
        return x, [torch.cat(parts) for parts in zip(*finals, strict=True)]

    def _dropped(self, x: Tensor, batch_first: bool) -> Tensor:
        """Dropout between layers, drawn in the order in which PyTorch draws it: over (T, B, features)."""
        if batch_first and x.dim() == 3:
            return F.dropout(x.transpose(0, 1).contiguous(), self.dropout).transpose(0, 1).contiguous()
        return F.dropout(x, self.dropout)


def run_layer(call: Call, x: Tensor, h0: Tensor | None, c0: Tensor | None, weights: list[Any]) -> tuple[Tensor, ...]:
    """One layer of an eager call: y, h and, of an LSTM, c."""
    if torch.is_grad_enabled():
        for tensor in (*weights, x, h0, c0):
            if tensor is not None and tensor.requires_grad:
                return Layer.apply(call, x, h0, c0, *weights)  # type: ignore[no-any-return,unused-ignore]
    y, h, c, _ = forward(call, x, h0, c0, weights, False)
    return (y, h) if c is None else (y, h, c)
