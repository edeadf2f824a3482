"""Make torch.npz: what PyTorch computes for LSTM, GRU, RNN, some functions, and ten steps of training.

Run with PyTorch 2 installed:  python -m tests.golden.make_torch
Everything is float64. Weights are stored in Keras's layout (transposed, GRU gates in the order z r n).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

B, T, I, H = 3, 5, 4, 6
LENGTHS = [5, 2, 4]
torch.set_default_dtype(torch.float64)
store: dict[str, np.ndarray] = {}


def keep(prefix: str, **tensors: torch.Tensor | None) -> None:
    for name, tensor in tensors.items():
        if tensor is not None:
            store[f"{prefix}/{name}"] = tensor.detach().numpy().copy()


def to_keras(weight: torch.Tensor, kind: str) -> torch.Tensor:
    """(G*H, N) or (G*H,) of PyTorch -> (N, G*H) or (G*H,) with Keras's order of gates."""
    if kind == "gru":
        r, z, n = weight.chunk(3)
        weight = torch.cat([z, r, n])
    return weight.T.contiguous() if weight.ndim == 2 else weight


def recurrent(prefix: str, kind: str, lengths: list[int] | None, reverse: bool, **options: str) -> None:
    classes = {"lstm": nn.LSTM, "gru": nn.GRU, "simple_rnn": nn.RNN}
    layer = classes[kind](I, H, batch_first=True, bidirectional=reverse, **options)
    x = torch.randn(B, T, I, requires_grad=True)
    directions = 2 if reverse else 1
    h0 = torch.randn(directions, B, H, requires_grad=True)
    c0 = torch.randn(directions, B, H, requires_grad=True)
    state = (h0, c0) if kind == "lstm" else h0
    fed = x if lengths is None else nn.utils.rnn.pack_padded_sequence(x, lengths, True, enforce_sorted=False)
    y, final = layer(fed, state)
    if lengths is not None:
        y, _ = nn.utils.rnn.pad_packed_sequence(y, batch_first=True)
    h, c = final if kind == "lstm" else (final, None)
    y, h = y[..., -H:], h[-1]  # of two directions, the reverse one
    c = None if c is None else c[-1]
    dy, dh, dc = torch.randn(B, T, H), torch.randn(B, H), torch.randn(B, H)
    loss = (y * dy).sum() + (h * dh).sum()
    if c is not None:
        loss = loss + (c * dc).sum()
    loss.backward()
    end = "_l0_reverse" if reverse else "_l0"
    p = {name.removesuffix(end): value for name, value in layer.named_parameters() if name.endswith(end)}

    def bias(b_ih: torch.Tensor, b_hh: torch.Tensor) -> torch.Tensor:
        b_ih, b_hh = to_keras(b_ih, kind), to_keras(b_hh, kind)
        return torch.stack([b_ih, b_hh]) if kind == "gru" else b_ih + b_hh

    dbias = to_keras(p["bias_ih"].grad, kind)
    if kind == "gru":
        dbias = torch.stack([dbias, to_keras(p["bias_hh"].grad, kind)])
    keep(
        prefix,
        x=x, h0=h0[-1], c0=c0[-1] if kind == "lstm" else None,
        kernel=to_keras(p["weight_ih"], kind), recurrent_kernel=to_keras(p["weight_hh"], kind),
        bias=bias(p["bias_ih"], p["bias_hh"]), dy=dy, dh=dh, dc=dc if kind == "lstm" else None,
        y=y, h=h, c=c, dx=x.grad, dh0=h0.grad[-1], dc0=c0.grad[-1] if kind == "lstm" else None,
        dkernel=to_keras(p["weight_ih"].grad, kind), drecurrent_kernel=to_keras(p["weight_hh"].grad, kind), dbias=dbias,
    )  # fmt: skip
    if lengths is not None:
        store[f"{prefix}/lengths"] = np.array(lengths)


def functions() -> None:
    """y = f(x) and dx for a random dy."""
    x = torch.tensor([-9.0, -3.2, -1.3, -0.4, -0.01, 0.02, 0.6, 1.7, 3.5, 8.0]).reshape(2, 5)
    dy = torch.randn(2, 5)
    keep("functions", x=x, dy=dy)
    cases = {
        "tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": F.relu, "hard_sigmoid": F.hardsigmoid, "elu": F.elu,
        "selu": F.selu, "softplus": F.softplus, "softsign": F.softsign, "silu": F.silu, "gelu_erf": F.gelu,
        "gelu_tanh": lambda v: F.gelu(v, approximate="tanh"), "leaky_relu": lambda v: F.leaky_relu(v, 0.2),
        "mish": F.mish, "relu6": F.relu6, "log_sigmoid": F.logsigmoid, "softmax": lambda v: F.softmax(v, 1),
        "log_softmax": lambda v: F.log_softmax(v, 1), "softmax_axis0": lambda v: F.softmax(v, 0),
        "layer_norm": lambda v: F.layer_norm(v, (5,), eps=1e-3), "hard_silu": F.hardswish,
    }  # fmt: skip
    for name, function in cases.items():
        v = x.clone().requires_grad_()
        y = function(v)
        (y * dy).sum().backward()
        keep(f"functions/{name}", y=y, dx=v.grad)


def cross_entropies() -> None:
    logits = (3 * torch.randn(4, 7)).requires_grad_()
    labels, dloss = torch.tensor([6, 0, 3, 3]), torch.randn(4)
    loss = F.cross_entropy(logits, labels, reduction="none")
    (loss * dloss).sum().backward()
    keep("cross_entropy", logits=logits, labels=labels.int(), dloss=dloss, loss=loss, dlogits=logits.grad)
    x, t = (3 * torch.randn(4, 5)).requires_grad_(), torch.rand(4, 5)
    loss = F.binary_cross_entropy_with_logits(x, t, reduction="none")
    loss.sum().backward()
    keep("binary_cross_entropy", logits=x, targets=t, loss=loss, dlogits=x.grad)


def training() -> None:
    """Embedding, LSTM, Dense, cross-entropy; SGD with momentum; the loss before each of ten steps."""
    table, lstm, dense = nn.Embedding(11, I), nn.LSTM(I, H, batch_first=True), nn.Linear(H, 11)
    ids, labels = torch.randint(11, (7, T)), torch.randint(11, (7, T))
    parameters = [*table.parameters(), *lstm.parameters(), *dense.parameters()]
    nn.init.zeros_(lstm.bias_hh_l0)
    lstm.bias_hh_l0.requires_grad_(False)  # Keras has one bias
    keep(
        "training", ids=ids.int(), labels=labels.int(), table=table.weight, kernel=lstm.weight_ih_l0.T.contiguous(),
        recurrent_kernel=lstm.weight_hh_l0.T.contiguous(), bias=lstm.bias_ih_l0,
        dense_kernel=dense.weight.T.contiguous(), dense_bias=dense.bias,
    )  # fmt: skip
    optimizer = torch.optim.SGD([p for p in parameters if p.requires_grad], lr=0.5, momentum=0.9)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        y, _ = lstm(table(ids))
        loss = F.cross_entropy(dense(y).reshape(-1, 11), labels.reshape(-1))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    store["training/losses"] = np.array(losses)


def main() -> None:
    torch.manual_seed(1)
    for kind in ("lstm", "gru", "simple_rnn"):
        for lengths in (None, LENGTHS):
            for reverse in (False, True):
                name = kind + ("" if lengths is None else "-ragged") + ("-reverse" if reverse else "")
                recurrent(name, kind, lengths, reverse)
    recurrent("simple_rnn-relu", "simple_rnn", None, False, nonlinearity="relu")
    functions()
    cross_entropies()
    training()
    np.savez_compressed(Path(__file__).with_name("torch.npz"), **store)


if __name__ == "__main__":
    main()
