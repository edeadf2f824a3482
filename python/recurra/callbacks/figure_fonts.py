"""Fonts for the texts of a drawing, whatever their scripts."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_BOXES = ("Last Resort", "cm", "STIXNonUnicode")  # beginnings of the names of fonts that have no letters of scripts


@contextmanager
def fonts_for(canvas: Any) -> Iterator[None]:
    """In the block each text of a figure is drawn with installed fonts that have its characters.

    A warning names the characters that no installed font has.
    """
    from matplotlib.text import Text

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        canvas.draw_without_rendering()  # the labels of ticks get their texts
        texts = [text for text in canvas.findobj(Text) if not text.get_text().isascii()]
        characters = {c for text in texts for c in text.get_text() if not c.isspace()}
        families, lacking = _families(characters)
        for text in texts:
            text.set_fontfamily([*text.get_fontfamily(), *families])
        yield
    if lacking:
        shown = ", ".join(map(repr, sorted(lacking)[:8])) + (", ..." if len(lacking) > 8 else "")
        warnings.warn(
            f"no installed font has {shown}: boxes are drawn in their place; install a font of the script, a Noto",
            stacklevel=3,
        )


def _families(characters: set[str]) -> tuple[list[str], set[str]]:
    """The fonts, beside the default one, that have most of `characters`, and the characters that none has."""
    from matplotlib import font_manager

    def left(path: str, wanted: set[str]) -> set[str]:
        return {c for c in wanted if ord(c) not in font_manager.get_font(path).get_charmap()}

    lacking = left(font_manager.findfont(font_manager.FontProperties()), characters)
    found: list[str] = []
    if not lacking:
        return found, lacking
    names = {font.name for font in font_manager.fontManager.ttflist if not font.name.startswith(_BOXES)}
    paths = {name: font_manager.findfont(font_manager.FontProperties(family=name)) for name in sorted(names)}
    while lacking:
        rest, name = min(((left(path, lacking), name) for name, path in paths.items()), key=lambda one: len(one[0]))
        if len(rest) == len(lacking):
            break
        found.append(name)
        lacking = rest
    return found, lacking
