"""From single timings to what a reader asks: who is the best peer at a shape, and by how much are we faster?"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from typing import Any, NamedTuple

from bench.cases import CASES
from bench.python.peers import OURS

Result = dict[str, Any]


class Group(NamedTuple):
    """One table: all its shapes are set against each other."""

    cell: str
    mode: str
    threads: int
    dtype: str


class Row(NamedTuple):
    """One shape of a group: ours, the best setting of each peer, and the speed-up over the fastest peer.

    ratio is the median over rounds of the peer's time divided by ours in the same round; spread its quartiles.
    """

    case: str
    ours: Result | None
    peers: dict[str, Result]
    best: Result | None
    ratio: float | None
    spread: tuple[float, float] | None


def groups(results: Iterable[Result]) -> list[Group]:
    found = dict.fromkeys(Group(r["cell"], r["mode"], r["threads"], r["dtype"]) for r in results)
    return list(found)


def rows(results: Iterable[Result], group: Group) -> list[Row]:
    """The group's shapes, in the order of ``cases.py``."""
    found = []
    mine = [r for r in results if Group(r["cell"], r["mode"], r["threads"], r["dtype"]) == group]
    for case in CASES:
        here = [r for r in mine if r["case"] == case]
        if not here:
            continue
        fastest: dict[str, Result] = {}
        for r in here:
            if r["family"] not in fastest or r["median_ms"] < fastest[r["family"]]["median_ms"]:
                fastest[r["family"]] = r
        ours = fastest.pop(OURS, None)
        best = min(fastest.values(), key=lambda r: float(r["median_ms"]), default=None)
        ratio, spread = None, None
        if ours is not None and best is not None:
            ratio, spread = paired_ratio(best, ours)
        found.append(Row(case, ours, fastest, best, ratio, spread))
    return found


def paired_ratio(slower: Result, faster: Result) -> tuple[float, tuple[float, float]]:
    """How many times ``faster`` is faster: the median over the rounds that both took part in, and the quartiles."""
    shared = [key for key in slower["rounds_ms"] if key in faster["rounds_ms"]]
    ratios = [slower["rounds_ms"][key] / faster["rounds_ms"][key] for key in shared]
    if len(ratios) < 2:  # no rounds in common: contended ones were dropped
        ratio = slower["median_ms"] / faster["median_ms"]
        return ratio, (ratio, ratio)
    lower, middle, upper = statistics.quantiles(ratios, n=4, method="inclusive")
    return middle, (lower, upper)


def geometric_mean(values: Iterable[float]) -> float:
    logs = [math.log(value) for value in values]
    if not logs:
        raise ValueError("values must hold at least one number, got none")
    return math.exp(statistics.fmean(logs))


class Verdict(NamedTuple):
    """A group's speed-ups over the best peer: geometric mean and worst over the plain shapes; ragged ones by name."""

    mean: float | None
    worst: float | None
    worst_case: str
    ragged: dict[str, float]


def verdict(table: list[Row]) -> Verdict:
    plain = {row.case: row.ratio for row in table if row.ratio is not None and CASES[row.case].lengths is None}
    ragged = {row.case: row.ratio for row in table if row.ratio is not None and CASES[row.case].lengths is not None}
    if not plain:
        return Verdict(None, None, "", ragged)
    worst = min(plain, key=lambda case: plain[case])
    return Verdict(geometric_mean(plain.values()), plain[worst], worst, ragged)


def float64_share(results: list[Result]) -> float | None:
    """Our float64 speed as a share of float32's: geometric mean over everything that was measured in both."""
    times: dict[str, dict[tuple[str, ...], float]] = {"float32": {}, "float64": {}}
    for r in results:
        if r["family"] == OURS:
            key = (r["cell"], r["mode"], str(r["threads"]), r["case"])
            times[r["dtype"]][key] = r["median_ms"]
    shares = [times["float32"][key] / value for key, value in times["float64"].items() if key in times["float32"]]
    return geometric_mean(shares) if shares else None
