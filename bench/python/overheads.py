"""What a call costs beside its arithmetic: ``python -m bench.python.overheads``.

* an operation on one step with 8 units (``ops.lstm``, batch 1), and an ``LSTMCell`` call
* ``model.predict`` on one short row, over the kernel's own time for that row
* ``import recurra`` on top of ``import numpy``, in fresh processes
* the installed package's size

Writes ``overheads.json``; one thread throughout.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.python import machine
from bench.python.alternate import quartiles
from bench.python.load import Meter
from bench.python.peers import OURS
from bench.python.session import ROOT

IMPORTS = {
    "import numpy": "import numpy",
    "import recurra": "import numpy, recurra",
    "import recurra.layers, models": "import numpy, recurra.layers, recurra.models",
}


def timings(call: Callable[[], Any], calls: int = 2000, rounds: int = 9) -> list[float]:
    """Seconds a call, one figure a round: the mean over the round's calls, so that the clock costs nothing."""
    call()
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        found.append((time.perf_counter() - start) / calls)
    return found


def entry(name: str, seconds: list[float], target_ms: float | None = None) -> dict[str, Any]:
    lower, middle, upper = quartiles(seconds)
    found = {"name": name, "family": OURS, "median_ms": middle * 1e3, "q1_ms": lower * 1e3, "q3_ms": upper * 1e3}
    return found if target_ms is None else {**found, "target_ms": target_ms}


def one_step() -> list[dict[str, Any]]:
    """One step of 8 units on 8 features, batch 1: the operation, and the cell."""
    from recurra import layers, ops

    draw = np.random.default_rng(0)
    x, W, U, b, h, c = (
        draw.standard_normal(shape, dtype=np.float32) for shape in ((1, 1, 8), (8, 32), (8, 32), (32,), (1, 8), (1, 8))
    )
    state = (h, c)
    cell = layers.LSTMCell(8)
    row = np.ascontiguousarray(x[:, 0])
    cell(row, [h, c])
    return [
        entry("ops.lstm, one step, H=8", timings(lambda: ops.lstm(x, W, U, b, state)), 0.006),
        entry("LSTMCell call, H=8", timings(lambda: cell(row, [h, c])), 0.015),
    ]


def predict() -> list[dict[str, Any]]:
    """``predict`` on one row of 20 tokens, beside the kernel on the same row."""
    from recurra import layers, models, ops

    model = models.Sequential(
        [layers.Input((20,)), layers.Embedding(1000, 16), layers.LSTM(32), layers.Dense(1, activation="sigmoid")]
    )
    ids = np.random.default_rng(0).integers(1, 1000, (1, 20)).astype(np.int32)
    table, W, U, b = model.get_weights()[:4]
    kernel = timings(lambda: ops.lstm(ids, W, U, b, embeddings=table, return_sequences=False), 500)
    whole = timings(lambda: model.predict(ids, verbose=0), 200)
    over = [a - statistics.median(kernel) for a in whole]
    return [
        entry("ops.lstm, 20 tokens, H=32", kernel),
        entry("model.predict, one row of 20 tokens", whole),
        entry("model.predict over its kernel", over, 0.150),
    ]


def imports(rounds: int = 7) -> list[dict[str, Any]]:
    """Time inside fresh processes, in turns; the processes' own start is not counted."""
    found: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(rounds):
        for name, code in IMPORTS.items():
            program = f"import time; start = time.perf_counter(); {code}; print(time.perf_counter() - start)"
            done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
            found[name].append(float(done.stdout))
    extra = [a - b for a, b in zip(found["import recurra"], found["import numpy"], strict=True)]
    return [entry(name, values) for name, values in found.items()] + [
        entry("import recurra on top of numpy", extra, 60.0)
    ]


def installed_size() -> dict[str, Any]:
    """Bytes of the package's files, compiled variants included, caches of bytecode not."""
    import recurra

    folder = Path(recurra.__file__).parent
    sizes = [f.stat().st_size for f in folder.rglob("*") if f.is_file() and "__pycache__" not in f.parts]
    return {"name": "installed size", "family": OURS, "megabytes": sum(sizes) / 1e6, "target_megabytes": 12.0}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.python.overheads", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench" / "overheads")
    chosen = parser.parse_args(arguments)
    import recurra

    recurra.set_num_threads(1)
    meter = Meter()
    results = [*one_step(), *predict(), *imports(), installed_size()]
    document = {
        "kind": "recurra-overheads",
        "machine": machine.describe(),
        "isa": recurra.build_config()["isa"],
        "load": meter.read().as_dict(),
        "results": results,
    }
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "overheads.json").write_text(json.dumps(document, indent=1) + "\n")
    print(f"{document['machine']['cpu']}, kernels for {document['isa']}")
    for result in results:
        unit, value, target = "MB", result.get("megabytes"), result.get("target_megabytes")
        if value is None:
            small = abs(result["median_ms"]) < 1
            unit, scale = ("µs", 1e3) if small else ("ms", 1.0)
            value, target = result["median_ms"] * scale, result.get("target_ms")
            target = None if target is None else target * scale
        print(
            f"{result['name']:40}{value:10.3g} {unit}"
            + ("" if target is None else f"   (target: under {target:g} {unit})")
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
