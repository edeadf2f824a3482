"""Which columns are taken for the text and the label."""

from __future__ import annotations

import pytest

from recurra.cli.columns import column_finder
from recurra.cli.errors import InputError
from recurra.utils.examples import Columns


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (["id", "review", "sentiment"], Columns("review", "sentiment")),
        (["Label", "TEXT", "by"], Columns("TEXT", "Label")),
        (["sentence", "stars", "reviewer"], Columns("sentence", "stars")),
        ([], Columns("text", "label")),
    ],
)
def test_the_only_candidates(there: list[str], expected: Columns, capsys: pytest.CaptureFixture[str]) -> None:
    assert column_finder(None, None, None, labelled=True, quiet=False)("f.csv")(there) == expected
    said = capsys.readouterr().err
    assert said == (f"f.csv: text from {expected.text!r}, label from {expected.label!r}\n" if there else "")
    assert column_finder(None, None, None, labelled=False, quiet=True)("f.csv")(there) == Columns(expected.text)
    assert capsys.readouterr().err == ""


def test_names_that_are_given() -> None:
    there = ["review", "text", "label", "class", "who"]
    find = column_finder("text", "class", "who", labelled=True, quiet=True)
    assert find("f.csv")(there) == Columns("text", "class", "who")


@pytest.mark.parametrize("given", [("text", "text"), ("label", None), (None, "text")])
def test_text_and_label_are_different_columns(given: tuple[str | None, str | None]) -> None:
    find = column_finder(*given, None, labelled=True, quiet=True)("f.csv")
    with pytest.raises(InputError, match=r"text and label must be different columns, got '(text|label)' for both"):
        find(["text", "label"])


def test_none_or_several() -> None:
    find = column_finder(None, None, None, labelled=True, quiet=True)("f.csv")
    with pytest.raises(InputError, match="the text may be in the columns 'review' and 'text': say which with --text"):
        find(["review", "text", "label"])
    with pytest.raises(InputError, match="the label may be in the columns 'label' and 'class': say which with --label"):
        find(["review", "label", "class"])
    with pytest.raises(InputError, match=r"no column is called like a label \(label, sentiment, .* there are 'review'"):
        find(["review"])


@pytest.mark.parametrize(("row", "said"), [("text;label", "it holds ';'"), ("text\tlabel", "is it --format tsv?")])
def test_another_separator_is_told(row: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        column_finder(None, None, None, labelled=True, quiet=True)("f.csv")([row])
    assert said in str(error.value)
