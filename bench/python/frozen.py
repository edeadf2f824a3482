"""An LSTM of which not everything learns, under a Dense head, beside PyTorch: ``python -m bench.python.frozen``.

    everything          all weights learn
    head                fine-tuning: the head alone learns, over a frozen LSTM
    below               a Dense layer below it and the head learn, the LSTM between them is frozen
    kernel and bias     the LSTM's recurrent kernel is frozen
    input               no weight learns: the gradient of the input alone, as for a saliency map

Milliseconds of the thread's CPU time for forward and backward, the least of many rounds, in turns on one thread:
torch.nn, recurra.torch, and recurra's own layers under a tape. The gradients are compared first.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.python.torch_steps import least

CASES = ("everything", "head", "below", "kernel and bias", "input")
SIZES = ("1x50x64x128", "32x50x64x128", "32x20x256x512")  # rows, steps, input features, units
CLASSES = 5
Call = Callable[[], list[Any]]


def modules(source: Any, I: int, H: int) -> list[Any]:
    """Below, body and head, the same weights each time. Recurra's LSTM has one bias: of PyTorch's two one is zeros."""
    import torch

    torch.manual_seed(0)
    found = [torch.nn.Linear(I, I), source.LSTM(I, H, batch_first=True), torch.nn.Linear(H, CLASSES)]
    torch.nn.init.zeros_(found[1].bias_hh_l0)
    found[1].bias_hh_l0.requires_grad_(False)
    return found


def torch_call(source: Any, case: str, x: Any, H: int) -> Call:
    """The gradients of what learns, by PyTorch's autograd."""
    import torch

    below, body, head = modules(source, x.shape[-1], H)
    given = torch.from_numpy(x).requires_grad_(case == "input")
    body.requires_grad_(case == "everything")
    body.bias_hh_l0.requires_grad_(False)
    head.requires_grad_(case != "input")
    below.requires_grad_(case == "below")
    if case == "kernel and bias":
        body.weight_ih_l0.requires_grad_()
        body.bias_ih_l0.requires_grad_()
    learned = [one for module in (below, body, head) for one in module.parameters() if one.requires_grad]

    def call() -> list[Any]:
        y, _ = body(below(given) if case == "below" else given)
        return list(torch.autograd.grad(head(y[:, -1]).square().sum(), [given] if case == "input" else learned))

    return call


def tape_call(case: str, x: Any, H: int) -> Call:
    """The same by recurra's own layers."""
    import torch

    from recurra import GradientTape, ops
    from recurra.layers import LSTM, Dense

    I = x.shape[-1]
    below, body, head = Dense(I), LSTM(H), Dense(CLASSES)
    for layer, module, size in zip((below, body, head), modules(torch.nn, I, H), (I, I, H), strict=True):
        layer.build((*x.shape[:-1], size) if size == I else (len(x), H))
        own = list(module.parameters())[:3]
        layer.set_weights([one.detach().numpy() if one.dim() == 1 else one.detach().numpy().T for one in own])
    below.trainable, head.trainable, body.trainable = case == "below", case != "input", case == "everything"
    if case == "kernel and bias":
        body.trainable = True
        body.cell.recurrent_kernel.trainable = False
    learned = [one for layer in (below, body, head) for one in layer.trainable_weights]

    def call() -> list[Any]:
        with GradientTape() as tape:
            given = tape.watch(x) if case == "input" else x
            y = head(body(below(given) if case == "below" else given))
            loss = ops.sum(ops.square(y))
        found: list[Any] = tape.gradient(loss, [given] if case == "input" else learned)
        return found

    return call


def check(found: list[list[Any]]) -> None:
    """Compare the gradients of the three candidates; PyTorch's matrices lie the other way round."""
    for parts in zip(*found, strict=True):
        expected, own, taped = (np.asarray(part) for part in parts)
        turned = taped.T if taped.ndim == 2 else taped  # the input has three axes
        for one in (own, turned):
            np.testing.assert_allclose(one, expected, rtol=2e-3, atol=2e-3 * np.abs(expected).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), help="rows x steps x input features x units")
    parser.add_argument("--seconds", type=float, default=3.0, help="for each line")
    options = parser.parse_args()
    import torch

    import recurra
    import recurra.torch

    torch.set_num_threads(1)
    recurra.set_num_threads(1)
    print(f"{'':32} {'torch.nn':>10} {'recurra.torch':>14} {'recurra':>10}  ms")
    for size in options.sizes:
        B, T, I, H = (int(part) for part in size.split("x"))
        x = np.random.default_rng(0).normal(size=(B, T, I)).astype(np.float32)
        for case in options.cases:
            candidates = [
                torch_call(torch.nn, case, x, H),
                torch_call(recurra.torch, case, x, H),
                tape_call(case, x, H),
            ]
            check([candidate() for candidate in candidates])
            times = [1e3 * one for one in least([(candidate, 40) for candidate in candidates], options.seconds)]
            theirs, *ours = (40 * one for one in times)
            ratios = "  ".join(f"{theirs / one:.2f}x" for one in ours)
            print(f"{f'{size} {case}':32} {theirs:10.2f} {ours[0]:14.2f} {ours[1]:10.2f}  {ratios}", flush=True)


if __name__ == "__main__":
    main()
