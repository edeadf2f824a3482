"""The result as files: JSON with everything, a Markdown table for readers, plots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.cases import CASES
from bench.cells import title
from bench.python import summary
from bench.python.peers import FAMILIES, OURS
from bench.python.summary import Group, Row


def write(result: dict[str, Any], folder: Path, plots: bool = True) -> list[Path]:
    """Write ``result.json``, the table and, on request, the plots; the paths written.

    The table's file is ``table.md``, or ``incomplete.md`` when the result's status is not "complete"; the other of the
    two is removed, so that an old table is never taken for this run's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "result.json"]
    written[0].write_text(json.dumps(result, indent=1) + "\n")
    complete = result["status"] == "complete"
    (folder / ("incomplete.md" if complete else "table.md")).unlink(missing_ok=True)
    written.append(folder / ("table.md" if complete else "incomplete.md"))
    written[1].write_text(markdown(result))
    if not plots:
        return written
    try:
        from bench.python.plots import draw
    except ImportError as error:
        print(f"no plots: {error} (pip install '.[bench]')")
        return written
    return written + draw(result, folder)


def markdown(result: dict[str, Any]) -> str:
    """The whole table as text."""
    machine = result["machine"]
    lines = [f"# recurra beside other frameworks: {machine['cpu']}", ""]
    if result["status"] != "complete":
        lines += ["**Incomplete, not for publication:**", "", *(f"* {reason}" for reason in result["reasons"]), ""]
    caches = ", ".join(f"{level} {size}" for level, size in machine["caches"].items())
    held = f", held to {result['held_to']}" if result["held_to"] else ""
    lines += [
        f"{machine['cpu']} (x86-64 level or architecture: {machine['isa']}{held}), {machine['usable_cpus']} CPUs, "
        f"{caches}; {machine['system']}, Python {machine['python']}; {result['measured']}.",
        "",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in result["versions"].items()) + ".",
        f"Command: `{result['command']}`.",
        "",
        *_peaks(result["peaks"]),
        "Milliseconds a call, median (`~`: measured while other processes were busy). Speed-up: the fastest peer's "
        "time over ours, median of the rounds and quartiles. GFLOP/s counts matrix products on real tokens only.",
        "",
    ]
    everything = summary.groups(result["results"])
    lines += _overview(result["results"], everything)
    for group in everything:
        lines += _table(result, group)
    share = summary.float64_share(result["results"])
    if share is not None:
        lines += [f"recurra's float64 runs at {share:.0%} of float32's speed (geometric mean).", ""]
    return "\n".join(lines)


def _peaks(peaks: dict[str, Any]) -> list[str]:
    if not peaks:
        return []
    lines = ["| threads | FMA peak | best sgemm | read L2 / L3 / DRAM |", "|---:|---:|---:|---:|"]
    for threads, peak in peaks.items():
        read = " / ".join(f"{value:.0f}" for value in peak["read_gbytes"].values())
        sgemm = f"{peak['sgemm_gflops']:.0f} GFLOP/s ({peak['sgemm_by']})"
        lines.append(f"| {threads} | {peak['fma_gflops']:.0f} GFLOP/s ({peak['isa']}) | {sgemm} | {read} GB/s |")
    return [*lines, ""]


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}×"


def _overview(results: list[dict[str, Any]], everything: list[Group]) -> list[str]:
    lines = [
        "| | threads | geometric mean | worst shape | ragged |",
        "|---|---:|---:|---:|---|",
    ]
    for group in everything:
        found = summary.verdict(summary.rows(results, group))
        if found.mean is None and not found.ragged:
            continue
        worst = f"{_ratio(found.worst)} ({found.worst_case})" if found.worst is not None else ""
        ragged = ", ".join(f"{case.removeprefix('ragged-')} {_ratio(value)}" for case, value in found.ragged.items())
        lines.append(f"| {_name(group)} | {group.threads} | {_ratio(found.mean)} | {worst} | {ragged} |")
    return [*lines, ""] if len(lines) > 2 else []


def _name(group: Group) -> str:
    dtype = "" if group.dtype == "float32" else f", {group.dtype}"
    return f"{title(group.cell)} {group.mode}{dtype}"


def _cell(entry: dict[str, Any] | None) -> str:
    return "" if entry is None else f"{entry['median_ms']:.3g}{'~' if entry['contended'] else ''}"


def _table(result: dict[str, Any], group: Group) -> list[str]:
    table = summary.rows(result["results"], group)
    present = [name for name in FAMILIES if name != OURS and any(name in row.peers for row in table)]
    titles = [
        "B×T×I×H",
        "recurra",
        *(FAMILIES[name].title for name in present),
        "best peer's setting",
        "speed-up",
        "quartiles",
    ]
    titles += ["GFLOP/s", "of FMA peak", "of sgemm"]
    lines = [f"## {_name(group)}, {group.threads} thread{'s' if group.threads > 1 else ''}", ""]
    lines += ["| " + " | ".join(titles) + " |", "|---|" + "---:|" * (1 + len(present)) + "---|" + "---:|" * 5]
    peak = result["peaks"].get(str(group.threads))
    for row in table:
        times = [_cell(row.ours), *(_cell(row.peers.get(name)) for name in present)]
        best = f"{FAMILIES[row.best['family']].title}: {row.best['setting']}" if row.best else ""
        spread = f"{row.spread[0]:.2f}-{row.spread[1]:.2f}" if row.spread else ""
        cells = [_label(row), *times, best, _ratio(row.ratio), spread, *_rates(row, peak)]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, ""]


def _label(row: Row) -> str:
    case = CASES[row.case]
    if case.lengths is not None:
        return f"{row.case} ({case.batch} rows up to {case.time}, {case.tokens} tokens, {case.inputs}, {case.units})"
    return row.case.replace("x", "×")


def _rates(row: Row, peak: dict[str, Any] | None) -> list[str]:
    """GFLOP/s and shares of the ceilings, ours; the best peer's where recurra was not measured."""
    entry = row.ours or row.best
    if entry is None or peak is None:
        return ["", "", ""]
    rate = float(entry["gflops"])
    return [f"{rate:.3g}", f"{rate / peak['fma_gflops']:.0%}", f"{rate / peak['sgemm_gflops']:.0%}"]
