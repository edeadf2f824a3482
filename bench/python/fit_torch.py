"""The jobs written for PyTorch: the usual loop of zero_grad, forward, loss, backward, step."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import torch

from bench.cells import CELLS
from bench.python import gates
from bench.python.jobs import Job
from bench.python.problem import Array, Weights

EPSILON = 1e-7  # Keras's


class Network(torch.nn.Module):  # type: ignore[misc, unused-ignore]
    def __init__(self, job: Job) -> None:
        super().__init__()
        self.every_step = job.every_step
        self.table = torch.nn.Embedding(job.vocabulary, job.embedding)
        widths = [job.embedding, *job.units]
        self.lstms = torch.nn.ModuleList(
            torch.nn.LSTM(width, units, batch_first=True) for width, units in zip(widths, job.units, strict=False)
        )
        self.hidden = torch.nn.Linear(widths[-1], job.dense) if job.dense else None
        self.out = torch.nn.Linear(job.dense or widths[-1], job.outputs)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        h = self.table(ids)
        for lstm in self.lstms:
            h = lstm(h)[0]
        if not self.every_step:
            h = h[:, -1]
        if self.hidden is not None:
            h = torch.relu(self.hidden(h))
        logits: torch.Tensor = self.out(h)
        return logits


class TorchJob:
    """The network with its loss and optimizer."""

    def __init__(self, job: Job, weights: list[Array], fused: bool = False) -> None:
        self.job, self.network = job, Network(job)
        self._set_weights(weights)
        parameters = self.network.parameters()
        self.optimizer: torch.optim.Optimizer = torch.optim.Adam(parameters, lr=0.001, eps=EPSILON, fused=fused or None)
        if job.optimizer == "rmsprop":
            self.optimizer = torch.optim.RMSprop(self.network.parameters(), lr=0.001, alpha=0.9, eps=EPSILON)
        self.steps = 0
        self.loss = torch.nn.BCEWithLogitsLoss() if job.outputs == 1 else torch.nn.CrossEntropyLoss()

    def _set_weights(self, weights: list[Array]) -> None:
        rest = list(weights)
        network = self.network
        with torch.no_grad():
            network.table.weight.copy_(torch.from_numpy(rest.pop(0)))
            for lstm in network.lstms:
                converted = gates.to_torch(CELLS["lstm"], Weights(rest.pop(0), rest.pop(0), rest.pop(0)))
                for parameter, value in zip(lstm.parameters(), converted, strict=True):
                    parameter.copy_(torch.from_numpy(value))
            for linear in filter(None, (network.hidden, network.out)):
                linear.weight.copy_(torch.from_numpy(np.ascontiguousarray(rest.pop(0).T)))
                linear.bias.copy_(torch.from_numpy(rest.pop(0)))

    def _step(self, ids: torch.Tensor, labels: torch.Tensor) -> float:
        self.optimizer.zero_grad()
        logits = self.network(ids)
        if self.job.outputs == 1:
            loss = self.loss(logits[:, 0], labels)
        else:
            loss = self.loss(logits.reshape(-1, self.job.outputs), labels.reshape(-1))
        loss.backward()
        if isinstance(self.optimizer, torch.optim.Adam):
            self._take_epsilon_as_keras_does(self.optimizer)
        self.optimizer.step()
        return float(loss.detach())

    def _take_epsilon_as_keras_does(self, optimizer: torch.optim.Adam) -> None:
        """Keras adds epsilon to sqrt(v), PyTorch to sqrt(v / (1 - beta_2^t)): in the first steps of a model with small
        gradients that is another training."""
        self.steps += 1
        for group in optimizer.param_groups:
            group["eps"] = EPSILON / (1 - group["betas"][1] ** self.steps) ** 0.5

    def _batches(self, x: Array, y: Array) -> list[tuple[torch.Tensor, torch.Tensor]]:
        labels = torch.from_numpy(y if self.job.outputs == 1 else y.astype(np.int64))
        return list(zip(torch.from_numpy(x).split(self.job.batch), labels.split(self.job.batch), strict=True))

    def losses(self, x: Array, y: Array) -> list[float]:
        """The loss of each batch before its update."""
        return [self._step(*batch) for batch in self._batches(x, y)]

    def fit(self, x: Array, y: Array) -> list[float]:
        """Seconds of each step but the first, as for the other frameworks."""
        times = []
        for batch in self._batches(x, y):
            self._step(*batch)
            times.append(time.perf_counter())
        return [b - a for a, b in pairwise(times)]
