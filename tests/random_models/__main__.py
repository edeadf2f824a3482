"""``python -m tests.random_models --models 20000``: compare random models under the kernels that run here.

Failures are made small and printed as Python; the exit status says whether there were any.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from recurra._core import select
from tests.random_models.check import Checker, Verdict
from tests.random_models.generator import Limits, generate
from tests.random_models.shrink import shrink


def variants() -> list[str]:
    """The compiled variants that are built and can run here."""
    return [isa for isa in select.built() if isa in select.runnable()]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.random_models", description=__doc__)
    parser.add_argument("--models", type=int, default=1000, help="how many")
    parser.add_argument("--first-seed", type=int, default=0, help="the seed of the first; the others follow")
    parser.add_argument("--isa", action="append", help="a variant; may be given again (default: all that can run)")
    parser.add_argument("--dtype", choices=("float64", "float32"), help="of all models (default: both, mixed)")
    parser.add_argument("--no-features", action="store_true", help="also inputs without features (I = 0)")
    parser.add_argument("--no-rows", action="store_true", help="also empty batches (B = 0)")
    parser.add_argument("--processes", type=int, default=2, help="models that are run at the same time")
    parser.add_argument("--threads", type=int, default=1, help="threads of the kernels")
    parser.add_argument("--no-shrink", action="store_true", help="print failing models as they are")
    parser.add_argument("--keras", metavar="PYTHON", help="compare with the Keras of this interpreter instead")
    return parser.parse_args()


def make_checker(options: argparse.Namespace) -> Checker:
    if options.keras:
        from tests.random_models.keras_peer import KerasChecker

        return KerasChecker(options.isa or variants()[:1], options.keras)
    return Checker(options.isa or variants(), threads=options.threads)


def check_range(seeds: range, limits: Limits, options: argparse.Namespace) -> dict[str, Any]:
    """Check the models of these seeds; how many came to what."""
    counts: dict[str, Any] = {"models": 0, "failed": [], "refused": [], "ill": [], "not finite": []}
    with make_checker(options) as checker:
        for seed in seeds:
            spec = generate(seed, limits)
            verdict = checker.check(spec)
            counts["models"] += 1
            for key, so in (("refused", verdict.refused), ("ill", verdict.ill), ("not finite", not verdict.finite)):
                if so:
                    counts[key].append(seed)
            if verdict.refused:
                print(f"seed {seed}: all refuse: {verdict.refused}", flush=True)
            if verdict.failures:
                counts["failed"].append(seed)
                report(seed, spec, verdict, checker, not options.no_shrink)
    return counts


def report(seed: int, spec: Any, verdict: Verdict, checker: Checker, small: bool) -> None:
    """Print a failure, made small."""
    text = "\n".join(f"  {isa}: {what}" for isa, what in verdict.failures.items())
    print(f"seed {seed}: FAILED\n{text}", flush=True)
    if small:
        kind = {"off by" in what for what in verdict.failures.values()}
        spec = shrink(spec, lambda one: {"off by" in what for what in checker.check(one).failures.values()} == kind)
        text = "\n".join(f"  {isa}: {what}" for isa, what in checker.check(spec).failures.items())
        print(f"seed {seed}, made small:\n{text}\n{spec.script()}", flush=True)


def main() -> int:
    options = arguments()
    limits = Limits(bool(options.keras), options.dtype, options.no_features, options.no_rows)
    start = time.monotonic()
    ends = [options.first_seed + options.models * k // options.processes for k in range(options.processes + 1)]
    ranges = [range(a, b) for a, b in itertools.pairwise(ends)]
    with ThreadPoolExecutor(options.processes) as pool:
        parts = list(pool.map(lambda seeds: check_range(seeds, limits, options), ranges))
    for key in ("failed", "refused", "ill", "not finite"):
        seeds = [seed for part in parts for seed in part[key]]
        print(f"{key}: {len(seeds)}{' ' + str(seeds[:100]) if seeds else ''}")
    print(f"{sum(part['models'] for part in parts)} models in {time.monotonic() - start:.0f} s")
    return 1 if any(part["failed"] for part in parts) else 0


if __name__ == "__main__":
    sys.exit(main())
