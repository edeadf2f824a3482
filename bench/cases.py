"""The sizes, modes and dtypes that every bench runs, named once. The cells are in ``cells.py``.

Axes: B batch, T time, I input features, H units. The Python bench imports this module; the C++ bench reads the same
list from the header that ``python bench/cases.py --cpp FILE`` writes during its build. Standard library only.

    >>> find("64x100x256x256").tokens
    6400
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

SEED = 20240229  # of every array that a bench draws: all candidates get the same numbers
MODES = ("inference", "training")
DTYPES = ("float32", "float64")
THREADS = (1, 2)


@dataclass(frozen=True)
class Case:
    """One shape. ``lengths`` makes it ragged: row b has lengths[b] real steps, padded on the right up to ``time``."""

    batch: int
    time: int
    inputs: int
    units: int
    bidirectional: bool = False
    lengths: tuple[int, ...] | None = None
    label: str = ""

    @property
    def name(self) -> str:
        """``64x100x256x256``; a label, or ``-bi`` for both directions, where the sizes alone would not tell."""
        if self.label:
            return self.label
        sizes = f"{self.batch}x{self.time}x{self.inputs}x{self.units}"
        return sizes + ("-bi" if self.bidirectional else "")

    @property
    def directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def tokens(self) -> int:
        """Real steps of all rows together; padding is not counted."""
        return self.batch * self.time if self.lengths is None else sum(self.lengths)


# Review lengths (words plus the start mark) of IMDB's training set, 25,000 reviews of mean 238.7 and median 178,
# written out so that no bench needs the data: 64 drawn with NumPy's default_rng(0) without replacement ...
TYPICAL_REVIEWS = (
    123, 114, 612, 288, 142, 293, 176, 71, 540, 505, 544, 135, 150, 155, 168, 456, 232, 144, 88, 150, 746, 184, 60,
    143, 102, 345, 129, 353, 200, 142, 156, 315, 174, 431, 131, 309, 51, 634, 202, 197, 537, 757, 731, 126, 117,
    221, 167, 122, 169, 127, 50, 197, 140, 326, 123, 358, 162, 113, 418, 272, 193, 373, 152, 99,
)  # fmt: skip
# ... and 63 drawn with default_rng(1) from the others, with the longest review of all put in as row 37.
LONGEST_REVIEWS = (
    86, 117, 563, 53, 283, 205, 178, 130, 619, 85, 509, 342, 284, 415, 150, 166, 315, 57, 208, 132, 386, 245, 182,
    84, 185, 471, 107, 148, 592, 183, 161, 174, 319, 200, 206, 121, 130, 2494, 122, 78, 156, 182, 106, 153, 445,
    129, 217, 147, 617, 614, 174, 152, 122, 598, 111, 111, 134, 283, 46, 293, 857, 146, 180, 109,
)  # fmt: skip


def _ragged(lengths: tuple[int, ...], label: str) -> Case:
    return Case(len(lengths), max(lengths), 64, 64, lengths=lengths, label=label)


CASES: dict[str, Case] = {
    case.name: case
    for case in (
        Case(1, 1, 128, 128),
        Case(1, 1, 256, 1024),
        Case(1, 100, 64, 64),
        Case(32, 50, 50, 50),
        Case(64, 250, 32, 32),
        Case(128, 100, 64, 64),
        Case(16, 2494, 64, 64),
        Case(20, 35, 200, 200),
        Case(64, 100, 256, 256),
        Case(32, 100, 512, 512),
        Case(20, 35, 650, 650),
        Case(64, 100, 256, 1024),
        Case(128, 100, 64, 64, bidirectional=True),
        _ragged(TYPICAL_REVIEWS, "ragged-typical"),
        _ragged(LONGEST_REVIEWS, "ragged-longest"),
    )
}


def find(name: str) -> Case:
    """The case of that name; commas may stand for the crosses (``64,100,256,256``). An unknown name raises KeyError."""
    try:
        return CASES[name.replace(",", "x")]
    except KeyError:
        raise KeyError(f"case must be one of {', '.join(CASES)}, got {name!r}") from None


def cpp_header() -> str:
    """The cases as a C++ header for ``bench/cpp``."""
    rows, arrays = [], []
    for case in CASES.values():
        pointer = "nullptr"
        if case.lengths is not None:
            pointer = "lengths_" + case.name.replace("-", "_")
            arrays.append(f"inline constexpr int {pointer}[] = {{{', '.join(map(str, case.lengths))}}};")
        rows.append(
            f'    {{"{case.name}", {case.batch}, {case.time}, {case.inputs}, {case.units}, '
            f"{'true' if case.bidirectional else 'false'}, {case.tokens}LL, {pointer}}},"
        )
    return "\n".join(
        [
            "// Written by bench/cases.py; change the list there.",
            "#pragma once",
            "namespace bench {",
            "struct Case {",
            "  const char* name;",
            "  int batch, time, inputs, units;",
            "  bool bidirectional;",
            "  long long tokens;    // real steps of all rows together",
            "  const int* lengths;  // real steps of each row, or null when every row has `time`",
            "};",
            *arrays,
            "inline constexpr Case cases[] = {",
            *rows,
            "};",
            f"inline constexpr unsigned seed = {SEED};",
            "}  // namespace bench",
            "",
        ]
    )


def main(arguments: list[str]) -> int:
    """Print the cases as a table, or with ``--cpp FILE`` write the C++ header."""
    if len(arguments) == 2 and arguments[0] == "--cpp":
        Path(arguments[1]).write_text(cpp_header())
        return 0
    if arguments:
        print(f"usage: python bench/cases.py [--cpp FILE], got {' '.join(arguments)}", file=sys.stderr)
        return 2
    print(f"{'case':22}{'tokens':>9}")
    for case in CASES.values():
        print(f"{case.name:22}{case.tokens:9}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
