"""What MkDocs needs to know of recurra: the public names for the API pages, and their docstrings as Markdown.

A line ``{{ names: recurra.layers }}`` in a page becomes the entries of everything that ``recurra.layers`` offers,
wherever it is defined. mkdocs.yml loads this file twice: as a hook (`on_page_markdown`) and as an extension of griffe,
which reads the sources (`PlainDocstrings`).
"""

from __future__ import annotations

import inspect
import re
from functools import lru_cache
from importlib import import_module
from typing import Any

from griffe import Extension, Object

#: the public modules, in the order in which they claim a name that several offer
MODULES = [
    "recurra.layers",
    "recurra.losses",
    "recurra.metrics",
    "recurra.optimizers",
    "recurra.optimizers.schedules",
    "recurra.callbacks",
    "recurra.ops",
    "recurra.preprocessing.text",
    "recurra.preprocessing.sequence",
    "recurra.preprocessing",
    "recurra.data",
    "recurra.datasets.sentences",
    "recurra.datasets.imdb",
    "recurra.datasets.shakespeare",
    "recurra.generation",
    "recurra.tasks",
    "recurra.saving",
    "recurra.train",
    "recurra.models",
    "recurra.activations",
    "recurra.initializers",
    "recurra.regularizers",
    "recurra.constraints",
    "recurra.random",
    "recurra.config",
    "recurra.backend",
    "recurra.utils",
    "recurra.wrappers",
    "recurra.wrappers.scikit_learn",
    "recurra",
]

#: classes whose pages also show what they inherit
WITH_INHERITED = {
    "recurra.models.Model",
    "recurra.tasks.LanguageModel",
    "recurra.tasks.TextClassifier",
    "recurra.tasks.SentimentClassifier",
}

_LINE = re.compile(r"^\{\{ names: ([\w.]+) \}\}$", re.M)
_ITEM = re.compile(r"^(\*{0,2}\w[\w.]*(?:, \*{0,2}\w[\w.]*)*) : (.*)")
_ROLE = re.compile(r":(?:class|func|meth|attr|mod|data):`~?([\w.]+)`")


# --- public names -----------------------------------------------------------------------------------------------------


def public_names(module: str) -> dict[str, Any]:
    """The classes and functions that a public module offers; of an alias (``MSE``) the one under its own name."""
    found = import_module(module)
    names = getattr(found, "__all__", None)
    if names is None:
        names = [n for n, value in vars(found).items() if n[0] != "_" and getattr(value, "__module__", "") == module]
    values = {name: getattr(found, name) for name in names}
    return {name: value for name, value in values.items() if inspect.isclass(value) or inspect.isfunction(value)}


def defined(value: Any) -> str:
    """The full name of a class or function, where it is defined."""
    return f"{value.__module__}.{value.__qualname__}"


@lru_cache(maxsize=1)
def homes() -> dict[str, str]:
    """The module on whose page a class or function has its entry."""
    found: dict[str, str] = {}
    for module in MODULES:
        for value in public_names(module).values():
            found.setdefault(defined(value), module)
    return found


@lru_cache(maxsize=1)
def targets() -> dict[str, str]:
    """The entry that a name refers to: ``recurra.layers.LSTM``, and ``LSTM`` if nothing else is called so."""
    found: dict[str, set[str]] = {}
    for module in MODULES:
        for name, value in public_names(module).items():
            for spelling in (name, f"{module}.{name}", defined(value)):
                found.setdefault(spelling, set()).add(defined(value))
    return {spelling: min(places) for spelling, places in found.items() if len(places) == 1}


def entries(module: str) -> str:
    """Markdown for what a module offers: classes first, each kind by name, then what has its entry elsewhere."""
    names = public_names(module)
    here, elsewhere = [], []
    for name, value in sorted(names.items(), key=lambda item: (not inspect.isclass(item[1]), item[0])):
        own = value.__name__
        if name != own and names.get(own) is value:
            elsewhere.append(f"`{name}` is [`{own}`][{defined(value)}]")
        elif homes()[defined(value)] != module:
            elsewhere.append(f"[`{name}`][{defined(value)}]")
        else:
            here.append(_entry(module, name, value))
    also = f"**Also under this module:** {', '.join(elsewhere)}.\n" if elsewhere else ""
    return "\n".join([*here, also])


def _entry(module: str, name: str, value: Any) -> str:
    public = f"{module}.{name}"
    inherited = "true" if public in WITH_INHERITED else "false"
    return (
        f"[](){{#{public}}}\n\n::: {defined(value)}\n"
        f'    options:\n      heading: "{name}"\n      toc_label: "{name}"\n      inherited_members: {inherited}\n'
    )


def on_page_markdown(markdown: str, **_: Any) -> str:
    """MkDocs's hook: replace the lines that ask for names, and let ``[text][recurra.layers.LSTM]`` find its entry."""
    markdown = re.sub(r"\]\[(recurra\.[\w.]+)\]", lambda match: f"][{targets().get(match[1], match[1])}]", markdown)
    return _LINE.sub(lambda match: entries(match[1]), markdown)


# --- docstrings -------------------------------------------------------------------------------------------------------


class PlainDocstrings(Extension):
    """griffe's hook: docstrings as Markdown."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called for each object that is read."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)


def as_markdown(docstring: str) -> str:
    """A docstring of this project as Markdown: lists of ``name : text``, underlined headings, examples, roles."""
    blocks = re.split(r"\n\s*\n", inspect.cleandoc(docstring))
    done: list[str] = []
    for block in blocks:
        lines = block.split("\n")
        if len(lines) > 1 and re.fullmatch(r"-{3,}", lines[1]):
            done.append(f"**{lines[0]}**")
            lines = lines[2:]
        if not lines:
            continue
        if lines[0].lstrip().startswith(">>> "):
            done.append("```pycon\n" + inspect.cleandoc("\n" + "\n".join(lines)) + "\n```")
        elif lines[0].startswith("    "):
            done.append("\n".join(lines))  # code, as it is
        elif _ITEM.match(lines[0]):
            done.append(_items(lines))
        else:
            done.append(_inline("\n".join(lines)))
    return "\n\n".join(done)


def _items(lines: list[str]) -> str:
    """``name : text`` with its continued lines, as a list."""
    items: list[str] = []
    for line in lines:
        if line[0] != " " and " : " in line:
            name, text = line.split(" : ", 1)
            if name in ("returns", "yields", "raises"):
                name = f"**{name}**"
            elif _ITEM.match(line):
                name = ", ".join(f"`{part}`" for part in name.split(", "))
            else:
                name = _inline(name)
            items.append(f"* {name}: {_inline(text)}")
        else:
            items.append("    " + _inline(line.strip()))
    return "\n".join(items)


def _inline(text: str) -> str:
    """Roles become links where the name has an entry; stars and angle brackets outside of code stay what they are."""
    text = _ROLE.sub(lambda match: _link(match[1]), text)
    text = re.sub(r"::$", ":", text)
    pieces = re.split(r"(``.+?``|`[^`]+`)", text, flags=re.S)
    for n in range(0, len(pieces), 2):
        pieces[n] = re.sub(r"(?<=\w)\*(?=\w)", r"\\*", pieces[n]).replace("<", "&lt;")
    return "".join(pieces)


def _link(name: str) -> str:
    short = name.rsplit(".", 1)[-1]
    target = targets().get(name) or targets().get(short)
    return f"[`{short}`][{target}]" if target else f"`{short}`"
