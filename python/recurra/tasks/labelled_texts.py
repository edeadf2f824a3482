"""Texts and labels as lists, from lists, arrays and columns of tables; and which of them are held out."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from recurra.tasks.arguments import is_missing, is_number, listed
from recurra.typing import Array

Label = str | int | bool


def check_texts(texts: Iterable[str]) -> list[str]:
    """`texts` as a list of non-empty strings, or an error that says which one is not.

    texts : a list, an array (N,) or (N, 1), a pandas Series, or a DataFrame of one column
    """
    if isinstance(texts, str):
        raise TypeError("texts must be a list of strings, got one string: put it into a list")
    if isinstance(texts, dict):
        raise TypeError("texts must be a list of strings, got a dict: give list(texts.values())")
    found = list(_one_column(texts, "texts"))
    if not found:
        raise ValueError("texts must hold at least one text, got none")
    for i, text in enumerate(found):
        if not isinstance(text, str):
            missing = " (a missing value: fill it in or drop the row)" if is_missing(text) else ""
            raise TypeError(f"texts[{i}] must be a str, got {type(text).__name__}{missing}")
        if not text.strip():
            raise ValueError(f"texts[{i}] is empty: every text must hold at least one word")
    return found


def check_labels(labels: Iterable[Label] | Array, n: int) -> list[Label]:
    """`labels` as a list of `n` str, int or bool, or an error that says what is wrong."""
    if isinstance(labels, str):
        raise TypeError("labels must be a list, got one string: put it into a list")
    column = _one_column(labels, "labels")
    found = [label.item() if isinstance(label, np.generic) else label for label in column]
    if len(found) != n:
        raise ValueError(f"labels must be as many as texts, {n}, got {len(found)}")
    for i, label in enumerate(found):
        if is_missing(label):
            # before the other labels of its column, which pandas has made floats
            raise ValueError(
                f"labels[{i}] must be a non-empty str, an int or a bool, got {label!r} (a missing value: fill it in or "
                "drop the row)"
            )
    for i, label in enumerate(found):
        if not isinstance(label, (str, int)) or label == "":
            raise ValueError(f"labels[{i}] must be a non-empty str, an int or a bool, got {label!r}")
    return found


def check_class_weight(given: Any) -> None:
    """Refuse what is not None, "balanced", or a finite number above 0 for some labels."""
    if given is None or (isinstance(given, str) and given == "balanced"):
        return
    if not isinstance(given, Mapping):
        raise ValueError(f"class_weight must be None, 'balanced' or a dict of labels and weights, got {given!r}")
    for label, weight in given.items():
        if not is_number(weight) or not 0 < weight < float("inf"):
            raise ValueError(f"class_weight must map to finite numbers > 0, got {weight!r} for {label!r}")


def text_weights(given: Any, known: Sequence[Label], targets: Array, train: Sequence[int] | Array) -> Array | None:
    """What each of N texts counts in the loss, (N,) float32; None where all count the same.

    given : "balanced", where each text counts R / (C * texts of its label) of the R that are trained on, as in
        scikit-learn; or weights by label, where the others count 1
    targets : (N,) places in `known`, the C labels, of the texts' labels
    train : which texts are trained on
    """
    if given is None:
        return None
    if isinstance(given, str):
        counts = np.bincount(targets[train], minlength=len(known))
        return (len(train) / (len(known) * np.maximum(counts, 1)))[targets].astype(np.float32)
    for label in given:
        if label not in known:
            shown = ", ".join(map(repr, known[:8])) + (", ..." if len(known) > 8 else "")
            raise ValueError(f"class_weight must be for labels of the texts, {shown}, got {label!r}")
    return np.array([given.get(label, 1.0) for label in known], np.float32)[targets]


def distinct_labels(labels: Sequence[Label] | Array) -> list[Label]:
    """The different labels in order, or an error where they cannot be what a text is classified by."""
    counts: dict[Label, int] = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    if len(counts) < 2:
        raise ValueError(f"labels must be of at least two kinds, got only {labels[0]!r}")
    for label, n in counts.items():
        if n < 2:
            i = list(labels).index(label)
            raise ValueError(
                f"labels[{i}] = {label!r} occurs only once among {len(labels)} labels: is it a label, and spelled like "
                "the others?"
            )
    return sorted(counts, key=lambda label: (isinstance(label, str), label))


def held_out_split(
    n: int, share: float, seed: int, groups: Iterable[Hashable] | Array | None = None
) -> tuple[Array, Array]:
    """The row numbers to train on and those to hold out, each in a random order.

    n : how many texts
    share : of the texts, in [0, 1), to hold out
    groups : n values, or None. Texts of one group are never in both parts: whole groups are drawn at random, each
        of which goes to the held-out part where it fits into the share.

        >>> train, held_out = held_out_split(6, 0.5, seed=1, groups=["a", "a", "b", "b", "b", "a"])
        >>> sorted(train.tolist()), sorted(held_out.tolist())
        ([0, 1, 5], [2, 3, 4])
    """
    order = np.random.default_rng(seed).permutation(n)
    wanted = round(n * share)
    if groups is None:
        return order[: n - wanted], order[n - wanted :]
    ids = group_ids(groups, n)
    sizes = np.bincount(ids)
    if wanted and len(sizes) < 2:
        raise ValueError(
            "groups must be of at least two kinds, so that one can be held out, got one; or give validation=0"
        )
    held_out = np.zeros(len(sizes), bool)
    room = wanted
    for group in dict.fromkeys(ids[order].tolist()):
        if sizes[group] <= room:
            held_out[group] = True
            room -= sizes[group]
    if wanted and not held_out.any():
        raise ValueError(
            f"the smallest group has {sizes.min()} of {n} texts, more than are to be held out, {wanted}: give a larger "
            "validation share, or finer groups"
        )
    away = held_out[ids[order]]
    return order[~away], order[away]


def group_ids(groups: Iterable[Hashable] | Array, n: int) -> Array:
    """The number of each text's group, (n,) int64, groups numbered by first appearance."""
    names = group_names(groups)
    if len(names) != n:
        raise ValueError(f"groups must be as many as texts, {n}, got {len(names)}")
    number: dict[Hashable, int] = {}
    found = np.empty(n, np.int64)
    for i, name in enumerate(names):
        if is_missing(name) or name == "":
            raise ValueError(f"groups[{i}] is missing: every text must belong to a group")
        found[i] = number.setdefault(name, len(number))
    return found


def group_names(groups: Iterable[Hashable] | Array) -> list[Hashable]:
    """`groups` as a list: of a list, an array (N,) or (N, 1), a Series or a DataFrame of one column."""
    if isinstance(groups, str):
        raise TypeError("groups must be a list of values, one for each text, got one string")
    return list(_one_column(groups, "groups"))


def _one_column(values: Any, name: str) -> Iterable[Any]:
    """The values of a list, an array (N,) or (N, 1), a Series or a DataFrame of one column."""
    columns = getattr(values, "columns", None)
    if columns is not None and hasattr(values, "iloc"):
        if len(columns) != 1:
            shown = ", ".join(map(repr, columns[:5])) + (", ..." if len(columns) > 5 else "")
            first = columns[0] if len(columns) else "text"
            raise ValueError(
                f"{name} must be one column, got a DataFrame with {len(columns)}: {shown}; give one of them, such as "
                f"frame[{first!r}]"
            )
        found: Iterable[Any] = values.iloc[:, 0]
        return found
    if isinstance(values, np.ndarray):
        if values.ndim == 2 and values.shape[1] == 1:
            return values[:, 0]
        if values.ndim != 1:
            raise ValueError(f"{name} must have shape (N,), got {values.shape}")
    return listed(values, name, "strings" if name == "texts" else name)
