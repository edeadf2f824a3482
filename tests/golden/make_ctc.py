"""Write ctc.npz: what PyTorch and Keras compute for CTC.

    KERAS_BACKEND=torch python -m tests.golden.make_ctc

Made with PyTorch 2.13.0 and Keras 3.15.1. ``loss`` (B,) and ``gradient`` (B, T, C) of ``sum(loss * factor)`` are those
of ``torch.nn.functional.ctc_loss``; ``greedy``, ``beams`` and their ``_scores`` those of ``keras.ops.ctc_decode``.
"""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
import torch

from tests.golden.ctc_cases import draw

if __name__ == "__main__":
    case = draw()
    logits = torch.tensor(case.logits, requires_grad=True)
    loss = torch.nn.functional.ctc_loss(
        logits.log_softmax(-1).transpose(0, 1),
        torch.tensor(case.labels),
        torch.tensor(case.steps),
        torch.tensor(case.counts),
        blank=0,
        reduction="none",
    )
    (loss * torch.tensor(case.factor)).sum().backward()
    found = {"loss": loss.detach().numpy(), "gradient": logits.grad.numpy()}
    for name, options in (("greedy", {}), ("beams", {"strategy": "beam_search", "beam_width": 40, "top_paths": 3})):
        labels, scores = keras.ops.ctc_decode(case.logits.astype("float32"), case.steps, **options)
        found[name], found[f"{name}_scores"] = labels.numpy(), scores.numpy()
    np.savez_compressed(Path(__file__).with_name("ctc.npz"), **found)
