"""Models whose weights come inside public wheels, before and after `accelerate`.

``python -m bench.python.public_models`` fetches the wheels into a temporary folder (``pip download --no-deps``), reads
the weights and nothing else out of them, and runs the recurrent network of each on random input, with and without
`accelerate`:

    medaka-cpu      basecalling: two layers of a bidirectional GRU(128) on 10 counts, all weights views of one storage
    Resemblyzer     speaker encoder: three layers of LSTM(256) on 40 mel channels, the last state
    BeatNet         beat tracking: two layers of LSTM(150) on 150 features, streamed frame by frame too

Three distances are printed, the largest over the outputs: of both float32 results from each other, and of each from
PyTorch's in float64. Outputs must agree to 1e-5; where PyTorch's own float32 result is further than that from float64,
recurra's must not be more than 1.5 times as far. Nothing of these packages is kept. Their terms are their own.
"""

from __future__ import annotations

import argparse
import copy
import io
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def wheel(package: str, folder: Path) -> zipfile.ZipFile:
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--only-binary",
        ":all:",
        "-d",
        str(folder),
        package,
    ]
    subprocess.run(command, check=True)
    wanted = package.lower().replace("-", "_")
    found = [path for path in folder.glob("*.whl") if path.name.lower().startswith(wanted)]
    return zipfile.ZipFile(found[0])


def weights(package: str, folder: Path) -> dict[str, Any]:
    import torch

    archive = wheel(package, folder)
    names = archive.namelist()
    if package == "medaka-cpu":
        name = min(one for one in names if one.endswith("_model_pt.tar.gz"))
        with tarfile.open(fileobj=io.BytesIO(archive.read(name))) as inside:
            member = inside.extractfile("model/weights.pt")
            assert member is not None
            data = member.read()
    else:
        ends = {"Resemblyzer": "resemblyzer/pretrained.pt", "BeatNet": "BeatNet/models/model_1_weights.pt"}
        data = archive.read(ends[package])
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return state.get("model_state", state)


def network(package: str, state: dict[str, Any]) -> tuple[Any, dict[str, tuple[int, int, int]]]:
    """The recurrent part, its weights as they came (views of one storage), and inputs (batch, steps, features)."""
    import torch
    from torch import nn

    class Tail(nn.Module):
        def __init__(self, rnn: Any, linear: Any, last: bool) -> None:
            super().__init__()
            self.rnn, self.linear, self.last = rnn, linear, last

        def forward(self, x: Any) -> Any:
            y, h = self.rnn(x)
            if not self.last:
                return self.linear(y)
            embedding = torch.relu(self.linear(h[0][-1]))
            return embedding / embedding.norm(dim=1, keepdim=True)

    if package == "medaka-cpu":
        rnn: Any = nn.GRU(10, 128, 2, batch_first=True, bidirectional=True)
        sizes, start, last = {"100 x 1000": (100, 1000, 10), "1 x 1000": (1, 1000, 10)}, "gru.", False
    elif package == "Resemblyzer":
        rnn = nn.LSTM(40, 256, 3, batch_first=True)
        sizes, start, last = {"32 x 160": (32, 160, 40), "1 x 160": (1, 160, 40)}, "lstm.", True
    else:
        rnn = nn.LSTM(150, 150, 2, batch_first=True)
        sizes, start, last = {"1 x 1500": (1, 1500, 150), "1 x 1": (1, 1, 150)}, "lstm.", False
    own = {name.removeprefix(start): value for name, value in state.items() if name.startswith(start)}
    rnn.load_state_dict(own, assign=True)
    linear = nn.Linear(state["linear.weight"].shape[1], state["linear.weight"].shape[0])
    linear.load_state_dict({name: state[f"linear.{name}"] for name in ("weight", "bias")})
    model = Tail(rnn, linear, last).eval()
    shared = len({parameter.untyped_storage().data_ptr() for parameter in rnn.parameters()})
    print(f"{package}: {len(list(rnn.parameters()))} weights in {shared} storage(s)")
    return model, sizes


def median(call: Callable[[], Any], seconds: float) -> float:
    call()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def distances(model: Any, x: Any) -> tuple[float, float, float]:
    """Of recurra's result from PyTorch's, and of PyTorch's and recurra's from PyTorch's in float64."""
    from recurra.torch import accelerate, restore

    theirs = restore(model, report=False)(x)
    exact = copy.deepcopy(model).double()(x.double())
    ours = accelerate(model, report=False)(x)
    pairs = ((ours, theirs), (theirs.double(), exact), (ours.double(), exact))
    between, of_theirs, of_ours = (float((one - other).abs().max()) for one, other in pairs)
    return between, of_theirs, of_ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", nargs="+", default=["medaka-cpu", "Resemblyzer", "BeatNet"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    import torch

    import recurra
    from recurra.torch import accelerate, restore

    torch.set_num_threads(options.threads)
    recurra.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        for package in options.packages:
            model, sizes = network(package, weights(package, Path(folder)))
            for label, shape in sizes.items():
                torch.manual_seed(0)
                x = torch.rand(shape)
                between, of_theirs, of_ours = distances(model, x)
                agrees = between <= 1e-5 or of_ours <= 1.5 * of_theirs
                assert agrees, f"{package} {label}: {between:.1e}, from float64 {of_theirs:.1e} and {of_ours:.1e}"
                rounds = []
                for _ in range(3):
                    restore(model, report=False)
                    theirs = median(lambda: model(x), options.seconds / 6)  # noqa: B023
                    accelerate(model, report=False)
                    rounds.append((theirs, median(lambda: model(x), options.seconds / 6)))  # noqa: B023
                theirs, ours = (statistics.median(one) for one in zip(*rounds, strict=True))
                print(
                    f"  {label:12} torch {theirs * 1e3:9.3f} ms  recurra {ours * 1e3:9.3f} ms  {theirs / ours:5.2f}x"
                    f"  difference {between:.1e}, from float64: torch {of_theirs:.1e}, recurra {of_ours:.1e}"
                )


if __name__ == "__main__":
    main()
