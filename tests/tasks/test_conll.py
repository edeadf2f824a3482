"""Column files: what is read, what is written back, errors that name the line."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path
from typing import Any

import pytest

from recurra.tasks.conll import COLUMNS, CONLLU, TEXT, column_format, format_of, read_file, read_sentences

CONLLU_TEXT = """# sent_id = 1
# text = I don't, see.
1\tI\tI\tPRON\tPRP\t_\t4\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
2\tdo\tdo\tAUX\tVBP\t_\t4\taux\t_\t_
3\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t_\t_
3.1\tnot\t_\tX\t_\t_\t_\t_\t0:root\t_
4\t#see\tsee\tVERB\tVB\t_\t0\troot\t_\tSpaceAfter=No

# sent_id = 2
1\t1 000\t1000\tNUM\tCD\t_\t0\troot\t_\t_
"""


def lines(text: str) -> list[str]:
    return text.split("\n")


def test_conllu() -> None:
    first, second = read_sentences(lines(CONLLU_TEXT), CONLLU)
    assert first.words == ["I", "do", "n't", "#see"]
    assert first.labels == ["PRON", "AUX", "PART", "VERB"]
    assert second.words == ["1 000"] and second.number == 10
    found = list(read_sentences(lines(CONLLU_TEXT), column_format("conllu", label="xpos")))
    assert found[0].labels == ["PRP", "VBP", "RB", "VB"]


def test_written_back_unchanged() -> None:
    found = [one.with_labels(one.labels, CONLLU) for one in read_sentences(lines(CONLLU_TEXT), CONLLU)]
    assert "".join(found) == CONLLU_TEXT + "\n"


def test_only_the_column_of_the_label_changes() -> None:
    sentence = next(read_sentences(lines(CONLLU_TEXT), CONLLU))
    for form, column in (
        (CONLLU, 3),
        (column_format("conllu", label="xpos"), 4),
        (column_format("conllu", label=10), 9),
    ):
        written = sentence.with_labels(["a", "b", "c", "d"], form).split("\n")
        changed = [(i, line) for i, (line, old) in enumerate(zip(written, sentence.lines, strict=False)) if line != old]
        assert [i for i, _ in changed] == [2, 4, 5, 7]
        for (i, line), label in zip(changed, "abcd", strict=True):
            fields = sentence.lines[i].split("\t")
            fields[column] = label
            assert line == "\t".join(fields)


@pytest.mark.parametrize("between", [" ", "\t"])
def test_columns(between: str) -> None:
    text = "-DOCSTART- X O\n\nEU N B-ORG\nrejects V O\n\n\nGerman\u00a0call N B-MISC".replace(" ", between)
    empty, first, second = read_sentences(lines(text), COLUMNS)
    assert empty.words == [] and empty.with_labels([], COLUMNS).split("\n")[0] == between.join(["-DOCSTART-", "X", "O"])
    assert first.words == ["EU", "rejects"] and first.labels == ["B-ORG", "O"]
    assert second.words == ["German\u00a0call"] and second.labels == ["B-MISC"]
    assert first.with_labels(["x", "y"], COLUMNS).replace(between, " ") == "EU N x\nrejects V y\n\n"
    middle = column_format("columns", label=2)
    (other,) = read_sentences(lines(text)[2:4], middle)
    assert other.labels == ["N", "V"]
    assert other.with_labels(["x", "y"], middle).replace(between, " ") == "EU x B-ORG\nrejects y O\n\n"


def test_words_alone_get_a_column() -> None:
    (sentence,) = read_sentences(["EU", "rejects"], COLUMNS)
    assert sentence.words == ["EU", "rejects"] and sentence.labels == ["", ""]
    assert sentence.with_labels(["B", "O"], COLUMNS) == "EU B\nrejects O\n\n"
    third = column_format("columns", label=3)
    (sentence,) = read_sentences(["EU\tN", "rejects\tV"], third)
    assert sentence.with_labels(["B", "O"], third) == "EU\tN\tB\nrejects\tV\tO\n\n"


def test_text() -> None:
    first, second = read_sentences(["The  dog barks", "", " # x"], TEXT)
    assert (first.words, second.words) == (["The", "dog", "barks"], ["#", "x"])
    assert second.with_labels(["A", "B"], TEXT) == "#\tA\nx\tB\n\n"


@pytest.mark.parametrize(("ending", "opened"), [("", open), (".gz", gzip.open), (".bz2", bz2.open), (".xz", lzma.open)])
def test_files(tmp_path: Path, ending: str, opened: Any) -> None:
    path = tmp_path / f"a.conllu{ending}"
    with opened(path, "wb") as file:
        file.write(b"\xef\xbb\xbf" + CONLLU_TEXT.replace("\n", "\r\n").encode())
    assert format_of(path) == "conllu"
    assert [one.words[0] for one in read_file(path, CONLLU, labelled=True)] == ["I", "1 000"]
    if ending:
        path.write_bytes(b"no archive")
        with pytest.raises(ValueError, match="is damaged or not compressed as its ending says"):
            list(read_file(path, CONLLU))


def test_a_large_file_is_read_a_part_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_text("a X\n\n" * 9 + "\n".join(["b"] * 9), encoding="utf-8")
    found = read_file(path, column_format("columns", label=2), labelled=True)
    assert next(found).labels == ["X"]  # though the end of the file is wrong
    with pytest.raises(ValueError, match=r"a\.conll, line 19: no label in column 2 of 'b'"):
        list(found)


def test_formats() -> None:
    assert [format_of(name) for name in ("a.CONLLU.gz", "a.txt", "-", "eng.train", "a.tsv.xz")] == [
        "conllu", "text", "text", "columns", "columns",
    ]  # fmt: skip
    assert column_format("conllu", "lemma", "FEATS") == ("conllu", 2, 5)
    assert column_format("columns", "2", "-1") == ("columns", 1, -1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("csv",), "format must be one of conllu, columns, text, got 'csv'"),
        (
            ("conllu", "word"),
            "column of the word must be a number from 1 to 10, -1 for the last or one of id, form.*got 'word'",
        ),
        (("conllu", None, 11), "column of the label must be a number from 1"),
        (("columns", "form"), "column of the word must be a number from 1 to 1000, -1 for the last, got 'form'"),
        (("columns", None, "0"), "column of the label must be a number from 1"),
        (("conllu", 4), "the columns of words and labels must differ"),
    ],
)
def test_bad_formats(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        column_format(*arguments)


@pytest.mark.parametrize(
    ("text", "form", "message"),
    [
        ("1\tI\tI", CONLLU, "f, line 1: CoNLL-U has 10 columns with tabs between, got 3"),
        ("a b\n\nc", column_format("columns", word=2, label=1), "f, line 3: no word in column 2 of 'c'"),
    ],
)
def test_bad_lines(text: str, form: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(read_sentences(lines(text), form, "f"))


def test_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "a.conllu"
    with pytest.raises(FileNotFoundError):
        list(read_file(path, CONLLU))
    path.write_text("# nothing\n\n", encoding="utf-8")
    with pytest.raises(ValueError, match="holds no sentence"):
        list(read_file(path, CONLLU))
    path.write_text(CONLLU_TEXT.replace("AUX", "_"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"line 5: no label in column 4 of"):
        list(read_file(path, CONLLU, labelled=True))
    path.write_bytes(CONLLU_TEXT.encode().replace(b"see", b"s\xe9e", 1))
    with pytest.raises(ValueError, match=r"a\.conllu, line 2 is not utf-8 text"):
        list(read_file(path, CONLLU))


def test_a_sentence_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recurra.tasks.conll._LONGEST", 9)
    assert len(list(read_sentences(["a X", "b X", "c X", "", "d X", "e X"], COLUMNS))) == 2
    with pytest.raises(ValueError, match=r"f, line 3: a sentence of more than 9 characters begins here: is there a bl"):
        list(read_sentences(["a X", "", "b X", "c X", "d X", "e"], COLUMNS, "f"))
