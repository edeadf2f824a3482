"""Candidates in alternation: a short slice each, round after round, so that what the machine does hits them all.

For each problem: every family's settings answer first and the answers are compared; a pilot drops the settings that are
well behind the same family's best; then the rest take turns. Candidates far behind the fastest get fewer slices.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.cells import flops
from bench.python.peers import OURS
from bench.python.problem import Answer, Problem, differences, make_problem
from bench.python.session import Session, WorkerError

PILOT_KEEPS = 1.25  # settings slower than their family's best by more than this are not timed further
FAR_BEHIND = 4.0  # candidates slower than the fastest by more than this are timed in the first rounds only, or in the
# first alone where a call takes longer than a second
CLEAN_SLICES = 3  # contended slices are dropped when at least so many others remain


@dataclass(frozen=True)
class Pace:
    """How long to measure: rounds, seconds a slice, seconds of piloting a setting; about how long one candidate may
    take with its rounds on one problem, where a call is longer than a slice (two rounds there are at least)."""

    rounds: int = 6
    slice: float = 0.1
    pilot: float = 0.05
    warmup: int = 1
    candidate: float = 1.6


QUICK = Pace(rounds=3, slice=0.04, pilot=0.02, candidate=0.5)


@dataclass
class Timed:
    """One candidate's slices for one problem."""

    family: str
    setting: str
    difference: float = 0.0
    pilot: float = 0.0
    slices: list[dict[str, Any]] = field(default_factory=list)


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    lower, middle, upper = statistics.quantiles(values, n=4, method="inclusive")
    return lower, middle, upper


class Alternation:
    """Runs problems over the sessions of one number of threads and collects results and failures."""

    def __init__(self, sessions: Mapping[str, Session], pace: Pace, say: Callable[[str], None]) -> None:
        self.sessions = dict(sessions)
        self.pace = pace
        self.say = say
        self.results: list[dict[str, Any]] = []
        self.failures: list[dict[str, str]] = []

    def run(self, case: str, cell: str, mode: str, dtype: str, threads: int) -> None:
        problem = make_problem(case, cell, mode, dtype, threads)
        where = {"case": case, "cell": cell, "mode": mode, "dtype": dtype, "threads": str(threads)}
        timed = self._answered(problem, where)
        timed = self._piloted(timed, where)
        self._rounds(timed, where)
        for candidate in timed:
            if candidate.slices:
                self.results.append(_result(problem, candidate))
        best = min((r["median_ms"] for r in self.results[-len(timed) :]), default=0.0) if timed else 0.0
        self.say(f"{case} {cell} {mode} {dtype}, {threads} thread(s): best {best:.4g} ms of {len(timed)}")

    def _failed(self, where: dict[str, str], family: str, setting: str, error: Exception) -> None:
        self.failures.append({**where, "family": family, "setting": setting, "error": str(error)})
        self.say(f"FAILED {family} ({setting}) at {' '.join(where.values())}: {error}")

    def _answered(self, problem: Problem, where: dict[str, str]) -> list[Timed]:
        """Every family's settings whose answer agrees with ours (with the first one, when recurra does not run)."""
        ours: Answer | None = None
        timed: list[Timed] = []
        names_of_problem = {
            "case": problem.case.name,
            "cell": problem.cell.name,
            "mode": problem.mode,
            "dtype": problem.dtype,
        }
        for session in self.sessions.values():  # all at once: some compile for seconds
            session.post("prepare", **names_of_problem)
        for family in sorted(self.sessions, key=lambda name: name != OURS):
            session = self.sessions[family]
            try:
                names = session.reply()["settings"]
            except WorkerError as error:
                self._failed(where, family, "", error)
                continue
            for setting in names:
                try:
                    answer = session.answer(setting)
                    ours = answer if ours is None else ours
                    difference = max(differences(problem, ours, answer).values())
                except (WorkerError, ValueError) as error:
                    self._failed(where, family, setting, error)
                    continue
                timed.append(Timed(family, setting, difference))
        return timed

    def _slice(self, candidate: Timed, seconds: float, warmup: int) -> dict[str, Any]:
        session = self.sessions[candidate.family]
        return session.ask("time", setting=candidate.setting, seconds=seconds, warmup=warmup, limit=20_000)

    def _piloted(self, timed: list[Timed], where: dict[str, str]) -> list[Timed]:
        kept = []
        for candidate in timed:
            try:
                candidate.pilot = min(self._slice(candidate, self.pace.pilot, 0)["walls"])  # the answer warmed it up
                kept.append(candidate)
            except WorkerError as error:
                self._failed(where, candidate.family, candidate.setting, error)
        best: dict[str, float] = {}
        for candidate in kept:
            best[candidate.family] = min(candidate.pilot, best.get(candidate.family, candidate.pilot))
        return [candidate for candidate in kept if candidate.pilot <= PILOT_KEEPS * best[candidate.family]]

    def _rounds(self, timed: list[Timed], where: dict[str, str]) -> None:
        fastest = min((candidate.pilot for candidate in timed), default=0.0)
        taking_part = list(timed)
        rounds = self.pace.rounds
        for round_ in range(2 * rounds):
            if round_ >= rounds:  # only to make up for contended slices
                taking_part = [c for c in taking_part if _clean(c) < min(CLEAN_SLICES, len(c.slices))]
            for candidate in list(taking_part):
                if round_ < rounds and round_ >= self._rounds_of(candidate, fastest, rounds):
                    continue
                try:
                    warmup = 0 if candidate.pilot > self.pace.slice else self.pace.warmup
                    done = self._slice(candidate, self.pace.slice, warmup)
                    candidate.slices.append({**done, "round": round_})
                except WorkerError as error:
                    self._failed(where, candidate.family, candidate.setting, error)
                    taking_part.remove(candidate)

    def _rounds_of(self, candidate: Timed, fastest: float, most: int) -> int:
        """How many rounds it takes part in at most."""
        if candidate.pilot > FAR_BEHIND * fastest and candidate.family != OURS:
            most = 1 if candidate.pilot > 1 else CLEAN_SLICES
        return min(most, max(2, round(self.pace.candidate / max(candidate.pilot, self.pace.slice))))


def _clean(candidate: Timed) -> int:
    return sum(not piece["load"]["contended"] for piece in candidate.slices)


def _result(problem: Problem, candidate: Timed) -> dict[str, Any]:
    clean = [piece for piece in candidate.slices if not piece["load"]["contended"]]
    contended = len(clean) < min(CLEAN_SLICES, len(candidate.slices))
    used = candidate.slices if contended else clean
    walls = [wall for piece in used for wall in piece["walls"]]
    lower, middle, upper = quartiles(walls)
    return {
        "case": problem.case.name,
        "cell": problem.cell.name,
        "mode": problem.mode,
        "dtype": problem.dtype,
        "threads": problem.threads,
        "family": candidate.family,
        "setting": candidate.setting,
        "median_ms": middle * 1e3,
        "q1_ms": lower * 1e3,
        "q3_ms": upper * 1e3,
        "min_ms": min(walls) * 1e3,
        "samples": len(walls),
        "contended": contended,
        "gflops": flops(problem.case, problem.cell.name, problem.mode) / middle / 1e9,
        "max_difference": candidate.difference,
        "rounds_ms": {str(piece["round"]): statistics.median(piece["walls"]) * 1e3 for piece in used},
        "loads": [piece["load"] for piece in candidate.slices],
    }
