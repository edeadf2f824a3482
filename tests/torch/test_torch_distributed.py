"""DistributedDataParallel over gloo: two processes give the gradients of one with the joined batch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import multiprocessing, nn

import recurra
from recurra.torch import accelerate

T, B, I, H, OUT = 7, 4, 5, 9, 3


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.LSTM(I, H, num_layers=2, batch_first=True)
        self.head = nn.GRU(H, OUT, bidirectional=True, batch_first=True)

    def forward(self, x: Any) -> Any:
        return self.head(self.encoder(x)[0])[0]


def model() -> Model:
    torch.manual_seed(0)
    return accelerate(Model().double(), report=False)


def data() -> tuple[Any, Any]:
    torch.manual_seed(1)
    return torch.randn(2 * B, T, I, dtype=torch.float64), torch.randn(2 * B, T, 2 * OUT, dtype=torch.float64)


def steps(module: Any, x: Any, target: Any) -> list[Any]:
    """Gradients of the first step, weights after two."""
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    found = []
    for _ in range(2):
        optimizer.zero_grad()
        nn.functional.mse_loss(module(x), target).backward()
        found += [parameter.grad.clone() for parameter in module.parameters()] if not found else []
        optimizer.step()
    return found + [parameter.detach().clone() for parameter in module.parameters()]


def worker(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    recurra.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    x, target = data()
    half = slice(rank * B, (rank + 1) * B)
    found = steps(nn.parallel.DistributedDataParallel(model()), x[half], target[half])
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.skipif(not dist.is_available() or os.name == "nt", reason="needs gloo over a file")
def test_two_processes_give_the_gradients_of_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=worker, args=(rank, str(tmp_path))) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    expected = steps(model(), *data())
    for rank in range(2):
        torch.testing.assert_close(torch.load(tmp_path / f"{rank}.pt"), expected)
