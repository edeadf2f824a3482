"""Make ``pytorch_state_dicts.npz``: random weights of PyTorch's recurrent modules and what the modules put out.

Needs PyTorch (``pip install torch``). From the folder of this script::

    python make_pytorch_state_dicts.py

Keys are ``CASE/x``, ``CASE/y`` (the output of all steps, batch first) and ``CASE/state/NAME`` for each entry of the
module's state dict.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

CASES = {
    "LSTM": lambda: torch.nn.LSTM(3, 5, batch_first=True),
    "LSTM_deep": lambda: torch.nn.LSTM(3, 2, num_layers=2, bidirectional=True, batch_first=True),
    "GRU": lambda: torch.nn.GRU(4, 3, batch_first=True),
    "GRU_both": lambda: torch.nn.GRU(2, 3, bidirectional=True, bias=False, batch_first=True),
    "SimpleRNN": lambda: torch.nn.RNN(2, 4, num_layers=2, batch_first=True),
    "ProjectionLSTM": lambda: torch.nn.LSTM(3, 5, proj_size=2, num_layers=2, batch_first=True),
    "ProjectionLSTM_both": lambda: torch.nn.LSTM(4, 7, proj_size=3, bidirectional=True, bias=False, batch_first=True),
}


def main() -> None:
    torch.manual_seed(5)
    data = {}
    for name, make in CASES.items():
        module = make()
        x = torch.randn(2, 4, module.input_size)
        with torch.no_grad():
            y, _ = module(x)
        data[f"{name}/x"], data[f"{name}/y"] = x.numpy(), y.numpy()
        for key, value in module.state_dict().items():
            data[f"{name}/state/{key}"] = value.numpy()
    np.savez_compressed(Path(__file__).parent / "pytorch_state_dicts.npz", **data)


if __name__ == "__main__":
    main()
