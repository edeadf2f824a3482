"""Pairs of texts: checks, and parts in which no source occurs twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recurra.tasks.arguments import is_missing, listed


def check_sources(texts: Sequence[str], name: str = "texts") -> list[str]:
    """`texts` as a list of non-empty strings, or an error that says which one is not."""
    found = listed(texts, name, "strings")
    for i, text in enumerate(found):
        if not isinstance(text, str):
            missing = " (a missing value: fill it in or drop the row)" if is_missing(text) else ""
            raise TypeError(f"{name}[{i}] must be a str, got {type(text).__name__}{missing}")
        if not text.strip():
            raise ValueError(f"{name}[{i}] is empty: every text must hold at least one token")
    return found


def check_pairs(sources: Sequence[str], targets: Sequence[str]) -> tuple[list[str], list[str]]:
    """Both sides as lists of as many non-empty strings, at least one."""
    left, right = check_sources(sources, "sources"), check_sources(targets, "targets")
    if len(left) != len(right):
        raise ValueError(f"targets must be as many as sources, {len(left)}, got {len(right)}")
    if not left:
        raise ValueError("sources must hold at least one text, got none")
    return left, right


def split_by_source(sources: Sequence[str], share: float, seed: int) -> tuple[list[int], list[int]]:
    """The rows to train on, and those that are held out: `share` of the distinct sources with all their rows.

    raises : ValueError where no source is left to train on
    """
    distinct = list(dict.fromkeys(sources))
    count = round(len(distinct) * share)
    if count >= len(distinct):
        raise ValueError(f"validation={share:g} of {len(distinct)} distinct sources leaves none to train on")
    order = np.random.default_rng([seed, 0]).permutation(len(distinct))
    held = {distinct[i] for i in order[:count]}
    rows: tuple[list[int], list[int]] = [], []
    for row, source in enumerate(sources):
        rows[source in held].append(row)
    return rows


def targets_by_source(sources: Sequence[str], targets: Sequence[str]) -> dict[str, list[str]]:
    """All targets of each distinct source, in the order in which they came."""
    found: dict[str, list[str]] = {}
    for source, target in zip(sources, targets, strict=True):
        found.setdefault(source, []).append(target)
    return found
