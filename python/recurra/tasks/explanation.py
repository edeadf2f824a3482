"""Which words of a text speak for a label, and which against it: as numbers, coloured text and HTML."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from recurra.tasks.classifier_words import Span
from recurra.tasks.labelled_texts import Label
from recurra.typing import Array

_GREEN, _RED = (46, 160, 67), (218, 54, 51)
#: backgrounds of the 256 colours of terminals, from weak to strong
_TERMINAL_GREEN, _TERMINAL_RED = (194, 157, 120, 83), (224, 217, 210, 203)


class Contribution(NamedTuple):
    """One token of a text.

    start, end : where it stands in the text
    value : what it contributes; None for one that was not read, in the middle of a long text
    """

    token: str
    start: int
    end: int
    value: float | None


class Explanation(NamedTuple):
    """What each token contributes to a label: leave one out.

    The contribution of a token is the log-odds of the label, log p(label) - log(1 - p(label)), of the text less those
    of the text without this token (natural logarithms). A positive one speaks for the label. Contributions do not add
    up to the log-odds, since tokens act together: of two that say the same each may contribute little.

    label : the label explained
    probability : of the label
    """

    text: str
    label: Label
    probability: float
    contributions: list[Contribution]

    def strongest(self, count: int = 5) -> tuple[list[Contribution], list[Contribution]]:
        """The tokens that speak most for the label and most against it, each list from the strongest on."""
        known = sorted((c for c in self.contributions if c.value), key=lambda c: -(c.value or 0.0))
        against = [c for c in reversed(known) if (c.value or 0.0) < 0]
        return [c for c in known if (c.value or 0.0) > 0][:count], against[:count]

    def to_ansi(self) -> str:
        """The text with a terminal's colours: green speaks for the label, red against it; what was not read is dim."""
        return self._marked(_ansi)

    def to_html(self) -> str:
        """The text as HTML, in one element with its style: green speaks for the label, red against it."""
        body = self._marked(_html, html.escape).replace("\n", "<br>")
        label = html.escape(str(self.label))
        return (
            '<div style="font-family: sans-serif; line-height: 1.7; max-width: 50em">'
            f"<p><b>{label}</b> {self.probability:.1%}</p><p dir='auto'>{body}</p></div>"
        )

    def _repr_html_(self) -> str:
        return self.to_html()

    def _marked(self, mark: Callable[[str, Contribution, float], str], plain: Callable[[str], str] = str) -> str:
        """The text with marked tokens; `mark` gets a token twice and its share, in [-1, 1], of the strongest one."""
        largest = max((abs(c.value) for c in self.contributions if c.value is not None), default=0.0) or 1.0
        parts, at = [], 0
        for c in self.contributions:
            parts.append(plain(self.text[at : c.start]))
            parts.append(mark(c.token, c, (c.value or 0.0) / largest))
            at = c.end
        return "".join([*parts, plain(self.text[at:])])

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        tokens = [{**c._asdict(), "value": None if c.value is None else round(c.value, 6)} for c in self.contributions]
        return {
            "text": self.text,
            "label": self.label,
            "probability": round(self.probability, 6),
            "method": "leave-one-out, log-odds",
            "tokens": tokens,
        }


def _ansi(token: str, contribution: Contribution, share: float) -> str:
    if contribution.value is None:
        return f"\x1b[2m{token}\x1b[0m"
    level = min(int(abs(share) * 5), 4)
    if not level:
        return token
    colour = (_TERMINAL_GREEN if share > 0 else _TERMINAL_RED)[level - 1]
    return f"\x1b[30;48;5;{colour}m{token}\x1b[0m"


def _html(token: str, contribution: Contribution, share: float) -> str:
    shown = html.escape(token)
    if contribution.value is None:
        return f'<span style="opacity: 0.5" title="not read">{shown}</span>'
    red, green, blue = _GREEN if share > 0 else _RED
    style = f"background: rgba({red}, {green}, {blue}, {abs(share):.2f})"
    return f'<span style="{style}" title="{contribution.value:+.3f}">{shown}</span>'


def page(explanations: Sequence[Explanation]) -> str:
    """A whole HTML page of explanations."""
    body = "\n<hr>\n".join(explanation.to_html() for explanation in explanations)
    body = f"<p>Green speaks for the label, red against it. How much is shown under the pointer.</p>\n{body}"
    head = '<head><meta charset="utf-8"><title>Explanations</title></head>'
    return f"<!DOCTYPE html>\n<html>{head}<body>\n{body}\n</body></html>\n"


def explain(
    text: str,
    spans: Sequence[Span],
    read: Sequence[int],
    ids: list[int],
    scores_of: Callable[[list[list[int]]], Array],
    labels: Sequence[Label],
    label: Label | None,
) -> Explanation:
    """The explanation of a text.

    spans : of all its tokens; read : the numbers of those that are read; ids : of these
    scores_of : from lists of ids to the labels' scores (N, labels)
    label : the one to explain, or None for the most probable one
    """
    variants = [ids, *(ids[:i] + ids[i + 1 :] for i in range(len(ids)))]
    scores = np.asarray(scores_of(variants), np.float64)
    place = int(scores[0].argmax()) if label is None else list(labels).index(label)
    others = np.delete(scores, place, axis=1)
    top = others.max(axis=1)
    odds = scores[:, place] - (top + np.log(np.exp(others - top[:, None]).sum(axis=1)))
    values: dict[int, float] = dict(zip(read, (odds[0] - odds[1:]).tolist(), strict=True))
    contributions = [Contribution(text[start:end], start, end, values.get(i)) for i, (start, end) in enumerate(spans)]
    probability = float(1 / (1 + np.exp(-odds[0])))
    return Explanation(text, labels[place], probability, contributions)
