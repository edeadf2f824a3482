"""Characters for regular expressions that cut texts into words: scripts without spaces, marks inside words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

#: For inside of brackets: ideographs and kana, of which Chinese and Japanese texts write one after the other.
UNSPACED = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff"
)

_WITH_MARKS = ((0x300, 0x1B00), (0x1DC0, 0x1E00), (0x20D0, 0x2100), (0x3099, 0x309B), (0xA800, 0xAB00))


def _marks() -> str:
    """All marks, as ranges."""
    pieces = []
    for first, end in _WITH_MARKS:
        flags = "".join("M" if unicodedata.category(chr(code))[0] == "M" else "-" for code in range(first, end))
        pieces += [f"{chr(first + run.start())}-{chr(first + run.end() - 1)}" for run in re.finditer("M+", flags)]
    return "".join([*pieces, "\u200c\u200d"])


#: For inside of brackets: vowel signs, accents and joiners, which continue the word that they follow.
MARKS = _marks()

_UNSPACED = re.compile(f"[{UNSPACED}]")
_UNSPACED_RUN = re.compile(f"[{UNSPACED}]+")


def runs_on(texts: Iterable[str]) -> bool:
    """Whether ideographs and kana stand in `texts` as sentences do, not as words that spaces separate.

    That is, in runs of more than three on average, as is true of texts that nobody has cut into words.

    >>> runs_on(["这部电影很好看"]), runs_on(["这 部 电影 很 好看"]), runs_on(["a film"])
    (True, False, False)
    """
    characters = runs = 0
    for text in texts:
        if not text.isascii():
            found = _UNSPACED_RUN.findall(text)
            runs += len(found)
            characters += sum(map(len, found))
    return characters > 3 * runs


def spread(text: str) -> str:
    """The text with a space on both sides of each ideograph and kana.

    >>> spread("很好ok").split()
    ['很', '好', 'ok']
    """
    return text if text.isascii() else _UNSPACED.sub(r" \g<0> ", text)


def holds_run(word: str) -> bool:
    """Whether two ideographs or kana stand side by side in `word`."""
    return any(len(run) > 1 for run in _UNSPACED_RUN.findall(word))
