"""Training a language model of 10,000 words beside PyTorch: ``python -m bench.python.word_lm``.

The "small" recipe of W. Zaremba and others, Recurrent Neural Network Regularization, 2014, with Adam: Embedding(10000,
200), two LSTM(200), Dense(10000), batches of 20 rows and 35 steps, on words drawn by a Zipf law. Losses of three steps
from the same weights are compared first; then the candidates take turns, each in a process of its own. PyTorch runs in
three settings. Says how long six epochs of 930,000 words take, the peak memory of each process, and how many times
faster than PyTorch's best setting recurra is.
"""

from __future__ import annotations

import sys
from typing import Any

from bench.python import fit
from bench.python.fit_worker import CANDIDATES
from bench.python.jobs import JOBS
from bench.python.peers import OURS

JOB = "words-ptb"
WORDS, EPOCHS = 930_000, 6


def main(arguments: list[str] | None = None) -> int:
    """Measure, print a table; the exit code is 1 where a candidate failed."""
    given = sys.argv[1:] if arguments is None else arguments
    chosen = fit.parse(["--jobs", JOB, "--candidates", OURS, "torch", "torch-flushed", "torch-fused", *given])
    worst = 0
    for threads in chosen.threads:
        results = fit.run_job(JOB, chosen.candidates, threads, chosen)
        print("\n".join(lines(results, threads)))
        worst = max(worst, *(int("error" in result) for result in results))
    return worst


def lines(results: list[dict[str, Any]], threads: int) -> list[str]:
    """One line for each candidate, and the speed-up over the fastest other one."""
    job = JOBS[JOB]
    steps = EPOCHS * WORDS / (job.batch * job.time)
    found = [f"{job.title}, {threads} thread{'s' if threads > 1 else ''}"]
    measured = {result["family"]: result for result in results if "median_ms" in result}
    for name, result in measured.items():
        minutes = result["median_ms"] * steps / 60_000
        contended = ", contended" if result["contended"] else ""
        found.append(
            f"{CANDIDATES[name][1]}: {result['median_ms']:.1f} ms a step ({result['q1_ms']:.1f}-{result['q3_ms']:.1f}"
            f"{contended}), {minutes:.1f} min for {EPOCHS} epochs, {result['peak_mib']:.0f} MiB"
        )
    others = [result["median_ms"] for name, result in measured.items() if name != OURS]
    if OURS in measured and others:
        found.append(f"recurra is {min(others) / measured[OURS]['median_ms']:.2f} times as fast as PyTorch's best")
    return found


if __name__ == "__main__":
    sys.exit(main())
