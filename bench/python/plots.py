"""Plots of a layers result: the speed-up at each shape, and every candidate under the machine's roof."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from bench.cases import CASES
from bench.cells import compulsory_bytes, flops, title
from bench.python import summary
from bench.python.peers import FAMILIES, OURS

COLOURS = {
    OURS: "#c1121f",
    "torch": "#ee9b00",
    "onnxruntime": "#0a9396",
    "openvino": "#6a4c93",
    "jax": "#3a5a9b",
    "keras": "#6c757d",
}


def draw(result: dict[str, Any], folder: Path) -> list[Path]:
    """``speedup.png`` (when recurra was measured) and ``roofline.png``; the paths written."""
    written = []
    if any(r["family"] == OURS for r in result["results"]):
        written.append(_speedup(result, folder / "speedup.png"))
    if result["peaks"] and result["results"]:
        written.append(_roofline(result, folder / "roofline.png"))
    return written


def _speedup(result: dict[str, Any], path: Path) -> Path:
    """One panel a cell and mode; a bar a shape and number of threads: the fastest peer's time over ours."""
    everything = summary.groups(result["results"])
    panels = list(dict.fromkeys((g.cell, g.mode, g.dtype) for g in everything))
    columns = 2 if len(panels) > 1 else 1
    height = -(-len(panels) // columns)
    figure, axes = plt.subplots(
        height, columns, figsize=(7.5 * columns, 3.4 * height), squeeze=False, layout="constrained"
    )
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis, (cell, mode, dtype) in zip(axes.flat, panels, strict=False):
        here = [g for g in everything if (g.cell, g.mode, g.dtype) == (cell, mode, dtype)]
        cases = [
            case for case in CASES if any(row.case == case for g in here for row in summary.rows(result["results"], g))
        ]
        for position, group in enumerate(here):
            ratios = {row.case: row for row in summary.rows(result["results"], group) if row.ratio is not None}
            at = [cases.index(case) + (position - (len(here) - 1) / 2) * 0.8 / len(here) for case in ratios]
            values = [row.ratio for row in ratios.values()]
            label = f"{group.threads} thread{'s' if group.threads > 1 else ''}"
            bars = axis.bar(
                at, values, 0.8 / len(here), label=label, color=("#c1121f", "#780000", "#e07a5f")[position % 3]
            )
            for bar, row in zip(bars, ratios.values(), strict=True):
                name = FAMILIES[row.best["family"]].title if row.best else ""
                axis.annotate(
                    f"{row.ratio:.1f} {name}",
                    (bar.get_x() + bar.get_width() / 2, bar.get_height()),
                    rotation=90,
                    ha="center",
                    va="bottom",
                    fontsize=6,
                    xytext=(0, 2),
                    textcoords="offset points",
                )
        axis.axhline(1, color="black", linewidth=0.8)
        axis.set_xticks(range(len(cases)), cases, rotation=40, ha="right", fontsize=7)
        axis.set_title(f"{title(cell)}, {mode}" + ("" if dtype == "float32" else f", {dtype}"), fontsize=10)
        axis.set_ylabel("times faster than the best peer", fontsize=8)
        axis.set_ylim(0, 1.7 * axis.dataLim.y1)  # room for the labels on the bars
        axis.legend(fontsize=7)
    mark = "" if result["status"] == "complete" else "  (incomplete)"
    figure.suptitle(
        f"recurra beside the fastest other framework at each shape: {result['machine']['cpu']}{mark}", fontsize=11
    )
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return path


def _roofline(result: dict[str, Any], path: Path) -> Path:
    """One panel a number of threads: GFLOP/s over flops per compulsory byte, under the measured ceilings."""
    threads = sorted(result["peaks"], key=int)
    figure, axes = plt.subplots(1, len(threads), figsize=(7.5 * len(threads), 5), squeeze=False, layout="constrained")
    for axis, count in zip(axes.flat, threads, strict=True):
        peak = result["peaks"][count]
        here = [r for r in result["results"] if r["threads"] == int(count) and r["dtype"] == "float32"]
        if not here:
            continue
        intensity = np.geomspace(0.25, 2000, 200)
        for level, rate in peak["read_gbytes"].items():
            axis.plot(
                intensity,
                np.minimum(intensity * rate, peak["fma_gflops"]),
                linewidth=0.9,
                label=f"{level} {rate:.0f} GB/s",
            )
        axis.axhline(peak["fma_gflops"], color="black", linewidth=1, label=f"FMA {peak['fma_gflops']:.0f} GFLOP/s")
        axis.axhline(
            peak["sgemm_gflops"], color="black", linewidth=1, linestyle=":", label=f"sgemm {peak['sgemm_gflops']:.0f}"
        )
        for family in FAMILIES:
            points = [r for r in here if r["family"] == family]
            for mode, marker in (("inference", "o"), ("training", "^")):
                some = [r for r in points if r["mode"] == mode]
                axis.scatter(
                    [
                        flops(CASES[r["case"]], r["cell"], mode) / compulsory_bytes(CASES[r["case"]], r["cell"], mode)
                        for r in some
                    ],
                    [r["gflops"] for r in some],
                    s=22 if family == OURS else 10,
                    marker=marker,
                    color=COLOURS[family],
                    zorder=3 if family == OURS else 2,
                    label=f"{FAMILIES[family].title}, {mode}" if some else None,
                )
        axis.set(xscale="log", yscale="log", xlim=(0.25, 2000), ylim=(0.1, peak["fma_gflops"] * 1.6))
        axis.set_xlabel("operations per byte that must be moved")
        axis.set_ylabel("GFLOP/s")
        axis.set_title(f"{count} thread{'s' if int(count) > 1 else ''}, {peak['isa']}")
        axis.legend(fontsize=6, loc="lower right")
    mark = "" if result["status"] == "complete" else "  (incomplete)"
    figure.suptitle(f"Roofline: {result['machine']['cpu']}{mark}", fontsize=11)
    figure.savefig(path, dpi=130)
    plt.close(figure)
    return path
